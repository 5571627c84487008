// Unique identifiers and the numbers of authentication services.
#pragma once
#include "winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RPC_ENTRY WINAPI
#define RPC_VAR_ENTRY __cdecl
#define __RPC_FAR
#define __RPC_USER __stdcall
typedef LONG RPC_STATUS;
typedef unsigned char* RPC_CSTR;
typedef wchar_t* RPC_WSTR;
typedef const wchar_t* RPC_CWSTR;
#ifndef uuid_t
#define uuid_t UUID
#endif

#define RPC_S_OK 0
#define RPC_S_INVALID_ARG ERROR_INVALID_PARAMETER
#define RPC_S_OUT_OF_MEMORY 14
#define RPC_S_INVALID_STRING_UUID 1705
#define RPC_S_UUID_LOCAL_ONLY 1824
#define RPC_S_UUID_NO_ADDRESS 1739

#define RPC_C_AUTHN_NONE 0
#define RPC_C_AUTHN_DCE_PRIVATE 1
#define RPC_C_AUTHN_GSS_NEGOTIATE 9
#define RPC_C_AUTHN_GSS_SCHANNEL 14
#define RPC_C_AUTHN_GSS_KERBEROS 16

RPC_STATUS RPC_ENTRY UuidCreate(UUID* uuid);            // random: RFC 9562 5.4
RPC_STATUS RPC_ENTRY UuidCreateSequential(UUID* uuid);  // the same: nothing of the machine is in it
RPC_STATUS RPC_ENTRY UuidCreateNil(UUID* uuid);
int RPC_ENTRY UuidIsNil(UUID* uuid, RPC_STATUS* status);
int RPC_ENTRY UuidEqual(UUID* one, UUID* other, RPC_STATUS* status);
signed int RPC_ENTRY UuidCompare(UUID* one, UUID* other, RPC_STATUS* status);
unsigned short RPC_ENTRY UuidHash(UUID* uuid, RPC_STATUS* status);
RPC_STATUS RPC_ENTRY UuidToStringA(const UUID* uuid, RPC_CSTR* text);  // freed by RpcStringFreeA
RPC_STATUS RPC_ENTRY UuidToStringW(const UUID* uuid, RPC_WSTR* text);
RPC_STATUS RPC_ENTRY UuidFromStringA(RPC_CSTR text, UUID* uuid);  // NULL: the nil one
RPC_STATUS RPC_ENTRY UuidFromStringW(RPC_WSTR text, UUID* uuid);
RPC_STATUS RPC_ENTRY RpcStringFreeA(RPC_CSTR* text);
RPC_STATUS RPC_ENTRY RpcStringFreeW(RPC_WSTR* text);
#ifdef UNICODE
#define UuidToString UuidToStringW
#define UuidFromString UuidFromStringW
#define RpcStringFree RpcStringFreeW
#else
#define UuidToString UuidToStringA
#define UuidFromString UuidFromStringA
#define RpcStringFree RpcStringFreeA
#endif

#ifdef __cplusplus
}
#endif
