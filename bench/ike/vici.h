// As much of charon's control protocol (VICI) as a driver of handshakes needs: a command with text arguments, and
// whether it succeeded. Packets are four octets of length, big-endian, then a type and its content. Blocking; one
// thread a connection.
#pragma once
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::bench {

class Vici {
 public:
  using Arguments = std::vector<std::pair<std::string, std::string>>;

  Vici() = default;
  Vici(const Vici&) = delete;
  Vici& operator=(const Vici&) = delete;
  ~Vici() {
    if (socket_ >= 0) ::close(socket_);
  }

  bool connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return socket_ >= 0 && ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  // True when the daemon answered the command with success=yes. Blocks until the command is over.
  bool command(const std::string& name, const Arguments& arguments) {
    std::string content(1, kRequest);
    content += static_cast<char>(name.size());
    content += name;
    for (const auto& [key, value] : arguments) {
      content += kKeyValue;
      content += static_cast<char>(key.size());
      content += key;
      content += static_cast<char>(value.size() >> 8);
      content += static_cast<char>(value.size());
      content += value;
    }
    std::string packet;
    for (const int shift : {24, 16, 8, 0}) packet += static_cast<char>(content.size() >> shift);
    packet += content;
    if (::send(socket_, packet.data(), packet.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(packet.size()))
      return false;
    const std::string answer = receive();
    const size_t why = answer.find("errmsg");
    why_ = why == std::string::npos ? "" : answer.substr(std::min(answer.size(), why + 8));
    return answer.find(kSuccess) != std::string::npos;
  }
  const std::string& why() const { return why_; }

 private:
  static constexpr char kRequest = 0;
  static constexpr char kKeyValue = 3;
  inline static const std::string kSuccess{"\x03\x07success\x00\x03yes", 14};

  std::string receive() {
    uint8_t head[4];
    if (::recv(socket_, head, sizeof head, MSG_WAITALL) != static_cast<ssize_t>(sizeof head)) return {};
    const size_t size = static_cast<size_t>(head[0]) << 24 | static_cast<size_t>(head[1]) << 16 |
                        static_cast<size_t>(head[2]) << 8 | head[3];
    if (size > 512 * 1024) return {};
    std::string body(size, '\0');
    if (::recv(socket_, body.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) return {};
    return body;
  }

  int socket_ = -1;
  std::string why_;
};

}  // namespace sallyport::bench
