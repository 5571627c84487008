// Options, and the requests of ioctlsocket and WSAIoctl.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include <netinet/tcp.h>

#include <sallyport/windows/mswsock.h>
#include "api/winsock/last_error.h"
#include "api/winsock/overlapped.h"
#include "api/winsock/security.h"
#include "api/winsock/socket_table.h"

extern "C" BOOL sallyport_winsock_connect_ex(SOCKET, const sockaddr*, int, PVOID, DWORD, LPDWORD, LPOVERLAPPED);

namespace sallyport::api::winsock {
namespace {

constexpr int kLongest = 256;  // octets of an option that is passed on

bool is_timeout(int level, int option) {
  return level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO);
}

// A switch of one, two or four octets, as programs hand it in.
std::optional<int> number(const void* value, int length) {
  if (!value || length <= 0) return {};
  int32_t out = 0;
  if (length == 1) {
    out = *static_cast<const int8_t*>(value);
  } else if (length == 2) {
    int16_t narrow = 0;
    std::memcpy(&narrow, value, sizeof narrow);
    out = narrow;
  } else {
    std::memcpy(&out, value, std::min<size_t>(sizeof out, static_cast<size_t>(length)));
  }
  return out;
}

int give_number(int number, void* value, int* length) {
  if (!value || !length || *length < 1) return fail(WSAEFAULT);
  const size_t octets = std::min<size_t>(sizeof number, static_cast<size_t>(*length));
  std::memcpy(value, &number, octets);
  *length = static_cast<int>(octets);
  return 0;
}

int pass(int fd, int level, int option, const void* value, socklen_t length) {
  return ::setsockopt(fd, level, option, value, length) == 0 ? 0 : fail_errno();
}

int set_timeout(int fd, int option, int milliseconds) {
  const timeval time{milliseconds / 1000, (milliseconds % 1000) * 1000};
  return pass(fd, SOL_SOCKET, option, &time, sizeof time);
}

bool bound(int fd) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
         reinterpret_cast<const sockaddr_in&>(own).sin_port != 0;
}

// Nobody else may have the port. Here that is so unless both sides ask for sharing.
int set_exclusive(int fd, bool on) {
  const SocketNotes before = notes(fd);
  if (bound(fd) || (on && before.reuse)) return fail(WSAEINVAL);
  change_notes(fd, [&](SocketNotes& of) { of.exclusive = on; });
  const int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &off, sizeof off);
  return pass(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
}

