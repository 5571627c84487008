#include "ipsec/sad.h"

#include <algorithm>

#include "crypto/aead.h"
#include "ipsec/encapsulate.h"
#include "ipsec/pmtu.h"
#include "model/algorithms.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kIvStock = 4096;
constexpr uint16_t kSmallestPathMtu = 576;
constexpr Duration kShortestDummyInterval = std::chrono::milliseconds(1);

Duration dummy_interval(const model::SaSpec& spec) {
  return std::max<Duration>(*spec.shape.dummy_interval, kShortestDummyInterval);
}

bool flow_within(const model::Selectors& local, const model::Selectors& remote, const model::FlowKey& flow) {
  const bool icmp = flow.protocol == 1 || flow.protocol == 58;
  const uint16_t remote_port = icmp ? flow.source_port : flow.destination_port;
  return model::contains(local, flow.source, flow.protocol, flow.source_port, flow.ports_known) &&
         model::contains(remote, flow.destination, flow.protocol, remote_port, flow.ports_known);
}

uint64_t draw(Rng& rng) {
  uint8_t octets[8];
  rng.fill(octets);
  return uint64_t{load_be32(octets)} << 32 | load_be32(octets + 4);
}

}  // namespace

Sad::Sad(Rng& rng) : rng_(rng), picked_(draw(rng)) {}
Sad::~Sad() = default;

Result<> Sad::install(TimePoint now, model::SaSpec spec, std::optional<NatClient> nat_client) {
  if (records_.contains(spec.child_id) || by_spi_.contains(spec.spi_in)) return fail(Errc::conflict, spec.spi_in);
  SP_TRY(auto record, make_record(now, std::move(spec), path_mtu_, providers_, pools_));
  SaRecord& placed = *record;
  placed.nat_client = std::move(nat_client);
  placed.in->plain_transport = placed.in->plain_transport && !placed.nat_client;  // whose flow it is has to be seen
  count_behind_nat(placed.nat_client, true);
  const model::SaSpec& kept = placed.spec;
  by_spi_.set(kept.spi_in, placed.in.get());
  by_spi_out_.emplace(kept.spi_out, placed.out.get());
  records_[kept.child_id] = std::move(record);
  if (kept.soft.time) wakeups_.emplace(now + *kept.soft.time, Wakeup{kept.child_id, Due::soft});
  if (kept.hard.time) wakeups_.emplace(now + *kept.hard.time, Wakeup{kept.child_id, Due::hard});
  if (kept.hard.idle) wakeups_.emplace(now + *kept.hard.idle, Wakeup{kept.child_id, Due::idle});
  if (kept.protocol == model::Protocol::ESP && kept.shape.dummy_interval)
    wakeups_.emplace(now + dummy_interval(kept), Wakeup{kept.child_id, Due::dummy});
  if (kept.outbound_ready) activate(placed);
  tie_nested(placed);
  ++generation_;
  return {};
}

void Sad::forget_spi_out(const SaRecord& record) {
  const auto [first, last] = by_spi_out_.equal_range(record.spec.spi_out);
  by_spi_out_.erase(std::find_if(first, last, [&](const auto& row) { return row.second == record.out.get(); }));
}

Result<> Sad::complete(TimePoint now, model::ChildId child, model::Spi spi_out, model::DirectionKeys out,
                       const model::Lifetime& hard) {
  SaRecord* record = find(child);
  if (record == nullptr || record->lingering) return fail(Errc::not_found);
  if (record->outbound_active) return fail(Errc::conflict, spi_out);
  forget_spi_out(*record);
  const auto done = renew_outbound(*record, spi_out, std::move(out), hard, path_mtu_, providers_, pools_);
  by_spi_out_.emplace(record->spec.spi_out, record->out.get());
  ++generation_;
  SP_CHECK(done);
  if (hard.time) wakeups_.emplace(now + *hard.time, Wakeup{child, Due::hard});
  activate(*record);
  return {};
}

