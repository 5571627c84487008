// See clear_arrivals.h.
#include "stack/clear_arrivals.h"

#include "stack/host_filters.h"
#include "wire/ip/checksum.h"
#include "wire/ip/packet_view.h"

namespace sallyport::stack {
namespace {

constexpr Duration kSweepEvery = seconds(1);

// Callouts as the packet filter's rules have them.
class ClearCallouts final : public policy::CalloutRunner {
 public:
  explicit ClearCallouts(const policy::Snapshot& snapshot) : snapshot_(snapshot) {}
  std::optional<policy::CalloutAnswer> run(const policy::Filter& filter, const policy::FieldValues&) override {
    using Kind = policy::CalloutAnswer::Kind;
    // A secured socket has a socket filter of its own against what comes in the clear.
    const auto says =
        filter.head.provider == secure_socket_provider() ? std::nullopt : says_of_clear(snapshot_, filter);
    if (!says) return policy::CalloutAnswer{};
    if (*says == HostRule::Does::permit) return policy::CalloutAnswer{Kind::permit, false};
    if (*says == HostRule::Does::hard_permit) return policy::CalloutAnswer{Kind::permit, true};
    vetoed = true;
    return policy::CalloutAnswer{Kind::block, true};
  }
  bool vetoed = false;

 private:
  const policy::Snapshot& snapshot_;
};

// A packet that never was on a wire may have been left to a device to finish; its sum would not hold on another way.
void finish_checksum(const wire::ip::PacketView& view, Bytes& packet) {
  const bool tcp = view.flow.protocol == wire::ip::kTcp;
  const size_t at = view.header_octets + (tcp ? 16 : 6);
  if (view.fragment || packet.size() < at + 2) return;
  const MutableBytes segment = MutableBytes(packet).subspan(view.header_octets);
  const auto& [source, destination] = std::pair(view.flow.source, view.flow.destination);
  if (load_be16(&packet[at]) != wire::ip::pseudo_header_sum(source, destination, view.flow.protocol, segment.size()))
    return;
  store_be16(&packet[at], 0);
  const uint16_t sum = wire::ip::transport_checksum(source, destination, view.flow.protocol, segment);
  store_be16(&packet[at], sum == 0 && !tcp ? 0xffff : sum);
}

}  // namespace

bool accepts_clear(const policy::Snapshot& snapshot, const HostFlow& flow, const SocketOwner& owner) {
  policy::FieldValues values;
  policy::Matches matches;
  fill_fields(flow, 0, nullptr, values);
  fill_owner(&owner, values);
  ClearCallouts callouts(snapshot);
  const auto decision =
      policy::classify(snapshot, layer_of(Point::ale_auth_recv_accept, flow.family()), values, &callouts, matches);
  return decision.verdict == policy::Verdict::permit && !callouts.vetoed;
}

void ClearArrivals::handle_packet(TimePoint now, const Snapshot& snapshot, ByteView packet) {
  const auto view = wire::ip::PacketView::decode(packet);
  if (!view || view->later_fragment) return drops_.count(ipsec::Drop::malformed_inner);
  const HostFlow flow = arriving_flow(view->flow);
  if (!sweep_at_) sweep_at_ = now + kSweepEvery;
  if (!has_owner(flow)) return judge(snapshot, flow, SocketOwner{}, to_bytes(packet));
  const auto known = known_.find(flow);
  // The same ports may be another program's by now.
  if (known != known_.end() && view->opens_connection()) {
    known_.erase(known);
  } else if (known != known_.end()) {
    known->second.last = now;
    return judge(snapshot, flow, *known->second.owner, to_bytes(packet));
  }
  wait(now, flow, packet);
}

void ClearArrivals::wait(TimePoint now, const HostFlow& flow, ByteView packet) {
  const auto there = waiting_.find(flow);
  const bool full =
      there == waiting_.end() ? waiting_.size() >= kMostWaitingFlows : there->second.packets.size() >= kMostOfFlow;
  if (full || waiting_octets_ + packet.size() > kMostWaitingOctets) return drops_.count(ipsec::Drop::owner_unknown);
  Waiting& waits = there == waiting_.end() ? waiting_[flow] : there->second;
  if (there == waiting_.end()) {
    waits.since = now;
    outputs_.emplace_back(OwnerWanted{flow, true});
  }
  waiting_octets_ += packet.size();
  waits.packets.push_back(to_bytes(packet));
}

void ClearArrivals::place_owner(TimePoint now, const Snapshot& snapshot, const HostFlow& flow,
                                std::shared_ptr<const SocketOwner> owner) {
  const auto node = waiting_.extract(flow);
  if (node.empty()) return;
  for (Bytes& packet : node.mapped().packets) {
    waiting_octets_ -= packet.size();
    if (owner) {
      judge(snapshot, flow, *owner, std::move(packet));
    } else {
      drops_.count(ipsec::Drop::owner_unknown);
    }
  }
  // What nobody has may be somebody's soon.
  if (owner && owner->user && known_.size() < kMostKnown) known_[flow] = {std::move(owner), now};
}

void ClearArrivals::judge(const Snapshot& snapshot, const HostFlow& flow, const SocketOwner& owner, Bytes packet) {
  if (!snapshot || !accepts_clear(*snapshot, flow, owner)) return drops_.count(ipsec::Drop::filter_block);
  if (const auto view = wire::ip::PacketView::decode(packet)) finish_checksum(*view, packet);
  outputs_.emplace_back(Deliver{flow.local, std::move(packet)});
}

std::optional<ClearArrivals::Output> ClearArrivals::poll() {
  if (outputs_.empty()) return std::nullopt;
  Output out = std::move(outputs_.front());
  outputs_.pop_front();
  return out;
}

void ClearArrivals::handle_deadline(TimePoint now) {
  if (!sweep_at_ || *sweep_at_ > now) return;
  std::erase_if(waiting_, [&](const auto& each) {
    if (now - each.second.since < kWait) return false;
    for (const Bytes& packet : each.second.packets) {
      waiting_octets_ -= packet.size();
      drops_.count(ipsec::Drop::owner_unknown);
    }
    return true;
  });
  std::erase_if(known_, [&](const auto& each) {
    return now - each.second.last > (each.first.protocol == wire::ip::kTcp ? kKnownTcp : kKnown);
  });
  sweep_at_ = waiting_.empty() && known_.empty() ? std::nullopt : std::optional(now + kSweepEvery);
}

}  // namespace sallyport::stack
