// The headers in C++20, beside the standard library and the system's own sockets.
#include <fwpmu.h>
#include <mstcpip.h>
#include <ntdsapi.h>
#include <rpc.h>
#include <winsock2.h>
#include <ws2tcpip.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <sys/socket.h>

static_assert(sizeof(SOCKET_PEER_TARGET_NAME) == 144 && sizeof(SOCKET_SECURITY_QUERY_INFO_IPSEC2) == 64);
static_assert(std::is_unsigned_v<SOCKET> && sizeof(SOCKET) == sizeof(void*));

int wmain(int count, wchar_t** words) {
  WSADATA about{};
  if (WSAStartup(MAKEWORD(2, 2), &about) != 0) return 1;
  const auto bound = std::bind([](int a, int b) { return a + b; }, 1, std::placeholders::_1);
  const SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
  SOCKADDR_IN address{};
  address.sin_family = AF_INET;
  address.sin_addr.S_un.S_addr = htonl(INADDR_LOOPBACK);
  int length = sizeof address;
  ULONG one = 1;
  unsigned long also = 1;
  fd_set set;
  FD_ZERO(&set);
  FD_SET(s, &set);
  const timeval now{};
  bool good = s != INVALID_SOCKET && bind(s, reinterpret_cast<SOCKADDR*>(&address), length) == 0;
  good = good && listen(s, 1) == 0 && getsockname(s, reinterpret_cast<SOCKADDR*>(&address), &length) == 0;
  good = good && ioctlsocket(s, FIONBIO, &one) == 0 && ioctlsocket(s, FIONBIO, &also) == 0;
  good = good && select(0, &set, nullptr, nullptr, &now) == 0 && bound(2) == 3 && FD_ISSET(s, &set) == 0;
  UUID key{};
  good = good && UuidCreate(&key) == RPC_S_OK && key != GUID_NULL && closesocket(s) == 0;
  std::string text(16, ' ');
  std::snprintf(text.data(), text.size(), "%S %d", words[0], count);
  std::printf("overloads: %S\n", good ? L"ok" : L"wrong");
  return good && std::to_string(1) == "1" && WSACleanup() == 0 ? 0 : 1;
}
