// The basic types of Windows programs, on Linux: integers keep the width they have there, so DWORD, ULONG and BOOL are
// 32 bits, and 64-bit ones are those of <stdint.h>.
// WCHAR is wchar_t, which here has 32 bits: text is UTF-32 between program and library, L"…" can be assigned as it is,
// and sizes of structures do not change because strings are always pointers. -fshort-wchar is refused.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include "guiddef.h"

#ifdef _WIN32
#error "On Windows use the headers of its SDK."
#endif
#if WCHAR_MAX <= 0xffff
#error "libsallyport has 32-bit wchar_t: do not compile with -fshort-wchar."
#endif

// Enumerations have 32 bits; in C++ they may hold any value of these, because a caller's may be wrong.
#ifdef __cplusplus
#define SALLYPORT_ENUM32 : unsigned int
#else
#define SALLYPORT_ENUM32
#endif

#define WINAPI
#define CALLBACK
#define APIENTRY
#define PASCAL
#define FAR
#define NEAR
#ifndef __cdecl
#define __cdecl
#define _cdecl
#endif
#ifndef __stdcall
#define __stdcall
#define __fastcall
#endif
#ifndef __forceinline
#define __forceinline __inline__ __attribute__((always_inline))
#endif
#ifndef FORCEINLINE
#define FORCEINLINE __forceinline
#endif
#ifndef __int64
#define __int64 long  // what int64_t is here, so that pointers to the two are alike
#define __int32 int
#define __int16 short
#define __int8 char
#endif
#ifndef __declspec
#define __declspec(word) SALLYPORT_DECLSPEC_##word
#define SALLYPORT_DECLSPEC_align(octets) __attribute__((aligned(octets)))
#define SALLYPORT_DECLSPEC_deprecated __attribute__((deprecated))
#define SALLYPORT_DECLSPEC_dllexport
#define SALLYPORT_DECLSPEC_dllimport
#define SALLYPORT_DECLSPEC_noalias
#define SALLYPORT_DECLSPEC_noinline __attribute__((noinline))
#define SALLYPORT_DECLSPEC_noreturn __attribute__((noreturn))
#define SALLYPORT_DECLSPEC_nothrow
#define SALLYPORT_DECLSPEC_selectany __attribute__((weak))
#define SALLYPORT_DECLSPEC_thread __thread
#endif
#define DECLSPEC_IMPORT
#define DECLSPEC_NORETURN __attribute__((noreturn))
#ifdef __cplusplus
#define EXTERN_C extern "C"
#else
#define EXTERN_C extern
#endif
#ifndef CONST
#define CONST const
#endif
#ifndef TRUE
#define TRUE 1
#define FALSE 0
#endif
#ifndef ARRAYSIZE
#define ARRAYSIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif
#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#endif
#define INFINITE 0xffffffffu
#define MAX_PATH 260

typedef void VOID;
typedef void* PVOID;
typedef void* LPVOID;
typedef const void* LPCVOID;
typedef void* HANDLE;
typedef HANDLE* PHANDLE;

typedef uint8_t BYTE, UCHAR, UINT8, BOOLEAN;
typedef uint16_t WORD, USHORT, UINT16;
typedef uint32_t DWORD, ULONG, UINT, UINT32;
typedef uint64_t UINT64, ULONGLONG, ULONG64, DWORD64;
typedef int8_t INT8;
typedef int16_t SHORT, INT16;
typedef int32_t LONG, INT, INT32, BOOL, HRESULT;
typedef int64_t INT64, LONGLONG, LONG64;
typedef char CHAR;
typedef wchar_t WCHAR;
typedef float FLOAT;
typedef uintptr_t ULONG_PTR, DWORD_PTR, UINT_PTR, SIZE_T;
typedef intptr_t LONG_PTR, INT_PTR, SSIZE_T;
typedef ULONG_PTR *PULONG_PTR, *PDWORD_PTR, *PUINT_PTR;
typedef UINT_PTR WPARAM;
typedef LONG_PTR LPARAM, LRESULT;
typedef SIZE_T* PSIZE_T;
typedef BYTE *PBYTE, *LPBYTE;
typedef UCHAR* PUCHAR;
typedef BOOLEAN* PBOOLEAN;
typedef CHAR* PCHAR;
typedef WORD *PWORD, *LPWORD;
typedef SHORT* PSHORT;
typedef USHORT* PUSHORT;
typedef UINT16* PUINT16;
typedef DWORD *PDWORD, *LPDWORD;
typedef ULONG* PULONG;
typedef UINT* PUINT;
typedef UINT32* PUINT32;
typedef INT *PINT, *LPINT;
typedef LONG *PLONG, *LPLONG;
typedef UINT64* PUINT64;
typedef INT64* PINT64;
typedef ULONGLONG* PULONGLONG;
typedef LONGLONG* PLONGLONG;
typedef UINT8* PUINT8;
typedef BOOL *PBOOL, *LPBOOL;
typedef HANDLE HMODULE, HINSTANCE, HLOCAL, HGLOBAL, HWND;
typedef INT_PTR(WINAPI* FARPROC)(void);
typedef CHAR *PSTR, *LPSTR;
typedef const CHAR *PCSTR, *LPCSTR;
typedef WCHAR *PWSTR, *LPWSTR;
typedef const WCHAR *PCWSTR, *LPCWSTR;

