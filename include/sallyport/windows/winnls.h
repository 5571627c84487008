// Text of other encodings: CP_ACP, CP_OEMCP and CP_UTF8 are UTF-8 here, others ERROR_INVALID_PARAMETER.
#pragma once
#include "winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CP_ACP 0u
#define CP_OEMCP 1u
#define CP_THREAD_ACP 3u
#define CP_UTF8 65001u
#define MB_PRECOMPOSED 0x00000001u
#define MB_ERR_INVALID_CHARS 0x00000008u
#define WC_ERR_INVALID_CHARS 0x00000080u

// A length of -1 is up to and including the terminating zero. A size of 0 asks how much is needed. 0 is failure.
int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCSTR from, int length, LPWSTR to, int size);
int WINAPI WideCharToMultiByte(UINT page, DWORD flags, LPCWSTR from, int length, LPSTR to, int size, LPCSTR fallback,
                               LPBOOL used_fallback);

int WINAPI lstrlenA(LPCSTR text);
int WINAPI lstrlenW(LPCWSTR text);
int WINAPI lstrcmpA(LPCSTR one, LPCSTR other);
int WINAPI lstrcmpW(LPCWSTR one, LPCWSTR other);
int WINAPI lstrcmpiA(LPCSTR one, LPCSTR other);
int WINAPI lstrcmpiW(LPCWSTR one, LPCWSTR other);
LPSTR WINAPI lstrcpyA(LPSTR to, LPCSTR from);
LPWSTR WINAPI lstrcpyW(LPWSTR to, LPCWSTR from);
LPSTR WINAPI lstrcpynA(LPSTR to, LPCSTR from, int size);
LPWSTR WINAPI lstrcpynW(LPWSTR to, LPCWSTR from, int size);
LPSTR WINAPI lstrcatA(LPSTR to, LPCSTR from);
LPWSTR WINAPI lstrcatW(LPWSTR to, LPCWSTR from);
#ifdef UNICODE
#define lstrlen lstrlenW
#define lstrcmp lstrcmpW
#define lstrcmpi lstrcmpiW
#define lstrcpy lstrcpyW
#define lstrcpyn lstrcpynW
#define lstrcat lstrcatW
#else
#define lstrlen lstrlenA
#define lstrcmp lstrcmpA
#define lstrcmpi lstrcmpiA
#define lstrcpy lstrcpyA
#define lstrcpyn lstrcpynA
#define lstrcat lstrcatA
#endif

#ifdef __cplusplus
}
#endif
