// Strings, numbers and keys as the other run-time library names them.
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <cwctype>
#include <string>

#define SALLYPORT_PLAIN_PRINTF
#include <sallyport/windows/msvcrt.h>

namespace sallyport::api::winsock {
namespace {

wint_t lower(wchar_t c) { return std::towlower(static_cast<wint_t>(c)); }
int lower(char c) { return std::tolower(static_cast<unsigned char>(c)); }
template <class Char>
int compare(const Char* one, const Char* other, size_t most) {
  for (size_t i = 0; i < most; ++i) {
    const auto a = static_cast<int64_t>(lower(one[i]));
    const auto b = static_cast<int64_t>(lower(other[i]));
    if (a != b) return a < b ? -1 : 1;
    if (one[i] == 0) break;
  }
  return 0;
}

template <class Char, class Change>
Char* changed(Char* text, Change change) {
  for (Char* at = text; *at != 0; ++at) *at = static_cast<Char>(change(*at));
  return text;
}

template <class Char>
Char* duplicate(const Char* text, size_t length) {
  if (!text) return nullptr;
  auto* const copy = static_cast<Char*>(std::malloc((length + 1) * sizeof(Char)));
  if (copy) std::copy_n(text, length + 1, copy);
  return copy;
}

template <class Char>
size_t length_within(const Char* text, size_t most) {
  size_t length = 0;
  while (text && length < most && text[length] != 0) ++length;
  return length;
}

// Behind `used` characters of `to`: up to `most` of `from`, all or nothing, cut with _TRUNCATE.
template <class Char>
errno_t put(Char* to, size_t size, size_t used, const Char* from, size_t most) {
  if (!to || size == 0) return EINVAL;
  if (!from || used >= size) {
    to[0] = 0;
    return EINVAL;
  }
  const size_t wanted = length_within(from, most == _TRUNCATE ? size : most);
  const size_t room = size - used - 1;
  if (wanted > room && most != _TRUNCATE) {
    to[0] = 0;
    return ERANGE;
  }
  std::memmove(to + used, from, std::min(wanted, room) * sizeof(Char));
  to[used + std::min(wanted, room)] = 0;
  return wanted > room ? STRUNCATE : 0;
}
constexpr size_t kAll = static_cast<size_t>(-2);

template <class Char>
Char* in_digits(int value, Char* to, int radix) {
  if (radix < 2 || radix > 36) {
    to[0] = 0;
    return to;
  }
  const bool minus = value < 0 && radix == 10;
  auto rest = static_cast<unsigned>(value);
  if (minus) rest = 0u - rest;
  std::basic_string<Char> digits;
  do {
    digits.push_back(static_cast<Char>("0123456789abcdefghijklmnopqrstuvwxyz"[rest % static_cast<unsigned>(radix)]));
    rest /= static_cast<unsigned>(radix);
  } while (rest != 0);
  if (minus) digits.push_back('-');
  std::reverse_copy(digits.begin(), digits.end(), to);
  to[digits.size()] = 0;
  return to;
}

int key(bool shown) {
  termios before{};
  const bool terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    termios raw = before;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | (shown ? 0 : ECHO));
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  const int out = std::getchar();
  if (terminal) ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  return out;
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

int _wcsicmp(const wchar_t* one, const wchar_t* other) { return compare(one, other, SIZE_MAX); }
int _wcsnicmp(const wchar_t* one, const wchar_t* other, size_t most) { return compare(one, other, most); }
int _stricmp(const char* one, const char* other) { return compare(one, other, SIZE_MAX); }
int _strnicmp(const char* one, const char* other, size_t most) { return compare(one, other, most); }
wchar_t* _wcsdup(const wchar_t* text) { return duplicate(text, text ? std::wcslen(text) : 0); }
char* _strdup(const char* text) { return duplicate(text, text ? std::strlen(text) : 0); }
wchar_t* _wcslwr(wchar_t* text) {
  return changed(text, [](wchar_t c) { return std::towlower(static_cast<wint_t>(c)); });
}
wchar_t* _wcsupr(wchar_t* text) {
  return changed(text, [](wchar_t c) { return std::towupper(static_cast<wint_t>(c)); });
}
char* _strlwr(char* text) {
  return changed(text, [](char c) { return std::tolower(static_cast<unsigned char>(c)); });
}
char* _strupr(char* text) {
  return changed(text, [](char c) { return std::toupper(static_cast<unsigned char>(c)); });
}
int _wtoi(const wchar_t* text) { return static_cast<int>(std::wcstol(text, nullptr, 10)); }
LONG _wtol(const wchar_t* text) { return static_cast<LONG>(std::wcstol(text, nullptr, 10)); }
INT64 _wtoi64(const wchar_t* text) { return std::wcstoll(text, nullptr, 10); }
INT64 _atoi64(const char* text) { return std::strtoll(text, nullptr, 10); }
wchar_t* _itow(int value, wchar_t* to, int radix) { return in_digits(value, to, radix); }
char* _itoa(int value, char* to, int radix) { return in_digits(value, to, radix); }
size_t strnlen_s(const char* text, size_t most) { return length_within(text, most); }
size_t wcsnlen_s(const wchar_t* text, size_t most) { return length_within(text, most); }
errno_t strcpy_s(char* to, size_t size, const char* from) { return put(to, size, 0, from, kAll); }
errno_t wcscpy_s(wchar_t* to, size_t size, const wchar_t* from) { return put(to, size, 0, from, kAll); }
errno_t strcat_s(char* to, size_t size, const char* from) { return put(to, size, length_within(to, size), from, kAll); }
errno_t wcscat_s(wchar_t* to, size_t size, const wchar_t* from) {
  return put(to, size, length_within(to, size), from, kAll);
}
errno_t strncpy_s(char* to, size_t size, const char* from, size_t most) { return put(to, size, 0, from, most); }
errno_t wcsncpy_s(wchar_t* to, size_t size, const wchar_t* from, size_t most) { return put(to, size, 0, from, most); }
errno_t memcpy_s(void* to, size_t size, const void* from, size_t octets) { return memmove_s(to, size, from, octets); }
errno_t memmove_s(void* to, size_t size, const void* from, size_t octets) {
  if (octets == 0) return 0;
  if (!to) return EINVAL;
  if (!from || octets > size) {
    std::memset(to, 0, size);
    return from ? ERANGE : EINVAL;
  }
  std::memmove(to, from, octets);
  return 0;
}
int _kbhit(void) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, 0) > 0 ? 1 : 0;
}
int _getch(void) { return key(false); }
int _getche(void) { return key(true); }

}  // extern "C"
