// The Security Association Database of one shard. RFC 4301 4.4.2. Inbound SAs are found by SPI, outbound ones by the
// reqid of the SPD entry and the packet's selectors. Per reqid the SA made active last is used; older ones stay behind
// it until they are removed. Where the data plane has several shards, each also knows which SAs the others send on
// (RFC 9611: an SA of this shard's own resource goes before the one for every resource). One thread; a hot record's
// address is good until generation() changes.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/rng.h"
#include "ipsec/flat_table.h"
#include "ipsec/outputs.h"
#include "ipsec/sa_record.h"
#include "ipsec/selector_index.h"
#include "ipsec/traffic_totals.h"
#include "model/sa_spec.h"

namespace sallyport::ipsec {

class Sad {
 public:
  explicit Sad(Rng& rng);  // for the IVs of CBC ciphers alone
  ~Sad();
  Sad(const Sad&) = delete;
  Sad& operator=(const Sad&) = delete;

  // Both halves; the outbound one is picked at once with spec.outbound_ready, else after switch_outbound().
  // conflict: child id or inbound SPI taken. unsupported, algorithm_refused, bad_key, bad_value: as make_record().
  // nat_client: whose it is, where others may have the same addresses; it is then picked by the reqid of these, too.
  Result<> install(TimePoint now, model::SaSpec spec, std::optional<NatClient> nat_client = std::nullopt);
  // An SA that another shard has: known here by what it sends, so that packets for it can be handed over. Activated,
  // switched and removed as own ones are, and in the same order in every shard. conflict: child id taken.
  struct Elsewhere {
    model::ChildId child_id = 0;
    uint16_t shard = 0;
    uint32_t reqid = 0;
    std::optional<uint32_t> resource;
    model::Selectors ts_local;
    model::Selectors ts_remote;
    bool outbound_ready = true;
    model::Spi spi_out = 0;
    model::Protocol protocol = model::Protocol::ESP;
    bool per_resource = false;
    std::optional<NatClient> nat_client = std::nullopt;
  };
  Result<> install_elsewhere(Elsewhere sa);
  // This shard's number among how many. 0 of 1 at first. Requires: nothing is installed; number < shards
  void set_place(uint16_t number, uint16_t shards);
  // The outbound half of an SA that was installed without one in use: what it had is forgotten, and this is used from
  // now on. not_found: no such SA; conflict: its outbound half is in use; bad_value, algorithm_refused, bad_key as
  // make_record().
  Result<> complete(TimePoint now, model::ChildId child, model::Spi spi_out, model::DirectionKeys out,
                    const model::Lifetime& hard);
  // The outbound half is used from now on. not_found when it was removed meanwhile. Doing it twice is harmless.
  Result<> switch_outbound(model::ChildId child);
  // Nothing is sent on it any more; packets on their way are taken for `linger`. not_found: no such Child SA.
  Result<> remove(TimePoint now, model::ChildId child, Duration linger);
  void remove_all();
  // Where packets go from now on (RemoteMoved accepted, MOBIKE).
  Result<> move(model::ChildId child, const IpEndpoint& local, const IpEndpoint& remote);
  // MTU of the path below the tunnel, octets, for SAs installed and to come. 1500 at first; less than 576 is taken as
  // 576.
  void set_path_mtu(uint16_t octets);
  // Who does the cryptography of SAs to come. OpenSSL at first.
  void set_providers(crypto::ProviderTable providers) { providers_ = std::move(providers); }
  const crypto::ProviderTable& providers() const { return providers_; }

  // Time lifetimes and lingering SAs. Ask next_deadline() again after every call that changes the database.
  void handle_deadline(TimePoint now, Outputs& out);
  std::optional<TimePoint> next_deadline() const;

  SaInbound* find_inbound(model::Spi spi) { return by_spi_.find(spi); }
  // The same for many at once: what the caches miss is fetched for all of them together, the records too.
  // Requires: found.size() >= spis.size()
  void find_inbound(std::span<const model::Spi> spis, std::span<SaInbound*> found) const;
  // The SA to send on: nullptr when there is none for this reqid (`none` true) or when none covers the flow.
  SaOutbound* pick_outbound(uint32_t reqid, const model::FlowKey& flow, bool& none);
  // The same where other shards may have it.
  struct Picked {
    SaOutbound* sa = nullptr;  // here
    uint16_t shard = 0;        // with `elsewhere`: where it is
    bool elsewhere = false;
    bool none = false;         // no SA of this reqid anywhere
    bool may_copy = false;     // with `elsewhere`: a copy of it may be had for this shard (RFC 9611)
    model::ChildId child = 0;  // with `elsewhere`
  };
  Picked pick(uint32_t reqid, const model::FlowKey& flow) const;
  // What this SA of this shard sends with, also before switch_outbound(): for a shard that was told earlier. nullptr:
  // there is no such SA, or it only lingers.
  SaOutbound* outbound_of(model::ChildId child) const;
  // nullptr: it is not of this shard.
  const SaRecord* record_of(model::ChildId child) const;
  // An SA of this reqid, in whatever shard, may be picked.
  bool sends(uint32_t reqid) const { return active_.contains(reqid); }
  // SAs of peers behind a NAT stand; behind the NAT of this address.
  bool serves_nat() const { return !behind_nat_.empty(); }
  bool serves_nat(const IpAddr& address) const { return behind_nat_.contains(address); }
  // The SA that sends with the peer's SPI; nullptr: none, or two peers chose the same one.
  SaOutbound* find_outbound(model::Spi spi, model::Protocol protocol);
  // Some other shard has an SA that sends with it.
  bool sends_elsewhere(model::Spi spi, model::Protocol protocol) const;
  uint16_t number() const { return number_; }  // set_place()
  uint16_t shards() const { return shards_; }
  // What the network said about the path of one SA; forgotten after kLearnedFor (RFC 1191 6.3).
  void learn_path_mtu(TimePoint now, SaOutbound& sa, uint16_t octets);
  static constexpr Duration kLearnedFor = seconds(600);
  bool covers_outbound(const SaOutbound& sa, const model::FlowKey& flow) const;

