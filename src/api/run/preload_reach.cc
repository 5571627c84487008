// See preload_reach.h; ld.so(8), elf(5).
#include "api/run/preload_reach.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace sallyport::api::run {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#endif
constexpr uint16_t kMostSegments = 512;  // more than any linker writes
constexpr int kMostInterpreters = 4;     // as the kernel follows

struct File {
  int fd;
  explicit File(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd >= 0) ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

// The file that execvp() takes; empty: none.
std::string found(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* set = ::getenv("PATH");
  const std::string folders = set != nullptr ? set : "/bin:/usr/bin";
  for (size_t at = 0; at <= folders.size();) {
    const size_t end = std::min(folders.find(':', at), folders.size());
    const std::string folder = folders.substr(at, end - at);
    const std::string path = (folder.empty() ? "." : folder) + "/" + program;
    struct stat what {};
    if (::stat(path.c_str(), &what) == 0 && S_ISREG(what.st_mode) && ::access(path.c_str(), X_OK) == 0) return path;
    at = end + 1;
  }
  return {};
}

std::string interpreter_of(const char* head, size_t octets) {
  std::string line(head, octets);
  line = line.substr(2, line.find('\n') == std::string::npos ? line.npos : line.find('\n') - 2);
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_first_of(" \t", begin) - begin);
}

bool has_linker(int fd, const Elf64_Ehdr& head) {
  if (head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > kMostSegments) return false;
  std::vector<Elf64_Phdr> segments(head.e_phnum);
  const size_t octets = segments.size() * sizeof(Elf64_Phdr);
  if (::pread(fd, segments.data(), octets, static_cast<off_t>(head.e_phoff)) != static_cast<ssize_t>(octets))
    return false;
  for (const Elf64_Phdr& one : segments)
    if (one.p_type == PT_INTERP) return true;
  return false;
}

}  // namespace

std::string library_objection(const std::string& library) {
  if (library.empty() || library.front() != '/' || library.find_first_of(": \t\n$") != std::string::npos)
    return "\"" + library + "\" is no path that LD_PRELOAD can carry: absolute, and without blanks, colons and $";
  void* loaded = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) return ::dlerror();
  const bool covers = ::dlsym(loaded, "sallyport_preload") != nullptr;
  ::dlclose(loaded);
  return covers ? std::string() : library + " does not secure sockets";
}

std::string program_objection(const std::string& program) {
  std::string path = found(program);
  for (int depth = 0; depth < kMostInterpreters; ++depth) {
    const File file(path);
    struct stat what {};
    if (file.fd < 0)
      return errno == EACCES ? path + " cannot be read, so that it is not known whether --preload reaches it" : "";
    if (::fstat(file.fd, &what) != 0 || !S_ISREG(what.st_mode)) return {};
    if ((what.st_mode & (S_ISUID | S_ISGID)) != 0 || ::fgetxattr(file.fd, "security.capability", nullptr, 0) > 0)
      return path + " has rights of its own, so that --preload does not reach it";
    union {
      char octets[256];
      Elf64_Ehdr elf;
    } head{};
    const ssize_t got = ::pread(file.fd, head.octets, sizeof head.octets, 0);
    if (got >= 2 && std::memcmp(head.octets, "#!", 2) == 0) {
      path = interpreter_of(head.octets, static_cast<size_t>(got));
      continue;
    }
    if (got < static_cast<ssize_t>(sizeof head.elf) || std::memcmp(head.octets, ELFMAG, SELFMAG) != 0) return {};
    if (head.elf.e_ident[EI_CLASS] != ELFCLASS64 || head.elf.e_machine != kMachine)
      return path + " is of another architecture, so that --preload does not reach it";
    return has_linker(file.fd, head.elf)
               ? std::string()
               : path + " is a static program, which --preload does not reach: leave the option out";
  }
  return {};
}

}  // namespace sallyport::api::run
