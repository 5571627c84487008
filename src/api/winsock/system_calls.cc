// Memory, time, names of machine and user, messages about errors, other encodings.
#include <malloc.h>
#include <pwd.h>
#include <sys/fsuid.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include "api/winsock/last_error.h"
#include "api/winsock/system.h"
#include "api/winsock/text.h"

namespace sallyport::api::winsock {
namespace {

void* allocate(SIZE_T octets, bool zeroed) {
  void* const memory = zeroed ? std::calloc(1, std::max<SIZE_T>(octets, 1)) : std::malloc(std::max<SIZE_T>(octets, 1));
  if (!memory) set_last_error(ERROR_NOT_ENOUGH_MEMORY);
  return memory;
}

// What an error number means. Our own sentences, for those that these libraries return.
struct Sentence {
  DWORD code;
  const char* text;
};
constexpr Sentence kSentences[] = {
    {ERROR_SUCCESS, "It has worked."},
    {ERROR_ACCESS_DENIED, "The caller has no right to do this."},
    {ERROR_INVALID_HANDLE, "The handle stands for nothing that this call knows."},
    {ERROR_NOT_ENOUGH_MEMORY, "There is not enough memory."},
    {ERROR_NOT_SUPPORTED, "This is not served."},
    {ERROR_INVALID_PARAMETER, "An argument is wrong."},
    {ERROR_INSUFFICIENT_BUFFER, "The buffer is too small."},
    {ERROR_BUFFER_OVERFLOW, "The buffer is too small."},
    {WAIT_TIMEOUT, "The time for waiting is over."},
    {ERROR_OPERATION_ABORTED, "The operation was cancelled."},
    {ERROR_IO_INCOMPLETE, "The operation has not ended yet."},
    {ERROR_IO_PENDING, "The operation goes on in the background."},
    {RPC_S_SERVER_UNAVAILABLE, "The daemon cannot be reached."},
    {WSAEINTR, "The call was interrupted."},
    {WSAEACCES, "The address or the peer's rights are not for this caller."},
    {WSAEFAULT, "A pointer or a length is wrong."},
    {WSAEINVAL, "An argument is wrong, or the socket is not in the state for this call."},
    {WSAEMFILE, "Too many sockets are open."},
    {WSAEWOULDBLOCK, "The call would have to wait, and the socket does not."},
    {WSAEALREADY, "The socket is being connected already."},
    {WSAENOTSOCK, "This is not a socket."},
    {WSAEMSGSIZE, "The message is larger than the buffer, or a length does not fit."},
    {WSAENOPROTOOPT, "The option is not known at this level."},
    {WSAEPROTONOSUPPORT, "The protocol is not supported."},
    {WSAEOPNOTSUPP, "This kind of socket does not do that."},
    {WSAEAFNOSUPPORT, "The address family is not supported here."},
    {WSAEADDRINUSE, "The address is in use."},
    {WSAEADDRNOTAVAIL, "The address is none of this machine's."},
    {WSAENETDOWN, "The network is down."},
    {WSAENETUNREACH, "There is no route to that network."},
    {WSAECONNABORTED, "The connection was given up on this side."},
    {WSAECONNRESET, "The peer has reset the connection."},
    {WSAENOBUFS, "There is no room for more of this."},
    {WSAEISCONN, "The socket is connected."},
    {WSAENOTCONN, "The socket is not connected."},
    {WSAESHUTDOWN, "The socket was shut down for this direction."},
    {WSAETIMEDOUT, "The peer did not answer in time."},
    {WSAECONNREFUSED, "The peer has refused the connection."},
    {WSAEHOSTUNREACH, "There is no way to that host."},
    {WSAVERNOTSUPPORTED, "This version of the interface is not served."},
    {WSANOTINITIALISED, "WSAStartup has not been called."},
    {WSASYSCALLFAILURE, "A call of the system failed that should not."},
    {WSATYPE_NOT_FOUND, "The service is not known."},
    {WSAHOST_NOT_FOUND, "The name is not known."},
    {WSATRY_AGAIN, "The name could not be resolved now."},
    {WSANO_RECOVERY, "The name server has failed."},
    {WSANO_DATA, "The name has no address of this kind."},
    {ERROR_IPSEC_IKE_AUTH_FAIL, "The IKE peers could not authenticate each other."},
    {ERROR_IPSEC_IKE_TIMED_OUT, "The IKE peer did not answer in time."},
    {ERROR_IPSEC_IKE_POLICY_MATCH, "The IKE peers have no proposal in common."},
};

std::string sentence(DWORD code) {
  for (const Sentence& each : kSentences) {
    if (each.code == code) return each.text;
  }
  if ((code & 0xffff0000u) == 0x80320000u) return "The filter engine has refused the call.";
  if (code >= 13000 && code < 14000) return "IPsec policy or its negotiation has failed.";
  return {};
}

template <class Char>
DWORD give_message(std::basic_string<Char> text, DWORD flags, Char* buffer, DWORD size) {
  if ((flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0) {
    const size_t room = std::max<size_t>(text.size() + 1, size);
    auto* const made = static_cast<Char*>(std::calloc(room, sizeof(Char)));
    if (!buffer || !made) {
      std::free(made);
      set_last_error(buffer ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_PARAMETER);
      return 0;
    }
    std::copy(text.begin(), text.end(), made);
    std::memcpy(static_cast<void*>(buffer), &made, sizeof made);  // the argument is a pointer to a pointer then
    return static_cast<DWORD>(text.size());
  }
  if (!buffer || text.size() >= size) {
    set_last_error(ERROR_INSUFFICIENT_BUFFER);
    return 0;
  }
  std::copy(text.begin(), text.end(), buffer);
  buffer[text.size()] = 0;
  return static_cast<DWORD>(text.size());
}

// Empty, with the last error set: there is no such message.
std::string message(DWORD flags, DWORD code) {
  constexpr DWORD kSystem = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_FROM_HMODULE;
  if ((flags & FORMAT_MESSAGE_FROM_STRING) != 0 || (flags & kSystem) == 0) {
    set_last_error(ERROR_NOT_SUPPORTED);
    return {};
  }
  std::string text = sentence(code);
  if (text.empty()) {
    set_last_error(317);  // ERROR_MR_MID_NOT_FOUND
    return {};
  }
  return text + ((flags & FORMAT_MESSAGE_MAX_WIDTH_MASK) == FORMAT_MESSAGE_MAX_WIDTH_MASK ? " " : "\r\n");
}

// ---- text that a caller gives room for ----

std::string host_name(COMPUTER_NAME_FORMAT form) {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return {};
  const std::string whole = name;
  const size_t dot = whole.find('.');
  const std::string host = whole.substr(0, dot);
  const std::string domain = dot == std::string::npos ? "" : whole.substr(dot + 1);
  switch (form) {
    case ComputerNameDnsDomain:
    case ComputerNamePhysicalDnsDomain: return domain;
    case ComputerNameDnsFullyQualified:
    case ComputerNamePhysicalDnsFullyQualified: return whole;
    case ComputerNameNetBIOS:
    case ComputerNamePhysicalNetBIOS: {
      std::string upper = host.substr(0, MAX_COMPUTERNAME_LENGTH);
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      return upper;
    }
    case ComputerNameDnsHostname:
    case ComputerNamePhysicalDnsHostname:
    case ComputerNameMax: break;
  }
  return host;
}

std::string user_name() {
  const uid_t user = static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1)));  // changes nothing: asks
  passwd entry{};
  passwd* found = nullptr;
  char room[4096];
  if (::getpwuid_r(user, &entry, room, sizeof room, &found) == 0 && found) return found->pw_name;
  return std::to_string(user);
}

