// Name resolution, and addresses as text.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "api/winsock/last_error.h"
#include "api/winsock/socket_table.h"
#include "api/winsock/text.h"

namespace sallyport::api::winsock {
namespace {

struct FreeList {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using List = std::unique_ptr<addrinfo, FreeList>;

int remember(int code) {
  set_last_error(static_cast<uint32_t>(code));
  return code;
}

int resolve(const char* node, const char* service, const addrinfo* hints, addrinfo** out) {
  if (!started()) return remember(WSANOTINITIALISED);
  if (!out) return remember(WSAEFAULT);
  *out = nullptr;
  return remember(resolver_error(::getaddrinfo(node, service, hints, out)));
}

// One node of the wide list: a block of its own with the address behind it, and its name.
ADDRINFOW* copied(const addrinfo& from) {
  auto* const to = static_cast<ADDRINFOW*>(std::calloc(1, sizeof(ADDRINFOW) + sizeof(sockaddr_storage)));
  if (!to) return nullptr;
  to->ai_flags = from.ai_flags;
  to->ai_family = from.ai_family;
  to->ai_socktype = from.ai_socktype;
  to->ai_protocol = from.ai_protocol;
  to->ai_addrlen = from.ai_addrlen;
  to->ai_addr = reinterpret_cast<sockaddr*>(to + 1);
  std::memcpy(to->ai_addr, from.ai_addr, std::min<size_t>(from.ai_addrlen, sizeof(sockaddr_storage)));
  if (from.ai_canonname) to->ai_canonname = _wcsdup(from_utf8(from.ai_canonname).c_str());
  return to;
}

// The wide form of what a narrow function has written.
int give_text(const std::string& text, wchar_t* to, DWORD size) {
  const std::wstring wide = from_utf8(text);
  if (!to || size == 0) return 0;
  if (wide.size() >= size) return WSAEFAULT;
  std::copy_n(wide.c_str(), wide.size() + 1, to);
  return 0;
}

template <class Entry>
Entry* known(Entry* entry, int otherwise) {
  if (!started()) {
    fail(WSANOTINITIALISED);
    return nullptr;
  }
  if (!entry) fail(otherwise);
  return entry;
}
int host_error() {
  switch (*__h_errno_location()) {
    case 1: return WSAHOST_NOT_FOUND;
    case 2: return WSATRY_AGAIN;
    case 4: return WSANO_DATA;
    default: return WSANO_RECOVERY;
  }
}

// An address with its port: "192.0.2.1:80", "[2001:db8::1%2]:80", without the port when it is 0.
std::string address_text(const sockaddr* address, socklen_t length) {
  char host[NI_MAXHOST] = {};
  char port[NI_MAXSERV] = {};
  if (::getnameinfo(address, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  const std::string number = port;
  if (number == "0") return host;
  return address->sa_family == AF_INET6 ? "[" + std::string(host) + "]:" + number : std::string(host) + ":" + number;
}

int text_to_address(std::string text, int family, sockaddr* address, int* length) {
  if (!address || !length) return fail(WSAEFAULT);
  std::string port = "0";
  const size_t bracket = text.find(']');
  const size_t colon = text.rfind(':');
  if (bracket != std::string::npos && text[0] == '[') {
    if (bracket + 1 < text.size() && text[bracket + 1] == ':') port = text.substr(bracket + 2);
    text = text.substr(1, bracket - 1);
  } else if (family == AF_INET && colon != std::string::npos) {
    port = text.substr(colon + 1);
    text.resize(colon);
  }
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (text.empty() || ::getaddrinfo(text.c_str(), port.c_str(), &hints, &found) != 0) return fail(WSAEINVAL);
  const List list(found);
  if (*length < static_cast<int>(found->ai_addrlen)) {
    *length = static_cast<int>(found->ai_addrlen);
    return fail(WSAEFAULT);
  }
  std::memcpy(address, found->ai_addr, found->ai_addrlen);
  *length = static_cast<int>(found->ai_addrlen);
  return 0;
}

template <class Char>
int address_to_text(const sockaddr* address, DWORD length, Char* text, DWORD* size) {
  if (!started()) return fail(WSANOTINITIALISED);
  if (!address || !size) return fail(WSAEFAULT);
  const std::string narrow = address_text(address, length);
  if (narrow.empty()) return fail(WSAEINVAL);
  const std::basic_string<Char> whole(narrow.begin(), narrow.end());
  const auto needed = static_cast<DWORD>(whole.size() + 1);
  const bool fits = text && *size >= needed;
  *size = needed;
  if (!fits) return fail(WSAEFAULT);
  std::copy_n(whole.c_str(), needed, text);
  return 0;
}

template <class Value>
int swapped(SOCKET socket, Value value, Value* out) {
  if (!descriptor(socket)) return SOCKET_ERROR;
  if (!out) return fail(WSAEFAULT);
  *out = value;
  return 0;
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

int gethostname(char* name, int length) {
  if (!started()) return fail(WSANOTINITIALISED);
  if (!name || length < 1) return fail(WSAEFAULT);
  char whole[256] = {};
  if (::gethostname(whole, sizeof whole - 1) != 0) return fail_errno();
  if (std::strlen(whole) >= static_cast<size_t>(length)) return fail(WSAEFAULT);
  std::strcpy(name, whole);
  return 0;
}

extern "C" {

INT sallyport_winsock_getaddrinfo(PCSTR node, PCSTR service, const ADDRINFOA* hints, PADDRINFOA* result) {
  return resolve(node, service, hints, result);
}
void sallyport_winsock_freeaddrinfo(PADDRINFOA list) {
  if (list) ::freeaddrinfo(list);
}
INT sallyport_winsock_getnameinfo(const SOCKADDR* address, INT length, PCHAR node, DWORD node_size, PCHAR service,
                                  DWORD service_size, INT flags) {
  if (!started()) return remember(WSANOTINITIALISED);
  if (!address) return remember(WSAEFAULT);
  return remember(resolver_error(
      ::getnameinfo(address, static_cast<socklen_t>(length), node, node_size, service, service_size, flags)));
}

INT WSAAPI GetAddrInfoW(PCWSTR node, PCWSTR service, const ADDRINFOW* hints, PADDRINFOW* result) {
  if (!result) return remember(WSAEFAULT);
  *result = nullptr;
  addrinfo narrow_hints{};
  if (hints) {
    narrow_hints.ai_flags = hints->ai_flags;
    narrow_hints.ai_family = hints->ai_family;
    narrow_hints.ai_socktype = hints->ai_socktype;
    narrow_hints.ai_protocol = hints->ai_protocol;
  }
  const std::string narrow_node = node ? to_utf8(node) : "";
  const std::string narrow_service = service ? to_utf8(service) : "";
  addrinfo* found = nullptr;
  // An empty name is the machine's own, over there.
  const char* const host = !node ? nullptr : narrow_node.empty() ? "localhost" : narrow_node.c_str();
  if (const int code =
          resolve(host, service ? narrow_service.c_str() : nullptr, hints ? &narrow_hints : nullptr, &found)) {
    return code;
  }
  const List list(found);
  ADDRINFOW** end = result;
  for (const addrinfo* each = found; each; each = each->ai_next) {
    *end = copied(*each);
    if (!*end) {
      FreeAddrInfoW(*result);
      *result = nullptr;
      return remember(WSA_NOT_ENOUGH_MEMORY);
    }
    end = &(*end)->ai_next;
  }
  return remember(0);
}

void WSAAPI FreeAddrInfoW(PADDRINFOW list) {
  while (list) {
    ADDRINFOW* const next = list->ai_next;
    std::free(list->ai_canonname);
    std::free(list);
    list = next;
  }
}

INT WSAAPI GetNameInfoW(const SOCKADDR* address, INT length, PWCHAR node, DWORD node_size, PWCHAR service,
                        DWORD service_size, INT flags) {
  char narrow_node[NI_MAXHOST] = {};
  char narrow_service[NI_MAXSERV] = {};
  const bool with_node = node && node_size > 0;
  const bool with_service = service && service_size > 0;
  if (const int code = sallyport_winsock_getnameinfo(
          address, length, with_node ? narrow_node : nullptr, with_node ? sizeof narrow_node : 0,
          with_service ? narrow_service : nullptr, with_service ? sizeof narrow_service : 0, flags)) {
    return code;
  }
  if (const int code = give_text(narrow_node, node, node_size)) return remember(code);
  return remember(give_text(narrow_service, service, service_size));
}

INT WSAAPI InetPtonW(INT family, PCWSTR text, PVOID address) {
  if (!text || !address) return fail(WSAEFAULT);
  const int result = ::inet_pton(family, to_utf8(text).c_str(), address);
  return result < 0 ? fail(WSAEAFNOSUPPORT) : result;
}
PCWSTR WSAAPI InetNtopW(INT family, const void* address, PWSTR text, size_t size) {
  char narrow[INET6_ADDRSTRLEN] = {};
  if (!address || !text || !::inet_ntop(family, address, narrow, sizeof narrow) || std::strlen(narrow) >= size) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  std::copy_n(narrow, std::strlen(narrow) + 1, text);
  return text;
}

INT WSAAPI WSAStringToAddressA(LPSTR text, INT family, LPWSAPROTOCOL_INFOA, LPSOCKADDR address, LPINT length) {
  if (!started()) return fail(WSANOTINITIALISED);
  return text ? text_to_address(text, family, address, length) : fail(WSAEFAULT);
}
INT WSAAPI WSAStringToAddressW(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW, LPSOCKADDR address, LPINT length) {
  if (!started()) return fail(WSANOTINITIALISED);
  return text ? text_to_address(to_utf8(text), family, address, length) : fail(WSAEFAULT);
}
INT WSAAPI WSAAddressToStringA(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOA, LPSTR text, LPDWORD size) {
  return address_to_text(address, length, text, size);
}
INT WSAAPI WSAAddressToStringW(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOW, LPWSTR text, LPDWORD size) {
  return address_to_text(address, length, text, size);
}

int WSAAPI WSAHtonl(SOCKET socket, u_long host, u_long* out) { return swapped(socket, htonl(host), out); }
int WSAAPI WSANtohl(SOCKET socket, u_long network, u_long* out) { return swapped(socket, ntohl(network), out); }
int WSAAPI WSAHtons(SOCKET socket, u_short host, u_short* out) { return swapped(socket, htons(host), out); }
int WSAAPI WSANtohs(SOCKET socket, u_short network, u_short* out) { return swapped(socket, ntohs(network), out); }

hostent* sallyport_winsock_gethostbyname(const char* name) {
  hostent* const found = ::gethostbyname(name);
  return known(found, host_error());
}
hostent* sallyport_winsock_gethostbyaddr(const char* address, int length, int type) {
  hostent* const found = ::gethostbyaddr(address, static_cast<socklen_t>(length), type);
  return known(found, host_error());
}
protoent* sallyport_winsock_getprotobyname(const char* name) { return known(::getprotobyname(name), WSANO_DATA); }
protoent* sallyport_winsock_getprotobynumber(int number) { return known(::getprotobynumber(number), WSANO_DATA); }
servent* sallyport_winsock_getservbyname(const char* name, const char* protocol) {
  return known(::getservbyname(name, protocol), WSANO_DATA);
}
servent* sallyport_winsock_getservbyport(int port, const char* protocol) {
  return known(::getservbyport(port, protocol), WSANO_DATA);
}

}  // extern "C"
