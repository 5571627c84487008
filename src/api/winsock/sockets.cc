// Making, naming, connecting, accepting and closing sockets.
#include <algorithm>
#include <cstring>
#include <memory>

#include "api/winsock/last_error.h"
#include "api/winsock/overlapped.h"
#include "api/winsock/socket_table.h"

namespace sallyport::api::winsock {
namespace {

SOCKET no_socket(int code) {
  fail(code);
  return INVALID_SOCKET;
}

SOCKET make_socket(int family, int type, int protocol, DWORD flags) {
  if (!started()) return no_socket(WSANOTINITIALISED);
  const int more = (flags & WSA_FLAG_NO_HANDLE_INHERIT) != 0 ? SOCK_CLOEXEC : 0;
  const int made = ::socket(family, type | more, protocol);
  if (made < 0) return no_socket(socket_error(errno));
  if (family == AF_INET6) {  // over there the two families do not share a port unless asked to
    const int on = 1;
    ::setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  change_notes(made, [&](SocketNotes& of) { of.overlapped = (flags & WSA_FLAG_OVERLAPPED) != 0; });
  return static_cast<SOCKET>(made);
}

template <class About>
SOCKET make_socket_of(int family, int type, int protocol, const About* about, DWORD flags) {
  if (about) {
    if (family == FROM_PROTOCOL_INFO) family = about->iAddressFamily;
    if (type == FROM_PROTOCOL_INFO) type = about->iSocketType;
    if (protocol == FROM_PROTOCOL_INFO) protocol = about->iProtocol;
  }
  return make_socket(family, type, protocol, flags);
}

// Addresses that come back: as much as has room, WSAEFAULT where that is too little.
using NameCall = int (*)(int, sockaddr*, socklen_t*);
int name_of(SOCKET socket, sockaddr* address, int* length, NameCall call) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  if (!address || !length) return fail(WSAEFAULT);
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (call(*fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return fail_errno();
  if (*length < static_cast<int>(size)) return fail(WSAEFAULT);
  std::memcpy(address, &name, size);
  *length = static_cast<int>(size);
  return 0;
}

// Errors of accept() that are about one connection that came and went, not about the listening socket.
bool gone_again(int error) {
  constexpr int kGone[] = {EINTR,     ECONNABORTED, EPROTO,    ENETDOWN,     ENOPROTOOPT,
                           EHOSTDOWN, ENONET,       ETIMEDOUT, EHOSTUNREACH, ENETUNREACH};
  return std::find(std::begin(kGone), std::end(kGone), error) != std::end(kGone);
}

SOCKET accept_one(SOCKET socket, sockaddr_storage& peer, socklen_t& length) {
  const auto fd = descriptor(socket);
  if (!fd) return INVALID_SOCKET;
  int made = -1;
  do {
    length = sizeof peer;
    made = ::accept(*fd, reinterpret_cast<sockaddr*>(&peer), &length);
  } while (made < 0 && gone_again(errno));
  const int error = errno;
  enable_events(*fd, FD_ACCEPT);
  if (made < 0) return no_socket(socket_error(error, blocking(*fd)));
  set_blocking(made, blocking(*fd));  // a connection is made as its listener was
  const SocketNotes of_listener = notes(*fd);
  change_notes(made, [&](SocketNotes& of) {
    of.overlapped = of_listener.overlapped;
    of.exclusive = of_listener.exclusive;
    of.connected_once = true;
  });
  return static_cast<SOCKET>(made);
}

// Whether the program wants this connection.
int asked_condition(SOCKET listener, sockaddr_storage& peer, socklen_t length, LPCONDITIONPROC condition,
                    DWORD_PTR data) {
  sockaddr_storage own{};
  int own_length = sizeof own;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&own), &own_length);
  WSABUF caller{length, reinterpret_cast<char*>(&peer)};
  WSABUF callee{static_cast<ULONG>(own_length), reinterpret_cast<char*>(&own)};
  WSABUF nothing{};
  GROUP group = 0;
  return condition(&caller, &nothing, nullptr, nullptr, &callee, &nothing, &group, data);
}

bool connected(int descriptor) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  return ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

// Interrupted: the connection goes on being made; wait for its end.
int wait_connected(int descriptor) {
  pollfd waiting{descriptor, POLLOUT, 0};
  while (::poll(&waiting, 1, -1) < 0 && errno == EINTR) {
  }
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
  return error == 0 ? 0 : fail(socket_error(error));
}

int connect_socket(SOCKET socket, const sockaddr* address, int length) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  if (!address || length < static_cast<int>(sizeof(sa_family_t))) return fail(WSAEFAULT);
  if (::connect(*fd, address, static_cast<socklen_t>(length)) == 0) {
    change_notes(*fd, [](SocketNotes& of) {
      of.connecting = false;
      of.connected_once = true;
    });
    enable_events(*fd, FD_WRITE);
    return 0;
  }
  if (errno == EINTR) return wait_connected(*fd);
  if (errno == EINPROGRESS) {
    change_notes(*fd, [](SocketNotes& of) { of.connecting = of.connected_once = true; });
    enable_events(*fd, FD_CONNECT);
    return fail(blocking(*fd) ? WSAETIMEDOUT : WSAEWOULDBLOCK);
  }
  return fail_errno(true);
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

SOCKET sallyport_winsock_socket(int family, int type, int protocol) {
  return make_socket(family, type, protocol, WSA_FLAG_OVERLAPPED);
}
SOCKET WSAAPI WSASocketA(int family, int type, int protocol, LPWSAPROTOCOL_INFOA about, GROUP, DWORD flags) {
  return make_socket_of(family, type, protocol, about, flags);
}
SOCKET WSAAPI WSASocketW(int family, int type, int protocol, LPWSAPROTOCOL_INFOW about, GROUP, DWORD flags) {
  return make_socket_of(family, type, protocol, about, flags);
}

int WSAAPI closesocket(SOCKET socket) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  return close_socket(*fd) == 0 || errno == EINTR ? 0 : fail_errno();
}

int WSAAPI WSAConnect(SOCKET socket, const sockaddr* address, int length, LPWSABUF, LPWSABUF, LPQOS, LPQOS) {
  return connect_socket(socket, address, length);
}

SOCKET WSAAPI WSAAccept(SOCKET socket, sockaddr* address, LPINT length, LPCONDITIONPROC condition,
                        DWORD_PTR callback_data) {
  sockaddr_storage peer{};
  socklen_t size = 0;
  const SOCKET made = accept_one(socket, peer, size);
  if (made == INVALID_SOCKET) return INVALID_SOCKET;
  if (condition) {
    const int answer = asked_condition(socket, peer, size, condition, callback_data);
    if (answer != CF_ACCEPT) {  // a connection cannot be put back: deferred is refused
      closesocket(made);
      return no_socket(answer == CF_DEFER ? WSATRY_AGAIN : WSAECONNREFUSED);
    }
  }
  if (address && length) {
    if (*length < static_cast<int>(size)) {
      closesocket(made);
      return no_socket(WSAEFAULT);
    }
    std::memcpy(address, &peer, size);
    *length = static_cast<int>(size);
  }
  return made;
}

// ConnectEx, to be had from WSAIoctl.
BOOL sallyport_winsock_connect_ex(SOCKET socket, const sockaddr* address, int length, PVOID data, DWORD octets,
                                  LPDWORD sent, LPOVERLAPPED overlapped) {
  const auto fd = descriptor(socket);
  if (!fd) return FALSE;
  if (!is_overlapped(*fd, overlapped)) return fail(WSAEINVAL) == 0;
  if (connected(*fd)) return fail(WSAEISCONN) == 0;
  const bool was_blocking = blocking(*fd);
  set_blocking(*fd, false);
  const int begun = connect_socket(socket, address, length);
  set_blocking(*fd, was_blocking);
  if (begun != 0 && last_error() != WSAEWOULDBLOCK) return FALSE;
  const auto gone = std::make_shared<DWORD>(0);
  const auto attempt = [=, fd = *fd]() -> std::optional<Completion> {
    pollfd now{fd, POLLOUT, 0};
    if (::poll(&now, 1, 0) <= 0) return {};
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Completion{socket_error(error), 0, 0};
    while (data && *gone < octets) {
      const ssize_t some =
          ::send(fd, static_cast<const char*>(data) + *gone, size_t{octets} - *gone, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (some < 0 && errno == EAGAIN) return {};
      if (some < 0) return Completion{socket_error(errno), *gone, 0};
      *gone += static_cast<DWORD>(some);
    }
    return Completion{0, *gone, 0};
  };
  return begin_overlapped(*fd, true, attempt, overlapped, nullptr, sent) == 0;
}

}  // extern "C"

SOCKET accept(SOCKET socket, sockaddr* address, int* length) { return WSAAccept(socket, address, length, nullptr, 0); }
int connect(SOCKET socket, const sockaddr* address, int length) { return connect_socket(socket, address, length); }

int bind(SOCKET socket, const sockaddr* address, int length) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  if (!address || length < static_cast<int>(sizeof(sa_family_t))) return fail(WSAEFAULT);
  const auto size = static_cast<socklen_t>(length);
  if (::bind(*fd, address, size) == 0) return 0;
  if (errno != EADDRINUSE || !is_stream(*fd) || notes(*fd).reuse) return fail_errno();
  // Over there a server has its port back although connections of the last one are in TIME_WAIT. Here that takes
  // SO_REUSEADDR, up to listen(), and lets nobody in beside a socket that listens or was bound without it.
  const int yes = 1, no = 0;
  (void)::setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(*fd, address, size) == 0) return 0;
  const int error = errno;
  (void)::setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &no, sizeof no);
  return fail(socket_error(error));
}

int listen(SOCKET socket, int backlog) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  // Over there a socket has to have a port first.
  if (::getsockname(*fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
      (own.ss_family == AF_INET || own.ss_family == AF_INET6) && reinterpret_cast<sockaddr_in&>(own).sin_port == 0) {
    return fail(WSAEINVAL);
  }
  if (::listen(*fd, backlog) != 0) return fail_errno();
  // What is accepted inherits it, so that bind() may take the port again; beside a listener it lets nobody in.
  const int yes = 1;
  (void)::setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return 0;
}

int getsockname(SOCKET socket, sockaddr* address, int* length) {
  return name_of(socket, address, length,
                 [](int fd, sockaddr* to, socklen_t* size) { return ::getsockname(fd, to, size); });
}
int getpeername(SOCKET socket, sockaddr* address, int* length) {
  return name_of(socket, address, length,
                 [](int fd, sockaddr* to, socklen_t* size) { return ::getpeername(fd, to, size); });
}

int shutdown(SOCKET socket, int how) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  if (::shutdown(*fd, how) != 0) return fail_errno();
  if (how != SD_RECEIVE) change_notes(*fd, [](SocketNotes& of) { of.sending_ended = true; });
  return 0;
}