// RFC 4301 appendix E: an SA that carries another's packets looks into what it opens. Once told it goes on doing so,
// which costs a little and is never wrong.
void Sad::tie_nested(SaRecord& record) {
  const auto mark = [](SaRecord& outer) { outer.in->carries_nested = outer.in->special = true; };
  if (outer_reqids_.contains(record.spec.reqid)) mark(record);
  const uint32_t outer_reqid = record.spec.outer_reqid;
  if (outer_reqid == 0 || !outer_reqids_.insert(outer_reqid).second) return;
  for (auto& [child, other] : records_) {
    if (other->spec.reqid == outer_reqid) mark(*other);
  }
}

void Sad::set_place(uint16_t number, uint16_t shards) {
  number_ = number;
  shards_ = shards;
}

// The lowest rank is picked. RFC 9611 4: a copy that this shard has before the SA for all, and that before the copies
// of others; among equals the one made active last. One shard alone has no preference.
uint64_t Sad::next_rank(const std::optional<uint32_t>& resource, bool here) {
  constexpr int kClassShift = 62;
  const uint64_t newest_first = (uint64_t{1} << kClassShift) - 1 - ++activations_;
  if (shards_ == 1) return newest_first;
  const uint64_t other = !resource ? 1 : here ? 0 : 2;
  return other << kClassShift | newest_first;
}

void Sad::count_active(uint32_t reqid, bool more) {
  const uint32_t now = active_.find(reqid) + (more ? 1 : -1u);
  if (now != 0) {
    active_.set(reqid, now);
  } else {
    active_.erase(reqid);
  }
  ++generation_;
}

// Other SAs have the reqid of a policy, too; that of a peer behind a NAT has this peer's alone.
void Sad::offer(uint32_t reqid, const std::optional<NatClient>& client, uint64_t rank, Candidate& candidate) {
  picked_.add(reqid, *candidate.local, *candidate.remote, rank, &candidate);
  count_active(reqid, true);
  if (!client || client->reqid == reqid) return;
  picked_.add(client->reqid, *candidate.local, *candidate.remote, rank, &candidate);
  count_active(client->reqid, true);
}

void Sad::withdraw(uint32_t reqid, const std::optional<NatClient>& client, const Candidate& candidate) {
  picked_.remove(reqid, *candidate.local, *candidate.remote, &candidate);
  count_active(reqid, false);
  if (!client || client->reqid == reqid) return;
  picked_.remove(client->reqid, *candidate.local, *candidate.remote, &candidate);
  count_active(client->reqid, false);
}

void Sad::count_behind_nat(const std::optional<NatClient>& client, bool more) {
  if (!client) return;
  ++generation_;
  if (more) {
    ++behind_nat_[client->seen_at.addr];
    return;
  }
  const auto found = behind_nat_.find(client->seen_at.addr);
  if (found != behind_nat_.end() && --found->second == 0) behind_nat_.erase(found);
}

void Sad::activate(SaRecord& record) {
  if (record.outbound_active) return;
  const model::SaSpec& spec = record.spec;
  auto candidate =
      std::make_unique<Candidate>(Candidate{record.out.get(), &spec.ts_local, &spec.ts_remote, number_, spec.child_id});
  offer(spec.reqid, record.nat_client, next_rank(spec.resource, true), *candidate);
  candidates_[spec.child_id] = std::move(candidate);
  record.outbound_active = true;
}

void Sad::deactivate(SaRecord& record) {
  if (!record.outbound_active) return;
  const model::SaSpec& spec = record.spec;
  const auto candidate = candidates_.find(spec.child_id);
  withdraw(spec.reqid, record.nat_client, *candidate->second);
  candidates_.erase(candidate);
  record.outbound_active = false;
}

Result<> Sad::install_elsewhere(Elsewhere sa) {
  if (elsewhere_.contains(sa.child_id) || records_.contains(sa.child_id)) return fail(Errc::conflict);
  auto foreign = std::make_unique<Foreign>();
  foreign->sa = std::move(sa);
  const Elsewhere& kept = foreign->sa;
  foreign->candidate = {nullptr, &kept.ts_local, &kept.ts_remote, kept.shard, kept.child_id, kept.per_resource};
  count_behind_nat(kept.nat_client, true);
  if (kept.outbound_ready) activate(*foreign);
  elsewhere_[kept.child_id] = std::move(foreign);
  return {};
}

