// Secure sockets as WSAIoctl and CloseHandle reach them. Any thread.
#pragma once
#include "api/winsock/system.h"

namespace sallyport::api::winsock {

bool is_security_code(DWORD code);
// A control code of is_security_code(), or the function of the same meaning. octets: nullptr, or gets the answer's
// size, also where the answer had no room.
int security_call(SOCKET socket, DWORD code, const void* in, DWORD in_octets, void* out, DWORD out_octets,
                  DWORD* octets, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);

}  // namespace sallyport::api::winsock
