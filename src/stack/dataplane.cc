// The data plane's composition. Order of one batch: pipeline, its events, the internal device, what that sends.
#include "stack/dataplane.h"

#include <algorithm>

#include "ipsec/inbound_outer.h"
#include "ipsec/nat_peers.h"
#include "ipsec/tcp_reset.h"
#include "stack/net_events.h"
#include "stack/shards.h"

namespace sallyport::stack {

namespace {
constexpr Duration kReportEvery = seconds(1);
constexpr Duration kAskAgain = seconds(30);  // for a copy that did not come

ipsec::OutputShape whole_packets(ipsec::OutputShape shape) {
  shape.join_inner = false;
  return shape;
}
}  // namespace

Dataplane::Dataplane(Rng& rng, std::optional<InnerHost> inner_host, const ipsec::OutputShape& shape)
    : shard_(rng), outputs_(inner_host ? whole_packets(shape) : shape), inner_host_(std::move(inner_host)) {
  flows_.look_at(shard_.nat);
}

void Dataplane::handle_inner_packets(TimePoint now, std::span<PacketBuf> packets) { send(now, packets); }

void Dataplane::send(TimePoint now, std::span<PacketBuf> packets) {
  const size_t events = outputs_.events().size();
  ipsec::outbound(shard_, now, packets, outputs_);
  take_events(now, packets, events);
  tell_dropped();
}

void Dataplane::tell_dropped() {
  if (!shard_.dropped.empty()) {
    for (const auto& packet : shard_.dropped.take()) events_.emplace_back(PacketsDropped{dropped_packet(packet)});
  }
  if (flows_.has_told()) {
    for (auto& event : flows_.take_told()) events_.emplace_back(PacketsDropped{std::move(event)});
  }
}

void Dataplane::send_one(TimePoint now, ByteView packet, const Offload& offload) {
  PacketBuf one = PacketBuf::copy_of(packet, offload);
  send(now, {&one, 1});
}

void Dataplane::handle_esp(TimePoint now, std::span<const ipsec::Incoming> packets) {
  const size_t first = outputs_.packets().size();
  const size_t events = outputs_.events().size();
  const uint64_t unknown = shard_.drops[ipsec::Drop::no_sa];
  ipsec::inbound(shard_, now, packets, outputs_);
  if (shard_.drops[ipsec::Drop::no_sa] != unknown) note_unknown(now, packets);
  finish_inbound(now, first, events);
}

void Dataplane::handle_outer_packets(TimePoint now, std::span<const ByteView> packets) {
  const size_t first = outputs_.packets().size();
  const size_t events = outputs_.events().size();
  ipsec::inbound_outer(shard_, now, packets, outputs_);
  finish_inbound(now, first, events);
}

// What was opened from `first` on, and what was said about it from `events` on.
void Dataplane::finish_inbound(TimePoint now, size_t first, size_t events) {
  take_events(now, {}, events);
  tell_dropped();
  note_inbound(now, first);
  hand_to_judges(now, first);
  give_inner_host(now, first);
}

void Dataplane::give_inner_host(TimePoint now, size_t first) {
  if (!inner_host_) return;
  // The host's answers are added behind these slots, and slots may move: by index, and only those that were there.
  const size_t last = outputs_.packets().size();
  for (size_t i = first; i < last; ++i) {
    ipsec::Outgoing& slot = outputs_.packets()[i];
    if (slot.way != ipsec::Way::inner) continue;
    inner_host_->handle_packet(now, slot.packet.view());
    slot.packet.reset();
  }
  run_inner_host(now);
}

void Dataplane::note_inbound(TimePoint now, size_t from) {
  const auto packets = outputs_.packets();
  for (size_t i = from; i < packets.size(); ++i) {
    const model::ChildId child = packets[i].child_id;
    const bool opened = packets[i].way == ipsec::Way::inner || packets[i].way == ipsec::Way::to_judge;
    if (!opened || child == 0) continue;
    if (std::find(seen_.begin(), seen_.end(), child) == seen_.end()) seen_.push_back(child);
  }
  if (!seen_.empty() && !report_at_) report_at_ = now + kReportEvery;
}

// RFC 7296 2.21.4: the peer may have lost, or we may have lost, the SA; the keying module says so, seldom.
void Dataplane::note_unknown(TimePoint now, std::span<const ipsec::Incoming> packets) {
  if (unknown_at_ && now - *unknown_at_ < kReportEvery) return;
  for (const ipsec::Incoming& in : packets) {
    const ByteView packet = in.packet;
    if (in.protocol != model::Protocol::ESP || packet.size() < in.outer_octets + size_t{8}) continue;
    const model::Spi spi = load_be32(packet.data() + in.outer_octets);
    if (spi <= 255 || shard_.sad.find_inbound(spi) != nullptr) continue;
    unknown_at_ = now;
    events_.emplace_back(UnknownSpiSeen{in.to, in.from, spi, in.udp, packet.size() - in.outer_octets});
    return;
  }
}

Handed& Dataplane::hand_to(uint16_t shard, Handed::What what, PacketBuf& packet) {
  if (handed_used_ == handed_.size()) handed_.emplace_back();
  Handed& slot = handed_[handed_used_++];
  slot.shard = shard;
  slot.what = what;
  std::swap(slot.packet, packet);
  return slot;
}

void Dataplane::hand_over(TimePoint now, const ipsec::HandOver& to, PacketBuf& packet) {
  if (to.copy_of != 0) {
    const auto [told, first] = copy_wanted_.emplace(to.copy_of, now);
    if (first || now - told->second >= kAskAgain) {
      told->second = now;
      events_.emplace_back(CopyWanted{to.copy_of, shard_.sad.number()});
    }
  }
  const ipsec::SendBy by = to.by.value_or(ipsec::SendBy{});
  hand_to(to.shard, by.child != 0 ? Handed::What::send : Handed::What::judge_leaving, packet).by = by;
}

// What was opened from `from` on and is judged by other shards, or here when it is known whose it is. Their slots are
// left empty.
void Dataplane::hand_to_judges(TimePoint now, size_t from) {
  if (shard_.sad.shards() == 1 && !flows_.asks_owners()) return;
  // What is let in here is added behind these slots, and slots may move.
  const size_t last = outputs_.packets().size();
  for (size_t i = from; i < last; ++i) {
    const ipsec::Outgoing& slot = outputs_.packets()[i];
    if (slot.way != ipsec::Way::to_judge) continue;
    const auto view = wire::ip::PacketView::decode(slot.packet.view());
    const ipsec::SaRecord* record = shard_.sad.record_of(slot.child_id);
    if (view && record != nullptr) {
      const model::SaSpec& sa = record->spec;
      const uint16_t owner = ipsec::judge_of(shard_, view->flow);
      CameBy by{sa.spi_in,
                sa.reqid,
                encrypts(sa),
                sa.guaranteed_encryption,
                sa.local.addr,
                sa.remote.addr,
                flows_.origin_of(slot.child_id),
                record->nat_client};
      if (owner == shard_.sad.number()) {
        Handed own;
        own.packet = PacketBuf::copy_of(slot.packet.view(), slot.packet.offload);
        own.came_by = std::move(by);
        judge_arriving(now, own);
      } else {
        hand_to(owner, Handed::What::judge_arriving, outputs_.packets()[i].packet).came_by = std::move(by);
      }
    }
    PacketBuf& packet = outputs_.packets()[i].packet;
    packet.trim_back(packet.size());
  }
}

void Dataplane::handle_handed(TimePoint now, Handed& handed) {
  if (handed.what == Handed::What::judge_arriving) return judge_arriving(now, handed);
  if (handed.what == Handed::What::judge_leaving) {
    const size_t before = handed_used_;
    send(now, {&handed.packet, 1});
    for (size_t i = before; i < handed_used_; ++i) handed_[i].by.hops = handed.by.hops;
    return;
  }
  const size_t events = outputs_.events().size();
  ipsec::outbound_judged(shard_, now, handed.packet, handed.by, outputs_);
  take_events(now, {&handed.packet, 1}, events);
  tell_dropped();
}

// As ipsec::inbound judges what it has opened itself.
ipsec::Verdict Dataplane::judge(TimePoint now, const CameBy& by, PacketBuf& packet, wire::ip::PacketView& view) {
  ipsec::NatFlows::Flow* flow = nullptr;
  if (by.nat_client) {
    const auto verdict = ipsec::arrive_from_client(shard_, now, *by.nat_client, packet, view, flow);
    if (!verdict.passed()) return verdict;
  }
  if (shard_.flows != nullptr) {
    if (const auto verdict = flows_.inbound(now, view, by); !verdict.passed()) return verdict;
  }
  if (by.nat_client) ipsec::answer_by(flow, *by.nat_client);
  return ipsec::Verdict::pass();
}

void Dataplane::judge_arriving(TimePoint now, Handed& handed) {
  const CameBy by = handed.came_by;
  auto view = wire::ip::PacketView::decode(handed.packet.view());
  // What of a peer behind a NAT has to wait is judged again as it came.
  std::optional<PacketBuf> as_it_came;
  if (by.nat_client && flows_.asks_owners())
    as_it_came = PacketBuf::copy_of(handed.packet.view(), handed.packet.offload);
  const ipsec::Verdict verdict =
      view ? judge(now, by, handed.packet, *view) : ipsec::Verdict(ipsec::Drop::malformed_inner);
  if (!verdict.passed()) {
    if (verdict.drop() == ipsec::Drop::owner_unknown) {
      if (as_it_came) std::swap(handed.packet, *as_it_came);
      return wait_for_owner(now, arriving_flow(view->flow), handed);
    }
    const auto reset = view ? ipsec::broken_off(verdict, handed.packet.view(), *view) : std::nullopt;
    if (!reset) return drop_arriving(now, verdict.drop(), by);
    shard_.drops.count(verdict.drop());
    outputs_.add(reset->size()).packet.assign(*reset);
    return tell_dropped();
  }
  std::swap(outputs_.add(0).packet, handed.packet);
}

void Dataplane::drop_arriving(TimePoint now, ipsec::Drop why, const CameBy& by) {
  shard_.drops.count(why);
  shard_.dropped.arriving(now, why, by.local, by.remote, by.spi);
  tell_dropped();
}

void Dataplane::wait_for_owner(TimePoint now, const HostFlow& flow, Handed& handed) {
  const bool asked = arrivals_.waits(flow);
  if (!arrivals_.add(now, flow, handed)) return drop_arriving(now, ipsec::Drop::owner_unknown, handed.came_by);
  if (!asked) events_.emplace_back(OwnerWanted{flow, flows_.accepted(flow)});
}

void Dataplane::run_inner_host(TimePoint now) {
  while (auto packet = inner_host_->poll_packet()) send_one(now, *packet);
}

// Acquire names a packet of the batch: it is held before the batch is gone.
void Dataplane::take_events(TimePoint now, std::span<PacketBuf> batch, size_t from) {
  for (size_t i = from; i < outputs_.events().size(); ++i) {
    const ipsec::Event& event = outputs_.events()[i];
    if (const auto* acquire = std::get_if<ipsec::Acquire>(&event)) {
      hold_for(now, *acquire, batch[acquire->packet_index]);
    } else if (const auto* other = std::get_if<ipsec::HandOver>(&event)) {
      hand_over(now, *other, batch[other->packet_index]);
    } else if (const auto* soft = std::get_if<ipsec::SoftExpired>(&event)) {
      events_.emplace_back(LifetimeReached{soft->child_id, soft->spi_in, false});
    } else if (const auto* hard = std::get_if<ipsec::HardExpired>(&event)) {
      events_.emplace_back(LifetimeReached{hard->child_id, hard->spi_in, true});
    } else if (const auto* seen = std::get_if<ipsec::FirstInbound>(&event)) {
      events_.emplace_back(FirstInbound{seen->child_id});
    } else if (const auto* moved = std::get_if<ipsec::RemoteMoved>(&event)) {
      events_.emplace_back(PeerMoved{moved->child_id, moved->local, moved->remote});
    }
  }
}

void Dataplane::hold_for(TimePoint now, const ipsec::Acquire& acquire, const PacketBuf& packet) {
  const uint32_t reqid = acquire.entry->reqid;
  bool ask = true;
  if (acquire.hold) {
    const auto held = held_.hold(now, reqid, packet.view(), packet.offload);
    held_dropped_ += held.dropped;
    if (!expire_held_at_) expire_held_at_ = now + seconds(5);
    ask = held.ask;
  }
  if (ask && acquire.filter == kAskForOwner) {
    const HostFlow flow = leaving_flow(acquire.flow);
    events_.emplace_back(OwnerWanted{flow, flows_.accepted(flow)});
  } else if (ask) {
    events_.emplace_back(Acquire{acquire.entry->connection, acquire.entry->child, acquire.flow, acquire.filter,
                                 acquire.encrypted, reqid});
  }
}

void Dataplane::handle_command(TimePoint now, DataplaneCommand command) {
  std::visit([&](auto& c) { apply(now, c); }, command);
}

void Dataplane::apply(TimePoint now, InstallSa& command) {
  const uint32_t reqid = command.sa.reqid;
  const bool ready = command.sa.outbound_ready;
  const model::ChildId child = command.sa.child_id;
  const model::Spi spi = command.sa.spi_in;
  // SAs that lingered are gone without a word.
  if (flows_.origins() > 2 * shard_.sad.size() + 16)
    flows_.forget_all_but([this](model::ChildId id) { return shard_.sad.reqid_of(id).has_value(); });
  flows_.learn(child, origin_of(command), command.sa.remote.addr, encrypts(command.sa));
  if (!shard_.sad.install(now, std::move(command.sa), std::move(command.behind_nat))) {
    flows_.retire(child);
    flows_.forget(child);
    // An SA the data plane cannot carry is as good as expired: the keying module deletes it.
    events_.emplace_back(LifetimeReached{child, spi, true});
    return;
  }
  for (const auto& early : shard_.early.take(spi)) {
    const ipsec::Incoming incoming = early.incoming();
    handle_esp(now, {&incoming, 1});
  }
  if (ready) release(now, reqid);
}

void Dataplane::apply(TimePoint now, ExpectSa& command) { shard_.early.expect(now, command.spi); }

void Dataplane::apply(TimePoint now, InstallSaElsewhere& command) {
  const uint32_t reqid = command.sa.reqid;
  const bool ready = command.sa.outbound_ready;
  flows_.hear_of(command.sa.child_id, command.origin, command.remote, command.encrypts);
  if (shard_.sad.install_elsewhere(std::move(command.sa)) && ready) release(now, reqid);
}

void Dataplane::apply(TimePoint now, CompleteSa& command) {
  const ipsec::Sad::Elsewhere& sa = command.sa;
  if (!shard_.sad.complete(now, sa.child_id, sa.spi_out, std::move(command.out), command.hard)) {
    events_.emplace_back(LifetimeReached{sa.child_id, command.spi_in, true});
    return;
  }
  release(now, sa.reqid);
}

void Dataplane::apply(TimePoint now, SwitchSaOutbound& command) {
  if (!shard_.sad.switch_outbound(command.child_id)) return;  // removed meanwhile
  if (const auto reqid = shard_.sad.reqid_of(command.child_id)) release(now, *reqid);
}

void Dataplane::release(TimePoint now, uint32_t reqid) {
  for (const auto& packet : held_.release(reqid)) send_one(now, packet.octets, packet.offload);
}

void Dataplane::apply(TimePoint now, RemoveSa& command) {
  copy_wanted_.erase(command.child_id);
  flows_.retire(command.child_id);
  if (command.linger == Duration::zero()) flows_.forget(command.child_id);
  if (const auto sa = shard_.sad.status(now, command.child_id); sa && !sa->lingering)
    events_.emplace_back(SaEnded{sa->child_id, sa->octets_in, sa->octets_out});
  (void)shard_.sad.remove(now, command.child_id, command.linger);  // one that was never installed is no matter
}

void Dataplane::apply(TimePoint, MoveSa& command) {
  for (const model::ChildId child : command.child_ids)
    (void)shard_.sad.move(child, command.local, command.remote);  // removed meanwhile is no matter
}

void Dataplane::apply(TimePoint, SetSpd& command) { shard_.spd.set(std::move(command.entries)); }

void Dataplane::apply(TimePoint, ForgetHeld& command) { held_dropped_ += held_.release(command.reqid).size(); }

void Dataplane::apply(TimePoint now, ReleaseHeld& command) { release(now, command.reqid); }

void Dataplane::apply(TimePoint now, PlaceSocket& command) {
  flows_.place(now, command.flow, std::move(command.group));
}

void Dataplane::apply(TimePoint now, PlaceUser& command) { flows_.place_user(now, command.flow, command.user); }

void Dataplane::apply(TimePoint now, PlaceOwner& command) {
  const uint32_t held_as = reqid_of_endpoint(command.flow);
  if (command.owner) {
    flows_.place_owner(now, command.flow, command.owner);
    release(now, held_as);
  } else {
    const size_t dropped = held_.release(held_as).size();
    held_dropped_ += dropped;
    for (size_t i = 0; i < dropped; ++i) shard_.drops.count(ipsec::Drop::owner_unknown);
  }
  const size_t first = outputs_.packets().size();
  for (Handed& handed : arrivals_.take(command.flow)) {
    if (command.owner) {
      judge_arriving(now, handed);
    } else {
      drop_arriving(now, ipsec::Drop::owner_unknown, handed.came_by);
    }
  }
  give_inner_host(now, first);
}

void Dataplane::apply(TimePoint, ForgetSocket& command) { flows_.unplace(command.flow, command.group); }

// Flows are judged again at their next packet, because the generation is another one.
void Dataplane::apply(TimePoint, SetFilters& command) {
  flows_.set(std::move(command.snapshot), std::move(command.connections));
  shard_.flows = flows_.active() ? &flows_ : nullptr;
}

void Dataplane::handle_deadline(TimePoint now) {
  flows_.handle_deadline(now);
  shard_.nat.handle_deadline(now);
  const size_t events = outputs_.events().size();
  shard_.sad.handle_deadline(now, outputs_);
  take_events(now, {}, events);
  if (report_at_ && *report_at_ <= now) {
    report_at_.reset();
    events_.emplace_back(InboundSeenOn{std::move(seen_)});
    seen_.clear();
  }
  if (expire_held_at_ && *expire_held_at_ <= now) {
    held_dropped_ += held_.expire(now);
    expire_held_at_ = held_.empty() ? std::nullopt : std::optional(now + seconds(5));
  }
  for (size_t gone = arrivals_.expire(now); gone > 0; --gone) shard_.drops.count(ipsec::Drop::owner_unknown);
  for (size_t gone = shard_.early.handle_deadline(now); gone > 0; --gone) shard_.drops.count(ipsec::Drop::no_sa);
  if (inner_host_) inner_host_->expire(now);
}

std::optional<TimePoint> Dataplane::next_deadline() const {
  std::optional<TimePoint> first = shard_.sad.next_deadline();
  for (const auto& at : {report_at_, expire_held_at_, flows_.next_deadline(), arrivals_.next_deadline(),
                         shard_.early.next_deadline(), shard_.nat.next_deadline()}) {
    if (at && (!first || *at < *first)) first = at;
  }
  return first;
}

std::optional<DataplaneEvent> Dataplane::poll_event() {
  if (events_.empty()) return std::nullopt;
  DataplaneEvent out = std::move(events_.front());
  events_.pop_front();
  return out;
}

void Dataplane::choose_providers(const std::function<uint64_t()>& nanoseconds) {
  shard_.sad.set_providers(crypto::measure_providers(nanoseconds));
}

Result<> Dataplane::ping(TimePoint now, uint64_t token, const IpAddr& destination, uint16_t sequence, size_t octets) {
  if (!inner_host_) return fail(Errc::unsupported);
  SP_CHECK(inner_host_->ping(now, token, destination, sequence, octets));
  run_inner_host(now);
  return {};
}

std::optional<InnerHost::Pong> Dataplane::poll_pong() { return inner_host_ ? inner_host_->poll_pong() : std::nullopt; }

}  // namespace sallyport::stack
