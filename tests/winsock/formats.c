/* Text: the printf family with Microsoft's conventions, the run-time library's strings, identifiers, messages. */
#define UNICODE
#define _UNICODE
#include <ntdsapi.h>
#include <rpc.h>
#include <strsafe.h>
#include <tchar.h>
#include <windows.h>
#include <winsock2.h>
#include "expect.h"

static __declspec(thread) int of_this_thread;
static __declspec(noinline) int aligned(VOID) {
  static __declspec(align(64)) CHAR octets[3];
  return (ULONG_PTR)octets % 64 == 0 && of_this_thread == 0 && UINT_MAX == MAXDWORD;
}

static const char* narrow(const char* format, ...) {
  static char text[256];
  va_list arguments;
  va_start(arguments, format);
  EXPECT(vsnprintf(text, sizeof text, format, arguments) >= 0);
  va_end(arguments);
  return text;
}
static const wchar_t* wide(const wchar_t* format, ...) {
  static wchar_t text[256];
  va_list arguments;
  va_start(arguments, format);
  EXPECT(vswprintf(text, 256, format, arguments) >= 0);
  va_end(arguments);
  return text;
}
#define NARROW(expected, ...) EXPECT(strcmp(narrow(__VA_ARGS__), expected) == 0)
#define WIDE(expected, ...) EXPECT(wcscmp(wide(__VA_ARGS__), expected) == 0)

static void conversions(void) {
  NARROW("a b c d e", "%s %S %hs %ls %ws", "a", L"b", "c", L"d", L"e");
  WIDE(L"a b c d e", L"%s %S %hs %ls %ws", L"a", "b", "c", L"d", L"e");
  NARROW("x y z", "%c %C %lc", 'x', L'y', L'z');
  WIDE(L"x y z", L"%c %C %hc", L'x', 'y', 'z');
  WIDE(L"\u00fc|\xfffd", L"%S|%S", "\xc3\xbc", "\xff");
  NARROW("\xc3\xbc", "%S", L"\u00fc");
  /* l is 32 bits: what follows is not eaten, and what is above is not shown */
  NARROW("-1 4294967295 ffffffff 7", "%ld %lu %lx %d", (LONG)-1, (DWORD)-1, (ULONG)-1, 7);
  NARROW("-1099511627776 1099511627776 10000000000", "%I64d %lld %I64x", -(1LL << 40), 1LL << 40, 1LL << 40);
  NARROW("-2 65535 -1 255", "%I32d %hu %hd %hhu", -2, 0xffff, 0xffff, 0x1ff);
  NARROW("18446744073709551615 5", "%Iu %zu", (SIZE_T)-1, (size_t)5);
  NARROW("   7|7   |007|+7|0x7|07", "%4d|%-4d|%03d|%+d|%#x|%#o", 7, 7, 7, 7, 7, 7);
  NARROW("  ab|ab  |a", "%4s|%-4s|%.1s", "ab", "ab", "ab");
  WIDE(L"  ab|ab  |a|  ab", L"%4s|%-*s|%.*s|%*s", L"ab", 4, L"ab", 1, L"ab", -0 + 4, L"ab");
  NARROW("1.50 1e+02 3", "%.2f %.0e %g", 1.5, 100.0, 3.0);
  NARROW("00000000000000FF", "%p", (void*)255);
  NARROW("(null) (null)", "%s %S", (char*)NULL, (wchar_t*)NULL);
  NARROW("100% %y %", "%d%% %y %", 100);
  NARROW("ab", "a%nb", (int*)NULL);
}

