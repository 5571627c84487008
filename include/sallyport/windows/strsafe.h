// Strings that never overrun: the functions that count characters (Cch) and the ones that count octets (Cb). What does
// not fit is cut, ends with zero and gives STRSAFE_E_INSUFFICIENT_BUFFER.
#pragma once
#include "msvcrt.h"
#include "winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define STRSAFE_MAX_CCH 2147483647
#define STRSAFE_E_INSUFFICIENT_BUFFER ((HRESULT)0x8007007A)
#define STRSAFE_E_INVALID_PARAMETER ((HRESULT)0x80070057)
#define STRSAFE_E_END_OF_FILE ((HRESULT)0x80070026)

HRESULT WINAPI StringCchCopyA(CHAR* to, size_t characters, const CHAR* from);
HRESULT WINAPI StringCchCopyNA(CHAR* to, size_t characters, const CHAR* from, size_t most);
HRESULT WINAPI StringCchCatA(CHAR* to, size_t characters, const CHAR* from);
HRESULT WINAPI StringCchPrintfA(CHAR* to, size_t characters, const CHAR* format, ...);
HRESULT WINAPI StringCchVPrintfA(CHAR* to, size_t characters, const CHAR* format, va_list arguments);
HRESULT WINAPI StringCchLengthA(const CHAR* text, size_t characters, size_t* length);
HRESULT WINAPI StringCchCopyW(WCHAR* to, size_t characters, const WCHAR* from);
HRESULT WINAPI StringCchCopyNW(WCHAR* to, size_t characters, const WCHAR* from, size_t most);
HRESULT WINAPI StringCchCatW(WCHAR* to, size_t characters, const WCHAR* from);
HRESULT WINAPI StringCchPrintfW(WCHAR* to, size_t characters, const WCHAR* format, ...);
HRESULT WINAPI StringCchVPrintfW(WCHAR* to, size_t characters, const WCHAR* format, va_list arguments);
HRESULT WINAPI StringCchLengthW(const WCHAR* text, size_t characters, size_t* length);
HRESULT WINAPI StringCbCopyA(CHAR* to, size_t octets, const CHAR* from);
HRESULT WINAPI StringCbCopyNA(CHAR* to, size_t octets, const CHAR* from, size_t most);
HRESULT WINAPI StringCbCatA(CHAR* to, size_t octets, const CHAR* from);
HRESULT WINAPI StringCbPrintfA(CHAR* to, size_t octets, const CHAR* format, ...);
HRESULT WINAPI StringCbVPrintfA(CHAR* to, size_t octets, const CHAR* format, va_list arguments);
HRESULT WINAPI StringCbLengthA(const CHAR* text, size_t octets, size_t* length);
HRESULT WINAPI StringCbCopyW(WCHAR* to, size_t octets, const WCHAR* from);
HRESULT WINAPI StringCbCopyNW(WCHAR* to, size_t octets, const WCHAR* from, size_t most);
HRESULT WINAPI StringCbCatW(WCHAR* to, size_t octets, const WCHAR* from);
HRESULT WINAPI StringCbPrintfW(WCHAR* to, size_t octets, const WCHAR* format, ...);
HRESULT WINAPI StringCbVPrintfW(WCHAR* to, size_t octets, const WCHAR* format, va_list arguments);
HRESULT WINAPI StringCbLengthW(const WCHAR* text, size_t octets, size_t* length);
#ifdef UNICODE
#define StringCchCopy StringCchCopyW
#define StringCchCopyN StringCchCopyNW
#define StringCchCat StringCchCatW
#define StringCchPrintf StringCchPrintfW
#define StringCchVPrintf StringCchVPrintfW
#define StringCchLength StringCchLengthW
#define StringCbCopy StringCbCopyW
#define StringCbCopyN StringCbCopyNW
#define StringCbCat StringCbCatW
#define StringCbPrintf StringCbPrintfW
#define StringCbVPrintf StringCbVPrintfW
#define StringCbLength StringCbLengthW
#else
#define StringCchCopy StringCchCopyA
#define StringCchCopyN StringCchCopyNA
#define StringCchCat StringCchCatA
#define StringCchPrintf StringCchPrintfA
#define StringCchVPrintf StringCchVPrintfA
#define StringCchLength StringCchLengthA
#define StringCbCopy StringCbCopyA
#define StringCbCopyN StringCbCopyNA
#define StringCbCat StringCbCatA
#define StringCbPrintf StringCbPrintfA
#define StringCbVPrintf StringCbVPrintfA
#define StringCbLength StringCbLengthA
#endif

#ifdef __cplusplus
}
#endif
