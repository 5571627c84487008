// See explain_filters.h.
#include "stack/explain_filters.h"

#include "policy/callout.h"
#include "stack/connection_objects.h"
#include "stack/filter_flows.h"

namespace sallyport::stack {
namespace {

using policy::Filter;

std::string callout_name(const policy::Guid& key) {
#define SP_FWP_CALLOUT(name, guid, layer, context) \
  if (key == policy::known::callout::name) return #name;
#include "proto/wfp.def"
  return key.to_string();
}

std::string action_of(const Filter& filter) {
  return policy::is_callout(filter.action.type) ? callout_name(filter.action.callout)
                                                : std::string(policy::to_string(filter.action.type));
}

std::string sentence_of(const policy::Explanation& explained) {
  std::string out;
  for (const auto& sublayer : explained.sublayers) {
    if (!sublayer.filter || sublayer.stands) continue;
    out += (out.empty() ? "" : "; ") + std::string("filter ") + std::to_string(sublayer.filter->id) +
           " of another sublayer does not change that";
  }
  if (explained.decision.veto) out += (out.empty() ? "" : "; ") + std::string("a callout's veto");
  return out;
}

// filter: the one that decides; nullptr: none.
void tell(LayerExplained& out, policy::Layer layer, const Filter* filter) {
  out.layer = layer;
  out.action = filter == nullptr ? "none" : action_of(*filter);
  if (filter == nullptr) return;
  out.filter = filter->id;
  out.name = filter->head.display.name;
}

LayerExplained ask(const policy::Snapshot& snapshot, Point point, const HostFlow& flow, uint32_t flags,
                   SecuredCallouts* callouts, bool& blocked, const SocketOwner* owner = nullptr) {
  policy::FieldValues values;
  if (point == Point::ipforward) {
    fill_forward_fields(flow, true, flags, values);
  } else {
    fill_fields(flow, flags, nullptr, values);
    if (has_owner(flow)) fill_owner(owner, values);
  }
  const auto explained = policy::explain(snapshot, layer_of(point, flow.family()), values, callouts);
  LayerExplained out;
  tell(out, explained.layer, explained.decision.filter);
  blocked = explained.decision.verdict == policy::Verdict::block;
  out.sentence = sentence_of(explained);
  return out;
}

// Policy for a negotiation that filters ask for is not a connection's, which has its own.
LayerExplained ask_keying(const policy::Snapshot& snapshot, Point point, const HostFlow& flow) {
  policy::FieldValues values;
  fill_fields(flow, 0, nullptr, values);
  const auto explained = policy::explain(snapshot, layer_of(point, flow.family()), values, nullptr);
  LayerExplained out;
  tell(out, explained.layer, nullptr);
  for (const auto& sublayer : explained.sublayers) {
    if (!sublayer.filter || is_of_connection(sublayer.filter->head)) continue;
    tell(out, explained.layer, sublayer.filter.get());
    break;
  }
  return out;
}

// A connection negotiates by what its own filters refer to.
void tell_connection(const policy::Snapshot& snapshot, const Filter& protects, FilterExplanation& out) {
  const auto record = read_record(protects.head.provider_data);
  if (!record) return;
  const auto tell_key = [&](Point point, std::initializer_list<policy::Guid> keys) {
    LayerExplained row;
    tell(row, layer_of(point, record->local.front().family()), nullptr);
    for (const auto& key : keys) {
      const auto* filter = snapshot.filters.find(key);
      if (filter == nullptr) continue;
      tell(row, (*filter)->layer, filter->get());
      break;
    }
    out.layers.push_back(std::move(row));
  };
  tell_key(Point::ikeext, {connection_filter_key(record->connection, Family::v4),
                           connection_filter_key(record->connection, Family::v6)});
  tell_key(Point::ipsec, {child_filter_key(*record, "IPSEC")});
}

}  // namespace

FilterExplanation explain_filters(const policy::Snapshot& snapshot, const ConnectionSpd& connections,
                                  const FilterKeying& keying, const HostFlow& leaving, const HostFlow& arriving,
                                  const SocketOwner* owner) {
  FilterExplanation out;
  constexpr Point kAll[] = {Point::outbound_transport,   Point::ale_auth_connect, Point::inbound_transport,
                            Point::ale_auth_recv_accept, Point::ikeext,           Point::ipsec};
  const bool forwards = !snapshot.banks(layer_of(Point::ipforward, leaving.family())).empty();
  bool any = forwards;
  for (const Point point : kAll) any = any || !snapshot.banks(layer_of(point, leaving.family())).empty();
  if (!any) return out;
  out.others = others_stand(snapshot, &connections);
  SecuredCallouts callouts(snapshot, &connections, leaving);
  bool blocked = false;
  for (const Point point : {Point::outbound_transport, Point::ale_auth_connect}) {
    out.layers.push_back(ask(snapshot, point, leaving, 0, &callouts, blocked, owner));
    out.blocked = out.blocked || blocked;
  }
  // As the data plane does: a packet that no tunnel of the host's own takes may be one that it passes on.
  const auto* entry = callouts.protects != nullptr ? connections.find(callouts.protects->id) : nullptr;
  const bool tunnelled =
      entry != nullptr || (callouts.protects != nullptr && callouts.protects->has_provider_context());
  if (forwards && !tunnelled) {
    SecuredCallouts passed_on(snapshot, &connections, leaving);
    out.layers.push_back(ask(snapshot, Point::ipforward, leaving, 0, &passed_on, blocked));
    if (passed_on.protects != nullptr && !blocked) {
      callouts.protects = passed_on.protects;
      out.blocked = false;
    }
  }
  // Of a connection what comes back is asked about: this host has one end of it and not the other.
  const HostFlow& comes = entry != nullptr ? leaving : arriving;
  SecuredCallouts inbound(snapshot, &connections, comes);
  for (const Point point : {Point::inbound_transport, Point::ale_auth_recv_accept})
    out.layers.push_back(ask(snapshot, point, comes, kFlagIpsecSecured, &inbound, blocked, owner));
  const Filter* filter = callouts.protects;
  if (entry != nullptr) {
    tell_connection(snapshot, *filter, out);
  } else {
    for (const Point point : {Point::ikeext, Point::ipsec}) out.layers.push_back(ask_keying(snapshot, point, leaving));
  }
  if (filter == nullptr || out.blocked) return out;
  out.protects = filter->id;
  if (entry != nullptr) {
    out.connection = **entry;
    return out;
  }
  const bool require = callouts.connect_context &
                       (policy::raw_context::kAleRequireSecurity | policy::raw_context::kAleRequireEncryption);
  const bool encrypt = callouts.connect_context & policy::raw_context::kAleRequireEncryption;
  out.clear_meanwhile = !filter->has_provider_context() && !require &&
                        (filter->raw_context & policy::raw_context::kOutboundNegotiateDiscover);
  const auto wanted = keying.look_up(leaving, filter->id, encrypt);
  if (!wanted) {
    out.refusal = wanted.error().sentence;
    return out;
  }
  out.wanted = *wanted;
  if (const auto* context = tunnel_context(snapshot, *filter)) {
    out.clear_meanwhile = tunnel_policy(*context)->flags & policy::policy_flag::kTunnelAllowOutboundClear;
    out.reqid_encrypted = reqid_of_tunnel(context->id);
    return out;
  }
  out.reqid_encrypted = reqid_of_filter(filter->id, wanted->local, wanted->remote, true);
  if (!encrypt) out.reqid_authenticated = reqid_of_filter(filter->id, wanted->local, wanted->remote, false);
  return out;
}

}  // namespace sallyport::stack