int set_reuse(int fd, bool on) {
  if (on && notes(fd).exclusive) return fail(WSAEINVAL);
  change_notes(fd, [&](SocketNotes& of) { of.reuse = on; });
  const int value = on ? 1 : 0;
  return pass(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
}

// Options of the socket level that only the original has, or has otherwise. Nothing: pass it on.
std::optional<int> set_own(int fd, int option, int value) {
  switch (option) {
    case SO_EXCLUSIVEADDRUSE: return set_exclusive(fd, value != 0);
    case SO_REUSEADDR: return set_reuse(fd, value != 0);
    case SO_RCVTIMEO:
    case SO_SNDTIMEO: return set_timeout(fd, option, value);
    case SO_DONTLINGER: {
      linger off{value == 0 ? 1 : 0, 0};
      return pass(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    }
    case SO_CONDITIONAL_ACCEPT:
    case SO_UPDATE_ACCEPT_CONTEXT:
    case SO_UPDATE_CONNECT_CONTEXT:
    case SO_USELOOPBACK: return 0;  // already so, or without meaning here
    default: return {};
  }
}

int read_number(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : 0;
}

std::optional<int> get_own(int fd, int option, void* value, int* length) {
  switch (option) {
    case SO_EXCLUSIVEADDRUSE: return give_number(notes(fd).exclusive ? 1 : 0, value, length);
    case SO_REUSEADDR: return give_number(notes(fd).reuse ? 1 : 0, value, length);
    case SO_ERROR: {
      const int error = read_number(fd, SO_ERROR);
      return give_number(error == 0 ? 0 : socket_error(error), value, length);
    }
    case SO_RCVTIMEO:
    case SO_SNDTIMEO: {
      timeval time{};
      socklen_t size = sizeof time;
      if (::getsockopt(fd, SOL_SOCKET, option, &time, &size) != 0) return fail_errno();
      return give_number(static_cast<int>(time.tv_sec * 1000 + time.tv_usec / 1000), value, length);
    }
    case SO_DONTLINGER: {
      linger now{};
      socklen_t size = sizeof now;
      if (::getsockopt(fd, SOL_SOCKET, SO_LINGER, &now, &size) != 0) return fail_errno();
      return give_number(now.l_onoff == 0 ? 1 : 0, value, length);
    }
    case SO_MAX_MSG_SIZE: return give_number(read_number(fd, SO_TYPE) == SOCK_DGRAM ? 65507 : 0, value, length);
    default: return {};
  }
}

int answer(LPVOID out, DWORD room, LPDWORD returned, const void* from, DWORD octets) {
  if (!out || room < octets) return fail(WSAEFAULT);
  std::memcpy(out, from, octets);
  *returned = octets;
  return 0;
}

int extension(const void* wanted, DWORD octets, LPVOID out, DWORD room, LPDWORD returned) {
  constexpr GUID kConnectEx = WSAID_CONNECTEX;
  if (!wanted || octets < sizeof(GUID)) return fail(WSAEFAULT);
  GUID which{};
  std::memcpy(&which, wanted, sizeof which);
  if (!IsEqualGUID(which, kConnectEx)) return fail(WSAEINVAL);
  const LPFN_CONNECTEX function = sallyport_winsock_connect_ex;
  return answer(out, room, returned, &function, sizeof function);
}

// Keep-alive times as SIO_KEEPALIVE_VALS has them: whether, after how long, in which intervals (milliseconds).
int keep_alive(int fd, const void* in, DWORD octets) {
  ULONG values[3] = {};
  if (!in || octets < sizeof values) return fail(WSAEFAULT);
  std::memcpy(values, in, sizeof values);
  const int on = values[0] != 0 ? 1 : 0;
  const int idle = std::max(1, static_cast<int>(values[1] / 1000));
  const int interval = std::max(1, static_cast<int>(values[2] / 1000));
  if (const int failed = pass(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); failed != 0 || on == 0) return failed;
  if (const int failed = pass(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle)) return failed;
  return pass(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
}

// The plain requests, as ioctlsocket() has them.
int request(int fd, long command, int value, int* out) {
  *out = 0;
  switch (static_cast<unsigned long>(command)) {
    case FIONBIO: set_blocking(fd, value == 0); return 0;
    case FIONREAD: return ::ioctl(fd, FIONREAD, out) == 0 ? 0 : fail_errno();
    case SIOCATMARK: {
      const int at = ::sockatmark(fd);
      if (at < 0) return fail_errno();
      *out = at != 0 ? 1 : 0;
      return 0;
    }
    default: return fail(WSAEOPNOTSUPP);
  }
}

constexpr DWORD kKeepAlive = 0x98000004;     // SIO_KEEPALIVE_VALS
constexpr DWORD kUdpConnReset = 0x9800000c;  // SIO_UDP_CONNRESET: whether ICMP answers are told; they are here

int control(int fd, DWORD code, LPVOID in, DWORD in_octets, LPVOID out, DWORD out_octets, LPDWORD returned) {
  switch (code) {
    case SIO_GET_EXTENSION_FUNCTION_POINTER: return extension(in, in_octets, out, out_octets, returned);
    case kKeepAlive: return keep_alive(fd, in, in_octets);
    case kUdpConnReset:
    case SIO_ENABLE_CIRCULAR_QUEUEING: return 0;
    case FIONBIO:
    case FIONREAD:
    case SIOCATMARK: {
      int number_out = 0;
      const auto value = number(in, static_cast<int>(in_octets));
      if (code == FIONBIO && !value) return fail(WSAEFAULT);
      if (const int failed = request(fd, static_cast<long>(code), value.value_or(0), &number_out)) return failed;
      return code == FIONBIO ? 0 : answer(out, out_octets, returned, &number_out, sizeof number_out);
    }
    default: return fail(WSAEOPNOTSUPP);
  }
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

int setsockopt(SOCKET socket, int level, int option, const void* value, int length) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  if (!value || length < 1) return fail(WSAEFAULT);
  const auto as_number = number(value, length);
  if (level == SOL_SOCKET && !(is_timeout(level, option) && length == sizeof(timeval))) {
    if (const auto done = set_own(*fd, option, *as_number)) return *done;
  }
  if (length < static_cast<int>(sizeof(int))) return pass(*fd, level, option, &*as_number, sizeof(int));
  return pass(*fd, level, option, value, static_cast<socklen_t>(length));
}

int getsockopt(SOCKET socket, int level, int option, void* value, int* length) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  if (!value || !length || *length < 1) return fail(WSAEFAULT);
  if (level == SOL_SOCKET && !(is_timeout(level, option) && *length == static_cast<int>(sizeof(timeval)))) {
    if (const auto done = get_own(*fd, option, value, length)) return *done;
  }
  char octets[kLongest] = {};
  socklen_t size = sizeof octets;
  if (::getsockopt(*fd, level, option, octets, &size) != 0) return fail_errno();
  const size_t copied = std::min<size_t>(size, static_cast<size_t>(*length));
  std::memcpy(value, octets, copied);
  *length = static_cast<int>(copied);
  return 0;
}

extern "C" {

int WSAAPI sallyport_winsock_ioctlsocket(SOCKET socket, long command, void* argument, size_t octets) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  if (!argument) return fail(WSAEFAULT);
  uint64_t value = 0;
  std::memcpy(&value, argument, std::min(octets, sizeof value));
  int out = 0;
  if (const int failed = request(*fd, command, value != 0 ? 1 : 0, &out)) return failed;
  if (static_cast<unsigned long>(command) == FIONBIO) return 0;
  value = static_cast<uint64_t>(out);
  std::memcpy(argument, &value, std::min(octets, sizeof value));
  return 0;
}

int WSAAPI WSAIoctl(SOCKET socket, DWORD code, LPVOID in, DWORD in_octets, LPVOID out, DWORD out_octets,
                    LPDWORD returned, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  const bool reported = is_overlapped(*fd, overlapped);
  DWORD octets = 0;
  if (!returned && !reported) return fail(WSAEFAULT);
  if (is_security_code(code)) {
    return security_call(socket, code, in, in_octets, out, out_octets, returned, overlapped, routine);
  }
  const int result = control(*fd, code, in, in_octets, out, out_octets, &octets);
  if (returned) *returned = octets;
  if (result == 0 && reported) report_overlapped(*fd, overlapped, routine, {0, octets, 0});
  return result;
}

}  // extern "C"
