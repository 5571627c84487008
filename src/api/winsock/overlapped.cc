#include "api/winsock/overlapped.h"

#include <cerrno>
#include <csignal>
#include <list>
#include <thread>
#include <vector>

#include <sys/eventfd.h>

#include "api/winsock/completion_port.h"
#include "api/winsock/last_error.h"
#include "api/winsock/network_events.h"
#include "api/winsock/socket_table.h"
#include "api/winsock/waiting.h"

namespace sallyport::api::winsock {
namespace {

struct Operation {
  int descriptor;
  uint64_t socket;  // identity(): a later socket may have the same descriptor
  bool writing;
  Attempt attempt;
  LPWSAOVERLAPPED overlapped;
  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
  std::shared_ptr<Routines> thread;
};

struct Background {
  std::mutex mutex;  // held while a descriptor is tried, so that closing never meets an operation half way
  pid_t process = 0;
  int wake = -1;
  std::list<Operation> operations;  // in the order in which they were begun
  NetworkEvents events;
};

Background& background() {
  static Background* const only = new Background;
  return *only;
}

void report(int descriptor, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
            const std::shared_ptr<Routines>& thread, const Completion& completion) {
  if (!overlapped) return;
  const HANDLE event = overlapped->hEvent;
  const SocketNotes socket = notes(descriptor);
  const DWORD error = static_cast<DWORD>(completion.error);
  {
    const std::lock_guard lock(wait_mutex());
    overlapped->InternalHigh = completion.octets;
    overlapped->Offset = completion.flags;
    __atomic_store_n(&overlapped->Internal, static_cast<ULONG_PTR>(error), __ATOMIC_RELEASE);
    wait_change().notify_all();
  }
  if (routine) {
    add_routine(thread, [=] { routine(error, completion.octets, overlapped, completion.flags); });
    return;
  }
  // The lowest bit of the event says that the port is not to hear of it.
  const auto number = reinterpret_cast<uintptr_t>(event);
  if (const auto set = find_handle_of<Event>(reinterpret_cast<HANDLE>(number & ~uintptr_t{1}))) set->set(true);
  if (socket.port != 0 && (number & 1) == 0) {
    if (const auto port = find_handle_of<CompletionPort>(reinterpret_cast<HANDLE>(socket.port))) {
      port->post({completion.octets, socket.port_key, overlapped, error});
    }
  }
}

void run(Background& self);

// With the mutex held: the thread is there, and after a fork nothing of the parent's is.
bool ready(Background& self) {
  if (self.process == ::getpid()) return true;
  self.operations.clear();
  self.events.clear();
  if (self.wake >= 0) ::close(self.wake);
  self.wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self.wake < 0) return false;
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failed = ::pthread_create(
      &thread, nullptr,
      [](void* arg) -> void* {
        run(*static_cast<Background*>(arg));
        return nullptr;
      },
      &self);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return false;
  ::pthread_detach(thread);
  self.process = ::getpid();
  return true;
}

void wake(const Background& self) {
  const uint64_t one = 1;
  if (self.wake >= 0 && ::write(self.wake, &one, sizeof one) < 0) return;  // it is awake already
}

bool queued_before(const std::list<Operation>& operations, std::list<Operation>::const_iterator end) {
  for (auto at = operations.begin(); at != end; ++at) {
    if (at->descriptor == end->descriptor && at->writing == end->writing) return true;
  }
  return false;
}

void try_operations(Background& self, const std::vector<pollfd>& polled) {
  for (auto at = self.operations.begin(); at != self.operations.end();) {
    const short wanted = at->writing ? POLLOUT : POLLIN;
    bool due = false;
    for (const pollfd& each : polled) {
      due = due || (each.fd == at->descriptor && (each.revents & (wanted | POLLERR | POLLHUP | POLLNVAL)) != 0);
    }
    const auto this_one = at++;
    if (!due || queued_before(self.operations, this_one)) continue;
    const bool same = identity(this_one->descriptor) == this_one->socket;
    const std::optional<Completion> done = same ? this_one->attempt() : Completion{WSA_OPERATION_ABORTED, 0, 0};
    if (!done) continue;
    report(this_one->descriptor, this_one->overlapped, this_one->routine, this_one->thread, *done);
    self.operations.erase(this_one);
  }
}

void run(Background& self) {
  std::vector<pollfd> polled;
  while (true) {
    {
      const std::lock_guard lock(self.mutex);
      polled.assign(1, {self.wake, POLLIN, 0});
      for (const Operation& each : self.operations) {
        polled.push_back({each.descriptor, static_cast<short>(each.writing ? POLLOUT : POLLIN), 0});
      }
      self.events.add_to(polled);
    }
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    uint64_t woken = 0;
    if (polled[0].revents != 0 && ::read(polled[0].fd, &woken, sizeof woken) < 0) continue;
    const std::lock_guard lock(self.mutex);
    try_operations(self, polled);
    self.events.note(polled);
  }
}

}  // namespace

bool is_overlapped(int descriptor, LPWSAOVERLAPPED overlapped) { return overlapped && notes(descriptor).overlapped; }

void report_overlapped(int descriptor, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                       const Completion& completion) {
  report(descriptor, overlapped, routine, routines_of_this_thread(), completion);
}