void Sad::activate(Foreign& foreign) {
  if (foreign.active) return;
  const Elsewhere& sa = foreign.sa;
  offer(sa.reqid, sa.nat_client, next_rank(sa.resource, false), foreign.candidate);
  foreign.active = true;
}

bool Sad::remove_elsewhere(model::ChildId child) {
  const auto found = elsewhere_.find(child);
  if (found == elsewhere_.end()) return false;
  const Elsewhere& sa = found->second->sa;
  if (found->second->active) withdraw(sa.reqid, sa.nat_client, found->second->candidate);
  count_behind_nat(sa.nat_client, false);
  elsewhere_.erase(found);
  return true;
}

Result<> Sad::switch_outbound(model::ChildId child) {
  if (const auto foreign = elsewhere_.find(child); foreign != elsewhere_.end()) {
    activate(*foreign->second);
    return {};
  }
  SaRecord* record = find(child);
  if (record == nullptr || record->lingering) return fail(Errc::not_found);
  activate(*record);
  return {};
}

Result<> Sad::remove(TimePoint now, model::ChildId child, Duration linger) {
  if (remove_elsewhere(child)) return {};
  SaRecord* record = find(child);
  if (record == nullptr) return fail(Errc::not_found);
  deactivate(*record);
  record->lingering = true;
  if (linger <= Duration::zero()) {
    erase(child);
  } else {
    wakeups_.emplace(now + linger, Wakeup{child, Due::gone});
  }
  return {};
}

void Sad::remove_all() {
  records_.clear();
  by_spi_.clear();
  by_spi_out_.clear();
  active_.clear();
  picked_.clear();
  candidates_.clear();
  elsewhere_.clear();
  behind_nat_.clear();
  wakeups_.clear();
  ++generation_;
}

void Sad::erase(model::ChildId child) {
  const auto found = records_.find(child);
  deactivate(*found->second);
  count_behind_nat(found->second->nat_client, false);
  by_spi_.erase(found->second->spec.spi_in);
  forget_spi_out(*found->second);
  gone_.add(*found->second);
  records_.erase(found);
  ++generation_;
}

Result<> Sad::move(model::ChildId child, const IpEndpoint& local, const IpEndpoint& remote) {
  SaRecord* record = find(child);
  if (record == nullptr) return fail(Errc::not_found);
  if (local.addr.family() != remote.addr.family()) return fail(Errc::bad_value);
  record->spec.local = record->out->local = local;
  record->spec.remote = record->out->remote = remote;
  set_sa_path_mtu(*record->out, path_mtu_);
  return {};
}

void Sad::set_path_mtu(uint16_t octets) {
  path_mtu_ = std::max(octets, kSmallestPathMtu);
  for (auto& [child, record] : records_) {
    const bool learned = record->learned_until && record->out->path_mtu < path_mtu_;
    if (!learned) set_sa_path_mtu(*record->out, path_mtu_);
  }
}

void Sad::handle_deadline(TimePoint now, Outputs& out) {
  while (!wakeups_.empty() && wakeups_.begin()->first <= now) {
    const Wakeup wakeup = wakeups_.begin()->second;
    wakeups_.erase(wakeups_.begin());
    handle_due(now, wakeup, out);
  }
}

void Sad::handle_due(TimePoint now, const Wakeup& wakeup, Outputs& out) {
  SaRecord* record = find(wakeup.child);
  if (record == nullptr) return;
  switch (wakeup.due) {
    case Due::soft:
      if (!record->lingering) report_soft(*record, LifetimeCause::time, out);
      return;
    case Due::hard: stop(*record, LifetimeCause::time, out); return;
    case Due::gone: erase(wakeup.child); return;
    case Due::path_mtu:
      if (record->learned_until && *record->learned_until <= now) {
        record->learned_until.reset();
        set_sa_path_mtu(*record->out, path_mtu_);
      }
      return;
    case Due::dummy: handle_dummy(now, *record, out); return;
    case Due::idle: handle_idle(now, *record, out); return;
  }
}

std::optional<TimePoint> Sad::next_deadline() const {
  if (wakeups_.empty()) return std::nullopt;
  return wakeups_.begin()->first;
}

