// Secure sockets for C++: a socket that closes itself, whose connections are protected by IPsec, and that tells who the
// peer is. Over secure_socket.h, whose rules hold; only the standard library and POSIX are needed. Link with
// -lsallyport. Errors: functions with a std::error_code report there (generic category, errno); those without throw
// std::system_error. Threads: as descriptors; one object is one thread's at a time. Fork: as secure_socket.h says.
#pragma once
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "secure_socket.h"

namespace sallyport {

// An address of the system's; empty: none.
struct peer_address {
  const sockaddr* address = nullptr;
  socklen_t length = 0;
};

// Who the peer proved to be. Copies share what they hold.
class peer_identity {
 public:
  peer_identity() = default;
  explicit peer_identity(sallyport_identity* owned) : held_(owned, sallyport_identity_free) {}

  explicit operator bool() const { return held_ != nullptr; }
  std::string_view principal() const { return sallyport_identity_principal(held_.get()); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    const size_t count = sallyport_identity_names(held_.get());
    for (size_t i = 0; i < count; ++i) out.emplace_back(sallyport_identity_name(held_.get(), i));
    return out;
  }
  bool has_name(std::string_view name) const {
    const size_t count = sallyport_identity_names(held_.get());
    for (size_t i = 0; i < count; ++i) {
      if (name == sallyport_identity_name(held_.get(), i)) return true;
    }
    return false;
  }
  std::string_view user() const { return sallyport_identity_user(held_.get()); }
  std::string_view method() const { return sallyport_identity_method(held_.get()); }
  uint64_t main_mode_sa() const { return sallyport_identity_main_mode_sa(held_.get()); }
  uint64_t quick_mode_sa() const { return sallyport_identity_quick_mode_sa(held_.get()); }

 private:
  std::shared_ptr<sallyport_identity> held_;
};

// What has become of a socket's protection.
struct security_state {
  sallyport_security_state raw{};
  peer_identity identity;  // empty: nobody has proved one

  bool secured() const { return (raw.flags & SALLYPORT_SECURED) != 0; }
  bool encrypted() const { return (raw.flags & SALLYPORT_ENCRYPTED) != 0; }
};

namespace detail {
inline std::error_code last_error() { return {errno, std::generic_category()}; }
inline void set(std::error_code& error, bool good) { error = good ? std::error_code() : last_error(); }
inline void check(const std::error_code& error, const char* what) {
  if (error) throw std::system_error(error, what);
}
}  // namespace detail

// ---- for descriptors that another library owns (Asio's native_handle(), for one) ----

inline void set_security(int fd, const sallyport_security* wanted, std::error_code& error) {
  detail::set(error, sallyport_set_security(fd, wanted) == 0);
}
inline void set_peer_name(int fd, const std::string& name, peer_address peer, std::error_code& error) {
  detail::set(error, sallyport_set_peer_name(fd, peer.address, peer.length, name.c_str()) == 0);
}
inline void delete_peer_name(int fd, peer_address peer, std::error_code& error) {
  detail::set(error, sallyport_delete_peer_name(fd, peer.address, peer.length) == 0);
}
inline security_state query_security(int fd, peer_address peer, std::error_code& error) {
  security_state out;
  sallyport_identity* identity = nullptr;
  detail::set(error, sallyport_query_security(fd, peer.address, peer.length, &out.raw, &identity) == 0);
  if (identity) out.identity = peer_identity(identity);
  return out;
}

// A descriptor of a file that the daemon has opened with the peer's rights, or -1.
inline int open_as_peer(int fd, peer_address peer, const std::string& path, int flags, unsigned mode,
                        std::error_code& error) {
  const int file = sallyport_open_as_peer(fd, peer.address, peer.length, path.c_str(), flags, mode);
  detail::set(error, file >= 0);
  return file;
}

// The calling thread has the peer's rights on files as long as this lives; it must end on the same thread.
class impersonation {
 public:
  impersonation(int fd, peer_address peer, std::error_code& error) {
    active_ = sallyport_impersonate_peer(fd, peer.address, peer.length) == 0;
    detail::set(error, active_);
  }
  explicit impersonation(int fd, peer_address peer = {}) {
    std::error_code error;
    active_ = sallyport_impersonate_peer(fd, peer.address, peer.length) == 0;
    detail::set(error, active_);
    detail::check(error, "impersonation");
  }
  impersonation(const impersonation&) = delete;
  impersonation& operator=(const impersonation&) = delete;
  // A thread that could not get its own rights back must not go on with another's.
  ~impersonation() {
    if (active_ && sallyport_revert_impersonation() != 0) std::terminate();
  }
  explicit operator bool() const { return active_; }