// *size is the room; it comes back as the length, or as what is needed with the zero. counted: the length counts the
// zero.
template <class Char>
BOOL give_name(const std::basic_string<Char>& name, Char* buffer, DWORD* size, DWORD too_small, bool counted) {
  if (!size) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return FALSE;
  }
  const auto needed = static_cast<DWORD>(name.size() + 1);
  const bool fits = buffer && *size >= needed;
  *size = fits && !counted ? needed - 1 : needed;
  if (!fits) {
    set_last_error(too_small);
    return FALSE;
  }
  std::copy_n(name.c_str(), needed, buffer);
  return TRUE;
}

bool is_utf8_page(UINT page) { return page == CP_ACP || page == CP_OEMCP || page == CP_THREAD_ACP || page == CP_UTF8; }

// The shared half of the two conversions: `Result` of all of it, cut off nowhere.
template <class From, class To, class Convert>
int convert(UINT page, const From* from, int length, To* to, int size, bool strict, Convert conversion) {
  if (!is_utf8_page(page) || !from || length == 0 || length < -1 || size < 0 || (size > 0 && !to)) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return 0;
  }
  const size_t taken = length < 0 ? std::char_traits<From>::length(from) + 1 : static_cast<size_t>(length);
  bool valid = true;
  const std::basic_string<To> result = conversion(std::basic_string_view<From>(from, taken), &valid);
  if (strict && !valid) {
    set_last_error(ERROR_NO_UNICODE_TRANSLATION);
    return 0;
  }
  if (size == 0) return static_cast<int>(result.size());
  if (result.size() > static_cast<size_t>(size)) {
    set_last_error(ERROR_INSUFFICIENT_BUFFER);
    return 0;
  }
  std::copy(result.begin(), result.end(), to);
  return static_cast<int>(result.size());
}

