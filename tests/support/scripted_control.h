// A control server that says what a test tells it: for the command and the client library, without a daemon. It owns a
// Unix socket in a folder of its own and one thread; both end with it.
#pragma once
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ctl/session.h"

namespace sallyport::test {

class ScriptedControl {
 public:
  // The replies to one request, the last a Done; without one the request stays open until it is cancelled. Empty with
  // `hang_up` set: the connection is closed instead.
  using Script = std::function<std::vector<ctl::Reply>(const ctl::Request&)>;

  explicit ScriptedControl(Script script, std::string version = "9.9.9")
      : script_(std::move(script)), version_(version) {
    char name[] = "/tmp/sallyport-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("no folder");
    folder_ = name;
    path_ = folder_ + "/control.sock";
    listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    if (::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listening_, 8) != 0) {
      throw std::runtime_error("no socket");
    }
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedControl() {
    (void)::shutdown(listening_, SHUT_RDWR);
    thread_.join();
    (void)::close(listening_);
    (void)::unlink(path_.c_str());
    (void)::rmdir(folder_.c_str());
  }
  ScriptedControl(const ScriptedControl&) = delete;
  ScriptedControl& operator=(const ScriptedControl&) = delete;

  const std::string& path() const { return path_; }
  bool hang_up = false;    // close instead of answering the first request after Hello
  Bytes instead_of_hello;  // raw octets sent to a client that has connected, then closed

  std::vector<ctl::Request> requests() const {
    const std::lock_guard guard(mutex_);
    return requests_;
  }
  template <class R>
  R last() const {
    const std::lock_guard guard(mutex_);
    for (auto at = requests_.rbegin(); at != requests_.rend(); ++at) {
      if (const auto* found = std::get_if<R>(&*at)) return *found;
    }
    throw std::runtime_error("no such request came");
  }

 private:
  void serve() {
    for (int client; (client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(client)) {
      if (instead_of_hello.empty()) {
        talk(client);
      } else {
        (void)::send(client, instead_of_hello.data(), instead_of_hello.size(), MSG_NOSIGNAL);
      }
    }
  }
  void talk(int client) {
    ctl::ServerSession session(version_);
    std::array<uint8_t, 4096> input;
    for (ssize_t n; (n = ::recv(client, input.data(), input.size(), 0)) > 0;) {
      const bool good = session.feed(ByteView(input).first(static_cast<size_t>(n))).has_value();
      while (auto frame = session.next_request()) {
        if (hang_up) return;
        if (const auto* cancel = std::get_if<ctl::Cancel>(&frame->request)) {
          session.reply(cancel->id, ctl::Done{});
          session.reply(frame->id, ctl::Done{});
          continue;
        }
        const auto replies = script_(frame->request);
        {
          const std::lock_guard guard(mutex_);
          requests_.push_back(frame->request);
        }
        for (const auto& reply : replies) session.reply(frame->id, reply);
      }
      const Bytes out = session.take_output();
      for (size_t at = 0; at < out.size();) {
        const ssize_t sent = ::send(client, out.data() + at, out.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) return;
        at += static_cast<size_t>(sent);
      }
      if (!good) return;
    }
  }

  Script script_;
  std::string version_, folder_, path_;
  int listening_ = -1;
  mutable std::mutex mutex_;
  std::vector<ctl::Request> requests_;
  std::thread thread_;
};

// Every field of a status filled in: two connections, one of them up, and drops.
inline ctl::StatusReply sample_status() {
  ctl::StatusReply out;
  out.daemon.version = "9.9.9";
  out.daemon.pid = 4711;
  out.daemon.uptime_seconds = 3725;
  out.daemon.config_file = "/etc/sallyport/sallyport.toml";
  out.daemon.ike_port = 500;
  out.daemon.natt_port = 4500;
  out.daemon.split = true;
  out.daemon.device_type = "tun";
  out.daemon.device_name = "sallyport0";
  out.daemon.device_mtu = 1400;
  out.daemon.device_addresses = {"10.1.0.1"};
  ctl::ConfiguredConnection west;
  west.name = "west";
  west.state = "up";
  west.local_addrs = {"192.0.2.1"};
  west.remote_addrs = {"192.0.2.2"};
  west.local_id = "east.example";
  west.remote_id = "west.example";
  west.proposals = "aes256gcm16-prfsha256-x25519";
  west.keep_up = true;
  west.children.push_back({"net", "up", "up", {"10.1.0.0/24"}, {"10.2.0.0/24"}, "aes128gcm16"});
  ctl::ConfiguredConnection north = west;
  north.name = "north";
  north.state = "down";
  north.last_error = "the peer at 192.0.2.3:500 did not answer";
  north.retry_in = 7;
  north.children.front().state = "down";
  out.connections = {west, north};
  ctl::ChildSaEntry child;
  child.connection = "west";
  child.child = "net";
  child.state = "INSTALLED";
  child.child_id = 3;
  child.spi_in = 0x1234;
  child.spi_out = 0xabcdef01;
  child.algorithms = "aes128gcm16";
  child.mode = "tunnel";
  child.local = {"10.1.0.0/24"};
  child.remote = {"10.2.0.0/24"};
  child.bytes_in = 2048;
  child.packets_in = 2;
  child.bytes_out = 1536;
  child.packets_out = 3;
  child.installed_seconds = 65;
  child.rekey_in = 3600;
  ctl::IkeSaEntry sa;
  sa.connection = "west";
  sa.state = "ESTABLISHED";
  sa.ike_id = 1;
  sa.spi_i = 0x1122334455667788;
  sa.spi_r = 0x99aabbccddeeff00;
  sa.initiator = true;
  sa.local = {*IpAddr::parse("192.0.2.1"), 500};
  sa.remote = {*IpAddr::parse("192.0.2.2"), 500};
  sa.local_id = "east.example";
  sa.remote_id = "west.example";
  sa.algorithms = "aes256gcm16-prfsha256-x25519";
  sa.established_seconds = 65;
  sa.rekey_in = 14000;
  sa.children = {child};
  out.ike_sas = {sa};
  out.drops = {{"replayed", 2}};
  out.counters = {{"datagrams_in", 12}};
  return out;
}

}  // namespace sallyport::test
