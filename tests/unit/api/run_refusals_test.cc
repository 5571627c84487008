// What `sallyport run` finds before it starts a program: descriptors that are not secured, and programs and libraries
// that LD_PRELOAD would pass over.
#include <doctest/doctest.h>
#include <elf.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "api/run/inherited.h"
#include "api/run/preload_reach.h"

TEST_SUITE_BEGIN("api/run_refusals");

namespace sallyport::api::run {
namespace {

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/sallyport-run-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }

  std::string write(const std::string& name, const std::string& content) const {
    const std::string file = path + "/" + name;
    std::ofstream(file, std::ios::binary) << content;
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return file;
  }
};

std::string itself() { return std::filesystem::read_symlink("/proc/self/exe"); }

std::string octets_of_itself() {
  std::ifstream file(itself(), std::ios::binary);
  std::string out(4096, '\0');
  file.read(out.data(), static_cast<std::streamsize>(out.size()));
  return out;
}

bool says(const std::string& sentence, const char* words) { return sentence.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("a socket that carries IP is named, one that does not is not") {
  for (const int family : {AF_INET, AF_INET6}) {
    const int fd = ::socket(family, SOCK_DGRAM, 0);
    REQUIRE(fd >= 0);
    CHECK(says(inherited_socket(), "is a socket that is not secured"));
    ::close(fd);
  }
  const int local = ::socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(inherited_socket().empty());
  ::close(local);
}

TEST_CASE("a program with a dynamic linker is reached, found by its path or in PATH, and as a script's interpreter") {
  const Folder folder;
  CHECK(program_objection(itself()).empty());
  CHECK(program_objection("sh").empty());
  CHECK(program_objection(folder.write("script", "#! " + itself() + " word\n")).empty());
  CHECK(program_objection("no-such-program-anywhere").empty());
  CHECK(program_objection(folder.write("words", "echo a shell runs this\n")).empty());
}

TEST_CASE("a program that the dynamic linker does not start, or not with others' libraries, is told") {
  const Folder folder;
  const std::string good = octets_of_itself();
  std::string narrow = good, foreign = good, without = good, cut = good.substr(0, sizeof(Elf64_Ehdr)), far = good;
  narrow[EI_CLASS] = ELFCLASS32;
  foreign[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_ARM);
  without[offsetof(Elf64_Ehdr, e_phnum)] = without[offsetof(Elf64_Ehdr, e_phnum) + 1] = 0;
  far[offsetof(Elf64_Ehdr, e_phoff) + 7] = static_cast<char>(0x80);
  CHECK(says(program_objection(folder.write("narrow", narrow)), "another architecture"));
  CHECK(says(program_objection(folder.write("foreign", foreign)), "another architecture"));
  for (const std::string& octets : {without, cut, far})
    CHECK(says(program_objection(folder.write("static", octets)), "static program"));
  CHECK(says(program_objection(folder.write("script", "#!" + folder.path + "/static")), "static program"));
  const std::string raised = folder.write("raised", good);
  std::filesystem::permissions(raised, std::filesystem::perms::set_uid, std::filesystem::perm_options::add);
  CHECK(says(program_objection(raised), "rights of its own"));
  const std::string endless = folder.path + "/endless";
  folder.write("endless", "#!" + endless + "\n");
  CHECK(program_objection(endless).empty());  // the kernel refuses it
}

TEST_CASE("a library is told that the linker would pass over or that secures nothing") {
  for (const char* path : {"", "name.so", "/a b.so", "/a:b.so", "/$LIB/a.so"})
    CHECK(says(library_objection(path), "no path that LD_PRELOAD can carry"));
  CHECK_FALSE(library_objection("/etc/passwd").empty());
  CHECK_FALSE(library_objection("/no/such/library.so").empty());
}

}  // namespace sallyport::api::run

TEST_SUITE_END();
