// See ipsec_connections.h.
#include "stack/ipsec_connections.h"

#include "stack/sa_details.h"

namespace sallyport::stack {

using policy::IpsecConnection;

namespace {

// What the IKE SA of a child says of both ends.
void take_ike(const Control& control, model::IkeId ike, IpsecConnection& into) {
  auto details = ike_details(control, ike);
  if (!details) return;
  into.key_module = details->key_module;
  into.proposal = details->proposal;
  into.peer = std::move(details->credentials.front().peer);
}

}  // namespace

std::optional<IpsecConnection> IpsecConnections::added(const Control& control, model::ChildId child, uint64_t wall) {
  const auto found = control.children().find(child);
  if (found == control.children().end() || of_child_.contains(child)) return std::nullopt;  // gone again already
  const auto context = context_of(control, child);
  const auto& details = context->outbound;
  std::optional<policy::Guid> provider;
  if (details->filter) provider = details->filter->object.head.provider;
  Key key{details->traffic.local, details->traffic.remote, details->traffic.type, provider};
  const auto known = by_key_.find(key);
  const Id id = known != by_key_.end() ? known->second : ++last_;
  Standing& standing = standing_[id];
  of_child_[child] = id;
  standing.children.insert(child);
  take_ike(control, found->second.ike_id, standing.what);
  if (known != by_key_.end()) return std::nullopt;
  standing.what.id = id;
  standing.what.local = details->traffic.local;
  standing.what.remote = details->traffic.remote;
  standing.what.mode = details->traffic.type;
  standing.what.provider = provider;
  standing.what.started = wall;
  standing.key = key;
  by_key_.emplace(std::move(key), id);
  return standing.what;
}

std::optional<IpsecConnection> IpsecConnections::removed(model::ChildId child) {
  const auto of = of_child_.find(child);
  if (of == of_child_.end()) return std::nullopt;
  const Id id = of->second;
  of_child_.erase(of);
  const auto at = standing_.find(id);
  Standing& standing = at->second;
  standing.children.erase(child);
  if (!standing.children.empty()) {
    leaving_[child] = id;
    return std::nullopt;
  }
  std::erase_if(leaving_, [&](const auto& each) { return each.second == id; });
  by_key_.erase(standing.key);
  IpsecConnection out = std::move(standing.what);
  standing_.erase(at);
  return out;
}

void IpsecConnections::ended(const SaEnded& sa) {
  const auto leaving = leaving_.find(sa.child_id);
  if (leaving == leaving_.end()) return;
  IpsecConnection& what = standing_.at(leaving->second).what;
  what.octets_in += sa.octets_in;
  what.octets_out += sa.octets_out;
  leaving_.erase(leaving);
}

std::vector<model::ChildId> IpsecConnections::stale(const Control& control) const {
  std::vector<model::ChildId> out;
  for (const auto& [child, id] : of_child_)
    if (!control.children().contains(child)) out.push_back(child);
  return out;
}

void IpsecConnections::clear() {
  standing_.clear();
  by_key_.clear();
  of_child_.clear();
  leaving_.clear();
}

std::vector<IpsecConnections::Id> IpsecConnections::ids() const {
  std::vector<Id> out;
  for (const auto& [id, each] : standing_) out.push_back(id);
  return out;
}

std::optional<IpsecConnection> IpsecConnections::get(const Control& control, Id id,
                                                     const std::vector<ipsec::SaStatus>* packets) const {
  const auto at = standing_.find(id);
  if (at == standing_.end()) return std::nullopt;
  IpsecConnection out = at->second.what;
  // Either end may have moved since it began.
  const auto newest = control.children().find(*at->second.children.rbegin());
  if (newest != control.children().end()) {
    out.local = newest->second.sa.local.addr;
    out.remote = newest->second.sa.remote.addr;
  }
  if (packets == nullptr) return out;
  for (const ipsec::SaStatus& sa : *packets) {
    const auto leaving = leaving_.find(sa.child_id);
    if (!at->second.children.contains(sa.child_id) && (leaving == leaving_.end() || leaving->second != id)) continue;
    out.octets_in += sa.octets_in;
    out.octets_out += sa.octets_out;
  }
  return out;
}

}  // namespace sallyport::stack
