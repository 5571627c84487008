#include "api/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sallyport::api {

namespace {

ctl::Done unreachable(std::string sentence) { return {ctl::ResultCode::unreachable, std::move(sentence), "", ""}; }

std::string why_not(const std::string& path, int error) {
  switch (error) {
    case ENOENT: return "No daemon: there is no control socket " + path + ". Is sallyportd running?";
    case ECONNREFUSED: return "No daemon listens on " + path + " any more. Is sallyportd running?";
    case EACCES:
    case EPERM:
      return "The control socket " + path +
             " may not be used by this user: be root, or a member of daemon.control_group.";
    default: return "The control socket " + path + " cannot be used: " + std::string(strerror(error)) + ".";
  }
}

}  // namespace

Client::~Client() { close(); }

void Client::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

ctl::Done Client::lost(std::string sentence) {
  close();
  return unreachable(std::move(sentence));
}

ctl::Done Client::connect(const std::string& path, const std::string& program) {
  close();
  reader_ = ctl::FrameReader(ctl::kMaxReplyOctets);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return unreachable("The path of the control socket is too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return unreachable("No socket: " + std::string(strerror(errno)) + ".");
  int failed = 0;
  do {
    failed = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (failed != 0 && errno == EINTR);
  if (failed != 0) return lost(why_not(path, errno));
  ctl::Hello hello;
  hello.program = program;
  return call(
      hello,
      [this](const ctl::Reply& reply) {
        if (const auto* welcome = std::get_if<ctl::Welcome>(&reply)) daemon_version_ = welcome->daemon_version;
        return true;
      },
      seconds(10));
}

std::optional<ctl::Done> Client::send(const Bytes& octets) {
  if (socket_ < 0) return unreachable("Not connected to the daemon.");
  for (size_t at = 0; at < octets.size();) {
    const ssize_t n = ::send(socket_, octets.data() + at, octets.size() - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) break;  // what the daemon said before it closed can be read
    if (n < 0) return lost("The daemon cannot be written to: " + std::string(strerror(errno)) + ".");
    at += static_cast<size_t>(n);
  }
  return std::nullopt;
}

std::optional<ctl::Done> Client::receive(std::optional<Duration> patience, ctl::ReplyFrame& out) {
  while (true) {
    auto body = reader_.next();
    if (!body) return lost("The daemon sent what is no frame of the control protocol.");
    if (*body) {
      auto frame = ctl::decode_reply(**body);
      // A kind of a later version: its Done is still to come.
      if (!frame) continue;
      out = std::move(*frame);
      return std::nullopt;
    }
    pollfd waiting{socket_, POLLIN, 0};
    const int timeout = patience ? static_cast<int>(std::chrono::duration_cast<milliseconds>(*patience).count()) : -1;
    const int ready = ::poll(&waiting, 1, timeout);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      close();
      return ctl::Done{ctl::ResultCode::timeout, "The daemon did not answer in time.", "", ""};
    }
    std::array<uint8_t, 65536> buffer;
    const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return lost("The daemon closed the connection.");
    reader_.feed(ByteView(buffer).first(static_cast<size_t>(n)));
  }
}

ctl::Done Client::call(const ctl::Request& request, const OnReply& on_reply, std::optional<Duration> patience) {
  const uint64_t id = next_id_++;
  uint64_t cancel_id = 0;
  if (auto failed = send(ctl::frame(ctl::encode(ctl::RequestFrame{id, request})))) return *failed;
  while (true) {
    ctl::ReplyFrame frame;
    if (auto ended = receive(patience, frame)) return *ended;
    if (frame.id != id) continue;  // the Done of a Cancel
    if (auto* done = std::get_if<ctl::Done>(&frame.reply)) return std::move(*done);
    if (cancel_id != 0 || !on_reply || on_reply(frame.reply)) continue;
    cancel_id = next_id_++;
    if (auto failed = send(ctl::frame(ctl::encode(ctl::RequestFrame{cancel_id, ctl::Cancel{id}})))) return *failed;
  }
}

}  // namespace sallyport::api
