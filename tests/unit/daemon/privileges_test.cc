// What the parent opens for the internal device, without rights: loopback-safe ports, the control socket, log files.
#include "daemon/privileges.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/udp_socket.h"

using namespace sallyport;
using namespace sallyport::daemon;

namespace {

struct OpenedFolder {
  std::string path;
  OpenedFolder() {
    char name[] = "/tmp/sallyport-test-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~OpenedFolder() {
    for (const char* name : {"/control.sock", "/log", "/other.log"}) (void)::unlink((path + name).c_str());
    (void)::rmdir(path.c_str());
  }
};

// A port nobody has at the moment.
uint16_t free_port() {
  auto socket = runtime::open_udp_socket({*IpAddr::parse("0.0.0.0"), 0}, {});
  REQUIRE(socket);
  return *runtime::bound_port(*socket);
}

config::Settings settings_in(const OpenedFolder& folder) {
  config::Settings out;
  out.device.type = config::DeviceSettings::Type::internal;
  out.device.addresses = {*IpAddr::parse("10.1.0.1")};
  out.daemon.control_socket = folder.path + "/control.sock";
  out.daemon.ike_port = free_port();
  do {
    out.daemon.natt_port = free_port();
  } while (out.daemon.natt_port == out.daemon.ike_port);
  out.daemon.log.to_stderr = false;
  return out;
}

bool exists(const std::string& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0;
}

}  // namespace

TEST_SUITE("daemon/privileges") {
  TEST_CASE("everything the settings ask for is opened, shared and removed again") {
    const OpenedFolder folder;
    auto settings = settings_in(folder);
    settings.daemon.log.file = folder.path + "/log";
    Privileges privileges;
    const auto refused = privileges.open_all(settings);
    REQUIRE_MESSAGE(!refused, *refused);
    const auto shared = privileges.share();
    CHECK(shared.udp.size() >= 2);
    CHECK(shared.control);
    CHECK(shared.log_file);
    CHECK(shared.route_lookup);
    CHECK_FALSE(shared.tun);
    CHECK(exists(settings.daemon.control_socket));
    struct stat facts {};
    REQUIRE(::stat(settings.daemon.control_socket.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    privileges.remove_all(Privileges::End::asked);
    CHECK_FALSE(exists(settings.daemon.control_socket));
  }

  TEST_CASE("a taken port and a second daemon are each told in one sentence") {
    const OpenedFolder folder;
    const auto settings = settings_in(folder);
    Privileges first;
    REQUIRE_FALSE(first.open_all(settings));
    Privileges second;
    auto refused = second.open_all(settings);
    REQUIRE(refused);
    CHECK(refused->find("UDP port " + std::to_string(settings.daemon.ike_port) + " is already in use") !=
          std::string::npos);
    auto others = settings_in(folder);
    others.daemon.control_socket = settings.daemon.control_socket;
    Privileges third;
    refused = third.open_all(others);
    REQUIRE(refused);
    CHECK(refused->find("another daemon answers on the control socket") != std::string::npos);
    third.remove_all(Privileges::End::asked);
    // The one that was refused must not take away the socket of the one that runs.
    CHECK(exists(settings.daemon.control_socket));
    first.remove_all(Privileges::End::asked);
  }

  TEST_CASE("a socket that a killed daemon left behind is replaced, a file is not") {
    const OpenedFolder folder;
    const auto settings = settings_in(folder);
    {
      Privileges killed;
      REQUIRE_FALSE(killed.open_all(settings));
    }
    CHECK(exists(settings.daemon.control_socket));
    Privileges next;
    CHECK_FALSE(next.open_all(settings));
    next.remove_all(Privileges::End::asked);
  }

  TEST_CASE("a folder that is missing and a group that is not there have their sentences") {
    const OpenedFolder folder;
    auto settings = settings_in(folder);
    settings.daemon.log.file = folder.path + "/absent/log";
    Privileges no_log;
    auto refused = no_log.open_all(settings);
    REQUIRE(refused);
    CHECK(refused->find("the log file " + settings.daemon.log.file + " cannot be opened") != std::string::npos);
    settings.daemon.log.file.clear();
    settings.daemon.control_group = "no-such-group-here";
    Privileges no_group;
    refused = no_group.open_all(settings);
    REQUIRE(refused);
    CHECK(refused->find("the group of the control socket") != std::string::npos);
  }

  TEST_CASE("a reload opens the new log and says what only a restart changes") {
    const OpenedFolder folder;
    auto settings = settings_in(folder);
    Privileges privileges;
    REQUIRE_FALSE(privileges.open_all(settings));
    CHECK(privileges.reconcile(settings).empty());
    settings.daemon.log.file = folder.path + "/other.log";
    CHECK(privileges.reconcile(settings).empty());
    CHECK(privileges.share().log_file);
    settings.daemon.ike_port = static_cast<uint16_t>(settings.daemon.ike_port ^ 1);
    const auto sentences = privileges.reconcile(settings);
    REQUIRE(sentences.size() == 1);
    CHECK(sentences.front().find("only with a restart") != std::string::npos);
    privileges.remove_all(Privileges::End::asked);
  }
}
