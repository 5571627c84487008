// See explain_filters.h.
#include "stack/explain_filters.h"

#include "policy/callout.h"
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

LayerExplained ask(const policy::Snapshot& snapshot, Point point, const HostFlow& flow, uint32_t flags,
                   SecuredCallouts* callouts, bool& blocked) {
  policy::FieldValues values;
  if (point == Point::ipforward) {
    fill_forward_fields(flow, true, flags, values);
  } else {
    fill_fields(flow, flags, nullptr, values);
  }
  const auto explained = policy::explain(snapshot, layer_of(point, flow.family()), values, callouts);
  LayerExplained out;
  out.layer = explained.layer;
  out.action = "none";
  if (const Filter* filter = explained.decision.filter) {
    out.action = action_of(*filter);
    out.filter = filter->id;
    out.name = filter->head.display.name;
  }
  blocked = explained.decision.verdict == policy::Verdict::block;
  out.sentence = sentence_of(explained);
  return out;
}

}  // namespace

FilterExplanation explain_filters(const policy::Snapshot& snapshot, const FilterKeying& keying, const HostFlow& leaving,
                                  const HostFlow& arriving) {
  FilterExplanation out;
  constexpr Point kAll[] = {Point::outbound_transport,   Point::ale_auth_connect, Point::inbound_transport,
                            Point::ale_auth_recv_accept, Point::ikeext,           Point::ipsec};
  const bool forwards = !snapshot.banks(layer_of(Point::ipforward, leaving.family())).empty();
  bool any = forwards;
  for (const Point point : kAll) any = any || !snapshot.banks(layer_of(point, leaving.family())).empty();
  if (!any) return out;
  SecuredCallouts callouts(snapshot, leaving);
  bool blocked = false;
  for (const Point point : {Point::outbound_transport, Point::ale_auth_connect}) {
    out.layers.push_back(ask(snapshot, point, leaving, 0, &callouts, blocked));
    out.blocked = out.blocked || blocked;
  }
  // As the data plane does: a packet that no tunnel of the host's own takes may be one that it passes on.
  if (forwards && (callouts.protects == nullptr || !callouts.protects->has_provider_context())) {
    SecuredCallouts passed_on(snapshot, leaving);
    out.layers.push_back(ask(snapshot, Point::ipforward, leaving, 0, &passed_on, blocked));
    if (passed_on.protects != nullptr && !blocked) {
      callouts.protects = passed_on.protects;
      out.blocked = false;
    }
  }
  SecuredCallouts inbound(snapshot, arriving);
  for (const Point point : {Point::inbound_transport, Point::ale_auth_recv_accept})
    out.layers.push_back(ask(snapshot, point, arriving, kFlagIpsecSecured, &inbound, blocked));
  for (const Point point : {Point::ikeext, Point::ipsec})
    out.layers.push_back(ask(snapshot, point, leaving, 0, nullptr, blocked));
  const Filter* filter = callouts.protects;
  if (filter == nullptr || out.blocked) return out;
  out.protects = filter->id;
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
