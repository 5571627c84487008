#include "api/winsock/socket_table.h"

#include <sys/stat.h>

#include <atomic>
#include <climits>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "api/winsock/last_error.h"

namespace sallyport::api::winsock {
namespace {

struct Entry {
  uint64_t inode = 0;
  SocketNotes notes;
};

std::atomic<int> g_starts{0};

// Never destroyed: threads of the program may still use sockets while it ends.
std::mutex& table_mutex() {
  static std::mutex* const mutex = new std::mutex;
  return *mutex;
}
std::unordered_map<int, Entry>& table() {
  static auto* const entries = new std::unordered_map<int, Entry>;
  return *entries;
}

}  // namespace

bool started() { return g_starts.load(std::memory_order_relaxed) > 0; }

uint64_t identity(int descriptor) {
  struct stat about {};
  if (::fstat(descriptor, &about) != 0 || !S_ISSOCK(about.st_mode)) return 0;
  return about.st_ino;
}

std::optional<int> descriptor(SOCKET socket) {
  if (!started()) {
    fail(WSANOTINITIALISED);
    return {};
  }
  if (socket > INT_MAX || identity(static_cast<int>(socket)) == 0) {
    fail(WSAENOTSOCK);
    return {};
  }
  return static_cast<int>(socket);
}

SocketNotes notes(int descriptor) {
  const uint64_t inode = identity(descriptor);
  const std::lock_guard lock(table_mutex());
  const auto found = table().find(descriptor);
  return found != table().end() && found->second.inode == inode ? found->second.notes : SocketNotes{};
}

void change_notes(int descriptor, const std::function<void(SocketNotes&)>& change) {
  const uint64_t inode = identity(descriptor);
  if (inode == 0) return;
  const std::lock_guard lock(table_mutex());
  Entry& entry = table()[descriptor];
  if (entry.inode != inode) entry = {inode, {}};
  change(entry.notes);
}

void forget_notes(int descriptor) {
  const std::lock_guard lock(table_mutex());
  table().erase(descriptor);
}

bool is_stream(int descriptor) {
  int type = 0;
  socklen_t length = sizeof type;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type == SOCK_STREAM;
}

bool blocking(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

void set_blocking(int descriptor, bool blocking) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0) return;
  ::fcntl(descriptor, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

int WSAAPI WSAStartup(WORD version, LPWSADATA about) {
  const BYTE major = LOBYTE(version);
  const BYTE minor = HIBYTE(version);
  if (major == 0) return WSAVERNOTSUPPORTED;
  if (!about) return WSAEFAULT;
  std::memset(about, 0, sizeof *about);
  const bool newest = major > 2 || (major == 2 && minor >= 2);
  about->wVersion = newest ? WINSOCK_VERSION : version;
  about->wHighVersion = WINSOCK_VERSION;
  about->iMaxSockets = 32767;
  about->iMaxUdpDg = 65467;
  std::strcpy(about->szDescription, "WinSock 2.0 (sallyport)");
  std::strcpy(about->szSystemStatus, "Running");
  g_starts.fetch_add(1);
  return 0;
}

int WSAAPI WSACleanup(void) {
  int now = g_starts.load();
  do {
    if (now == 0) return fail(WSANOTINITIALISED);
  } while (!g_starts.compare_exchange_weak(now, now - 1));
  return 0;
}

}  // extern "C"
