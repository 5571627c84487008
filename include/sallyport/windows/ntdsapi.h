// Names of services' principals: class/instance[:port][/service].
#pragma once
#include "winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

// *length is the room in characters, and comes back as what is needed with the terminating zero.
// ERROR_BUFFER_OVERFLOW: too little. ERROR_INVALID_PARAMETER: a missing or empty part, or one with '/' in it.
DWORD WINAPI DsMakeSpnA(LPCSTR service_class, LPCSTR service_name, LPCSTR instance_name, USHORT instance_port,
                        LPCSTR referrer, DWORD* length, LPSTR spn);
DWORD WINAPI DsMakeSpnW(LPCWSTR service_class, LPCWSTR service_name, LPCWSTR instance_name, USHORT instance_port,
                        LPCWSTR referrer, DWORD* length, LPWSTR spn);
// Each part has its room; a part that is not wanted is NULL, and its room too. Where the name has two parts, service
// and instance are the same.
DWORD WINAPI DsCrackSpnA(LPCSTR spn, DWORD* class_length, LPSTR service_class, DWORD* service_length,
                         LPSTR service_name, DWORD* instance_length, LPSTR instance_name, USHORT* instance_port);
DWORD WINAPI DsCrackSpnW(LPCWSTR spn, DWORD* class_length, LPWSTR service_class, DWORD* service_length,
                         LPWSTR service_name, DWORD* instance_length, LPWSTR instance_name, USHORT* instance_port);
#ifdef UNICODE
#define DsMakeSpn DsMakeSpnW
#define DsCrackSpn DsCrackSpnW
#else
#define DsMakeSpn DsMakeSpnA
#define DsCrackSpn DsCrackSpnA
#endif

#ifdef __cplusplus
}
#endif
