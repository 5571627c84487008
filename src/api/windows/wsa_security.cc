// The secure socket extensions under their control codes: what WSAIoctl and the six WSA functions call. Lengths of
// strings: octets with SOCKET_SECURITY_PROTOCOL_IPSEC2, else characters where the buffer holds so many, else octets;
// programs in the field do either. The order of checks: socket, pointers, family and type, connected, lengths, content.
#include <errno.h>
#include <fcntl.h>
#include <sallyport/windows/mstcpip.h>
#include <stddef.h>
#include <string.h>

#include <algorithm>
#include <optional>

#include "api/sockets/call.h"
#include "api/sockets/identity.h"
#include "api/windows/values.h"
#include "api/winsock/text.h"
#include "api/winsock/waiting.h"

namespace sallyport::api::windows {
namespace {

using policy::socket_call::Answer;
using policy::socket_call::Function;
using policy::socket_call::Request;

constexpr INT kAccess = 10013, kFault = 10014, kInvalid = 10022, kNotSocket = 10038, kMessageSize = 10040,
              kNotSupported = 10045, kFamily = 10047, kNoBuffers = 10055, kConnected = 10056, kReset = 10054,
              kNotConnected = 10057, kTooManyUsers = 10068, kNetworkDown = 10050, kSystemCall = 10107;

INT code_of(int error) {
  switch (error) {
    case 0: return 0;
    case EBADF:
    case ENOTSOCK: return kNotSocket;
    case EAFNOSUPPORT: return kFamily;
    case EPROTONOSUPPORT:
    case EINVAL:
    case ENAMETOOLONG: return kInvalid;
    case EISCONN: return kConnected;
    case ENOTCONN: return kNotConnected;
    case ECONNRESET: return kReset;
    case EACCES:
    case EPERM: return kAccess;
    case EUSERS: return kTooManyUsers;
    case ENOBUFS:
    case ENOMEM: return kNoBuffers;
    case EOPNOTSUPP: return kNotSupported;
    default: return kNetworkDown;
  }
}

// What a token's handle stands for here.
class Token : public winsock::HandleObject {
 public:
  explicit Token(sallyport_identity of) : identity(std::move(of)) {}
  const sallyport_identity identity;
};

// A copy, because a caller's buffer may lie anywhere and be shorter than the type.
template <class T>
T copy_of(const void* in, size_t octets) {
  T out{};
  std::memcpy(static_cast<void*>(&out), in, std::min(octets, sizeof out));
  return out;
}

struct Text {
  INT error = 0;
  std::string utf8;
  size_t octets = 0;  // of the buffer
};

Text read_text(const uint8_t* at, size_t available, uint64_t length, bool octets_only) {
  Text out;
  if (!octets_only && length * sizeof(wchar_t) <= available) {
    out.octets = static_cast<size_t>(length * sizeof(wchar_t));
  } else if (length <= available && length % sizeof(wchar_t) == 0) {
    out.octets = static_cast<size_t>(length);
  } else {
    out.error = kMessageSize;
    return out;
  }
  size_t count = out.octets / sizeof(wchar_t);
  const auto character = [&](size_t i) {
    uint32_t c = 0;
    std::memcpy(&c, at + i * sizeof(wchar_t), sizeof(wchar_t));
    return c;
  };
  while (count > 0 && character(count - 1) == 0) --count;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t c = character(i);
    if (c == 0 || !winsock::is_character(c)) return {kInvalid, {}, 0};
    winsock::append_utf8(out.utf8, c);
  }
  return out;
}

bool is_zero(const GUID& guid) {
  static const GUID kZero{};
  return std::memcmp(&guid, &kZero, sizeof guid) == 0;
}

INT set_security(int fd, const void* in, DWORD octets) {
  Request request;
  request.function = Function::set_security;
  if (in != nullptr) {
    if (octets < sizeof(SOCKET_SECURITY_SETTINGS)) return kMessageSize;
    const auto settings = copy_of<SOCKET_SECURITY_SETTINGS_IPSEC>(in, octets);
    constexpr DWORD kStrings = offsetof(SOCKET_SECURITY_SETTINGS_IPSEC, AllStrings);
    if (settings.SecurityProtocol >= SOCKET_SECURITY_PROTOCOL_INVALID) return kInvalid;
    request.settings.security_flags = settings.SecurityFlags;
    if (settings.SecurityProtocol == SOCKET_SECURITY_PROTOCOL_DEFAULT && octets >= kStrings) return kInvalid;
    if (settings.SecurityProtocol != SOCKET_SECURITY_PROTOCOL_DEFAULT && octets >= kStrings) {
      const bool octets_only = settings.SecurityProtocol == SOCKET_SECURITY_PROTOCOL_IPSEC2;
      size_t at = kStrings;
      for (const ULONG length :
           {settings.UserNameStringLen, settings.DomainNameStringLen, settings.PasswordStringLen}) {
        const Text text = read_text(static_cast<const uint8_t*>(in) + at, octets - at, length, octets_only);
        if (text.error != 0) return text.error;
        // A user's name and password authenticate by AuthIP's extended mode, which there is not.
        if (!text.utf8.empty()) return kNotSupported;
        at += text.octets;
      }
      if (!is_zero(settings.Reserved) || settings.Reserved2 != 0) return kInvalid;
      request.settings.ipsec_flags = settings.IpsecFlags;
      request.settings.main_mode = take(settings.AuthipMMPolicyKey);
      request.settings.quick_mode = take(settings.AuthipQMPolicyKey);
    }
  }
  Answer answer;
  return code_of(sockets::call(fd, request, answer));
}

INT set_name(int fd, bool datagrams, const void* in, DWORD octets) {
  if (in == nullptr) return kFault;
  constexpr DWORD kStrings = offsetof(SOCKET_PEER_TARGET_NAME, AllStrings);
  if (octets < kStrings) return kMessageSize;
  const auto wanted = copy_of<SOCKET_PEER_TARGET_NAME>(in, octets);
  if (wanted.SecurityProtocol >= SOCKET_SECURITY_PROTOCOL_INVALID) return kInvalid;
  const Text text =
      read_text(static_cast<const uint8_t*>(in) + kStrings, octets - kStrings, wanted.PeerTargetNameStringLen,
                wanted.SecurityProtocol == SOCKET_SECURITY_PROTOCOL_IPSEC2);
  if (text.error != 0) return text.error;
  Request request;
  request.function = Function::set_peer_name;
  request.name = text.utf8;
  if (datagrams && sockets::take_peer(reinterpret_cast<const sockaddr*>(&wanted.PeerAddress), sizeof wanted.PeerAddress,
                                      request.peer) != 0)
    return kInvalid;
  Answer answer;
  return code_of(sockets::call(fd, request, answer));
}

INT delete_name(int fd, bool datagrams, const void* in, DWORD octets) {
  if (in == nullptr) return kFault;
  if (!datagrams) return kInvalid;
  if (octets < sizeof(sockaddr)) return kMessageSize;
  Request request;
  request.function = Function::delete_peer_name;
  if (sockets::take_peer(static_cast<const sockaddr*>(in), octets, request.peer) != 0) return kInvalid;
  Answer answer;
  return code_of(sockets::call(fd, request, answer));
}

INT query(int fd, bool datagrams, const void* in, DWORD in_octets, void* out, DWORD out_octets, DWORD* octets) {
  if (octets == nullptr) return kFault;
  const auto wanted =
      in == nullptr ? SOCKET_SECURITY_QUERY_TEMPLATE{} : copy_of<SOCKET_SECURITY_QUERY_TEMPLATE>(in, in_octets);
  const bool second = in != nullptr && wanted.SecurityProtocol == SOCKET_SECURITY_PROTOCOL_IPSEC2;
  const DWORD needed = second ? sizeof(SOCKET_SECURITY_QUERY_INFO_IPSEC2) : sizeof(SOCKET_SECURITY_QUERY_INFO);
  const DWORD least = second ? sizeof(SOCKET_SECURITY_QUERY_TEMPLATE_IPSEC2) : sizeof(SOCKET_SECURITY_QUERY_TEMPLATE);
  *octets = needed;
  if (!datagrams && in == nullptr && out == nullptr) return kFault;
  if (out == nullptr || out_octets < needed) return kMessageSize;
  if (in_octets < least && (datagrams || in != nullptr)) return kMessageSize;
  if (wanted.SecurityProtocol >= SOCKET_SECURITY_PROTOCOL_INVALID) return kInvalid;
  Request request;
  request.function = Function::query;
  if (datagrams && sockets::take_peer(reinterpret_cast<const sockaddr*>(&wanted.PeerAddress), sizeof wanted.PeerAddress,
                                      request.peer) != 0)
    return kInvalid;
  Answer answer;
  if (const int error = sockets::call(fd, request, answer); error != 0) return code_of(error);
  // The first form has no room for the reason that a connection did not come about.
  if (!second && !datagrams && answer.negotiation_error != 0 && !sockets::is_connected(fd)) return code_of(ENOTCONN);
  SOCKET_SECURITY_QUERY_INFO_IPSEC2 info{};
  info.SecurityProtocol = second ? SOCKET_SECURITY_PROTOCOL_IPSEC2 : SOCKET_SECURITY_PROTOCOL_IPSEC;
  info.Flags = answer.flags & (SOCKET_INFO_CONNECTION_SECURED | SOCKET_INFO_CONNECTION_ENCRYPTED);
  // Main mode has proved the machine, the second authentication the user.
  if (wanted.PeerTokenAccessMask != 0 && !answer.names.empty())
    info.PeerMachineAccessTokenHandle =
        reinterpret_cast<uintptr_t>(winsock::give_handle(std::make_shared<Token>(sockets::identity_of(answer))));
  if (!answer.user.empty()) {
    info.Flags |= SOCKET_INFO_CONNECTION_IMPERSONATED;
    if (wanted.PeerTokenAccessMask != 0)
      info.PeerApplicationAccessTokenHandle =
          reinterpret_cast<uintptr_t>(winsock::give_handle(std::make_shared<Token>(sockets::user_identity_of(answer))));
  }
  info.MmSaId = answer.main_mode_sa;
  info.QmSaId = answer.quick_mode_sa;
  info.NegotiationWinerr = answer.negotiation_error;
  std::memcpy(out, &info, needed);
  return 0;
}

}  // namespace
}  // namespace sallyport::api::windows

