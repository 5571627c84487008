// Threads and critical sections, and the routines that a console's signals call.
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <vector>

#include <sallyport/windows/process.h>

#include "api/winsock/last_error.h"
#include "api/winsock/waiting.h"

namespace sallyport::api::winsock {
namespace {

class Thread : public HandleObject {
 public:
  bool can_wait() const override { return true; }
  bool signaled() const override { return ended_; }
  void end(DWORD code) {
    const std::lock_guard lock(wait_mutex());
    code_ = code;
    ended_ = true;
    wait_change().notify_all();
  }
  DWORD code() const {
    const std::lock_guard lock(wait_mutex());
    return ended_ ? code_ : STILL_ACTIVE;
  }
  // The new thread's number, as soon as it has one.
  void name(DWORD id) {
    const std::lock_guard lock(wait_mutex());
    id_ = id;
    wait_change().notify_all();
  }
  DWORD id() {
    wait_until(INFINITE, false, [this] { return id_ != 0; });
    return id_;
  }

 private:
  bool ended_ = false;
  DWORD code_ = 0;
  DWORD id_ = 0;
};

struct Start {
  std::function<DWORD()> run;
  std::shared_ptr<Thread> thread;
};

// Ends the thread object also where the thread ends by ExitThread().
struct AtEnd {
  std::shared_ptr<Thread> thread;
  DWORD code = 0;
  ~AtEnd() { thread->end(code); }
};
thread_local AtEnd* t_at_end = nullptr;

void* run_thread(void* arg) {
  const std::unique_ptr<Start> start(static_cast<Start*>(arg));
  AtEnd at_end{start->thread};
  t_at_end = &at_end;
  start->thread->name(GetCurrentThreadId());
  at_end.code = start->run();
  return nullptr;
}

HANDLE begin_thread(std::function<DWORD()> run, SIZE_T stack, DWORD* id) {
  auto thread = std::make_shared<Thread>();
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  constexpr SIZE_T kLeast = SIZE_T{256} << 10;  // what the system's own functions want
  if (stack > kLeast) ::pthread_attr_setstacksize(&attributes, stack);
  auto start = std::make_unique<Start>(Start{std::move(run), thread});
  pthread_t made;
  const int failed = ::pthread_create(&made, &attributes, run_thread, start.get());
  ::pthread_attr_destroy(&attributes);
  if (failed != 0) {
    set_last_error(ERROR_NOT_ENOUGH_MEMORY);
    return nullptr;
  }
  start.release();  // the thread's now
  if (id) *id = thread->id();
  return give_handle(thread);
}

// ---- signals of the console ----

std::mutex g_routines_mutex;
std::vector<PHANDLER_ROUTINE> g_routines;
std::atomic<int> g_signal{0};
sem_t g_signaled;

void on_signal(int number) {
  g_signal.store(number);
  ::sem_post(&g_signaled);
}

DWORD call_routines() {
  while (true) {
    while (::sem_wait(&g_signaled) != 0) {
    }
    const int number = g_signal.load();
    const DWORD event = number == SIGINT ? CTRL_C_EVENT : number == SIGQUIT ? CTRL_BREAK_EVENT : CTRL_CLOSE_EVENT;
    std::vector<PHANDLER_ROUTINE> all;
    {
      const std::lock_guard lock(g_routines_mutex);
      all = g_routines;
    }
    bool answered = false;
    for (size_t i = all.size(); i > 0 && !answered; --i) answered = all[i - 1](event) != FALSE;
    if (!answered) std::exit(128 + number);
  }
}

bool watch_signals() {
  static const bool watched = [] {
    ::sem_init(&g_signaled, 0, 0);
    const HANDLE thread = begin_thread(call_routines, 0, nullptr);
    if (!thread) return false;
    CloseHandle(thread);
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    for (const int number : {SIGINT, SIGQUIT, SIGTERM}) ::sigaction(number, &action, nullptr);
    return true;
  }();
  return watched;
}

static_assert(sizeof(pthread_mutex_t) <= sizeof(CRITICAL_SECTION), "a critical section holds a mutex");
pthread_mutex_t* mutex_of(LPCRITICAL_SECTION section) { return reinterpret_cast<pthread_mutex_t*>(section); }

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

HANDLE WINAPI CreateThread(LPSECURITY_ATTRIBUTES, SIZE_T stack, LPTHREAD_START_ROUTINE start, LPVOID parameter, DWORD,
                           LPDWORD id) {
  if (!start) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  return begin_thread([=] { return start(parameter); }, stack, id);
}

uintptr_t _beginthreadex(void*, unsigned stack, unsigned(__stdcall* start)(void*), void* parameter, unsigned,
                         unsigned* id) {
  if (!start) return 0;
  return reinterpret_cast<uintptr_t>(begin_thread([=]() -> DWORD { return start(parameter); }, stack, id));
}

void WINAPI ExitThread(DWORD code) {
  if (t_at_end) t_at_end->code = code;
  ::pthread_exit(nullptr);
}
void _endthreadex(unsigned code) { ExitThread(code); }
void WINAPI ExitProcess(UINT code) { std::exit(static_cast<int>(code)); }

BOOL WINAPI GetExitCodeThread(HANDLE handle, LPDWORD code) {
  const auto thread = find_handle_of<Thread>(handle);
  if (!thread || !code) {
    set_last_error(thread ? ERROR_INVALID_PARAMETER : ERROR_INVALID_HANDLE);
    return FALSE;
  }
  *code = thread->code();
  return TRUE;
}

DWORD WINAPI GetCurrentThreadId(void) { return static_cast<DWORD>(::syscall(SYS_gettid)); }
DWORD WINAPI GetCurrentProcessId(void) { return static_cast<DWORD>(::getpid()); }
// The original's two numbers that mean the caller itself.
HANDLE WINAPI GetCurrentThread(void) { return reinterpret_cast<HANDLE>(static_cast<LONG_PTR>(-2)); }
HANDLE WINAPI GetCurrentProcess(void) { return reinterpret_cast<HANDLE>(static_cast<LONG_PTR>(-1)); }

void WINAPI InitializeCriticalSection(LPCRITICAL_SECTION section) {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  ::pthread_mutex_init(mutex_of(section), &attributes);
  ::pthread_mutexattr_destroy(&attributes);
}
BOOL WINAPI InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION section, DWORD) {
  InitializeCriticalSection(section);
  return TRUE;
}
void WINAPI EnterCriticalSection(LPCRITICAL_SECTION section) { ::pthread_mutex_lock(mutex_of(section)); }
BOOL WINAPI TryEnterCriticalSection(LPCRITICAL_SECTION section) {
  return ::pthread_mutex_trylock(mutex_of(section)) == 0 ? TRUE : FALSE;
}
void WINAPI LeaveCriticalSection(LPCRITICAL_SECTION section) { ::pthread_mutex_unlock(mutex_of(section)); }
void WINAPI DeleteCriticalSection(LPCRITICAL_SECTION section) { ::pthread_mutex_destroy(mutex_of(section)); }

BOOL WINAPI SetConsoleCtrlHandler(PHANDLER_ROUTINE routine, BOOL add) {
  if (!routine) {  // whether Ctrl+C is ignored
    ::signal(SIGINT, add ? SIG_IGN : SIG_DFL);
    return TRUE;
  }
  {
    const std::lock_guard lock(g_routines_mutex);
    if (add) {
      g_routines.push_back(routine);
    } else if (std::erase(g_routines, routine) == 0) {
      set_last_error(ERROR_INVALID_PARAMETER);
      return FALSE;
    }
  }
  return !add || watch_signals() ? TRUE : FALSE;
}

}  // extern "C"
