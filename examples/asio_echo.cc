// Secure sockets with Asio: the socket is secured through its native handle, everything else is as always.
//   asio_echo server PORT CONNECTIONS
//   asio_echo client ADDRESS PORT NAME TEXT
#include <utility>

#include <boost/asio.hpp>
#include <iostream>
#include <memory>
#include <sallyport/secure_socket.hpp>
#include <string>

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

const sallyport_security kWanted{SALLYPORT_GUARANTEE_ENCRYPTION, {}, {}};

void secure(int fd) {
  std::error_code error;
  sallyport::set_security(fd, &kWanted, error);
  if (error) throw std::system_error(error, "secure");
}

// One connection; it lives as long as something is under way for it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}
  void start() {
    std::error_code error;
    const auto state = sallyport::query_security(socket_.native_handle(), {}, error);
    std::cout << (error ? "?" : state.identity.principal()) << std::endl;
    read();
  }

 private:
  void read() {
    socket_.async_read_some(boost::asio::buffer(text_), [self = shared_from_this()](error_code error, size_t octets) {
      if (!error) self->write(octets);
    });
  }
  void write(size_t octets) {
    boost::asio::async_write(socket_, boost::asio::buffer(text_, octets),
                             [self = shared_from_this()](error_code error, size_t) {
                               if (!error) self->read();
                             });
  }
  tcp::socket socket_;
  std::array<char, 4096> text_{};
};

class Server {
 public:
  Server(boost::asio::io_context& io, uint16_t port, unsigned long connections) : acceptor_(io), left_(connections) {
    acceptor_.open(tcp::v6());
    secure(acceptor_.native_handle());  // before bind
    acceptor_.set_option(tcp::acceptor::reuse_address(true));  // securing has cleared it
    acceptor_.bind({tcp::v6(), port});
    acceptor_.listen();
    std::cout << "listening" << std::endl;
    accept();
  }

 private:
  void accept() {
    if (left_-- == 0) return;
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (!error) std::make_shared<Session>(std::move(socket))->start();
      accept();
    });
  }
  tcp::acceptor acceptor_;
  unsigned long left_;
};

void client(boost::asio::io_context& io, const tcp::endpoint& to, const std::string& name, const std::string& text) {
  tcp::socket socket(io, to.protocol());
  secure(socket.native_handle());
  std::error_code error;
  sallyport::set_peer_name(socket.native_handle(), name, {}, error);
  if (error) throw std::system_error(error, "name");
  std::string back(text.size(), ' ');
  // Asio makes the socket non-blocking: it is writable once the protected connection is there.
  socket.async_connect(to, [&](error_code failed) {
    if (failed) throw std::system_error(failed);
    const auto state = sallyport::query_security(socket.native_handle(), {}, error);
    std::cout << state.identity.principal() << ", " << (state.encrypted() ? "encrypted" : "not encrypted") << "\n";
    boost::asio::async_write(socket, boost::asio::buffer(text), [&](error_code, size_t) {
      boost::asio::async_read(socket, boost::asio::buffer(back),
                              [&](error_code, size_t got) { std::cout << back.substr(0, got) << "\n"; });
    });
  });
  io.run();
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  try {
    boost::asio::io_context io;
    if (what == "server" && count == 4) {
      const Server server(io, static_cast<uint16_t>(std::stoul(words[2])), std::stoul(words[3]));
      io.run();
      return 0;
    }
    if (what == "client" && count == 6) {
      const auto address = boost::asio::ip::make_address(words[2]);
      client(io, {address, static_cast<uint16_t>(std::stoul(words[3]))}, words[4], words[5]);
      return 0;
    }
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << "\n";
    return 1;
  }
  std::cerr << "usage: asio_echo server PORT CONNECTIONS | asio_echo client ADDRESS PORT NAME TEXT\n";
  return 2;
}
