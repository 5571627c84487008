// SAs that a program installs by hand: IPsecSaContextCreate and what follows it, in that order. A context is made for a
// filter (transport) or a quick mode context (tunnel); its SPI comes from the endpoint, so that no negotiated SA ever
// has it; the inbound SA works before the outbound one. It ends by command, by a lifetime, or with its filter. Keys go
// to the data plane and are kept nowhere. Pure; one thread (Control's).
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "ike/endpoint.h"
#include "policy/sa_context.h"
#include "policy/snapshot.h"
#include "stack/messages.h"

namespace sallyport::stack {

// A context came or went.
struct SaChange {
  model::ChildId id = 0;
  bool added = false;
  IpAddr local, remote;
};
inline constexpr size_t kMostSaChanges = 4096;  // that wait to be taken; the oldest go first

struct DirectTotals {
  uint32_t added = 0, deleted = 0;
};

class DirectSas {
 public:
  static constexpr size_t kMostContexts = 4096;
  static constexpr Duration kAfterExpiry = minutes(1);  // the inbound SA outlives the outbound one
  using Id = model::ChildId;

  // natt_port: where UDP-encapsulated packets come in.
  DirectSas(ike::Endpoint& spis, Rng& rng, uint16_t natt_port) : spis_(spis), rng_(rng), natt_port_(natt_port) {}

  struct Created {
    Id id = 0;
    uint64_t inbound_filter = 0;  // that judges what comes back; 0: none does
  };
  // FILTER_NOT_FOUND, PROVIDER_CONTEXT_NOT_FOUND, INCOMPATIBLE_LAYER (not an outbound IPsec filter), TRAFFIC_MISMATCH
  // (not the filter's, or not the tunnel's endpoints), NO_SYSTEM_RESOURCES.
  policy::Outcome<Created> create(const policy::Snapshot& policy, const policy::SaTraffic& outbound,
                                  uint64_t virtual_if_tunnel, uint64_t traffic_selector);
  // The next of all: NOT_FOUND, INCOMPATIBLE_SA_STATE out of order.
  struct Wanted {
    policy::SaTraffic inbound;
    std::optional<policy::UdpEncapsulation> udp;
    uint32_t spi = 0;  // 0: any
  };
  // Asked again for the same traffic it is the same SPI. TRAFFIC_MISMATCH, FILTER_NOT_FOUND, INCOMPATIBLE_LAYER;
  // ALREADY_EXISTS for an SPI in use, WIN32_INVALID_PARAMETER for a reserved one, NOT_SUPPORTED for a UDP port that is
  // not ours.
  policy::Outcome<uint32_t> set_spi(const policy::Snapshot& policy, Id id, const Wanted& wanted);
  // One SA, or AH around ESP (direct_bundle.h): ESP has the SPI that set_spi() gave, AH another one of its own, which
  // is ALREADY_EXISTS where it is in use. INVALID_AUTH_TRANSFORM, INVALID_CIPHER_TRANSFORM,
  // INVALID_TRANSFORM_COMBINATION, INVALID_FLAGS, WIN32_INVALID_PARAMETER (SPI, length of a key, one that differs from
  // the inbound SA's algorithms), NOT_SUPPORTED.
  policy::Outcome<> add_inbound(const policy::Snapshot& policy, Id id, policy::SaBundle bundle);
  policy::Outcome<> add_outbound(Id id, policy::SaBundle bundle);
  policy::Outcome<> update(Id id, uint64_t flags, const policy::SaContext& to);
  policy::Outcome<> expire(TimePoint now, Id id);
  policy::Outcome<> remove(Id id);

  // As it was given, without keys. Filters are the caller's to add: traffic says which.
  std::optional<policy::SaContext> get(Id id) const;
  std::optional<std::pair<IpAddr, IpAddr>> addresses(Id id) const;  // local and remote
  uint64_t filter_of(Id id, bool inbound) const;                    // 0: none
  std::vector<Id> ids() const;                                      // that have an SA
  size_t size() const { return contexts_.size(); }
  bool owns(Id id) const { return contexts_.contains(id); }
  bool serves(uint64_t filter) const;  // some context is this outbound filter's
  const DirectTotals& totals() const { return totals_; }

  bool carries(model::ChildId sa) const;  // it is one of a context's
  void lifetime_reached(model::ChildId sa);
  void filters_changed(const policy::Snapshot& policy);
  void handle_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline() const;
  std::optional<DataplaneCommand> poll();
  std::deque<SaChange> take_changes() { return std::exchange(changes_, {}); }

 private:
  enum class State : uint8_t { created, spi_known, inbound_added, complete, expired };
  struct Context {
    State state = State::created;
    policy::SaTraffic outbound, inbound;
    uint64_t virtual_if_tunnel = 0, traffic_selector = 0;
    uint64_t filter = 0;  // outbound, with the callout
    model::Spi spi = 0;
    model::Spi ah_spi = 0;  // 0: there is no AH in the bundle
    std::optional<policy::UdpEncapsulation> udp;
    std::optional<policy::SaBundle> inbound_bundle, outbound_bundle;  // without keys
    ipsec::Sad::Elsewhere told, told_ah;                              // what shards know of it
    TimePoint gone_at{};
  };

  policy::Outcome<Context*> at(Id id, State state);
  policy::Outcome<> add_around(Context& context, const policy::SaMaterial& ah, model::SaSpec& inside);
  void remove_sas(Id id, const Context& context, Duration linger);
  void end(std::map<Id, Context>::iterator context, Duration linger);
  void note(Id id, const Context& context, bool added);

  ike::Endpoint& spis_;
  Rng& rng_;
  uint16_t natt_port_;
  std::map<Id, Context> contexts_;
  Id last_ = Id{1} << 63;  // negotiated ones count from 1
  DirectTotals totals_;
  std::deque<DataplaneCommand> commands_;
  std::deque<SaChange> changes_;
};

}  // namespace sallyport::stack
