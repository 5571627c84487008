// Handles and what can be waited for: events, threads, completion ports; and the routines that wait for their thread to
// wait alertably. One mutex and one condition for all of them: such programs wait rarely and for little.
// Any thread. A handle's number is never given twice.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "api/winsock/system.h"

namespace sallyport::api::winsock {

// What a handle stands for. Other parts of the library derive their own kinds; CloseHandle() lets go of any.
class HandleObject {
 public:
  HandleObject() = default;
  HandleObject(const HandleObject&) = delete;
  HandleObject& operator=(const HandleObject&) = delete;
  virtual ~HandleObject() = default;
  // With wait_mutex() held.
  virtual bool can_wait() const { return false; }
  virtual bool signaled() const { return false; }
  virtual void on_wait_satisfied() {}
};

HANDLE give_handle(std::shared_ptr<HandleObject> object);
std::shared_ptr<HandleObject> find_handle(HANDLE handle);  // nullptr: there is none
template <class Kind>
std::shared_ptr<Kind> find_handle_of(HANDLE handle) {
  return std::dynamic_pointer_cast<Kind>(find_handle(handle));
}
bool close_handle(HANDLE handle);

std::mutex& wait_mutex();
std::condition_variable& wait_change();

class Event : public HandleObject {
 public:
  Event(bool manual, bool set) : manual_(manual), set_(set) {}
  bool can_wait() const override { return true; }
  bool signaled() const override { return set_; }
  void on_wait_satisfied() override { set_ = set_ && manual_; }
  void set(bool value);  // takes the mutex

 private:
  const bool manual_;
  bool set_;
};

// Routines that a thread runs when it waits alertably.
struct Routines {
  std::deque<std::function<void()>> waiting;
};
std::shared_ptr<Routines> routines_of_this_thread();
void add_routine(const std::shared_ptr<Routines>& of, std::function<void()> routine);

// Waits until `ready` is true with the mutex held, a routine came in (alertable) or the time is over.
enum class Waited { ready, routine, timeout };
Waited wait_until(DWORD milliseconds, bool alertable, const std::function<bool()>& ready);

}  // namespace sallyport::api::winsock