using namespace sallyport::api;
using namespace sallyport::api::windows;

extern "C" {

INT sallyport_socket_security_ioctl(uintptr_t socket, DWORD code, const void* in, DWORD in_octets, void* out,
                                    DWORD out_octets, DWORD* octets) {
  const int fd = static_cast<int>(socket);
  bool datagrams = false;
  if (const int error = sockets::check_socket(fd, datagrams); error == EBADF || error == ENOTSOCK)
    return kNotSocket;
  else if (error != 0)
    return kInvalid;
  if (octets != nullptr && code != SIO_QUERY_SECURITY) *octets = 0;
  switch (code) {
    case SIO_SET_SECURITY: return set_security(fd, in, in_octets);
    case SIO_QUERY_SECURITY: return query(fd, datagrams, in, in_octets, out, out_octets, octets);
    case SIO_SET_PEER_TARGET_NAME: return set_name(fd, datagrams, in, in_octets);
    case SIO_DELETE_PEER_TARGET_NAME: return delete_name(fd, datagrams, in, in_octets);
    default: return kNotSupported;
  }
}

INT sallyport_socket_impersonate(uintptr_t socket, const sockaddr* peer, ULONG peer_octets, BOOL blocking) {
  const int fd = static_cast<int>(socket);
  bool datagrams = false;
  if (const int error = sockets::check_socket(fd, datagrams); error == EBADF || error == ENOTSOCK)
    return kNotSocket;
  else if (error != 0)
    return kInvalid;
  std::optional<sallyport::policy::socket_call::Peer> of;
  if (datagrams) {
    if (peer == nullptr) return kFault;
    if (peer_octets < sizeof(sockaddr)) return kMessageSize;
    if (sockets::take_peer(peer, peer_octets, of) != 0) return kInvalid;
  }
  if (!blocking || (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) return kNotSupported;
  return code_of(sockets::impersonate(fd, of));
}

const sallyport_identity* sallyport_token_identity(UINT64 token) {
  const auto found = winsock::find_handle_of<Token>(reinterpret_cast<HANDLE>(static_cast<uintptr_t>(token)));
  return found ? &found->identity : nullptr;
}

INT sallyport_socket_revert(void) { return sockets::revert() == 0 ? 0 : kSystemCall; }

}  // extern "C"
