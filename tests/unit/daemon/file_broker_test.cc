// Files opened by a process that has become somebody else: who may ask, and what is left afterwards. Needs root to be
// more than its refusals.
#include "daemon/file_broker.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/clock.h"

using namespace sallyport;
using namespace sallyport::daemon;
using runtime::Fd;
using runtime::PeerFile;
using Broker = config::SocketCallerRule::Broker;

namespace {

struct Scene {
  config::SecureSocketSettings settings;
  Fd calling, called;
  Fd root{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  std::filesystem::path folder;
  FileBroker broker;
  std::vector<std::pair<uint64_t, int>> answers;
  std::vector<Fd> files;
  std::string sentence;

  explicit Scene(Broker right = Broker::write) {
    int both[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both) == 0);
    calling = Fd(both[0]);
    called = Fd(both[1]);
    config::SocketCallerRule rule;
    rule.allow = true;
    rule.broker = right;
    settings.callers = {rule};
    settings.accounts = {{"CN=a", "nobody"}, {"CN=b", "root"}, {"CN=c", "no-such-account"}};
    char name[] = "/tmp/sallyport-test-XXXXXX";
    folder = ::mkdtemp(name);
    (void)::chmod(folder.c_str(), 0755);
    for (const auto& [file, uid] : {std::pair{"own", 65534u}, {"other", 0u}}) {
      std::ofstream(folder / file) << file;
      (void)::chmod((folder / file).c_str(), 0600);
      if (::chown((folder / file).c_str(), uid, uid) != 0) sentence = "not root";
    }
    broker.on_opened = [this](uint64_t token, int error, Fd file) {
      answers.emplace_back(token, error);
      files.push_back(std::move(file));
    };
  }
  ~Scene() { std::filesystem::remove_all(folder); }

  int start(uint64_t token, const std::string& account, const std::string& file, int flags = O_RDONLY) {
    return broker.start(settings, token, called.get(), root,
                        {account, (folder / file).string(), static_cast<uint32_t>(flags), 0}, runtime::monotonic_now(),
                        sentence);
  }
  void wait(size_t count) {
    for (int i = 0; i < 500 && answers.size() < count; ++i) {
      std::vector<pollfd> some;
      for (const int fd : broker.descriptors()) some.push_back({fd, POLLIN, 0});
      (void)::poll(some.data(), some.size(), 20);
      broker.turn(runtime::monotonic_now());
    }
    REQUIRE(answers.size() == count);
  }
};

bool privileged() { return ::geteuid() == 0; }

}  // namespace

TEST_SUITE("daemon/file_broker") {
  TEST_CASE("a file is opened as the account alone, and nothing is left of who opened it") {
    if (!privileged()) return;
    Scene scene;
    REQUIRE(scene.start(1, "nobody", "own") == 0);
    scene.wait(1);
    CHECK(scene.answers.front() == std::pair<uint64_t, int>(1, 0));
    char text[10];
    REQUIRE(scene.files.front());
    CHECK(::read(scene.files.front().get(), text, sizeof text) == 3);
    REQUIRE(scene.start(2, "nobody", "other") == 0);
    REQUIRE(scene.start(3, "nobody", "missing") == 0);
    scene.wait(3);
    for (size_t i = 1; i < 3; ++i) CHECK(scene.answers[i].second == (scene.answers[i].first == 2 ? EACCES : ENOENT));
    for (int i = 0; i < 200 && !scene.broker.quiet(); ++i) {
      (void)::usleep(10000);
      scene.broker.turn(runtime::monotonic_now());
    }
    CHECK(scene.broker.quiet());
    CHECK_FALSE(scene.broker.deadline());
  }

  TEST_CASE("nobody becomes root, nor who is no account, and an account that is in no line is not tried") {
    if (!privileged()) return;
    Scene scene;
    REQUIRE(scene.start(1, "root", "other") == 0);
    REQUIRE(scene.start(2, "no-such-account", "own") == 0);
    scene.wait(2);
    for (const auto& [token, error] : scene.answers) CHECK(error == EACCES);
    CHECK(scene.start(3, "daemon", "own") == EACCES);
    CHECK(scene.sentence == "a file is not opened as daemon, which is no account of the account map");
  }

  TEST_CASE("the right is the rule's, for reading or for writing too") {
    Scene none(Broker::none), reads(Broker::read);
    CHECK(none.start(1, "nobody", "own") == EACCES);
    CHECK(none.sentence.ends_with("does not say broker = \"read\""));
    CHECK(reads.start(1, "nobody", "own", O_WRONLY) == EACCES);
    CHECK(reads.sentence.ends_with("does not say broker = \"write\""));
    CHECK(reads.start(1, "nobody", "own", O_PATH) == EINVAL);
    reads.settings.callers.clear();
    CHECK(reads.start(1, "nobody", "own") == EACCES);
    reads.settings.callers = {config::SocketCallerRule{}};
    CHECK(reads.start(1, "nobody", "own") == EACCES);
    CHECK(reads.sentence.find("is refused") != std::string::npos);
  }

  TEST_CASE(
      "a user has a few at a time, one that does not end in time is killed, and nobody hears of what was dropped") {
    if (!privileged()) return;
    Scene scene;
    for (uint64_t token = 0; token < FileBroker::kMostOfUser; ++token)
      REQUIRE(scene.start(token, "nobody", "own") == 0);
    CHECK(scene.start(99, "nobody", "own") == EAGAIN);
    scene.broker.drop_all();
    CHECK(scene.answers.empty());
    bool late = false;  // its answer may come first
    for (uint64_t token = 100; token < 150 && !late; ++token) {
      while (scene.start(token, "nobody", "own") == EAGAIN) scene.broker.turn(runtime::monotonic_now());
      scene.broker.turn(runtime::monotonic_now() + FileBroker::kPatience);
      late = scene.answers.back().second == ETIMEDOUT;
    }
    CHECK(late);
  }
}
