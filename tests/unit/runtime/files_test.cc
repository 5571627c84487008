// Files: secrets and their modes, bundles for processes that may not open files.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "runtime/file_store.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {
struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/sallyport-test-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() {
    (void)::unlink((path + "/a").c_str());
    (void)::rmdir(path.c_str());
  }
  std::string file(const std::string& text, mode_t mode) const {
    const std::string name = path + "/a";
    std::ofstream(name) << text;
    (void)::chmod(name.c_str(), mode);
    return name;
  }
};
}  // namespace

TEST_SUITE("runtime/file_store") {
  TEST_CASE("[T1] a secret that others may read is refused, one that only the owner may read is not") {
    const Folder folder;
    for (const mode_t mode : {0640, 0604, 0660, 0644, 0620}) {
      auto got = read_secret_file(folder.file("secret", mode));
      REQUIRE_FALSE(got);
      CHECK(got.error() == Error{Errc::permission, 0});
      CHECK(explain_secret("x", got.error()).find("0600") != std::string::npos);
    }
    for (const mode_t mode : {0600, 0400}) {
      auto got = read_secret_file(folder.file("secret", mode));
      REQUIRE(got);
      CHECK(as_text(got->view()) == "secret");
    }
  }

  TEST_CASE("a file that gives rights away is refused where others may write it, and may be read by anybody") {
    const Folder folder;
    for (const mode_t mode : {0664, 0646, 0666, 0620})
      CHECK(read_trusted_file(folder.file("text", mode)).error() == Error{Errc::permission, 0});
    const std::string good = folder.file("text", 0644);
    CHECK(read_trusted_file(good) == "text");
    if (::geteuid() == 0) {
      REQUIRE(::chown(good.c_str(), 65534, 65534) == 0);
      CHECK(read_trusted_file(good).error() == Error{Errc::permission, 0});
      CHECK(read_file(good) == "text");
    }
    SystemFiles system;
    RecordingFiles recording(system);
    CHECK_FALSE(recording.read_trusted(folder.file("text", 0666)));
    BundledFiles bundled(recording.take());
    CHECK(bundled.read_trusted(folder.path + "/a").error().code == Errc::permission);
  }

  TEST_CASE("a missing file is not found, a folder is not a file") {
    CHECK(read_file("/nonexistent/file").error().code == Errc::not_found);
    CHECK(read_file("/tmp").error().code == Errc::bad_value);
  }

  TEST_CASE("users and groups that were looked up are known to a process that cannot look") {
    SystemFiles system;
    RecordingFiles recording(system);
    CHECK(*recording.user("root") == 0);
    CHECK(*recording.group("root") == 0);
    CHECK(recording.user("no-such-user-here").error().code == Errc::not_found);
    auto parsed = FileBundle::parse(recording.take().write());
    REQUIRE(parsed);
    BundledFiles bundled(std::move(*parsed));
    CHECK(*bundled.user("root") == 0);
    CHECK(*bundled.group("root") == 0);
    CHECK_FALSE(bundled.user("daemon"));
    CHECK_FALSE(bundled.group("no-such-group-here"));
  }

  TEST_CASE("a bundle answers what the recorded source answered, refusals included") {
    const Folder folder;
    const std::string file = folder.file("text", 0644);
    SystemFiles system;
    RecordingFiles recording(system);
    CHECK(*recording.read(file) == "text");
    CHECK_FALSE(recording.read(file + ".none"));
    CHECK(recording.list(folder.path)->size() == 1);
    const Bytes written = recording.take().write();
    auto parsed = FileBundle::parse(written);
    REQUIRE(parsed);
    CHECK(parsed->write() == written);
    BundledFiles bundled(std::move(*parsed));
    CHECK(*bundled.read(file) == "text");
    CHECK(bundled.read(file + ".none").error().code == Errc::not_found);
    CHECK(bundled.read("/etc/passwd").error().code == Errc::not_found);
    CHECK(bundled.list(folder.path)->at(0) == "a");
    for (size_t n = 0; n < written.size(); ++n) CHECK_FALSE(FileBundle::parse(ByteView(written).first(n)));
  }
}