  // The next unpredictable IV; drawn from the Rng many at a time. Requires: octets <= 16
  ByteView next_random_iv(size_t octets);

  // Counted use may have reached a limit: report it once, and stop the SA where it is a hard one.
  void check_limits(SaRecord& record, Outputs& out);
  void stop(SaRecord& record, LifetimeCause cause, Outputs& out);

  uint64_t generation() const { return generation_; }
  size_t size() const { return records_.size(); }
  std::optional<uint32_t> reqid_of(model::ChildId child) const;  // of another shard's too
  std::optional<SaStatus> status(TimePoint now, model::ChildId child) const;
  std::vector<SaStatus> status(TimePoint now) const;
  TrafficTotals totals() const;  // since the start, of this shard

 private:
  enum class Due : uint8_t { soft, hard, gone, path_mtu, dummy, idle };
  struct Wakeup {
    model::ChildId child;
    Due due;
  };

  // What may be picked: an SA of this shard, or of another one.
  struct Candidate {
    SaOutbound* sa = nullptr;
    const model::Selectors* local = nullptr;
    const model::Selectors* remote = nullptr;
    uint16_t shard = 0;
    model::ChildId child = 0;
    bool may_copy = false;
  };
  struct Foreign {
    Elsewhere sa;
    Candidate candidate;
    bool active = false;
  };

  SaRecord* find(model::ChildId child);
  uint64_t next_rank(const std::optional<uint32_t>& resource, bool here);
  void count_active(uint32_t reqid, bool more);
  void activate(Foreign& foreign);
  bool remove_elsewhere(model::ChildId child);
  void tie_nested(SaRecord& record);
  void offer(uint32_t reqid, const std::optional<NatClient>& client, uint64_t rank, Candidate& candidate);
  void withdraw(uint32_t reqid, const std::optional<NatClient>& client, const Candidate& candidate);
  void count_behind_nat(const std::optional<NatClient>& client, bool more);
  void activate(SaRecord& record);
  void deactivate(SaRecord& record);
  void erase(model::ChildId child);
  void forget_spi_out(const SaRecord& record);
  void handle_dummy(TimePoint now, SaRecord& record, Outputs& out);
  void handle_idle(TimePoint now, SaRecord& record, Outputs& out);
  void handle_due(TimePoint now, const Wakeup& wakeup, Outputs& out);
  void report_soft(SaRecord& record, LifetimeCause cause, Outputs& out);

  Rng& rng_;
  HotPools pools_;
  std::unordered_map<model::ChildId, std::unique_ptr<SaRecord>> records_;
  FlatTable<model::Spi, SaInbound*> by_spi_;
  std::unordered_multimap<model::Spi, SaOutbound*> by_spi_out_;
  FlatTable<uint32_t, uint32_t> active_;  // reqid: how many SAs may be picked
  SelectorIndex picked_;                  // those, by reqid and selectors; made active last comes first
  std::unordered_map<model::ChildId, std::unique_ptr<Candidate>> candidates_;  // of own SAs that may be picked
  std::unordered_map<model::ChildId, std::unique_ptr<Foreign>> elsewhere_;
  std::map<IpAddr, uint32_t> behind_nat_;  // addresses of NATs: how many SAs are of peers behind each
  uint64_t activations_ = 0;
  uint16_t number_ = 0;
  uint16_t shards_ = 1;
  std::unordered_set<uint32_t> outer_reqids_;  // named by some SA as its outer_reqid
  std::multimap<TimePoint, Wakeup> wakeups_;   // may name a record that is gone
  uint64_t generation_ = 1;
  uint16_t path_mtu_ = 1500;
  crypto::ProviderTable providers_;
  TrafficTotals gone_;  // of SAs that are no more
  std::vector<uint8_t> ivs_;
  size_t ivs_used_ = 0;
};

}  // namespace sallyport::ipsec
