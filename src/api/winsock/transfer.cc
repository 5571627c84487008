// Sending and receiving: send, recv, WSASend, WSARecv and their kin, waiting, at once, or overlapped.
#include <climits>
#include <memory>
#include <vector>

#include "api/winsock/last_error.h"
#include "api/winsock/overlapped.h"
#include "api/winsock/socket_table.h"

namespace sallyport::api::winsock {
namespace {

constexpr DWORD kMostBuffers = 1024;  // IOV_MAX

// One call. The program's buffers stay where they are until it is done.
struct Transfer {
  int descriptor = -1;
  bool writing = false;
  std::vector<iovec> parts;
  size_t first = 0;   // part that is next
  size_t octets = 0;  // gone so far
  int flags = 0;
  sockaddr_storage to{};
  socklen_t to_length = 0;
  sockaddr* from = nullptr;
  int* from_length = nullptr;
  bool stream = true;
  bool ended = false;  // shutdown() for sending
  bool connected_once = false;
};

// What is left after `sent` octets have gone; whether there is something.
bool advance(Transfer& of, size_t sent) {
  of.octets += sent;
  while (of.first < of.parts.size()) {
    iovec& part = of.parts[of.first];
    if (sent < part.iov_len) {
      part.iov_base = static_cast<char*>(part.iov_base) + sent;
      part.iov_len -= sent;
      return true;
    }
    sent -= part.iov_len;
    ++of.first;
  }
  return false;
}

Completion failed(const Transfer& of, bool waited) {
  int error = socket_error(errno, waited);
  if (errno == EPIPE && of.ended) error = WSAESHUTDOWN;
  if (errno == EPIPE && !of.connected_once) error = WSAENOTCONN;
  if (errno == EDESTADDRREQ && !of.stream && of.writing) error = WSAENOTCONN;
  if (errno == ECONNREFUSED && !of.stream) error = WSAECONNRESET;  // an ICMP answer to an earlier datagram
  return {error, static_cast<DWORD>(of.octets), 0};
}

// Nothing: it would have had to wait (only with `at_once`).
std::optional<Completion> send_some(Transfer& of, bool at_once) {
  while (true) {
    msghdr message{};
    message.msg_iov = of.parts.data() + of.first;
    message.msg_iovlen = of.parts.size() - of.first;
    message.msg_name = of.to_length > 0 ? &of.to : nullptr;
    message.msg_namelen = of.to_length;
    const ssize_t sent = ::sendmsg(of.descriptor, &message, of.flags | MSG_NOSIGNAL | (at_once ? MSG_DONTWAIT : 0));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN && at_once) return {};
    if (sent < 0 && of.octets > 0) return Completion{0, static_cast<DWORD>(of.octets), 0};
    if (sent < 0) return failed(of, !at_once && blocking(of.descriptor));
    if (!advance(of, static_cast<size_t>(sent))) return Completion{0, static_cast<DWORD>(of.octets), 0};
    if (!of.stream) return Completion{0, static_cast<DWORD>(of.octets), 0};
  }
}

std::optional<Completion> receive_some(Transfer& of, bool at_once) {
  sockaddr_storage from{};
  msghdr message{};
  message.msg_iov = of.parts.data();
  message.msg_iovlen = of.parts.size();
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  ssize_t received = -1;
  do {
    received = ::recvmsg(of.descriptor, &message, of.flags | (at_once ? MSG_DONTWAIT : 0));
  } while (received < 0 && errno == EINTR);
  if (received < 0 && errno == EAGAIN && at_once) return {};
  if (received < 0) return failed(of, !at_once && blocking(of.descriptor));
  if (of.from && of.from_length && message.msg_namelen > 0) {
    const socklen_t room = static_cast<socklen_t>(*of.from_length);
    if (room < message.msg_namelen) return Completion{WSAEFAULT, 0, 0};
    std::copy_n(reinterpret_cast<const char*>(&from), message.msg_namelen, reinterpret_cast<char*>(of.from));
    *of.from_length = static_cast<int>(message.msg_namelen);
  }
  const DWORD flags = static_cast<DWORD>(message.msg_flags & MSG_OOB);
  const bool cut = (message.msg_flags & MSG_TRUNC) != 0;
  return Completion{cut ? WSAEMSGSIZE : 0, static_cast<DWORD>(received), flags | (cut ? MSG_PARTIAL : 0u)};
}

std::optional<Completion> attempt(Transfer& of, bool at_once) {
  return of.writing ? send_some(of, at_once) : receive_some(of, at_once);
}

Completion run(Transfer& of) {
  // A non-blocking stream reports what it took, and a blocking one has taken everything: send_some() goes on until
  // then.
  return *attempt(of, false);
}

// What comes out of a call that is not overlapped.
int finish(const Transfer& of, const Completion& done, DWORD* octets, DWORD* flags) {
  if (of.writing) {
    if (done.error == WSAEWOULDBLOCK) enable_events(of.descriptor, FD_WRITE);
  } else {
    enable_events(of.descriptor, (of.flags & MSG_OOB) != 0 ? FD_OOB : FD_READ);
  }
  if (octets) *octets = done.octets;
  if (flags) *flags = done.flags;
  return done.error == 0 ? 0 : fail(done.error);
}

struct Wanted {
  SOCKET socket;
  bool writing;
  LPWSABUF buffers;
  DWORD count;
  DWORD flags;
  LPWSAOVERLAPPED overlapped = nullptr;
  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine = nullptr;
};

std::optional<Transfer> prepare(const Wanted& wanted) {
  const auto fd = descriptor(wanted.socket);
  if (!fd) return {};
  if (wanted.count > 0 && !wanted.buffers) {
    fail(WSAEFAULT);
    return {};
  }
  if (wanted.count > kMostBuffers) {
    fail(WSAEINVAL);
    return {};
  }
  Transfer of;
  of.descriptor = *fd;
  of.writing = wanted.writing;
  for (DWORD i = 0; i < wanted.count; ++i) {
    if (!wanted.buffers[i].buf && wanted.buffers[i].len > 0) {
      fail(WSAEFAULT);
      return {};
    }
    of.parts.push_back({wanted.buffers[i].buf, wanted.buffers[i].len});
  }
  of.flags = static_cast<int>(wanted.flags & ~static_cast<DWORD>(MSG_PARTIAL));
  of.stream = is_stream(*fd);
  const SocketNotes noted = notes(*fd);
  of.ended = noted.sending_ended;
  of.connected_once = noted.connected_once;
  return of;
}

bool take_address(Transfer& of, const sockaddr* to, int length) {
  if (!to) return true;  // connected
  if (length < static_cast<int>(sizeof(sa_family_t)) || length > static_cast<int>(sizeof of.to)) {
    fail(WSAEFAULT);
    return false;
  }
  std::copy_n(reinterpret_cast<const char*>(to), length, reinterpret_cast<char*>(&of.to));
  of.to_length = static_cast<socklen_t>(length);
  return true;
}

int perform(Transfer of, const Wanted& wanted, DWORD* octets, DWORD* flags) {
  if (is_overlapped(of.descriptor, wanted.overlapped)) {
    const auto kept = std::make_shared<Transfer>(std::move(of));
    return begin_overlapped(
        kept->descriptor, kept->writing, [kept] { return attempt(*kept, true); }, wanted.overlapped, wanted.routine,
        octets);
  }
  if (!octets) return fail(WSAEFAULT);
  return finish(of, run(of), octets, flags);
}

// send() and recv(): one buffer, and the number of octets as the result.
int single(bool writing, SOCKET socket, const void* buffer, int length, int flags, const sockaddr* to, int to_length,
           sockaddr* from, int* from_length) {
  if (length < 0) return fail(WSAEFAULT);
  WSABUF part{static_cast<ULONG>(length), static_cast<char*>(const_cast<void*>(buffer))};
  auto of = prepare({socket, writing, &part, 1, static_cast<DWORD>(flags)});
  if (!of || !take_address(*of, to, to_length)) return SOCKET_ERROR;
  of->from = from;
  of->from_length = from_length;
  DWORD octets = 0;
  if (finish(*of, run(*of), &octets, nullptr) != 0) return SOCKET_ERROR;
  return static_cast<int>(octets);
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

int send(SOCKET socket, const void* buffer, int length, int flags) {
  return single(true, socket, buffer, length, flags, nullptr, 0, nullptr, nullptr);
}
int sendto(SOCKET socket, const void* buffer, int length, int flags, const sockaddr* to, int to_length) {
  return single(true, socket, buffer, length, flags, to, to_length, nullptr, nullptr);
}
int recv(SOCKET socket, void* buffer, int length, int flags) {
  return single(false, socket, buffer, length, flags, nullptr, 0, nullptr, nullptr);
}
int recvfrom(SOCKET socket, void* buffer, int length, int flags, sockaddr* from, int* from_length) {
  return single(false, socket, buffer, length, flags, nullptr, 0, from, from_length);
}

extern "C" {

int WSAAPI WSASend(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  return WSASendTo(socket, buffers, count, sent, flags, nullptr, 0, overlapped, routine);
}

int WSAAPI WSASendTo(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, const sockaddr* to,
                     int to_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  const Wanted wanted{socket, true, buffers, count, flags, overlapped, routine};
  auto of = prepare(wanted);
  if (!of || !take_address(*of, to, to_length)) return SOCKET_ERROR;
  return perform(std::move(*of), wanted, sent, nullptr);
}

int WSAAPI WSARecv(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  return WSARecvFrom(socket, buffers, count, received, flags, nullptr, nullptr, overlapped, routine);
}

int WSAAPI WSARecvFrom(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags, sockaddr* from,
                       LPINT from_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  if (!flags) return started() ? fail(WSAEFAULT) : fail(WSANOTINITIALISED);
  const Wanted wanted{socket, false, buffers, count, *flags, overlapped, routine};
  auto of = prepare(wanted);
  if (!of) return SOCKET_ERROR;
  of->from = from;
  of->from_length = from_length;
  return perform(std::move(*of), wanted, received, flags);
}

int WSAAPI WSASendDisconnect(SOCKET socket, LPWSABUF) { return ::shutdown(socket, SD_SEND); }
int WSAAPI WSARecvDisconnect(SOCKET socket, LPWSABUF) { return ::shutdown(socket, SD_RECEIVE); }

}  // extern "C"
