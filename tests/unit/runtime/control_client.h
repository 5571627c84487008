// A client of the control socket that never waits: octets in and out whenever the test turns its loop.
#pragma once
#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "ctl/framing.h"
#include "ctl/messages.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

struct SocketFolder {
  std::string path, socket;
  SocketFolder() {
    char name[] = "/tmp/sallyport-test-XXXXXX";
    path = ::mkdtemp(name);
    socket = path + "/control.sock";
  }
  ~SocketFolder() {
    (void)::unlink(socket.c_str());
    (void)::rmdir(path.c_str());
  }
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;
};

class ControlClient {
 public:
  explicit ControlClient(const std::string& path, bool greets = true)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    if (greets) ask(1, ctl::Hello{});
  }
  void ask(uint64_t id, const ctl::Request& request) { send(ctl::frame(ctl::encode(ctl::RequestFrame{id, request}))); }
  void send(const Bytes& octets) { (void)::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT); }
  // Takes in what has come.
  void read() {
    std::array<uint8_t, 65536> room;
    for (ssize_t n; (n = ::recv(fd_.get(), room.data(), room.size(), MSG_DONTWAIT)) >= 0;) {
      if (n == 0) {
        closed_ = true;
        break;
      }
      reader_.feed(ByteView(room).first(static_cast<size_t>(n)));
    }
    for (auto body = reader_.next(); body && *body; body = reader_.next()) {
      auto frame = ctl::decode_reply(**body);
      REQUIRE(frame);
      frames_.push_back(std::move(*frame));
    }
  }
  bool closed() const { return closed_; }
  const std::vector<ctl::ReplyFrame>& frames() const { return frames_; }
  const ctl::Done* done(uint64_t id) const {
    for (const auto& frame : frames_) {
      if (frame.id == id && std::holds_alternative<ctl::Done>(frame.reply)) return &std::get<ctl::Done>(frame.reply);
    }
    return nullptr;
  }
  template <class R>
  std::vector<R> replies(uint64_t id) const {
    std::vector<R> out;
    for (const auto& frame : frames_) {
      if (const auto* found = std::get_if<R>(&frame.reply); found && frame.id == id) out.push_back(*found);
    }
    return out;
  }

 private:
  Fd fd_;
  ctl::FrameReader reader_{ctl::kMaxReplyOctets};
  std::vector<ctl::ReplyFrame> frames_;
  bool closed_ = false;
};

}  // namespace sallyport::runtime
