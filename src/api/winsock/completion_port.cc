#include "api/winsock/completion_port.h"

#include "api/winsock/last_error.h"
#include "api/winsock/socket_table.h"

namespace sallyport::api::winsock {

void CompletionPort::post(const Entry& entry) {
  const std::lock_guard lock(wait_mutex());
  entries_.push_back(entry);
  wait_change().notify_all();
}

std::optional<CompletionPort::Entry> CompletionPort::take(DWORD milliseconds) {
  std::optional<Entry> first;
  wait_until(milliseconds, false, [&] {
    if (entries_.empty()) return false;
    first = entries_.front();
    entries_.pop_front();
    return true;
  });
  return first;
}

}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

HANDLE WINAPI CreateIoCompletionPort(HANDLE file, HANDLE existing, ULONG_PTR key, DWORD) {
  if (existing && !find_handle_of<CompletionPort>(existing)) {
    set_last_error(ERROR_INVALID_HANDLE);
    return nullptr;
  }
  std::optional<int> fd;
  if (file != INVALID_HANDLE_VALUE) {
    fd = descriptor(reinterpret_cast<SOCKET>(file));
    if (!fd) {
      set_last_error(ERROR_INVALID_HANDLE);
      return nullptr;
    }
    if (notes(*fd).port != 0) {  // it has one for its life
      set_last_error(ERROR_INVALID_PARAMETER);
      return nullptr;
    }
  } else if (existing) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  const HANDLE port = existing ? existing : give_handle(std::make_shared<CompletionPort>());
  if (fd) {
    change_notes(*fd, [&](SocketNotes& of) {
      of.port = reinterpret_cast<uintptr_t>(port);
      of.port_key = key;
    });
  }
  return port;
}

BOOL WINAPI GetQueuedCompletionStatus(HANDLE handle, LPDWORD octets, PULONG_PTR key, LPOVERLAPPED* overlapped,
                                      DWORD milliseconds) {
  if (!octets || !key || !overlapped) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return FALSE;
  }
  *overlapped = nullptr;
  const auto port = find_handle_of<CompletionPort>(handle);
  if (!port) {
    set_last_error(ERROR_INVALID_HANDLE);
    return FALSE;
  }
  const auto entry = port->take(milliseconds);
  if (!entry) {
    set_last_error(WAIT_TIMEOUT);
    return FALSE;
  }
  *octets = entry->octets;
  *key = entry->key;
  *overlapped = entry->overlapped;
  if (entry->error == 0) return TRUE;
  set_last_error(entry->error);
  return FALSE;
}

BOOL WINAPI PostQueuedCompletionStatus(HANDLE handle, DWORD octets, ULONG_PTR key, LPOVERLAPPED overlapped) {
  const auto port = find_handle_of<CompletionPort>(handle);
  if (!port) {
    set_last_error(ERROR_INVALID_HANDLE);
    return FALSE;
  }
  port->post({octets, key, overlapped, 0});
  return TRUE;
}

}  // extern "C"
