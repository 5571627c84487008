// The file of persistent policy.
#include "runtime/policy_file.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace sallyport;
using namespace sallyport::runtime;

namespace {

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/sallyport-policy-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

Bytes octets(std::string_view text) { return to_bytes(as_bytes(text)); }

}  // namespace

TEST_SUITE("runtime/policy_file") {
  TEST_CASE("the newest replaces the one before, which is kept; only its owner may read it") {
    const Folder folder;
    const PolicyFile file(folder.path + "/below/policy");
    CHECK(file.load().kept);  // the folder is made
    CHECK(file.load().newest.empty());
    REQUIRE(file.save(octets("one")));
    CHECK(file.load().newest == octets("one"));
    CHECK(file.load().previous.empty());
    REQUIRE(file.save(octets("two")));
    REQUIRE(file.save(octets("three")));
    const StoredPolicy stored = file.load();
    CHECK(stored.newest == octets("three"));
    CHECK(stored.previous == octets("two"));
    CHECK(stored.complaints.empty());
    struct stat facts {};
    REQUIRE(::stat(file.path().c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
  }

  TEST_CASE("a damaged one is set aside and does not become the previous one") {
    const Folder folder;
    const PolicyFile file(folder.path + "/policy");
    REQUIRE(file.save(octets("good")));
    REQUIRE(file.save(octets("bad")));
    file.set_aside();
    CHECK(file.load().newest.empty());
    REQUIRE(file.save(octets("new")));
    CHECK(file.load().previous == octets("good"));
    CHECK(std::filesystem::exists(folder.path + "/policy.damaged"));
  }

  TEST_CASE("no path keeps nothing; what cannot be read is said") {
    CHECK_FALSE(PolicyFile("").load().kept);
    CHECK(PolicyFile("").save(octets("x")).error().code == Errc::unsupported);
    CHECK(PolicyFile("").load().complaints.empty());
    const Folder folder;
    ::mkdir((folder.path + "/policy").c_str(), 0700);
    CHECK(PolicyFile(folder.path + "/policy").load().complaints.size() == 1);
    CHECK_FALSE(PolicyFile(folder.path + "/policy").save(octets("x")));
    CHECK_FALSE(PolicyFile("/proc/nowhere/policy").load().kept);
  }
}
