// The system's socket headers before ours: its structures and resolver, our functions by overloading.
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <winsock2.h>
#include <ws2tcpip.h>

int main() {
  WSADATA about{};
  if (WSAStartup(MAKEWORD(2, 2), &about) != 0) return 1;
  const int plain = socket(AF_INET, SOCK_STREAM, 0);
  const SOCKET s = static_cast<SOCKET>(plain);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t length = sizeof address;
  int as_int = sizeof address;
  if (bind(plain, reinterpret_cast<sockaddr*>(&address), length) != 0) return 2;  // the system's
  if (bind(s, reinterpret_cast<sockaddr*>(&address), as_int) != SOCKET_ERROR || WSAGetLastError() != WSAEINVAL)
    return 3;
  if (getsockname(plain, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 4;
  if (getsockname(s, reinterpret_cast<sockaddr*>(&address), &as_int) != 0) return 5;
  return closesocket(s) == 0 ? 0 : 6;
}