void Sad::report_soft(SaRecord& record, LifetimeCause cause, Outputs& out) {
  if (record.soft_reported || record.hard_reported) return;
  record.soft_reported = true;
  out.report(SoftExpired{record.spec.child_id, record.spec.spi_in, cause});
}

void Sad::stop(SaRecord& record, LifetimeCause cause, Outputs& out) {
  if (record.hard_reported) return;
  record.hard_reported = true;
  record.in->dead = true;
  record.out->dead = true;
  out.report(HardExpired{record.spec.child_id, record.spec.spi_in, cause});
}

void Sad::check_limits(SaRecord& record, Outputs& out) {
  auto soft = record.out->usage.soft_reached();
  if (!soft) soft = record.in->usage.soft_reached();
  if (!soft && record.out->sequence >= soft_sequence(record.out->esn)) soft = LifetimeCause::sequence;
  if (soft) report_soft(record, *soft, out);
  auto hard = record.out->usage.hard_reached();
  if (!hard) hard = record.in->usage.hard_reached();
  if (hard) stop(record, *hard, out);
}

// RFC 4303 2.6: a dummy packet fills a pause, so that a pause does not show.
void Sad::handle_dummy(TimePoint now, SaRecord& record, Outputs& out) {
  const Duration interval = dummy_interval(record.spec);
  if (record.lingering || record.out->dead) return;
  if (record.outbound_active && now - record.out->last_packet >= interval)
    (void)send_dummy(*this, now, *record.out, out);
  const TimePoint sent = record.out->last_packet;
  const TimePoint next = sent + interval > now ? sent + interval : now + interval;
  wakeups_.emplace(next, Wakeup{record.spec.child_id, Due::dummy});
}

// What is on its way meanwhile is still taken: only the keying module ends the SA.
void Sad::handle_idle(TimePoint now, SaRecord& record, Outputs& out) {
  if (record.lingering || record.hard_reported) return;
  const TimePoint used = std::max({record.installed, record.in->last_packet, record.out->last_packet});
  const TimePoint end = used + *record.spec.hard.idle;
  if (end > now) {
    wakeups_.emplace(end, Wakeup{record.spec.child_id, Due::idle});
    return;
  }
  record.hard_reported = true;
  out.report(HardExpired{record.spec.child_id, record.spec.spi_in, LifetimeCause::idle});
}

SaOutbound* Sad::find_outbound(model::Spi spi, model::Protocol protocol) {
  SaOutbound* found = nullptr;
  const auto [first, last] = by_spi_out_.equal_range(spi);
  for (auto row = first; row != last; ++row) {
    if (row->second->protocol != protocol) continue;
    if (found != nullptr) return nullptr;
    found = row->second;
  }
  return found;
}

bool Sad::sends_elsewhere(model::Spi spi, model::Protocol protocol) const {
  return std::any_of(elsewhere_.begin(), elsewhere_.end(), [&](const auto& row) {
    return row.second->sa.spi_out == spi && row.second->sa.protocol == protocol;
  });
}

void Sad::learn_path_mtu(TimePoint now, SaOutbound& sa, uint16_t octets) {
  set_sa_path_mtu(sa, std::max(octets, kSmallestPathMtu));
  sa.record->learned_until = now + kLearnedFor;
  wakeups_.emplace(now + kLearnedFor, Wakeup{sa.record->spec.child_id, Due::path_mtu});
}

void Sad::find_inbound(std::span<const model::Spi> spis, std::span<SaInbound*> found) const {
  const auto as_before = [&](size_t i) { return i != 0 && spis[i] == spis[i - 1]; };
  for (size_t i = 0; i < spis.size(); ++i) {
    if (!as_before(i)) by_spi_.prefetch(spis[i]);
  }
  for (size_t i = 0; i < spis.size(); ++i) {
    found[i] = as_before(i) ? found[i - 1] : by_spi_.find(spis[i]);
    if (!as_before(i) && found[i] != nullptr) prefetch(*found[i]);
  }
}

