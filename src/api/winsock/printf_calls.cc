// The functions of the printf family, over format.h.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cwchar>

#define SALLYPORT_PLAIN_PRINTF
#include <sallyport/windows/msvcrt.h>
#include <sallyport/windows/strsafe.h>

#include "api/winsock/format.h"
#include "api/winsock/text.h"

namespace sallyport::api::winsock {
namespace {

int write_to(FILE* stream, const std::string& text, size_t characters) {
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size()) return -1;
  return static_cast<int>(std::min<size_t>(characters, INT_MAX));
}
int print(FILE* stream, const char* format, va_list arguments) {
  const std::string text = format_text(format, arguments);
  return write_to(stream, text, text.size());
}
int print(FILE* stream, const wchar_t* format, va_list arguments) {
  const std::wstring text = format_text(format, arguments);
  return write_to(stream, to_utf8(text), text.size());
}

// As much as has room, always ended by a zero; whether all had.
template <class Char>
bool store(Char* to, size_t size, const std::basic_string<Char>& text) {
  if (size == 0) return false;
  const size_t copied = std::min(size - 1, text.size());
  std::copy_n(text.data(), copied, to);
  to[copied] = 0;
  return copied == text.size();
}

// The C standard's: the length that was wanted (narrow), or -1 where it had no room (wide).
int standard(char* to, size_t size, const char* format, va_list arguments) {
  const std::string text = format_text(format, arguments);
  store(to, size, text);
  return static_cast<int>(text.size());
}
int standard(wchar_t* to, size_t size, const wchar_t* format, va_list arguments) {
  const std::wstring text = format_text(format, arguments);
  return store(to, size, text) ? static_cast<int>(text.size()) : -1;
}

// The old ones: no zero behind what just fits, -1 for what does not.
template <class Char>
int unterminated(Char* to, size_t size, const Char* format, va_list arguments) {
  const auto text = format_text(format, arguments);
  if (!to) return static_cast<int>(text.size());
  std::copy_n(text.data(), std::min(size, text.size()), to);
  if (text.size() < size) to[text.size()] = 0;
  return text.size() <= size ? static_cast<int>(text.size()) : -1;
}

// The checked ones: all, or nothing and -1; with _TRUNCATE or a bound, what has room and -1.
template <class Char>
int checked(Char* to, size_t size, size_t most, const Char* format, va_list arguments) {
  if (!to || size == 0 || !format) {
    errno = EINVAL;
    return -1;
  }
  auto text = format_text(format, arguments);
  const bool cut = most != _TRUNCATE && text.size() > most;
  if (cut) text.resize(most);
  if (store(to, size, text)) return cut ? -1 : static_cast<int>(text.size());
  if (most != _TRUNCATE) to[0] = 0;
  errno = ERANGE;
  return -1;
}
constexpr size_t kAll = static_cast<size_t>(-2);  // no bound, and no cutting

template <class Char>
int counted(const Char* format, va_list arguments) {
  return static_cast<int>(format_text(format, arguments).size());
}

template <class Char>
HRESULT safe(Char* to, size_t size, const std::basic_string<Char>& text) {
  if (!to || size == 0 || size > STRSAFE_MAX_CCH) return STRSAFE_E_INVALID_PARAMETER;
  return store(to, size, text) ? S_OK : STRSAFE_E_INSUFFICIENT_BUFFER;
}
template <class Char>
HRESULT safe_append(Char* to, size_t size, const Char* from) {
  size_t used = 0;
  while (used < size && to[used] != 0) ++used;
  if (used == size) return STRSAFE_E_INVALID_PARAMETER;
  return safe(to + used, size - used, std::basic_string<Char>(from));
}
template <class Char>
HRESULT safe_length(const Char* text, size_t size, size_t* length) {
  size_t used = 0;
  while (text && used < size && text[used] != 0) ++used;
  if (!text || used == size) return STRSAFE_E_INVALID_PARAMETER;
  if (length) *length = used;
  return S_OK;
}
template <class Char>
std::basic_string<Char> first(const Char* from, size_t most) {
  std::basic_string<Char> out;
  for (; out.size() < most && *from != 0; ++from) out.push_back(*from);
  return out;
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

#define WITH_ARGUMENTS(call)   \
  va_list arguments;           \
  va_start(arguments, format); \
  const auto result = call;    \
  va_end(arguments);           \
  return result

extern "C" {

int sallyport_ms_vprintf(const char* format, va_list arguments) { return print(stdout, format, arguments); }
int sallyport_ms_vfprintf(FILE* stream, const char* format, va_list arguments) {
  return print(stream, format, arguments);
}
int sallyport_ms_vwprintf(const wchar_t* format, va_list arguments) { return print(stdout, format, arguments); }
int sallyport_ms_vfwprintf(FILE* stream, const wchar_t* format, va_list arguments) {
  return print(stream, format, arguments);
}
int sallyport_ms_printf(const char* format, ...) { WITH_ARGUMENTS(print(stdout, format, arguments)); }
int sallyport_ms_fprintf(FILE* stream, const char* format, ...) { WITH_ARGUMENTS(print(stream, format, arguments)); }
int sallyport_ms_wprintf(const wchar_t* format, ...) { WITH_ARGUMENTS(print(stdout, format, arguments)); }
int sallyport_ms_fwprintf(FILE* stream, const wchar_t* format, ...) {
  WITH_ARGUMENTS(print(stream, format, arguments));
}
int sallyport_ms_vsprintf(char* to, const char* format, va_list arguments) {
  return standard(to, INT_MAX, format, arguments);
}
int sallyport_ms_sprintf(char* to, const char* format, ...) {
  WITH_ARGUMENTS(standard(to, INT_MAX, format, arguments));
}
int sallyport_ms_vsnprintf(char* to, size_t size, const char* format, va_list arguments) {
  return standard(to, size, format, arguments);
}
int sallyport_ms_snprintf(char* to, size_t size, const char* format, ...) {
  WITH_ARGUMENTS(standard(to, size, format, arguments));
}
int sallyport_ms_vswprintf(wchar_t* to, size_t size, const wchar_t* format, va_list arguments) {
  return standard(to, size, format, arguments);
}
int sallyport_ms_swprintf(wchar_t* to, size_t size, const wchar_t* format, ...) {
  WITH_ARGUMENTS(standard(to, size, format, arguments));
}
int sallyport_ms_fputws(const wchar_t* text, FILE* stream) { return write_to(stream, to_utf8(text), 0); }
wint_t sallyport_ms_fputwc(wchar_t character, FILE* stream) {
  return write_to(stream, to_utf8(std::wstring_view(&character, 1)), 0) < 0 ? WEOF : static_cast<wint_t>(character);
}
wint_t sallyport_ms_putwchar(wchar_t character) { return sallyport_ms_fputwc(character, stdout); }
int _putws(const wchar_t* text) { return write_to(stdout, to_utf8(text) + "\n", 0); }

int _vsnprintf(char* to, size_t size, const char* format, va_list arguments) {
  return unterminated(to, size, format, arguments);
}
int _snprintf(char* to, size_t size, const char* format, ...) {
  WITH_ARGUMENTS(unterminated(to, size, format, arguments));
}
int _vsnwprintf(wchar_t* to, size_t size, const wchar_t* format, va_list arguments) {
  return unterminated(to, size, format, arguments);
}
int _snwprintf(wchar_t* to, size_t size, const wchar_t* format, ...) {
  WITH_ARGUMENTS(unterminated(to, size, format, arguments));
}
int _vscprintf(const char* format, va_list arguments) { return counted(format, arguments); }
int _scprintf(const char* format, ...) { WITH_ARGUMENTS(counted(format, arguments)); }
int _vscwprintf(const wchar_t* format, va_list arguments) { return counted(format, arguments); }
int _scwprintf(const wchar_t* format, ...) { WITH_ARGUMENTS(counted(format, arguments)); }
int vsprintf_s(char* to, size_t size, const char* format, va_list arguments) {
  return checked(to, size, kAll, format, arguments);
}
int sprintf_s(char* to, size_t size, const char* format, ...) {
  WITH_ARGUMENTS(checked(to, size, kAll, format, arguments));
}
int vswprintf_s(wchar_t* to, size_t size, const wchar_t* format, va_list arguments) {
  return checked(to, size, kAll, format, arguments);
}
int swprintf_s(wchar_t* to, size_t size, const wchar_t* format, ...) {
  WITH_ARGUMENTS(checked(to, size, kAll, format, arguments));
}
int _vsnprintf_s(char* to, size_t size, size_t most, const char* format, va_list arguments) {
  return checked(to, size, most, format, arguments);
}
int _snprintf_s(char* to, size_t size, size_t most, const char* format, ...) {
  WITH_ARGUMENTS(checked(to, size, most, format, arguments));
}
int _vsnwprintf_s(wchar_t* to, size_t size, size_t most, const wchar_t* format, va_list arguments) {
  return checked(to, size, most, format, arguments);
}
int _snwprintf_s(wchar_t* to, size_t size, size_t most, const wchar_t* format, ...) {
  WITH_ARGUMENTS(checked(to, size, most, format, arguments));
}

// ---- strsafe.h: Cch counts characters, Cb octets ----

#define SAFE_FUNCTIONS(unit, suffix, Char, divisor)                                                            \
  HRESULT WINAPI String##unit##Copy##suffix(Char* to, size_t size, const Char* from) {                         \
    return from ? safe(to, size / (divisor), std::basic_string<Char>(from)) : STRSAFE_E_INVALID_PARAMETER;     \
  }                                                                                                            \
  HRESULT WINAPI String##unit##CopyN##suffix(Char* to, size_t size, const Char* from, size_t most) {           \
    return from ? safe(to, size / (divisor), first(from, most / (divisor))) : STRSAFE_E_INVALID_PARAMETER;     \
  }                                                                                                            \
  HRESULT WINAPI String##unit##Cat##suffix(Char* to, size_t size, const Char* from) {                          \
    return to && from ? safe_append(to, size / (divisor), from) : STRSAFE_E_INVALID_PARAMETER;                 \
  }                                                                                                            \
  HRESULT WINAPI String##unit##VPrintf##suffix(Char* to, size_t size, const Char* format, va_list arguments) { \
    return format ? safe(to, size / (divisor), format_text(format, arguments)) : STRSAFE_E_INVALID_PARAMETER;  \
  }                                                                                                            \
  HRESULT WINAPI String##unit##Printf##suffix(Char* to, size_t size, const Char* format, ...) {                \
    WITH_ARGUMENTS(String##unit##VPrintf##suffix(to, size, format, arguments));                                \
  }                                                                                                            \
  HRESULT WINAPI String##unit##Length##suffix(const Char* text, size_t size, size_t* length) {                 \
    const HRESULT result = safe_length(text, size / (divisor), length);                                        \
    if (result == S_OK && length) *length *= (divisor);                                                        \
    return result;                                                                                             \
  }
SAFE_FUNCTIONS(Cch, A, char, 1)
SAFE_FUNCTIONS(Cch, W, wchar_t, 1)
SAFE_FUNCTIONS(Cb, A, char, 1)
SAFE_FUNCTIONS(Cb, W, wchar_t, sizeof(wchar_t))

}  // extern "C"