static void targets(void) {
  char text[4];
  wchar_t letters[4];
  EXPECT(snprintf(text, 4, "%s", "abcdef") == 6 && strcmp(text, "abc") == 0);
  EXPECT(_snprintf(text, 4, "%s", "abcd") == 4 && memcmp(text, "abcd", 4) == 0 && _snprintf(text, 4, "abcde") == -1);
  EXPECT(swprintf(letters, 4, L"%s", L"abcd") == -1 && wcscmp(letters, L"abc") == 0);
  EXPECT(swprintf_s(letters, 4, L"%s", L"abcd") == -1 && letters[0] == 0 && swprintf_s(letters, 4, L"%d", 123) == 3);
  EXPECT(_snwprintf_s(letters, 4, _TRUNCATE, L"%s", L"abcd") == -1 && wcscmp(letters, L"abc") == 0);
  EXPECT(_scwprintf(L"%s", L"abcd") == 4 && _scprintf("%d", 12) == 2 && sprintf(text, "%d", 12) == 2);
  EXPECT(StringCchPrintfW(letters, 4, L"%s", L"abcd") == STRSAFE_E_INSUFFICIENT_BUFFER && wcscmp(letters, L"abc") == 0);
  EXPECT(StringCbCopyW(letters, sizeof letters, L"ab") == S_OK && StringCchCat(letters, 4, L"c") == S_OK);
  EXPECT(wcscmp(letters, L"abc") == 0 && StringCchCatW(letters, 4, L"d") == STRSAFE_E_INSUFFICIENT_BUFFER);
  EXPECT(StringCchCopyA(text, 0, "a") == STRSAFE_E_INVALID_PARAMETER && FAILED(STRSAFE_E_INVALID_PARAMETER));
  {
    size_t length = 0;
    EXPECT(StringCbLengthW(L"ab", 12, &length) == S_OK && length == 2 * sizeof(WCHAR));
    EXPECT(StringCchLengthW(L"ab", 2, &length) == STRSAFE_E_INVALID_PARAMETER);
  }
  EXPECT(strcpy_s(text, 4, "abcd") == ERANGE && text[0] == 0 && strcpy_s(text, 4, "abc") == 0);
  EXPECT(wcscpy_s(letters, 4, L"ab") == 0 && wcscat_s(letters, 4, L"cd") == ERANGE && letters[0] == 0);
  EXPECT(wcsncpy_s(letters, 4, L"abcdef", 2) == 0 && wcscmp(letters, L"ab") == 0);
  EXPECT(strncpy_s(text, 4, "abcdef", _TRUNCATE) == STRUNCATE && strcmp(text, "abc") == 0);
  EXPECT(memcpy_s(text, 4, "abcde", 5) == ERANGE && text[0] == 0 && memcpy_s(NULL, 0, text, 1) == EINVAL);
}

static void strings(void) {
  wchar_t text[] = L"MiXed";
  wchar_t number[40];
  int length;
  char octets[16];
  EXPECT(_wcsicmp(L"host/\u00c4", L"HOST/\u00c4") == 0 && _wcsicmp(L"a", L"B") < 0 &&
         _wcsnicmp(L"abX", L"ABy", 2) == 0);
  EXPECT(_stricmp("abc", "ABD") < 0 && _strnicmp("abc", "ABD", 2) == 0);
  EXPECT(wcscmp(_wcslwr(text), L"mixed") == 0 && wcscmp(_wcsupr(text), L"MIXED") == 0);
  EXPECT(_wtoi(L"-12") == -12 && _wtoi64(L"1099511627776") == 1LL << 40 &&
         wcscmp(_itow(-255, number, 10), L"-255") == 0);
  EXPECT(wcscmp(_itow(-1, number, 16), L"ffffffff") == 0 && RTL_NUMBER_OF(text) == 6 && _countof(number) == 40);
  length = MultiByteToWideChar(CP_UTF8, 0, "\xc3\xbc", -1, NULL, 0);
  EXPECT(length == 2 && MultiByteToWideChar(CP_ACP, 0, "\xc3\xbc", -1, number, length) == 2 && number[0] == 0xfc);
  EXPECT(WideCharToMultiByte(CP_UTF8, 0, number, -1, octets, sizeof octets, NULL, NULL) == 3);
  EXPECT(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xff", 1, number, 40) == 0 &&
         GetLastError() == ERROR_NO_UNICODE_TRANSLATION);
  EXPECT(MultiByteToWideChar(CP_UTF8, 0, "ab", 2, number, 1) == 0 && GetLastError() == ERROR_INSUFFICIENT_BUFFER);
  EXPECT(WideCharToMultiByte(1252, 0, L"a", 1, octets, 1, NULL, NULL) == 0 &&
         GetLastError() == ERROR_INVALID_PARAMETER);
  EXPECT(_tcslen(_T("abc")) == 3 && lstrcmpi(TEXT("A"), TEXT("a")) == 0 && max(1, 2) == 2);
}

static void spn(const wchar_t* expected, const wchar_t* kind, const wchar_t* name, const wchar_t* instance,
                USHORT port) {
  wchar_t text[MAX_PATH];
  DWORD length = MAX_PATH;
  EXPECT(DsMakeSpn(kind, name, instance, port, NULL, &length, text) == ERROR_SUCCESS);
  EXPECT(wcscmp(text, expected) == 0 && length == wcslen(expected) + 1);
}

