// Unique identifiers (rpc.h) and names of services' principals (ntdsapi.h).
#include <sys/random.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#define SALLYPORT_PLAIN_PRINTF
#include <sallyport/windows/ntdsapi.h>
#include <sallyport/windows/rpc.h>

#include "api/winsock/text.h"

namespace sallyport::api::winsock {
namespace {

std::string uuid_text(const UUID& uuid) {
  char text[37];
  const uint8_t* const d = uuid.Data4;
  std::snprintf(text, sizeof text, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", uuid.Data1, unsigned{uuid.Data2},
                unsigned{uuid.Data3}, unsigned{d[0]}, unsigned{d[1]}, unsigned{d[2]}, unsigned{d[3]}, unsigned{d[4]},
                unsigned{d[5]}, unsigned{d[6]}, unsigned{d[7]});
  return text;
}

bool parse_uuid(const std::string& text, UUID& out) {
  if (text.size() != 36) return false;
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
    if (!dash) digits.push_back(text[i]);
  }
  const auto part = [&](size_t at, size_t length) { return std::stoul(digits.substr(at, length), nullptr, 16); };
  out.Data1 = static_cast<uint32_t>(part(0, 8));
  out.Data2 = static_cast<uint16_t>(part(8, 4));
  out.Data3 = static_cast<uint16_t>(part(12, 4));
  for (size_t i = 0; i < 8; ++i) out.Data4[i] = static_cast<uint8_t>(part(16 + 2 * i, 2));
  return true;
}

template <class To, class Text>
RPC_STATUS give_string(const Text& text, To** out) {
  if (!out) return static_cast<RPC_STATUS>(RPC_S_INVALID_ARG);
  const size_t octets = (text.size() + 1) * sizeof(To);
  *out = static_cast<To*>(std::malloc(octets));
  if (!*out) return RPC_S_OUT_OF_MEMORY;
  std::memcpy(*out, text.c_str(), octets);
  return RPC_S_OK;
}

template <class To>
RPC_STATUS free_string(To** text) {
  if (!text) return static_cast<RPC_STATUS>(RPC_S_INVALID_ARG);
  std::free(*text);
  *text = nullptr;
  return RPC_S_OK;
}

RPC_STATUS uuid_from(const std::string& text, UUID* uuid) {
  if (!uuid) return static_cast<RPC_STATUS>(RPC_S_INVALID_ARG);
  return parse_uuid(text, *uuid) ? RPC_S_OK : RPC_S_INVALID_STRING_UUID;
}

int order(const UUID* one, const UUID* other) {
  const UUID nil{};
  const UUID& a = one ? *one : nil;
  const UUID& b = other ? *other : nil;
  const auto by = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (const int first = by(a.Data1, b.Data1)) return first;
  if (const int second = by(a.Data2, b.Data2)) return second;
  if (const int third = by(a.Data3, b.Data3)) return third;
  const int last = std::memcmp(a.Data4, b.Data4, sizeof a.Data4);
  return by(last, 0);
}

// ---- class/instance[:port][/service] ----

bool is_address(const std::string& name) {  // what a referrer stands in for
  return name.find_first_not_of("0123456789.") == std::string::npos || name.find(':') != std::string::npos;
}

template <class Char>
std::string part_of(const Char* text) {
  if (!text) return {};
  if constexpr (std::is_same_v<Char, wchar_t>) {
    return to_utf8(text);
  } else {
    return text;
  }
}
template <class Char>
std::basic_string<Char> given(const std::string& text) {
  if constexpr (std::is_same_v<Char, wchar_t>) {
    return from_utf8(text);
  } else {
    return text;
  }
}

// ERROR_BUFFER_OVERFLOW where there is too little room; *length is what is needed in any case.
template <class Char>
DWORD put(const std::string& text, DWORD* length, Char* to) {
  const auto whole = given<Char>(text);
  const auto needed = static_cast<DWORD>(whole.size() + 1);
  const bool fits = to && *length >= needed;
  *length = needed;
  if (!fits) return ERROR_BUFFER_OVERFLOW;
  std::copy_n(whole.c_str(), needed, to);
  return ERROR_SUCCESS;
}

template <class Char>
DWORD make_spn(const Char* service_class, const Char* service_name, const Char* instance_name, USHORT port,
               const Char* referrer, DWORD* length, Char* spn) {
  if (!length || (!spn && *length > 0)) return ERROR_INVALID_PARAMETER;
  const std::string kind = part_of(service_class);
  const std::string name = part_of(service_name);
  std::string instance = part_of(instance_name);
  if (kind.empty() || name.empty() || (instance_name && instance.empty())) return ERROR_INVALID_PARAMETER;
  if (kind.find('/') != std::string::npos || instance.find('/') != std::string::npos) return ERROR_INVALID_PARAMETER;
  if (instance_name && referrer && is_address(instance)) instance = part_of(referrer);
  std::string out = kind + "/" + (instance.empty() ? name : instance);
  if (port != 0) out += ":" + std::to_string(port);
  if (!instance.empty() && instance != name) out += "/" + name;
  return put(out, length, spn);
}

template <class Char>
DWORD crack_spn(const Char* spn, DWORD* class_length, Char* service_class, DWORD* service_length, Char* service_name,
                DWORD* instance_length, Char* instance_name, USHORT* port) {
  const std::string text = part_of(spn);
  const size_t first = text.find('/');
  if (first == 0 || first == std::string::npos || first + 1 == text.size()) return ERROR_INVALID_PARAMETER;
  const size_t second = text.find('/', first + 1);
  std::string instance = text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  unsigned long number = 0;
  if (const size_t colon = instance.rfind(':'); colon != std::string::npos) {
    const std::string digits = instance.substr(colon + 1);
    if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos) {
      return ERROR_INVALID_PARAMETER;
    }
    number = std::stoul(digits);
    instance.resize(colon);
  }
  const std::string service = second == std::string::npos ? instance : text.substr(second + 1);
  if (instance.empty() || service.empty() || number > 0xffff) return ERROR_INVALID_PARAMETER;
  DWORD result = ERROR_SUCCESS;
  const auto part = [&](const std::string& from, DWORD* length, Char* to) {
    if (length && put(from, length, to) != ERROR_SUCCESS) result = ERROR_BUFFER_OVERFLOW;
  };
  part(text.substr(0, first), class_length, service_class);
  part(service, service_length, service_name);
  part(instance, instance_length, instance_name);
  if (port) *port = static_cast<USHORT>(number);
  return result;
}

}  // namespace
}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

