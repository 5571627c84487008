// See sa_filters.h.
#include "stack/sa_filters.h"

#include <algorithm>

#include "policy/classify.h"

namespace sallyport::stack {
namespace {

using policy::Filter;
namespace callout = policy::known::callout;

// Takes the first IPsec callout that is asked.
class FirstIpsecCallout final : public policy::CalloutRunner {
 public:
  std::optional<policy::CalloutAnswer> run(const Filter& filter, const policy::FieldValues&) override {
    if (policy::context_of_builtin(filter.action.callout) == policy::CalloutContext::any) return std::nullopt;
    const bool ours = is_ipsec_callout(filter, false, false) || is_ipsec_callout(filter, false, true);
    if (ours && found == nullptr) found = &filter;
    return policy::CalloutAnswer{policy::CalloutAnswer::Kind::permit, false};
  }
  const Filter* found = nullptr;
};

policy::Value address_value(const IpAddr& address) {
  if (address.is_v4()) return policy::Value(load_be32(address.bytes().data()));
  policy::ByteArray16 octets{};
  std::copy(address.bytes().begin(), address.bytes().end(), octets.begin());
  return policy::Value(octets);
}

void add_span(policy::Field field, policy::Value low, policy::Value high, policy::Conditions& out) {
  const bool one = low == high;
  policy::ConditionValue value = one ? policy::ConditionValue(std::move(low))
                                     : policy::ConditionValue(policy::Range{std::move(low), std::move(high)});
  policy::Condition condition{field, one ? policy::MatchType::EQUAL : policy::MatchType::RANGE, std::move(value)};
  if (std::find(out.begin(), out.end(), condition) == out.end()) out.push_back(std::move(condition));
}

void add_conditions(const model::Selectors& selectors, policy::Field address, policy::Field port,
                    policy::Conditions& out) {
  for (const model::Selector& s : selectors) {
    add_span(address, address_value(s.first), address_value(s.last), out);
    if (s.protocol != 0)
      add_span(policy::Field::IP_PROTOCOL, policy::Value(s.protocol), policy::Value(s.protocol), out);
    if (!s.any_port() && !s.opaque_port()) add_span(port, policy::Value(s.port_first), policy::Value(s.port_last), out);
  }
}

}  // namespace

bool is_ipsec_callout(const Filter& filter, bool outbound, bool tunnel) {
  if (!policy::is_callout(filter.action.type)) return false;
  const policy::Guid& key = filter.action.callout;
  if (outbound && tunnel) return key == callout::IPSEC_OUTBOUND_TUNNEL_V4 || key == callout::IPSEC_OUTBOUND_TUNNEL_V6;
  if (outbound) return key == callout::IPSEC_OUTBOUND_TRANSPORT_V4 || key == callout::IPSEC_OUTBOUND_TRANSPORT_V6;
  if (tunnel) return key == callout::IPSEC_INBOUND_TUNNEL_V4 || key == callout::IPSEC_INBOUND_TUNNEL_V6;
  return key == callout::IPSEC_INBOUND_TRANSPORT_V4 || key == callout::IPSEC_INBOUND_TRANSPORT_V6;
}

const Filter* inbound_filter_of(const policy::Snapshot& snapshot, const HostFlow& flow) {
  policy::FieldValues values;
  fill_fields(flow, kFlagIpsecSecured, nullptr, values);
  FirstIpsecCallout callouts;
  policy::Matches matches;
  (void)policy::classify(snapshot, layer_of(Point::inbound_transport, flow.family()), values, &callouts, matches);
  return callouts.found;
}

policy::call::Found<Filter> shown(const Filter& filter) { return {filter, filter.id, filter.effective_weight}; }

policy::call::Found<Filter> shown(const ConnectionFilter& connection) {
  policy::call::Found<Filter> out;
  Filter& filter = out.object;
  const bool v4 = connection.local.is_v4();
  filter.head.display = {connection.name, "of a connection of the configuration; the filter engine does not have it"};
  const Family inner = connection.ts_local.empty() ? connection.local.family() : connection.ts_local.front().family();
  filter.layer = layer_of(connection.outbound ? Point::outbound_transport : Point::inbound_transport, inner);
  filter.sublayer = policy::known::sublayer::UNIVERSAL;
  filter.action.type = policy::ActionType::CALLOUT_TERMINATING;
  if (connection.outbound && connection.tunnel)
    filter.action.callout = v4 ? callout::IPSEC_OUTBOUND_TUNNEL_V4 : callout::IPSEC_OUTBOUND_TUNNEL_V6;
  else if (connection.outbound)
    filter.action.callout = v4 ? callout::IPSEC_OUTBOUND_TRANSPORT_V4 : callout::IPSEC_OUTBOUND_TRANSPORT_V6;
  else if (connection.tunnel)
    filter.action.callout = v4 ? callout::IPSEC_INBOUND_TUNNEL_V4 : callout::IPSEC_INBOUND_TUNNEL_V6;
  else
    filter.action.callout = v4 ? callout::IPSEC_INBOUND_TRANSPORT_V4 : callout::IPSEC_INBOUND_TRANSPORT_V6;
  add_conditions(connection.ts_local, policy::Field::IP_LOCAL_ADDRESS, policy::Field::IP_LOCAL_PORT, filter.conditions);
  add_conditions(connection.ts_remote, policy::Field::IP_REMOTE_ADDRESS, policy::Field::IP_REMOTE_PORT,
                 filter.conditions);
  return out;
}

}  // namespace sallyport::stack
