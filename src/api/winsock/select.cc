// select() over lists of sockets, and WSAPoll.
#include <chrono>
#include <climits>
#include <vector>

#include "api/winsock/last_error.h"
#include "api/winsock/socket_table.h"

namespace sallyport::api::winsock {
namespace {

constexpr u_int kMostSockets = 1u << 20;  // of one list

// Waits, also when signals come. Milliseconds; -1: for ever.
int wait_for(std::vector<pollfd>& polled, int64_t milliseconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (true) {
    int left = -1;
    if (milliseconds >= 0) {
      const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
      left = static_cast<int>(std::min<int64_t>(std::max<int64_t>(rest, 0), INT_MAX));
    }
    const int found = ::poll(polled.data(), polled.size(), left);
    if (found > 0 || (found < 0 && errno != EINTR)) return found;
    if (found == 0 && milliseconds >= 0 && Clock::now() >= end) return 0;
  }
}

bool add(std::vector<pollfd>& polled, const fd_set* set, short events) {
  if (!set) return true;
  if (set->fd_count > kMostSockets) return fail(WSAEINVAL) == 0;
  for (u_int i = 0; i < set->fd_count; ++i) {
    const auto fd = descriptor(set->fd_array[i]);
    if (!fd) return false;
    polled.push_back({*fd, events, 0});
  }
  return true;
}

// Keeps in the set what happened; `at` is where its sockets begin.
int keep(fd_set* set, const std::vector<pollfd>& polled, size_t& at, int happened) {
  if (!set) return 0;
  u_int kept = 0;
  for (u_int i = 0; i < set->fd_count; ++i) {
    if ((polled[at++].revents & happened) != 0) set->fd_array[kept++] = set->fd_array[i];
  }
  set->fd_count = kept;
  return static_cast<int>(kept);
}

// A connect that failed shows as an exception over there, and not as writable.
void failed_connects(std::vector<pollfd>& polled) {
  for (pollfd& each : polled) {
    if (!notes(each.fd).connecting || (each.revents & (POLLOUT | POLLERR | POLLHUP)) == 0) continue;
    if ((each.revents & (POLLERR | POLLHUP)) != 0) {
      each.revents = each.events == POLLPRI ? POLLPRI : 0;
    } else if ((each.events & POLLOUT) != 0) {
      change_notes(each.fd, [](SocketNotes& of) { of.connecting = false; });
    }
  }
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

int select(int, fd_set* readable, fd_set* writable, fd_set* exceptional, const timeval* timeout) {
  if (!started()) return fail(WSANOTINITIALISED);
  std::vector<pollfd> polled;
  if (!add(polled, readable, POLLIN) || !add(polled, writable, POLLOUT) || !add(polled, exceptional, POLLPRI)) {
    return SOCKET_ERROR;
  }
  if (polled.empty()) return fail(WSAEINVAL);
  int64_t milliseconds = -1;
  if (timeout) {
    if (timeout->tv_sec < 0 || timeout->tv_usec < 0) return fail(WSAEINVAL);
    milliseconds = std::min<int64_t>(timeout->tv_sec, INT_MAX) * 1000 + (timeout->tv_usec + 999) / 1000;
  }
  if (wait_for(polled, milliseconds) < 0) return fail_errno();
  failed_connects(polled);
  size_t at = 0;
  const int read = keep(readable, polled, at, POLLIN | POLLHUP | POLLERR);
  const int written = keep(writable, polled, at, POLLOUT | POLLERR);
  return read + written + keep(exceptional, polled, at, POLLPRI);
}

extern "C" {

void WSAAPI sallyport_winsock_fd_set_add(SOCKET socket, fd_set* set, u_int room) {
  if (!__WSAFDIsSet(socket, set) && set->fd_count < room) set->fd_array[set->fd_count++] = socket;
}

void WSAAPI sallyport_winsock_fd_set_remove(SOCKET socket, fd_set* set) {
  u_int kept = 0;
  for (u_int i = 0; i < set->fd_count; ++i) {
    if (set->fd_array[i] != socket) set->fd_array[kept++] = set->fd_array[i];
  }
  set->fd_count = kept;
}

int WSAAPI __WSAFDIsSet(SOCKET socket, fd_set* set) {
  for (u_int i = 0; i < set->fd_count; ++i) {
    if (set->fd_array[i] == socket) return 1;
  }
  return 0;
}

int WSAAPI WSAPoll(LPWSAPOLLFD sockets, ULONG count, INT milliseconds) {
  if (!started()) return fail(WSANOTINITIALISED);
  if (!sockets) return fail(WSAEFAULT);
  if (count == 0 || count > kMostSockets) return fail(WSAEINVAL);
  std::vector<pollfd> polled;
  for (ULONG i = 0; i < count; ++i) {  // what is no socket is passed over, as is a negative descriptor here
    const int fd = sockets[i].fd <= INT_MAX ? static_cast<int>(sockets[i].fd) : -1;
    polled.push_back({fd, sockets[i].events, 0});
  }
  const int found = wait_for(polled, milliseconds);
  if (found < 0) return fail_errno();
  for (ULONG i = 0; i < count; ++i) sockets[i].revents = polled[i].revents;
  return found;
}

}  // extern "C"