Sad::Picked Sad::pick(uint32_t reqid, const model::FlowKey& flow) const {
  const auto covers = [&](const void* item) {
    const auto& candidate = *static_cast<const Candidate*>(item);
    return flow_within(*candidate.local, *candidate.remote, flow);
  };
  const auto* found = static_cast<const Candidate*>(picked_.find(reqid, flow.source, flow.destination, covers));
  if (found == nullptr) return {nullptr, 0, false, !active_.contains(reqid)};
  return {found->sa, found->shard, found->sa == nullptr, false, found->may_copy, found->child};
}

SaOutbound* Sad::outbound_of(model::ChildId child) const {
  const auto found = records_.find(child);
  return found == records_.end() || found->second->lingering ? nullptr : found->second->out.get();
}

const SaRecord* Sad::record_of(model::ChildId child) const {
  const auto found = records_.find(child);
  return found == records_.end() ? nullptr : found->second.get();
}

SaOutbound* Sad::pick_outbound(uint32_t reqid, const model::FlowKey& flow, bool& none) {
  const Picked picked = pick(reqid, flow);
  none = picked.none;
  return picked.sa;
}

bool Sad::covers_outbound(const SaOutbound& sa, const model::FlowKey& flow) const {
  return flow_within(sa.record->spec.ts_local, sa.record->spec.ts_remote, flow);
}

ByteView Sad::next_random_iv(size_t octets) {
  if (ivs_.size() - ivs_used_ < octets) {
    ivs_.resize(kIvStock);
    rng_.fill(ivs_);
    ivs_used_ = 0;
  }
  const ByteView iv(ivs_.data() + ivs_used_, octets);
  ivs_used_ += octets;
  return iv;
}

SaRecord* Sad::find(model::ChildId child) {
  const auto found = records_.find(child);
  return found == records_.end() ? nullptr : found->second.get();
}

namespace {

SaStatus status_of(TimePoint now, const SaRecord& record) {
  const model::SaSpec& spec = record.spec;
  SaStatus s;
  s.child_id = spec.child_id;
  s.connection = spec.connection;
  s.child = spec.child;
  s.reqid = spec.reqid;
  s.spi_in = spec.spi_in;
  s.spi_out = spec.spi_out;
  s.local = spec.local;
  s.remote = spec.remote;
  s.udp_encap = spec.udp_encap;
  s.protocol = spec.protocol;
  s.mode = spec.mode;
  s.encr = spec.encr;
  s.key_bits = spec.key_bits;
  s.integ = spec.integ;
  s.provider = crypto::to_string(record.aead_out ? record.aead_out->provider() : crypto::Provider::openssl);
  s.esn = spec.esn;
  s.outbound_active = record.outbound_active;
  s.lingering = record.lingering;
  s.packets_in = record.in->usage.packets();
  s.octets_in = record.in->usage.octets();
  s.packets_out = record.out->usage.packets();
  s.octets_out = record.out->usage.octets();
  s.lost_in = record.in->replay.lost();
  s.sequence_out = record.out->sequence;
  s.age = now - record.installed;
  if (s.packets_in > 0) s.last_in = record.in->last_packet;
  if (s.packets_out > 0) s.last_out = record.out->last_packet;
  return s;
}

}  // namespace

std::optional<uint32_t> Sad::reqid_of(model::ChildId child) const {
  if (const auto own = records_.find(child); own != records_.end()) return own->second->spec.reqid;
  if (const auto other = elsewhere_.find(child); other != elsewhere_.end()) return other->second->sa.reqid;
  return std::nullopt;
}

std::optional<SaStatus> Sad::status(TimePoint now, model::ChildId child) const {
  const auto found = records_.find(child);
  if (found == records_.end()) return std::nullopt;
  return status_of(now, *found->second);
}

std::vector<SaStatus> Sad::status(TimePoint now) const {
  std::vector<SaStatus> all;
  all.reserve(records_.size());
  for (const auto& [child, record] : records_) all.push_back(status_of(now, *record));
  std::sort(all.begin(), all.end(), [](const SaStatus& a, const SaStatus& b) { return a.child_id < b.child_id; });
  return all;
}

TrafficTotals Sad::totals() const {
  TrafficTotals out = gone_;
  for (const auto& [child, record] : records_) out.add(*record);
  return out;
}

}  // namespace sallyport::ipsec
