// Calls about security associations, and the seat of whoever has them: this room has sessions and rights, `stack` has
// SAs. Numbers 200 to 249 of call::Function's space; what goes in and comes out stands beside each. Values, and one
// interface; one thread, the engine's.
#pragma once
#include <functional>

#include "policy/ipsec_connection.h"
#include "policy/key_dictator.h"
#include "policy/sa_context.h"
#include "policy/sa_statistics.h"

namespace sallyport::policy {

namespace call {

enum class SaFunction : uint32_t {
  context_get = 200,       // uint64_t -> SaContext
  context_delete = 201,    // uint64_t
  context_expire = 202,    // uint64_t
  ike_get = 203,           // uint64_t -> IkeSaDetails
  ike_delete = 204,        // uint64_t
  ipsec_statistics = 205,  // nothing -> IpsecStatistics
  ike_statistics = 206,    // nothing -> IkeStatistics
  // SAs made by hand, in this order.
  create = 207,        // SaCreate -> SaCreated
  set_spi = 208,       // SaSpi -> uint32_t
  add_inbound = 209,   // SaAdd
  add_outbound = 210,  // SaAdd
  update = 211,        // SaUpdate
  // Which key notices (KeysNotice) follow until Function::unsubscribe; 213 was once that.
  dictator_add = 212,    // KeyDictator -> uint64_t
  dictators = 214,       // nothing -> std::vector<KeyDictator>
  connection_get = 215,  // uint64_t -> IpsecConnection
  // These make enumerations for Function::enum_next and enum_destroy.
  enum_contexts = 220,     // std::optional<SubNets>, pages of SaContext
  enum_sas = 221,          // std::optional<uint8_t> (1: inbound), pages of SaDetails
  enum_ike = 222,          // std::optional<IkeSaTemplate>, pages of IkeSaDetails
  enum_connections = 223,  // ConnectionTemplate, pages of IpsecConnection
};
struct SaCreate {
  SaTraffic outbound;
  uint64_t virtual_if_tunnel_id = 0, traffic_selector_id = 0;
};
struct SaCreated {
  uint64_t id = 0;
  uint64_t inbound_filter = 0;  // 0: none
};
struct SaSpi {
  uint64_t id = 0;
  SaTraffic inbound;
  std::optional<UdpEncapsulation> udp;
  uint32_t spi = 0;  // 0: the daemon chooses one
};
struct SaAdd {
  uint64_t id = 0;
  SaBundle bundle;
};
struct SaUpdate {
  uint64_t id = 0;
  uint64_t flags = 0;  // IPSEC_SA_DETAILS_UPDATE_*, IPSEC_SA_BUNDLE_UPDATE_*
  SaContext to;
};

// clang-format off
template <class A> void describe(A& a, SaCreate& v) { walk_all(a, v.outbound, v.virtual_if_tunnel_id, v.traffic_selector_id); }
template <class A> void describe(A& a, SaCreated& v) { walk_all(a, v.id, v.inbound_filter); }
template <class A> void describe(A& a, SaSpi& v) { walk_all(a, v.id, v.inbound, v.udp, v.spi); }
template <class A> void describe(A& a, SaAdd& v) { walk_all(a, v.id, v.bundle); }
template <class A> void describe(A& a, SaUpdate& v) { walk_all(a, v.id, v.flags, v.to); }
// clang-format on

inline constexpr bool is_sa_function(uint32_t number) { return number >= 200 && number < 250; }
inline constexpr bool is_sa_enumeration(uint32_t number) { return number >= 220 && number < 230; }

}  // namespace call

class SaCalls {
 public:
  // The next page of an enumeration: so many entries at most (call::Page).
  using Pages = std::function<Bytes(uint32_t wanted)>;

  virtual ~SaCalls() = default;
  // Requires: is_sa_function and not is_sa_enumeration of it.
  virtual Outcome<Bytes> call(TimePoint now, SessionId session, call::SaFunction function, ByteView octets) = 0;
  // Requires: is_sa_enumeration of it.
  virtual Outcome<Pages> enumerate(SessionId session, call::SaFunction function, ByteView octets) = 0;
  // Changes of contexts (kind call::kSubscribeSas; `detail` is the archive of an optional SubNets, notices are
  // call::Notice with the context's id) and of connections (call::kSubscribeConnections; ConnectionTemplate,
  // ConnectionNotice). Numbers of subscriptions, and those that dictator_add gives, have kSubscriptionBit.
  static constexpr SubscriptionId kSubscriptionBit = SubscriptionId{1} << 62;
  virtual Outcome<SubscriptionId> subscribe(SessionId session, uint32_t kind, ByteView detail) = 0;
  virtual Outcome<> unsubscribe(SessionId session, SubscriptionId id) = 0;
  virtual std::vector<Bytes> subscriptions(SessionId session, uint32_t kind) const = 0;  // their details
  struct Change {
    SessionId session = 0;
    SubscriptionId subscription = 0;
    SecretBytes octets;  // the notice
  };
  virtual std::optional<Change> poll_change() = 0;
  virtual void closed(SessionId session) = 0;
};

}  // namespace sallyport::policy
