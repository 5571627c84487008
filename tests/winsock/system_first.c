/* The system's socket headers before ours, in C: our functions by macros. */
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <winsock2.h>
#include <ws2tcpip.h>

int main(void) {
  WSADATA about;
  struct sockaddr_in address = {0};
  int length = sizeof address;
  SOCKET s;
  if (WSAStartup(MAKEWORD(2, 2), &about) != 0) return 1;
  s = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_family = AF_INET;
  if (s == INVALID_SOCKET || bind(s, (struct sockaddr*)&address, sizeof address) != 0) return 2;
  if (listen(s, 1) != 0 || getsockname(s, (struct sockaddr*)&address, &length) != 0) return 3;
  if (bind(s, (struct sockaddr*)&address, sizeof address) != SOCKET_ERROR || WSAGetLastError() != WSAEINVAL) return 4;
  return closesocket(s);
}
