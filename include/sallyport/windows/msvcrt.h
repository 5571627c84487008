// What the run-time library has over there and not here, and the printf family with its conventions: in the wide
// functions %s and %c are wide and %S and %C narrow, in the narrow ones the other way round; %hs is narrow and %ls and
// %ws wide everywhere; l is 32 bits, ll, I64 and j are 64, I32 is 32, I and z are a pointer's width. %n writes nothing.
// Wide text goes out as UTF-8, so that printf and wprintf may share a stream. Define SALLYPORT_PLAIN_PRINTF before to
// keep the system's printf family. Names that end in _s empty their target when it is too small and return an error,
// where the original ends the program.
#pragma once
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>
#ifdef __cplusplus  // these would take the macros away again
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string>
#endif

#include "windef.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int errno_t;
typedef size_t rsize_t;
#define _TRUNCATE ((size_t)-1)
#define STRUNCATE 80
#ifndef _countof
#define _countof(array) (sizeof(array) / sizeof((array)[0]))
#endif

int sallyport_ms_printf(const char* format, ...);
int sallyport_ms_fprintf(FILE* stream, const char* format, ...);
int sallyport_ms_vprintf(const char* format, va_list arguments);
int sallyport_ms_vfprintf(FILE* stream, const char* format, va_list arguments);
int sallyport_ms_sprintf(char* to, const char* format, ...);
int sallyport_ms_vsprintf(char* to, const char* format, va_list arguments);
int sallyport_ms_snprintf(char* to, size_t size, const char* format, ...);
int sallyport_ms_vsnprintf(char* to, size_t size, const char* format, va_list arguments);
int sallyport_ms_wprintf(const wchar_t* format, ...);
int sallyport_ms_fwprintf(FILE* stream, const wchar_t* format, ...);
int sallyport_ms_vwprintf(const wchar_t* format, va_list arguments);
int sallyport_ms_vfwprintf(FILE* stream, const wchar_t* format, va_list arguments);
int sallyport_ms_swprintf(wchar_t* to, size_t size, const wchar_t* format, ...);
int sallyport_ms_vswprintf(wchar_t* to, size_t size, const wchar_t* format, va_list arguments);
int sallyport_ms_fputws(const wchar_t* text, FILE* stream);
wint_t sallyport_ms_fputwc(wchar_t character, FILE* stream);
wint_t sallyport_ms_putwchar(wchar_t character);

// Up to `size` characters, with a zero behind them only where it has room; -1 when they did not fit.
int _snprintf(char* to, size_t size, const char* format, ...);
int _vsnprintf(char* to, size_t size, const char* format, va_list arguments);
int _snwprintf(wchar_t* to, size_t size, const wchar_t* format, ...);
int _vsnwprintf(wchar_t* to, size_t size, const wchar_t* format, va_list arguments);
int _scprintf(const char* format, ...);
int _vscprintf(const char* format, va_list arguments);
int _scwprintf(const wchar_t* format, ...);
int _vscwprintf(const wchar_t* format, va_list arguments);
int sprintf_s(char* to, size_t size, const char* format, ...);
int vsprintf_s(char* to, size_t size, const char* format, va_list arguments);
int swprintf_s(wchar_t* to, size_t size, const wchar_t* format, ...);
int vswprintf_s(wchar_t* to, size_t size, const wchar_t* format, va_list arguments);
int _snprintf_s(char* to, size_t size, size_t most, const char* format, ...);
int _vsnprintf_s(char* to, size_t size, size_t most, const char* format, va_list arguments);
int _snwprintf_s(wchar_t* to, size_t size, size_t most, const wchar_t* format, ...);
int _vsnwprintf_s(wchar_t* to, size_t size, size_t most, const wchar_t* format, va_list arguments);
int _putws(const wchar_t* text);  // with a line end

