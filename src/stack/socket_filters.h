// The filters of one secured socket: what the secure socket extensions put into the filter engine on behalf of a
// program, by what it asked for and where the socket is found to be. Sheet "secure sockets" of MS's API: sublayer
// SECURE_SOCKET, one set for each IP version of the endpoint. Pure.
#pragma once
#include <string>
#include <vector>

#include "base/bytes.h"
#include "policy/filter.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

policy::Guid secure_socket_provider();  // owns the filters of all sockets
// FWPM_PROVIDER_CONTEXT_SECURE_SOCKET_IPSEC: where it is, sockets can be secured. encrypted: the one of ours beside it,
// with the proposals of the same that encrypt.
policy::Guid secure_socket_quick_mode(bool encrypted = false);

// In place of a filter's number: a packet that none covers, and that may be a secured socket's.
inline constexpr uint64_t kAskForEndpoint = ~uint64_t{0};
// Likewise: a packet whose flow a filter asks the program or the user of.
inline constexpr uint64_t kAskForOwner = kAskForEndpoint - 1;

struct SocketWish {
  bool guarantee_encryption = false;
  bool allow_insecure = false;
  bool skip_filters = false;        // IPSEC_SKIP_FILTER_INSTANTIATION: requirements alone
  bool optional_peer_name = false;  // the name chooses, and does not refuse
  bool first_inbound_unencrypted = false;
  policy::Guid main_mode, quick_mode;  // contexts; zero: the built-in ones
  bool operator==(const SocketWish&) const = default;
};

policy::Guid quick_mode_of(const SocketWish& wish);  // the context that its filter names

// Where a socket is. A zero port or an address of all zeros: any.
struct SocketPlace {
  uint8_t protocol = 6;
  IpAddr local, remote;  // of one family
  uint16_t local_port = 0, remote_port = 0;
  bool operator==(const SocketPlace&) const = default;
};

// A peer by the name that a program expects it under; several texts, because IKE may prove the same one differently.
struct NamedPeer {
  IpAddr address;  // all zeros: whoever it is
  uint16_t port = 0;
  std::vector<std::string> identities;
  bool operator==(const NamedPeer&) const = default;
};

// What "host/NAME", a DNS name, an address or a subject may be proved as, in the form of Identity::to_string().
std::vector<std::string> identities_of_name(const std::string& name);

// Sockets that share their SAs, because nothing tells them apart to the peer: of one user, with one wish, between the
// same hosts, to one port, expecting the same name. Its filters say so in their provider data.
struct SocketGroup {
  uint64_t number = 0;   // never used twice; 0: no group
  bool by_flow = false;  // for the flows that were placed in it alone: other sockets' fit the conditions too
  Bytes peer_name;       // the field PEER_NAME of its flows; empty: no name is expected
  bool operator==(const SocketGroup&) const = default;
};

// What a filter says of itself; peer_name is not known. Number 0: it is no socket's.
SocketGroup group_of(const policy::Filter& filter);
// A filter that was made for `filter` sockets, and policy asked for on behalf of a filter of the group `asking` (0: of
// none): a group's own policy is for itself alone.
bool serves(const SocketGroup& filter, uint64_t asking);
Bytes peer_name_of(const std::vector<NamedPeer>& names);

// Requires: a group by_flow has a place with a remote port.
std::vector<policy::Filter> socket_filters(const SocketWish& wish, const SocketPlace& place,
                                           const std::vector<NamedPeer>& names, const std::string& display,
                                           const SocketGroup& group = {});

}  // namespace sallyport::stack