 private:
  bool active_ = false;
};

// A descriptor with an owner. Made by open() it is secured from its first moment.
class secure_socket {
 public:
  secure_socket() = default;
  explicit secure_socket(int owned) : fd_(owned) {}
  secure_socket(secure_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  secure_socket& operator=(secure_socket&& other) noexcept {
    if (this != &other) close();
    if (this != &other) fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  secure_socket(const secure_socket&) = delete;
  secure_socket& operator=(const secure_socket&) = delete;
  ~secure_socket() { close(); }

  // flags: SALLYPORT_GUARANTEE_ENCRYPTION or SALLYPORT_ALLOW_INSECURE, or 0 for what is configured. On failure nothing
  // is open.
  static secure_socket open(int family, int type, uint32_t flags, std::error_code& error) {
    sallyport_security wanted{};
    wanted.flags = flags;
    return open(family, type, wanted, error);
  }
  static secure_socket open(int family, int type, const sallyport_security& wanted, std::error_code& error) {
    secure_socket out(::socket(family, type | SOCK_CLOEXEC, 0));
    detail::set(error, out.is_open());
    if (!error) set_security(out.fd_, &wanted, error);
    if (error) out.close();
    return out;
  }
  static secure_socket open(int family, int type, uint32_t flags = SALLYPORT_GUARANTEE_ENCRYPTION) {
    std::error_code error;
    secure_socket out = open(family, type, flags, error);
    detail::check(error, "secure_socket");
    return out;
  }

  bool is_open() const { return fd_ >= 0; }
  int native_handle() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  // Whom this client expects. peer: of a datagram socket, whom the name is of.
  void expect(const std::string& name, peer_address peer, std::error_code& error) {
    set_peer_name(fd_, name, peer, error);
  }
  void expect(const std::string& name, peer_address peer = {}) {
    std::error_code error;
    expect(name, peer, error);
    detail::check(error, "expect");
  }
  void forget(peer_address peer) {
    std::error_code error;
    delete_peer_name(fd_, peer, error);
    detail::check(error, "forget");
  }

  // Returns once the connection is made, and its protection with it.
  void connect(peer_address to, std::error_code& error) {
    int result = 0;
    do {
      result = ::connect(fd_, to.address, to.length);
    } while (result != 0 && errno == EINTR);
    detail::set(error, result == 0 || errno == EISCONN);
  }
  void connect(peer_address to) {
    std::error_code error;
    connect(to, error);
    detail::check(error, "connect");
  }
  // A connection inherits the listener's protection.
  secure_socket accept(std::error_code& error) {
    int made = -1;
    do {
      made = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    } while (made < 0 && (errno == EINTR || errno == ECONNABORTED));
    detail::set(error, made >= 0);
    return secure_socket(made);
  }
  secure_socket accept() {
    std::error_code error;
    secure_socket out = accept(error);
    detail::check(error, "accept");
    return out;
  }

  security_state query(peer_address peer, std::error_code& error) const { return query_security(fd_, peer, error); }
  security_state query(peer_address peer = {}) const {
    std::error_code error;
    security_state out = query(peer, error);
    detail::check(error, "query");
    return out;
  }
  impersonation impersonate(peer_address peer = {}) const { return impersonation(fd_, peer); }

 private:
  int fd_ = -1;
};

}  // namespace sallyport