template <class Char>
Char* copy_bounded(Char* to, const Char* from, int size) {
  if (!to || !from || size < 1) return nullptr;
  const size_t length = std::min(std::char_traits<Char>::length(from), static_cast<size_t>(size) - 1);
  std::copy_n(from, length, to);
  to[length] = 0;
  return to;
}
template <class Char>
int length_of(const Char* text) {
  return text ? static_cast<int>(std::char_traits<Char>::length(text)) : 0;
}

uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

SYSTEMTIME broken_down(bool local) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  if (local) {
    ::localtime_r(&now.tv_sec, &parts);
  } else {
    ::gmtime_r(&now.tv_sec, &parts);
  }
  return {static_cast<WORD>(parts.tm_year + 1900), static_cast<WORD>(parts.tm_mon + 1),
          static_cast<WORD>(parts.tm_wday),        static_cast<WORD>(parts.tm_mday),
          static_cast<WORD>(parts.tm_hour),        static_cast<WORD>(parts.tm_min),
          static_cast<WORD>(parts.tm_sec),         static_cast<WORD>(now.tv_nsec / 1'000'000)};
}

const HANDLE kHeap = reinterpret_cast<HANDLE>(uintptr_t{0x800});

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

HANDLE WINAPI GetProcessHeap(void) { return kHeap; }
LPVOID WINAPI HeapAlloc(HANDLE, DWORD flags, SIZE_T octets) {
  return allocate(octets, (flags & HEAP_ZERO_MEMORY) != 0);
}
LPVOID WINAPI HeapReAlloc(HANDLE, DWORD flags, LPVOID memory, SIZE_T octets) {
  if (!memory) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  const SIZE_T before = ::malloc_usable_size(memory);
  if ((flags & HEAP_REALLOC_IN_PLACE_ONLY) != 0 && octets > before) return nullptr;
  void* const more = std::realloc(memory, std::max<SIZE_T>(octets, 1));
  if (more && (flags & HEAP_ZERO_MEMORY) != 0 && octets > before) {
    std::memset(static_cast<char*>(more) + before, 0, octets - before);
  }
  return more;
}
BOOL WINAPI HeapFree(HANDLE, DWORD, LPVOID memory) {
  std::free(memory);
  return TRUE;
}
SIZE_T WINAPI HeapSize(HANDLE, DWORD, LPCVOID memory) { return ::malloc_usable_size(const_cast<void*>(memory)); }
HLOCAL WINAPI LocalAlloc(UINT flags, SIZE_T octets) { return allocate(octets, (flags & LMEM_ZEROINIT) != 0); }
HLOCAL WINAPI LocalFree(HLOCAL memory) {
  std::free(memory);
  return nullptr;
}
HGLOBAL WINAPI GlobalAlloc(UINT flags, SIZE_T octets) { return LocalAlloc(flags, octets); }
HGLOBAL WINAPI GlobalFree(HGLOBAL memory) { return LocalFree(memory); }
PVOID WINAPI SecureZeroMemory(PVOID memory, SIZE_T octets) {
  ::explicit_bzero(memory, octets);
  return memory;
}

DWORD WINAPI FormatMessageA(DWORD flags, LPCVOID, DWORD code, DWORD, LPSTR buffer, DWORD size, va_list*) {
  const std::string text = message(flags, code);
  return text.empty() ? 0 : give_message(text, flags, buffer, size);
}
DWORD WINAPI FormatMessageW(DWORD flags, LPCVOID, DWORD code, DWORD, LPWSTR buffer, DWORD size, va_list*) {
  const std::string text = message(flags, code);
  return text.empty() ? 0 : give_message(from_utf8(text), flags, buffer, size);
}
char* WSAAPI gai_strerrorA(int code) {
  thread_local char text[128];
  copy_bounded<char>(text, sentence(static_cast<DWORD>(code)).c_str(), sizeof text);
  return text;
}
WCHAR* WSAAPI gai_strerrorW(int code) {
  thread_local wchar_t text[128];
  copy_bounded<wchar_t>(text, from_utf8(sentence(static_cast<DWORD>(code))).c_str(), 128);
  return text;
}

