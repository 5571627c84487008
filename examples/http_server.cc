// A small HTTP server that knows its clients by their IPsec identity: everybody who is authenticated may read /, and
// only the names given may read /secret. No password, no cookie, no TLS.
//   http_server PORT REQUESTS NAME...     REQUESTS: how many are answered before it ends; 0: for ever
#include <netinet/in.h>

#include <algorithm>
#include <iostream>
#include <sallyport/secure_socket.hpp>
#include <string>
#include <vector>

namespace {

constexpr size_t kMostRequestOctets = 8192;

// The request's first line; empty: none came, or it was too long.
std::string request_line(int fd) {
  std::string text;
  char octets[1024];
  while (text.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = ::recv(fd, octets, sizeof octets, 0);
    if (got <= 0 || text.size() > kMostRequestOctets) return {};
    text.append(octets, static_cast<size_t>(got));
  }
  return text.substr(0, text.find("\r\n"));
}

void answer(int fd, const std::string& status, const std::string& body) {
  const std::string whole = "HTTP/1.1 " + status + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
  for (size_t sent = 0; sent < whole.size();) {
    const ssize_t some = ::send(fd, whole.data() + sent, whole.size() - sent, MSG_NOSIGNAL);
    if (some <= 0) return;
    sent += static_cast<size_t>(some);
  }
}

void serve(const sallyport::secure_socket& client, const std::vector<std::string>& trusted) {
  const std::string line = request_line(client.native_handle());
  std::error_code error;
  const sallyport::security_state state = client.query({}, error);
  if (error || !state.identity) return answer(client.native_handle(), "401 Unauthorized", "Who are you?\n");
  const bool is_trusted = std::any_of(trusted.begin(), trusted.end(),
                                      [&](const std::string& name) { return state.identity.has_name(name); });
  const std::string hello = "You are " + std::string(state.identity.principal()) + ".\n";
  if (line.rfind("GET / ", 0) == 0) return answer(client.native_handle(), "200 OK", hello);
  if (line.rfind("GET /secret ", 0) != 0) return answer(client.native_handle(), "404 Not Found", "");
  if (!is_trusted) return answer(client.native_handle(), "403 Forbidden", hello);
  answer(client.native_handle(), "200 OK", hello + "This is for you.\n");
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::cerr << "usage: http_server PORT REQUESTS NAME...\n";
    return 2;
  }
  try {
    auto listener = sallyport::secure_socket::open(AF_INET6, SOCK_STREAM, SALLYPORT_GUARANTEE_ENCRYPTION);
    const int yes = 1;  // securing has cleared it
    ::setsockopt(listener.native_handle(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(static_cast<uint16_t>(std::stoul(words[1])));
    if (::bind(listener.native_handle(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
        ::listen(listener.native_handle(), 10) != 0) {
      throw std::system_error(errno, std::generic_category(), "listen");
    }
    std::cout << "listening" << std::endl;
    const std::vector<std::string> trusted(words + 3, words + count);
    for (unsigned long left = std::stoul(words[2]), endless = left == 0 ? 1 : 0; endless != 0 || left > 0; --left) {
      serve(listener.accept(), trusted);
    }
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << "\n";
    return 1;
  }
  return 0;
}