const GUID GUID_NULL{};

RPC_STATUS RPC_ENTRY UuidCreate(UUID* uuid) {
  if (!uuid) return static_cast<RPC_STATUS>(RPC_S_INVALID_ARG);
  UUID made{};
  if (::getrandom(&made, sizeof made, 0) != static_cast<ssize_t>(sizeof made)) return RPC_S_UUID_NO_ADDRESS;
  made.Data3 = static_cast<uint16_t>((made.Data3 & 0x0fff) | 0x4000);
  made.Data4[0] = static_cast<uint8_t>((made.Data4[0] & 0x3f) | 0x80);
  *uuid = made;
  return RPC_S_OK;
}
RPC_STATUS RPC_ENTRY UuidCreateSequential(UUID* uuid) { return UuidCreate(uuid); }
RPC_STATUS RPC_ENTRY UuidCreateNil(UUID* uuid) {
  if (!uuid) return static_cast<RPC_STATUS>(RPC_S_INVALID_ARG);
  *uuid = {};
  return RPC_S_OK;
}
signed int RPC_ENTRY UuidCompare(UUID* one, UUID* other, RPC_STATUS* status) {
  if (status) *status = RPC_S_OK;
  return order(one, other);
}
int RPC_ENTRY UuidEqual(UUID* one, UUID* other, RPC_STATUS* status) { return UuidCompare(one, other, status) == 0; }
int RPC_ENTRY UuidIsNil(UUID* uuid, RPC_STATUS* status) { return UuidCompare(uuid, nullptr, status) == 0; }
unsigned short RPC_ENTRY UuidHash(UUID* uuid, RPC_STATUS* status) {
  if (status) *status = RPC_S_OK;
  uint16_t words[8] = {};
  if (uuid) std::memcpy(words, uuid, sizeof words);
  uint32_t hash = 0;
  for (const uint16_t word : words) hash = hash * 31 + word;
  return static_cast<unsigned short>(hash ^ hash >> 16);
}
RPC_STATUS RPC_ENTRY UuidToStringA(const UUID* uuid, RPC_CSTR* text) {
  return give_string(uuid_text(uuid ? *uuid : UUID{}), text);
}
RPC_STATUS RPC_ENTRY UuidToStringW(const UUID* uuid, RPC_WSTR* text) {
  return give_string(from_utf8(uuid_text(uuid ? *uuid : UUID{})), text);
}
RPC_STATUS RPC_ENTRY UuidFromStringA(RPC_CSTR text, UUID* uuid) {
  return text ? uuid_from(reinterpret_cast<const char*>(text), uuid) : UuidCreateNil(uuid);
}
RPC_STATUS RPC_ENTRY UuidFromStringW(RPC_WSTR text, UUID* uuid) {
  return text ? uuid_from(to_utf8(text), uuid) : UuidCreateNil(uuid);
}
RPC_STATUS RPC_ENTRY RpcStringFreeA(RPC_CSTR* text) { return free_string(text); }
RPC_STATUS RPC_ENTRY RpcStringFreeW(RPC_WSTR* text) { return free_string(text); }

DWORD WINAPI DsMakeSpnA(LPCSTR service_class, LPCSTR service_name, LPCSTR instance_name, USHORT instance_port,
                        LPCSTR referrer, DWORD* length, LPSTR spn) {
  return make_spn(service_class, service_name, instance_name, instance_port, referrer, length, spn);
}
DWORD WINAPI DsMakeSpnW(LPCWSTR service_class, LPCWSTR service_name, LPCWSTR instance_name, USHORT instance_port,
                        LPCWSTR referrer, DWORD* length, LPWSTR spn) {
  return make_spn(service_class, service_name, instance_name, instance_port, referrer, length, spn);
}
DWORD WINAPI DsCrackSpnA(LPCSTR spn, DWORD* class_length, LPSTR service_class, DWORD* service_length,
                         LPSTR service_name, DWORD* instance_length, LPSTR instance_name, USHORT* instance_port) {
  return crack_spn(spn, class_length, service_class, service_length, service_name, instance_length, instance_name,
                   instance_port);
}
DWORD WINAPI DsCrackSpnW(LPCWSTR spn, DWORD* class_length, LPWSTR service_class, DWORD* service_length,
                         LPWSTR service_name, DWORD* instance_length, LPWSTR instance_name, USHORT* instance_port) {
  return crack_spn(spn, class_length, service_class, service_length, service_name, instance_length, instance_name,
                   instance_port);
}

}  // extern "C"