static void identifiers(void) {
  UUID one, other, parsed;
  RPC_WSTR text = NULL;
  RPC_STATUS status = 1;
  DWORD length = 3, rooms[3] = {16, 16, 16};
  wchar_t parts[3][16];
  USHORT port = 0;
  EXPECT(UuidCreate(&one) == RPC_S_OK && UuidCreate(&other) == RPC_S_OK && !IsEqualGUID(&one, &other));
  EXPECT((one.Data3 & 0xf000) == 0x4000 && (one.Data4[0] & 0xc0) == 0x80);
  EXPECT(UuidToString(&one, &text) == RPC_S_OK && wcslen(text) == 36 && UuidFromString(text, &parsed) == RPC_S_OK);
  EXPECT(UuidEqual(&one, &parsed, &status) && status == RPC_S_OK && RpcStringFree(&text) == RPC_S_OK && text == NULL);
  EXPECT(UuidFromStringW((RPC_WSTR)L"not one", &parsed) == RPC_S_INVALID_STRING_UUID);
  EXPECT(UuidCreateNil(&parsed) == RPC_S_OK && UuidIsNil(&parsed, &status) && IsEqualGUID(&parsed, &GUID_NULL));
  spn(L"host/server.example", L"host", L"server.example", NULL, 0);
  spn(L"http/server.example:8080", L"http", L"server.example", NULL, 8080);
  spn(L"ldap/dc1.example:389/example", L"ldap", L"example", L"dc1.example", 389);
  EXPECT(DsMakeSpnW(L"host", L"a", NULL, 0, NULL, &length, parts[0]) == ERROR_BUFFER_OVERFLOW && length == 7);
  length = 0;
  EXPECT(DsMakeSpnW(L"host", L"a", NULL, 0, NULL, &length, NULL) == ERROR_BUFFER_OVERFLOW && length == 7);
  EXPECT(DsMakeSpnW(NULL, L"a", NULL, 0, NULL, &length, parts[0]) == ERROR_INVALID_PARAMETER);
  EXPECT(DsCrackSpnW(L"ldap/dc1:389/ex", &rooms[0], parts[0], &rooms[1], parts[1], &rooms[2], parts[2], &port) ==
         ERROR_SUCCESS);
  EXPECT(wcscmp(parts[0], L"ldap") == 0 && wcscmp(parts[1], L"ex") == 0 && wcscmp(parts[2], L"dc1") == 0 &&
         port == 389);
  EXPECT(DsCrackSpnW(L"nothing", NULL, NULL, NULL, NULL, NULL, NULL, NULL) == ERROR_INVALID_PARAMETER);
}

static void messages(void) {
  PWSTR made = NULL;
  wchar_t text[128];
  DWORD size = 128;
  void* block;
  LARGE_INTEGER a, b;
  EXPECT(FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_IGNORE_INSERTS,
                        NULL, WSAECONNREFUSED, 0, (PWSTR)&made, 0, NULL) > 5);
  EXPECT(wcsstr(made, L"refused") && wcscmp(made + wcslen(made) - 2, L"\r\n") == 0 && LocalFree(made) == NULL);
  EXPECT(FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM, NULL, 0xdead, 0, text, 128, NULL) == 0 && GetLastError() == 317);
  EXPECT(FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM, NULL, 0, 0, text, 2, NULL) == 0 &&
         GetLastError() == ERROR_INSUFFICIENT_BUFFER);
  EXPECT(FormatMessageW(FORMAT_MESSAGE_FROM_STRING, L"%1", 0, 0, text, 128, NULL) == 0 &&
         GetLastError() == ERROR_NOT_SUPPORTED);
  EXPECT(GetComputerNameEx(ComputerNameDnsHostname, text, &size) && size == wcslen(text));
  size = 0;
  EXPECT(!GetComputerNameExW(ComputerNameDnsHostname, NULL, &size) && GetLastError() == ERROR_MORE_DATA && size > 1);
  size = 128;
  EXPECT(GetUserName(text, &size) && size == wcslen(text) + 1);
  block = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 16);
  EXPECT(block && ((char*)block)[15] == 0 && HeapSize(GetProcessHeap(), 0, block) >= 16);
  block = HeapReAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, block, 4096);
  EXPECT(block && HeapFree(GetProcessHeap(), 0, block));
  EXPECT(QueryPerformanceCounter(&a) && QueryPerformanceCounter(&b) && b.QuadPart >= a.QuadPart);
}

int _tmain(int argc, _TCHAR* argv[]) {
  EXPECT(argc == 2 && _tcscmp(argv[1], _T("gr\u00fc\u00dfe")) == 0);
  EXPECT(aligned());
  conversions();
  targets();
  strings();
  identifiers();
  messages();
  /* wide and narrow on one stream */
  printf("%s", "one ");
  wprintf(L"%s %S", L"two\u2026", "three ");
  fputws(L"four ", stdout);
  putwchar(L'\u00e4');
  _putws(L"");
  _tprintf(_T("formats: %s\n"), _T("ok"));
  return 0;
}