int begin_overlapped(int descriptor, bool writing, Attempt attempt, LPWSAOVERLAPPED overlapped,
                     LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, DWORD* octets) {
  Background& self = background();
  const std::lock_guard lock(self.mutex);
  if (!ready(self)) return fail(WSAENOBUFS);
  self.operations.push_back(
      {descriptor, identity(descriptor), writing, std::move(attempt), overlapped, routine, routines_of_this_thread()});
  const auto mine = std::prev(self.operations.end());
  if (!queued_before(self.operations, mine)) {
    if (const std::optional<Completion> done = mine->attempt()) {
      const std::shared_ptr<Routines> thread = mine->thread;
      self.operations.erase(mine);
      if (done->error != 0) return fail(done->error);
      if (octets) *octets = done->octets;
      report(descriptor, overlapped, routine, thread, *done);
      return 0;
    }
  }
  overlapped->InternalHigh = 0;
  __atomic_store_n(&overlapped->Internal, static_cast<ULONG_PTR>(STATUS_PENDING), __ATOMIC_RELEASE);
  const auto event = reinterpret_cast<uintptr_t>(overlapped->hEvent) & ~uintptr_t{1};
  if (!routine) {
    if (const auto set = find_handle_of<Event>(reinterpret_cast<HANDLE>(event))) set->set(false);
  }
  wake(self);
  return fail(WSA_IO_PENDING);
}

size_t cancel_overlapped(int descriptor, LPWSAOVERLAPPED only) {
  Background& self = background();
  const std::lock_guard lock(self.mutex);
  if (self.process != ::getpid()) return 0;
  size_t ended = 0;
  for (auto at = self.operations.begin(); at != self.operations.end();) {
    const auto this_one = at++;
    if (this_one->descriptor != descriptor || (only && this_one->overlapped != only)) continue;
    report(descriptor, this_one->overlapped, this_one->routine, this_one->thread, {WSA_OPERATION_ABORTED, 0, 0});
    self.operations.erase(this_one);
    ++ended;
  }
  wake(self);
  return ended;
}

int close_socket(int descriptor) {
  cancel_overlapped(descriptor, nullptr);
  Background& self = background();
  const std::lock_guard lock(self.mutex);
  self.events.forget(descriptor);
  forget_notes(descriptor);
  const int result = ::close(descriptor);
  const int error = errno;
  if (self.process == ::getpid()) wake(self);  // a poll that goes on would keep the socket, and the peer unaware
  errno = error;
  return result;
}

int select_events(int descriptor, HANDLE event, long mask) {
  if (mask != 0 && !find_handle_of<Event>(event)) return fail(WSAEINVAL);
  Background& self = background();
  const std::lock_guard lock(self.mutex);
  if (mask != 0) set_blocking(descriptor, false);
  if (!ready(self)) return fail(WSAENOBUFS);
  self.events.select(descriptor, event, mask);
  wake(self);
  return 0;
}

int take_events(int descriptor, HANDLE event, WSANETWORKEVENTS& out) {
  Background& self = background();
  const std::lock_guard lock(self.mutex);  // before the reset, so that nothing is recorded between the two
  if (event && !ResetEvent(event)) return fail(WSAEINVAL);
  self.events.take(descriptor, out);
  return 0;
}

void enable_events(int descriptor, long events) {
  Background& self = background();
  const std::lock_guard lock(self.mutex);
  if (self.process == ::getpid() && self.events.enable(descriptor, events)) wake(self);
}

}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

BOOL WSAAPI WSAGetOverlappedResult(SOCKET socket, LPWSAOVERLAPPED overlapped, LPDWORD octets, BOOL wait,
                                   LPDWORD flags) {
  if (!descriptor(socket)) return FALSE;
  if (!overlapped || !octets || !flags) {
    fail(WSAEFAULT);
    return FALSE;
  }
  if (!HasOverlappedIoCompleted(overlapped)) {
    if (!wait) {
      fail(WSA_IO_INCOMPLETE);
      return FALSE;
    }
    wait_until(INFINITE, false, [&] { return HasOverlappedIoCompleted(overlapped); });
  }
  *octets = static_cast<DWORD>(overlapped->InternalHigh);
  *flags = overlapped->Offset;
  if (overlapped->Internal == 0) return TRUE;
  fail(static_cast<int>(overlapped->Internal));
  return FALSE;
}

BOOL WINAPI GetOverlappedResult(HANDLE file, LPOVERLAPPED overlapped, LPDWORD octets, BOOL wait) {
  DWORD flags = 0;
  return WSAGetOverlappedResult(reinterpret_cast<SOCKET>(file), overlapped, octets, wait, &flags);
}

BOOL WINAPI CancelIoEx(HANDLE file, LPOVERLAPPED overlapped) {
  const auto fd = descriptor(reinterpret_cast<SOCKET>(file));
  if (!fd) {
    set_last_error(ERROR_INVALID_HANDLE);
    return FALSE;
  }
  if (cancel_overlapped(*fd, overlapped) > 0) return TRUE;
  set_last_error(ERROR_NOT_FOUND);
  return FALSE;
}
BOOL WINAPI CancelIo(HANDLE file) {
  return CancelIoEx(file, nullptr) || last_error() == ERROR_NOT_FOUND ? TRUE : FALSE;
}

int WSAAPI WSAEventSelect(SOCKET socket, WSAEVENT event, long events) {
  const auto fd = descriptor(socket);
  return fd ? select_events(*fd, event, events) : SOCKET_ERROR;
}
int WSAAPI WSAEnumNetworkEvents(SOCKET socket, WSAEVENT event, LPWSANETWORKEVENTS events) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  if (!events) return fail(WSAEFAULT);
  return take_events(*fd, event, *events);
}

}  // extern "C"
