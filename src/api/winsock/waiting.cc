#include "api/winsock/waiting.h"

#include <chrono>
#include <unordered_map>
#include <vector>

#include "api/winsock/last_error.h"
#include "api/winsock/security.h"
#include "api/winsock/socket_table.h"

namespace sallyport::api::winsock {
namespace {

struct Handles {
  std::mutex mutex;
  uintptr_t next = 0x1000;
  std::unordered_map<uintptr_t, std::shared_ptr<HandleObject>> objects;
};
Handles& handles() {
  static Handles* const all = new Handles;  // never destroyed, as the threads that use them may outlive main()
  return *all;
}

}  // namespace

HANDLE give_handle(std::shared_ptr<HandleObject> object) {
  Handles& all = handles();
  const std::lock_guard lock(all.mutex);
  const uintptr_t number = all.next;
  all.next += 4;
  all.objects.emplace(number, std::move(object));
  return reinterpret_cast<HANDLE>(number);
}

std::shared_ptr<HandleObject> find_handle(HANDLE handle) {
  Handles& all = handles();
  const std::lock_guard lock(all.mutex);
  const auto found = all.objects.find(reinterpret_cast<uintptr_t>(handle));
  return found == all.objects.end() ? nullptr : found->second;
}

bool close_handle(HANDLE handle) {
  std::shared_ptr<HandleObject> gone;  // its end may call back into this file
  Handles& all = handles();
  const std::lock_guard lock(all.mutex);
  const auto found = all.objects.find(reinterpret_cast<uintptr_t>(handle));
  if (found == all.objects.end()) return false;
  gone = std::move(found->second);
  all.objects.erase(found);
  return true;
}

std::mutex& wait_mutex() {
  static std::mutex* const mutex = new std::mutex;
  return *mutex;
}
std::condition_variable& wait_change() {
  static auto* const change = new std::condition_variable;
  return *change;
}

void Event::set(bool value) {
  const std::lock_guard lock(wait_mutex());
  set_ = value;
  if (value) wait_change().notify_all();
}

std::shared_ptr<Routines> routines_of_this_thread() {
  thread_local const std::shared_ptr<Routines> mine = std::make_shared<Routines>();
  return mine;
}

void add_routine(const std::shared_ptr<Routines>& of, std::function<void()> routine) {
  const std::lock_guard lock(wait_mutex());
  of->waiting.push_back(std::move(routine));
  wait_change().notify_all();
}

Waited wait_until(DWORD milliseconds, bool alertable, const std::function<bool()>& ready) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  const auto mine = routines_of_this_thread();
  std::unique_lock lock(wait_mutex());
  while (true) {
    if (alertable && !mine->waiting.empty()) {
      std::deque<std::function<void()>> due;
      due.swap(mine->waiting);
      lock.unlock();
      for (const auto& routine : due) routine();
      return Waited::routine;
    }
    if (ready()) return Waited::ready;
    if (milliseconds == INFINITE) {
      wait_change().wait(lock);
    } else if (wait_change().wait_until(lock, end) == std::cv_status::timeout) {
      return ready() ? Waited::ready : Waited::timeout;
    }
  }
}

namespace {

// One of the objects, or all of them; the index of the one (0 for all), taken with what taking means for it.
std::optional<size_t> take_signaled(const std::vector<std::shared_ptr<HandleObject>>& objects, bool all) {
  if (all) {
    for (const auto& object : objects) {
      if (!object->signaled()) return {};
    }
    for (const auto& object : objects) object->on_wait_satisfied();
    return 0;
  }
  for (size_t i = 0; i < objects.size(); ++i) {
    if (!objects[i]->signaled()) continue;
    objects[i]->on_wait_satisfied();
    return i;
  }
  return {};
}

DWORD wait_for(DWORD count, const HANDLE* handles_in, bool all, DWORD milliseconds, bool alertable) {
  if (count == 0 || count > MAXIMUM_WAIT_OBJECTS || !handles_in) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return WAIT_FAILED;
  }
  std::vector<std::shared_ptr<HandleObject>> objects;
  for (DWORD i = 0; i < count; ++i) {
    objects.push_back(find_handle(handles_in[i]));
    if (objects.back() && objects.back()->can_wait()) continue;
    set_last_error(ERROR_INVALID_HANDLE);
    return WAIT_FAILED;
  }
  std::optional<size_t> index;
  const Waited waited = wait_until(milliseconds, alertable, [&] {
    index = take_signaled(objects, all);
    return index.has_value();
  });
  if (waited == Waited::routine) return WAIT_IO_COMPLETION;
  return index ? WAIT_OBJECT_0 + static_cast<DWORD>(*index) : WAIT_TIMEOUT;
}

