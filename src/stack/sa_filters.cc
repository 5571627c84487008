// See sa_filters.h.
#include "stack/sa_filters.h"

#include "policy/classify.h"
#include "stack/connection_objects.h"

namespace sallyport::stack {
namespace {

using policy::Filter;
namespace callout = policy::known::callout;

// Takes the first IPsec callout that is asked.
class FirstIpsecCallout final : public policy::CalloutRunner {
 public:
  std::optional<policy::CalloutAnswer> run(const Filter& filter, const policy::FieldValues&) override {
    if (is_of_connection(filter.head)) return policy::CalloutAnswer{};
    if (policy::context_of_builtin(filter.action.callout) == policy::CalloutContext::any) return std::nullopt;
    const bool ours = is_ipsec_callout(filter, false, false) || is_ipsec_callout(filter, false, true);
    if (ours && found == nullptr) found = &filter;
    return policy::CalloutAnswer{policy::CalloutAnswer::Kind::permit, false};
  }
  const Filter* found = nullptr;
};

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

}  // namespace sallyport::stack
