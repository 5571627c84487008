// See filter_flows.h: what is asked of it for the flows of peers behind a NAT, whose remote ports this host may see as
// others (ipsec/nat_peers.h).
#include "stack/filter_flows.h"

namespace sallyport::stack {

// As the first packet of a connection that the peer begins would be.
bool FilterFlows::would_protect(const model::FlowKey& leaving) {
  const HostFlow key = leaving_flow(leaving);
  if (flows_.contains(key)) return false;
  Flow flow;
  flow.accepted = true;
  flow.flags.secure = true;
  flow.placed_now = true;
  const size_t told = told_.size();
  const uint32_t told_in_second = told_in_second_;
  judge_outbound(key, flow);
  told_.erase(told_.begin() + static_cast<std::ptrdiff_t>(told), told_.end());  // no packet was blocked
  told_in_second_ = told_in_second;
  return flow.ruling.way == Ruling::Way::protect;
}

bool FilterFlows::is_of_other_peer(TimePoint now, const model::FlowKey& leaving) const {
  const auto found = flows_.find(leaving_flow(leaving));
  if (found == flows_.end()) return false;
  const Flow& flow = found->second;
  return flow.came_last_by != 0 && !flow.origin.nat_client && !flow.life.over(now, leaving.protocol);
}

// The flow as the packets of a peer behind a NAT have it, where the host sees another port.
std::optional<HostFlow> FilterFlows::before_rewriting(const HostFlow& key) const {
  if (nat_ == nullptr || nat_->rewritten() == 0) return std::nullopt;
  const auto* flow = nat_->find({key.local, key.remote, key.protocol, key.local_port, key.remote_port});
  if (flow == nullptr || !flow->rewritten()) return std::nullopt;
  HostFlow out = key;
  out.remote_port = flow->own_port;
  return out;
}

}  // namespace sallyport::stack