typedef struct FILETIME_ {
  DWORD dwLowDateTime;
  DWORD dwHighDateTime;
} FILETIME;

typedef struct LUID_ {
  DWORD LowPart;
  LONG HighPart;
} LUID;

#ifdef __cplusplus
#define ZeroMemory(destination, length) (::memset((destination), 0, (length)))
#else
#define ZeroMemory(destination, length) memset((destination), 0, (length))
#endif
#define RtlZeroMemory(destination, length) ZeroMemory(destination, length)
#define RtlCopyMemory(destination, source, length) memcpy((destination), (source), (length))
#define RtlMoveMemory(destination, source, length) memmove((destination), (source), (length))
#define RtlFillMemory(destination, length, octet) memset((destination), (octet), (length))
#define RtlEqualMemory(one, other, length) (memcmp((one), (other), (length)) == 0)
#define CopyMemory RtlCopyMemory
#define MoveMemory RtlMoveMemory
#define FillMemory RtlFillMemory

// ---- who may do what ----

typedef PVOID PSID;
typedef PVOID PSECURITY_DESCRIPTOR;
typedef DWORD SECURITY_INFORMATION;
typedef DWORD ACCESS_MASK;
typedef WORD SECURITY_DESCRIPTOR_CONTROL;

#define OWNER_SECURITY_INFORMATION 0x00000001u
#define GROUP_SECURITY_INFORMATION 0x00000002u
#define DACL_SECURITY_INFORMATION 0x00000004u
#define SACL_SECURITY_INFORMATION 0x00000008u

#define DELETE 0x00010000u
#define READ_CONTROL 0x00020000u
#define WRITE_DAC 0x00040000u
#define WRITE_OWNER 0x00080000u
#define GENERIC_ALL 0x10000000u
#define GENERIC_EXECUTE 0x20000000u
#define GENERIC_WRITE 0x40000000u
#define GENERIC_READ 0x80000000u

typedef struct SID_IDENTIFIER_AUTHORITY_ {
  BYTE Value[6];  // big-endian
} SID_IDENTIFIER_AUTHORITY;

#define SID_REVISION 1
#define SID_MAX_SUB_AUTHORITIES 15
typedef struct SID_ {
  BYTE Revision;
  BYTE SubAuthorityCount;
  SID_IDENTIFIER_AUTHORITY IdentifierAuthority;
  DWORD SubAuthority[1];  // as many as SubAuthorityCount says
} SID;

#define SE_GROUP_ENABLED 0x00000004u
#define SE_GROUP_USE_FOR_DENY_ONLY 0x00000010u
typedef struct SID_AND_ATTRIBUTES_ {
  PSID Sid;
  DWORD Attributes;
} SID_AND_ATTRIBUTES, *PSID_AND_ATTRIBUTES;

#define ACL_REVISION 2
typedef struct ACL_ {
  BYTE AclRevision;
  BYTE Sbz1;
  WORD AclSize;
  WORD AceCount;
  WORD Sbz2;
} ACL, *PACL;

#define ACCESS_ALLOWED_ACE_TYPE 0
#define ACCESS_DENIED_ACE_TYPE 1
typedef struct ACE_HEADER_ {
  BYTE AceType;
  BYTE AceFlags;
  WORD AceSize;
} ACE_HEADER;
typedef struct ACCESS_ALLOWED_ACE_ {
  ACE_HEADER Header;
  ACCESS_MASK Mask;
  DWORD SidStart;  // the SID begins here
} ACCESS_ALLOWED_ACE, ACCESS_DENIED_ACE;

#define SECURITY_DESCRIPTOR_REVISION 1
#define SE_DACL_PRESENT 0x0004
#define SE_SACL_PRESENT 0x0010
#define SE_SELF_RELATIVE 0x8000
typedef struct SECURITY_DESCRIPTOR_ {
  BYTE Revision;
  BYTE Sbz1;
  SECURITY_DESCRIPTOR_CONTROL Control;
  PSID Owner;
  PSID Group;
  PACL Sacl;
  PACL Dacl;
} SECURITY_DESCRIPTOR;
typedef struct SECURITY_DESCRIPTOR_RELATIVE_ {
  BYTE Revision;
  BYTE Sbz1;
  SECURITY_DESCRIPTOR_CONTROL Control;
  DWORD Owner;  // offsets from the beginning; 0: absent
  DWORD Group;
  DWORD Sacl;
  DWORD Dacl;
} SECURITY_DESCRIPTOR_RELATIVE;

#define RPC_C_AUTHN_WINNT 10u
#define RPC_C_AUTHN_DEFAULT 0xffffffffu
typedef struct SEC_WINNT_AUTH_IDENTITY_W_ {
  WCHAR* User;
  ULONG UserLength;
  WCHAR* Domain;
  ULONG DomainLength;
  WCHAR* Password;
  ULONG PasswordLength;
  ULONG Flags;
} SEC_WINNT_AUTH_IDENTITY_W;