BOOL set_event(HANDLE handle, bool value) {
  const auto event = find_handle_of<Event>(handle);
  if (!event) {
    set_last_error(ERROR_INVALID_HANDLE);
    return FALSE;
  }
  event->set(value);
  return TRUE;
}

HANDLE create_event(bool manual, bool initial, bool named) {
  if (named) {  // events of several processes
    set_last_error(ERROR_NOT_SUPPORTED);
    return nullptr;
  }
  set_last_error(ERROR_SUCCESS);
  return give_handle(std::make_shared<Event>(manual, initial));
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

BOOL WINAPI CloseHandle(HANDLE handle) {
  if (handle == GetCurrentProcess() || handle == GetCurrentThread()) return TRUE;
  if (close_handle(handle)) return TRUE;
  set_last_error(ERROR_INVALID_HANDLE);
  return FALSE;
}
HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES, BOOL manual, BOOL initial, LPCSTR name) {
  return create_event(manual != FALSE, initial != FALSE, name != nullptr);
}
HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES, BOOL manual, BOOL initial, LPCWSTR name) {
  return create_event(manual != FALSE, initial != FALSE, name != nullptr);
}
BOOL WINAPI SetEvent(HANDLE event) { return set_event(event, true); }
BOOL WINAPI ResetEvent(HANDLE event) { return set_event(event, false); }

DWORD WINAPI WaitForSingleObject(HANDLE handle, DWORD milliseconds) {
  return wait_for(1, &handle, false, milliseconds, false);
}
DWORD WINAPI WaitForSingleObjectEx(HANDLE handle, DWORD milliseconds, BOOL alertable) {
  return wait_for(1, &handle, false, milliseconds, alertable != FALSE);
}
DWORD WINAPI WaitForMultipleObjects(DWORD count, const HANDLE* handles, BOOL all, DWORD milliseconds) {
  return wait_for(count, handles, all != FALSE, milliseconds, false);
}
DWORD WINAPI WaitForMultipleObjectsEx(DWORD count, const HANDLE* handles, BOOL all, DWORD milliseconds,
                                      BOOL alertable) {
  return wait_for(count, handles, all != FALSE, milliseconds, alertable != FALSE);
}
void WINAPI Sleep(DWORD milliseconds) { SleepEx(milliseconds, FALSE); }
DWORD WINAPI SleepEx(DWORD milliseconds, BOOL alertable) {
  const Waited waited = wait_until(milliseconds, alertable != FALSE, [] { return false; });
  return waited == Waited::routine ? WAIT_IO_COMPLETION : 0;
}

WSAEVENT WSAAPI WSACreateEvent(void) { return CreateEventW(nullptr, TRUE, FALSE, nullptr); }
BOOL WSAAPI WSACloseEvent(WSAEVENT event) { return CloseHandle(event); }
BOOL WSAAPI WSASetEvent(WSAEVENT event) { return SetEvent(event); }
BOOL WSAAPI WSAResetEvent(WSAEVENT event) { return ResetEvent(event); }
DWORD WSAAPI WSAWaitForMultipleEvents(DWORD count, const WSAEVENT* events, BOOL all, DWORD milliseconds,
                                      BOOL alertable) {
  if (!started()) {
    set_last_error(WSANOTINITIALISED);
    return WSA_WAIT_FAILED;
  }
  return wait_for(count, events, all != FALSE, milliseconds, alertable != FALSE);
}

}  // extern "C"