#define printf_s sallyport_ms_printf
#define fprintf_s sallyport_ms_fprintf
#define wprintf_s sallyport_ms_wprintf
#define fwprintf_s sallyport_ms_fwprintf
#ifndef SALLYPORT_PLAIN_PRINTF
#define printf sallyport_ms_printf
#define fprintf sallyport_ms_fprintf
#define vprintf sallyport_ms_vprintf
#define vfprintf sallyport_ms_vfprintf
#undef sprintf
#undef vsprintf
#undef snprintf
#undef vsnprintf
#define sprintf sallyport_ms_sprintf
#define vsprintf sallyport_ms_vsprintf
#define snprintf sallyport_ms_snprintf
#define vsnprintf sallyport_ms_vsnprintf
#define wprintf sallyport_ms_wprintf
#define fwprintf sallyport_ms_fwprintf
#define vwprintf sallyport_ms_vwprintf
#define vfwprintf sallyport_ms_vfwprintf
#define swprintf sallyport_ms_swprintf
#define vswprintf sallyport_ms_vswprintf
#define fputws sallyport_ms_fputws
#undef putwc
#undef fputwc
#undef putwchar
#define putwc sallyport_ms_fputwc
#define fputwc sallyport_ms_fputwc
#define putwchar sallyport_ms_putwchar
#endif

int _wcsicmp(const wchar_t* one, const wchar_t* other);
int _wcsnicmp(const wchar_t* one, const wchar_t* other, size_t most);
int _stricmp(const char* one, const char* other);
int _strnicmp(const char* one, const char* other, size_t most);
#define wcsicmp _wcsicmp
#define stricmp _stricmp
#define strcmpi _stricmp
#define _strcmpi _stricmp
#define strnicmp _strnicmp
wchar_t* _wcsdup(const wchar_t* text);
char* _strdup(const char* text);
wchar_t* _wcslwr(wchar_t* text);
wchar_t* _wcsupr(wchar_t* text);
char* _strlwr(char* text);
char* _strupr(char* text);
int _wtoi(const wchar_t* text);
LONG _wtol(const wchar_t* text);
INT64 _wtoi64(const wchar_t* text);
INT64 _atoi64(const char* text);
wchar_t* _itow(int value, wchar_t* to, int radix);
char* _itoa(int value, char* to, int radix);
#define _strtoui64 strtoull
#define _strtoi64 strtoll
#define _wcstoui64 wcstoull
#define _wcstoi64 wcstoll
size_t strnlen_s(const char* text, size_t most);
size_t wcsnlen_s(const wchar_t* text, size_t most);
errno_t strcpy_s(char* to, size_t size, const char* from);
errno_t wcscpy_s(wchar_t* to, size_t size, const wchar_t* from);
errno_t strcat_s(char* to, size_t size, const char* from);
errno_t wcscat_s(wchar_t* to, size_t size, const wchar_t* from);
errno_t strncpy_s(char* to, size_t size, const char* from, size_t most);
errno_t wcsncpy_s(wchar_t* to, size_t size, const wchar_t* from, size_t most);
errno_t memcpy_s(void* to, size_t size, const void* from, size_t octets);
errno_t memmove_s(void* to, size_t size, const void* from, size_t octets);
#define strtok_s strtok_r
#define wcstok_s wcstok
int _kbhit(void);  // a line, or the end, can be read from standard input
int _getch(void);
int _getche(void);

#ifdef __cplusplus
}
#ifndef SALLYPORT_PLAIN_PRINTF
namespace std {  // std::printf and its kin name the macros' targets
using ::sallyport_ms_fprintf;
using ::sallyport_ms_fputwc;
using ::sallyport_ms_fputws;
using ::sallyport_ms_fwprintf;
using ::sallyport_ms_printf;
using ::sallyport_ms_putwchar;
using ::sallyport_ms_snprintf;
using ::sallyport_ms_sprintf;
using ::sallyport_ms_swprintf;
using ::sallyport_ms_vfprintf;
using ::sallyport_ms_vfwprintf;
using ::sallyport_ms_vprintf;
using ::sallyport_ms_vsnprintf;
using ::sallyport_ms_vsprintf;
using ::sallyport_ms_vswprintf;
using ::sallyport_ms_vwprintf;
using ::sallyport_ms_wprintf;
}  // namespace std
#endif
#endif