BOOL WINAPI GetComputerNameExA(COMPUTER_NAME_FORMAT form, LPSTR buffer, LPDWORD size) {
  return give_name(host_name(form), buffer, size, ERROR_MORE_DATA, false);
}
BOOL WINAPI GetComputerNameExW(COMPUTER_NAME_FORMAT form, LPWSTR buffer, LPDWORD size) {
  return give_name(from_utf8(host_name(form)), buffer, size, ERROR_MORE_DATA, false);
}
BOOL WINAPI GetComputerNameA(LPSTR buffer, LPDWORD size) {
  return give_name(host_name(ComputerNameNetBIOS), buffer, size, ERROR_BUFFER_OVERFLOW, false);
}
BOOL WINAPI GetComputerNameW(LPWSTR buffer, LPDWORD size) {
  return give_name(from_utf8(host_name(ComputerNameNetBIOS)), buffer, size, ERROR_BUFFER_OVERFLOW, false);
}
BOOL WINAPI GetUserNameA(LPSTR buffer, LPDWORD size) {
  return give_name(user_name(), buffer, size, ERROR_INSUFFICIENT_BUFFER, true);
}
BOOL WINAPI GetUserNameW(LPWSTR buffer, LPDWORD size) {
  return give_name(from_utf8(user_name()), buffer, size, ERROR_INSUFFICIENT_BUFFER, true);
}

DWORD WINAPI GetTickCount(void) { return static_cast<DWORD>(GetTickCount64()); }
ULONGLONG WINAPI GetTickCount64(void) { return nanoseconds(CLOCK_BOOTTIME) / 1'000'000; }
BOOL WINAPI QueryPerformanceCounter(LARGE_INTEGER* count) {
  count->QuadPart = static_cast<LONGLONG>(nanoseconds(CLOCK_MONOTONIC));
  return TRUE;
}
BOOL WINAPI QueryPerformanceFrequency(LARGE_INTEGER* per_second) {
  per_second->QuadPart = 1'000'000'000;
  return TRUE;
}
void WINAPI GetSystemTimeAsFileTime(LPFILETIME time) {
  constexpr uint64_t kSince1601 = 11'644'473'600ull * 10'000'000;
  const uint64_t ticks = nanoseconds(CLOCK_REALTIME) / 100 + kSince1601;
  time->dwLowDateTime = static_cast<DWORD>(ticks);
  time->dwHighDateTime = static_cast<DWORD>(ticks >> 32);
}
void WINAPI GetSystemTime(LPSYSTEMTIME time) { *time = broken_down(false); }
void WINAPI GetLocalTime(LPSYSTEMTIME time) { *time = broken_down(true); }

int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCSTR from, int length, LPWSTR to, int size) {
  return convert<char, wchar_t>(page, from, length, to, size, (flags & MB_ERR_INVALID_CHARS) != 0, from_utf8);
}
int WINAPI WideCharToMultiByte(UINT page, DWORD flags, LPCWSTR from, int length, LPSTR to, int size, LPCSTR,
                               LPBOOL used_fallback) {
  if (used_fallback) *used_fallback = FALSE;
  return convert<wchar_t, char>(page, from, length, to, size, (flags & WC_ERR_INVALID_CHARS) != 0, to_utf8);
}

int WINAPI lstrlenA(LPCSTR text) { return length_of(text); }
int WINAPI lstrlenW(LPCWSTR text) { return length_of(text); }
int WINAPI lstrcmpA(LPCSTR one, LPCSTR other) { return std::strcmp(one, other); }
int WINAPI lstrcmpW(LPCWSTR one, LPCWSTR other) { return std::wcscmp(one, other); }
int WINAPI lstrcmpiA(LPCSTR one, LPCSTR other) { return _stricmp(one, other); }
int WINAPI lstrcmpiW(LPCWSTR one, LPCWSTR other) { return _wcsicmp(one, other); }
LPSTR WINAPI lstrcpyA(LPSTR to, LPCSTR from) { return std::strcpy(to, from); }
LPWSTR WINAPI lstrcpyW(LPWSTR to, LPCWSTR from) { return std::wcscpy(to, from); }
LPSTR WINAPI lstrcpynA(LPSTR to, LPCSTR from, int size) { return copy_bounded(to, from, size); }
LPWSTR WINAPI lstrcpynW(LPWSTR to, LPCWSTR from, int size) { return copy_bounded(to, from, size); }
LPSTR WINAPI lstrcatA(LPSTR to, LPCSTR from) { return std::strcat(to, from); }
LPWSTR WINAPI lstrcatW(LPWSTR to, LPCWSTR from) { return std::wcscat(to, from); }

}  // extern "C"
