// IPsec connections as programs watch them: FWPM_CONNECTION0, what an enumeration asks for, and the word about one that
// came or went. A connection is what two addresses have between them in one traffic mode and for one provider, however
// many SAs that takes, one after the other or beside each other. Values.
#pragma once
#include "policy/sa_context.h"

namespace sallyport::policy {

struct IpsecConnection {
  uint64_t id = 0;
  IpAddr local, remote;
  std::optional<Guid> provider;  // of the filter whose SAs these are
  TrafficType mode = TrafficType::TRANSPORT;
  uint32_t key_module = 2;  // KeyModule
  IkeSaProposal proposal;   // of the newest IKE SA
  IkeCredential peer;       // which proved itself there
  uint64_t octets_in = 0, octets_out = 0;
  uint64_t started = 0;  // FILETIME
};

struct ConnectionTemplate {
  static constexpr uint32_t kQueryBytes = 1;  // FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED
  uint64_t id = 0;                            // 0: any
  uint32_t flags = 0;
};
inline Outcome<> check_template(const ConnectionTemplate& wanted) {
  return wanted.flags & ~ConnectionTemplate::kQueryBytes ? Outcome<>(refuse(Fwp::INVALID_FLAGS)) : Outcome<>{};
}

struct ConnectionNotice {
  uint8_t gone = 0;  // FWPM_CONNECTION_EVENT_ADD, DELETE
  IpsecConnection connection;
};

// clang-format off
template <class A> void describe(A& a, IpsecConnection& v) {
  walk_all(a, v.id, v.local, v.remote, v.provider, v.mode, v.key_module, v.proposal, v.peer, v.octets_in, v.octets_out, v.started);
}
template <class A> void describe(A& a, ConnectionTemplate& v) { walk_all(a, v.id, v.flags); }
template <class A> void describe(A& a, ConnectionNotice& v) { walk_all(a, v.gone, v.connection); }
// clang-format on

}  // namespace sallyport::policy
