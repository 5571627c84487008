// Calls about one socket as they travel between libsallyport and the daemon: each is one datagram of the socket for
// socket calls (SOCK_SEQPACKET), in the form of archive.h, with the socket's descriptor beside it; each is answered by
// one. The library never says who it is: the kernel does. Values; any thread.
#pragma once
#include <optional>

#include "policy/call.h"

namespace sallyport::policy::socket_call {

inline constexpr uint32_t kVersion = 3;
inline constexpr size_t kMostOctets = 16 * 1024;  // of a request and of an answer
inline constexpr size_t kMostNameOctets = 1024;   // of a peer's name
inline constexpr size_t kMostPathOctets = 4095;   // of a file's

enum class Function : uint32_t {
  set_security = 1,
  set_peer_name = 2,
  delete_peer_name = 3,
  query = 4,
  account = 5,
  open = 6
};
inline constexpr uint32_t kFunctions = 7;

inline constexpr uint32_t kGuaranteeEncryption = 0x1;  // SecurityFlags
inline constexpr uint32_t kAllowInsecure = 0x2;
inline constexpr uint32_t kSkipFilters = 0x1;  // IpsecFlags
inline constexpr uint32_t kOptionalPeerName = 0x2;
inline constexpr uint32_t kFirstInboundUnencrypted = 0x4;
inline constexpr uint32_t kRawPeerName = 0x8;
inline constexpr uint32_t kSecured = 0x1, kEncrypted = 0x2;  // of an answer
inline constexpr uint32_t kIdentifyOnly = 0x10000;           // nobody's rights are taken by this program

struct Settings {
  uint32_t security_flags = 0;
  uint32_t ipsec_flags = 0;
  Guid main_mode, quick_mode;  // zero: the daemon's own
};

struct Peer {
  Bytes address;  // 4 or 16 octets
  uint16_t port = 0;
};

// Of the function open: a file, opened as the account that the peer is mapped to. The descriptor of the folder that is
// the caller's root comes behind the socket's, and the file's with the answer.
struct File {
  std::string path;    // from that root
  uint32_t flags = 0;  // O_ of fcntl.h
  uint32_t mode = 0;
};

struct Request {
  uint32_t version = kVersion;
  Function function = Function::set_security;
  Settings settings;         // set_security
  std::optional<Peer> peer;  // of a datagram socket
  std::string name;          // set_peer_name
  File file;                 // open
};

struct Answer {
  uint32_t error = 0;  // errno
  uint32_t flags = 0;  // query
  uint32_t negotiation_error = 0;
  uint64_t main_mode_sa = 0, quick_mode_sa = 0;
  std::string principal, method;
  std::vector<std::string> names;
  std::string account;                  // the local one that the user is mapped to, or the principal without a user
  std::string user;                     // who was authenticated beside the principal; empty: nobody
  std::vector<std::string> user_names;  // the same, and its other names
};

// clang-format off
template <class A> void describe(A& a, Settings& v) { walk_all(a, v.security_flags, v.ipsec_flags, v.main_mode, v.quick_mode); }
template <class A> void describe(A& a, Peer& v) { walk_all(a, v.address, v.port); }
template <class A> void describe(A& a, File& v) { walk_all(a, v.path, v.flags, v.mode); }
template <class A> void describe(A& a, Request& v) { walk_all(a, v.version, v.function, v.settings, v.peer, v.name, v.file); }
template <class A> void describe(A& a, Answer& v) { walk_all(a, v.error, v.flags, v.negotiation_error, v.main_mode_sa, v.quick_mode_sa, v.principal, v.method, v.names, v.account, v.user, v.user_names); }
// clang-format on

}  // namespace sallyport::policy::socket_call

namespace sallyport::policy {
template <>
inline constexpr uint32_t kEnumLimit<socket_call::Function> = socket_call::kFunctions;
}  // namespace sallyport::policy
