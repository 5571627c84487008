// A file that is opened for a program: what stands in the way, and what is never opened.
#include "runtime/peer_file.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace sallyport;
using namespace sallyport::runtime;

namespace {

struct Root {
  std::filesystem::path path;
  Fd fd;
  Root() {
    char name[] = "/tmp/sallyport-test-XXXXXX";
    path = ::mkdtemp(name);
    std::ofstream(path / "a") << "text";
    std::filesystem::create_directory(path / "folder");
    std::filesystem::create_symlink("/a", path / "link");
    std::filesystem::create_symlink("../../../../../a", path / "folder" / "up");
    std::filesystem::create_symlink("/nowhere", path / "dangling");
    (void)::mkfifo((path / "fifo").c_str(), 0666);
    fd = Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~Root() { std::filesystem::remove_all(path); }
};

std::string content(const Fd& fd) {
  char text[100];
  const ssize_t n = ::pread(fd.get(), text, sizeof text, 0);
  return n < 0 ? std::string("?") : std::string(text, static_cast<size_t>(n));
}

PeerFile file(const std::string& path, int flags = O_RDONLY, uint32_t mode = 0) {
  return {"somebody", path, static_cast<uint32_t>(flags), mode};
}

}  // namespace

TEST_SUITE("runtime/peer_file") {
  TEST_CASE("a path stays below its root, whatever links and dots it has") {
    const Root root;
    for (const char* path : {"/a", "a", "/link", "/folder/up", "/../../a", "/folder/../a"}) {
      Fd out;
      CHECK_MESSAGE(open_peer_file(root.fd.get(), file(path), out) == 0, path);
      CHECK(content(out) == "text");
    }
    Fd out;
    CHECK(open_peer_file(root.fd.get(), file("/etc/passwd"), out) == ENOENT);
    CHECK(open_peer_file(root.fd.get(), file("/link", O_NOFOLLOW), out) == ELOOP);
    CHECK(open_peer_file(root.fd.get(), file("/a/b"), out) == ENOTDIR);
    CHECK_FALSE(out);
  }

  TEST_CASE("nothing but files and folders is opened, and nothing of /proc") {
    const Root root;
    Fd out;
    CHECK(open_peer_file(root.fd.get(), file("/fifo", O_WRONLY | O_NONBLOCK), out) == EACCES);
    CHECK(open_peer_file(root.fd.get(), file("/folder", O_DIRECTORY), out) == 0);
    out.reset();
    const Fd slash(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    CHECK(open_peer_file(slash.get(), file("/dev/null"), out) == EACCES);
    CHECK(open_peer_file(slash.get(), file("/proc/self/maps"), out) == EACCES);
    CHECK(open_peer_file(slash.get(), file("/proc"), out) == EACCES);
    CHECK(open_peer_file(slash.get(), file("/proc/self/fd/0"), out) == ELOOP);
    CHECK(open_peer_file(slash.get(), file("/proc/self/cwd/a"), out) == ELOOP);
    CHECK_FALSE(out);
  }

  TEST_CASE("what is made is made once, with its mode, and never by a link") {
    const Root root;
    Fd out;
    CHECK(open_peer_file(root.fd.get(), file("/new", O_WRONLY | O_CREAT | O_EXCL, 0600), out) == 0);
    struct stat facts {};
    REQUIRE(::fstat(out.get(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
    CHECK(open_peer_file(root.fd.get(), file("/new", O_WRONLY | O_CREAT | O_EXCL, 0600), out) == EEXIST);
    CHECK(open_peer_file(root.fd.get(), file("/a", O_RDWR | O_CREAT, 0600), out) == 0);
    CHECK(content(out) == "text");
    CHECK(open_peer_file(root.fd.get(), file("/a", O_RDWR | O_TRUNC), out) == 0);
    CHECK(content(out).empty());
    CHECK(open_peer_file(root.fd.get(), file("/dangling", O_WRONLY | O_CREAT, 0600), out) == EEXIST);
    CHECK(open_peer_file(root.fd.get(), file("/folder", O_RDONLY | O_CREAT, 0600), out) == EISDIR);
  }

  TEST_CASE("flags and modes that give more than a file are refused before anything is looked at") {
    CHECK(file("/a", O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0777).is_allowed());
    for (const int flags : {O_PATH, O_TMPFILE | O_RDWR, O_ASYNC, O_NOATIME, O_DIRECT, O_ACCMODE})
      CHECK_FALSE(file("/a", flags).is_allowed());
    for (const uint32_t mode : {04755u, 02755u, 01777u, 0100600u})
      CHECK_FALSE(file("/a", O_WRONLY | O_CREAT, mode).is_allowed());
    CHECK_FALSE(file("").is_allowed());
    CHECK_FALSE(file(std::string("/a\0b", 4)).is_allowed());
    CHECK_FALSE(file(std::string(4096, 'x')).is_allowed());
    CHECK_FALSE(file("/a").writes());
    CHECK_FALSE(file("/a", O_RDONLY | O_APPEND).writes());
    for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_RDONLY | O_CREAT})
      CHECK(file("/a", flags).writes());
  }

  TEST_CASE("it crosses between processes whole, and a piece of it does not") {
    const PeerFile wanted = file("/a/b", O_RDWR | O_CREAT, 0640);
    const Bytes octets = wanted.write();
    CHECK(*PeerFile::parse(octets) == wanted);
    for (size_t n = 0; n < 4 + 4 + 2 + wanted.account.size(); ++n)
      CHECK_FALSE(PeerFile::parse(ByteView(octets).first(n)));
  }
}
