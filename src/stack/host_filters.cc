// See host_filters.h.
#include "stack/host_filters.h"

#include <algorithm>

#include "policy/callout.h"
#include "policy/enumerate.h"
#include "policy/match.h"
#include "stack/connection_objects.h"
#include "stack/socket_filters.h"
#include "stack/socket_owner.h"
#include "stack/tunnel_traffic.h"

namespace sallyport::stack {
namespace {

using policy::ActionType;
using policy::Field;
using policy::Filter;
using policy::Test;
using policy::U128;
using Does = HostRule::Does;
namespace callout = policy::known::callout;
namespace raw = policy::raw_context;

constexpr uint8_t kTcp = 6, kUdp = 17, kSctp = 132;

bool one_of(const policy::Guid& key, std::initializer_list<policy::Guid> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Of a callout that has packets protected: whether they may leave in the clear all the same.
Does outbound_says(bool may_be_clear) { return may_be_clear ? Does::capture : Does::protect; }

bool tunnel_may_be_clear(const policy::Snapshot& snapshot, const Filter& filter) {
  const auto* context = tunnel_context(snapshot, filter);
  return context != nullptr && (tunnel_policy(*context)->flags & policy::policy_flag::kTunnelAllowOutboundClear);
}

// What a callout says of a clear packet. Nothing: an inspection, which decides nothing.
std::optional<Does> callout_says(const policy::Snapshot& snapshot, const Filter& filter) {
  const policy::Guid& key = filter.action.callout;
  if (filter.action.type == ActionType::CALLOUT_INSPECTION) return std::nullopt;
  switch (tunnel_callout(key)) {
    case TunnelCallout::outbound:
    case TunnelCallout::forward_outbound: return outbound_says(tunnel_may_be_clear(snapshot, filter));
    case TunnelCallout::inbound:
    case TunnelCallout::forward_inbound: return Does::veto;
    case TunnelCallout::none: break;
  }
  if (one_of(key, {callout::IPSEC_OUTBOUND_TRANSPORT_V4, callout::IPSEC_OUTBOUND_TRANSPORT_V6}))
    return outbound_says(filter.raw_context & raw::kOutboundNegotiateDiscover);
  // That a flow was secured once is the packet filter's own memory: it does not ask again here.
  if (one_of(key, {callout::IPSEC_INBOUND_TRANSPORT_V4, callout::IPSEC_INBOUND_TRANSPORT_V6}))
    return filter.raw_context & (raw::kInboundPassthru | raw::kInboundPersistConnectionSecurity) ? Does::permit
                                                                                                 : Does::veto;
  if (one_of(key, {callout::IPSEC_ALE_CONNECT_V4, callout::IPSEC_ALE_CONNECT_V6}))
    return !filter.has_provider_context() &&
                   (filter.raw_context & (raw::kAleRequireSecurity | raw::kAleRequireEncryption))
               ? Does::veto
               : Does::permit;
  if (one_of(key, {callout::IPSEC_INBOUND_INITIATE_SECURE_V4, callout::IPSEC_INBOUND_INITIATE_SECURE_V6}))
    return Does::veto;
  if (policy::context_of_builtin(key) != policy::CalloutContext::any) return Does::permit;
  return filter.head.flags & Filter::kPermitIfCalloutUnregistered ? Does::permit : Does::veto;
}

// The ranges that a test lets through; false: it is no test of ranges.
bool ranges_of(const Test& test, U128 most, std::vector<std::pair<U128, U128>>& out) {
  if (test.kind == Test::Kind::in_range) {
    out.push_back({test.low, test.high});
    return true;
  }
  if (test.kind != Test::Kind::not_in_range) return false;
  if (U128{} < test.low) out.push_back({U128{}, policy::minus_one(test.low)});
  if (test.high < most) out.push_back({policy::plus_one(test.high), most});
  return true;
}

IpAddr address_of(Family family, U128 v) {
  uint8_t octets[16];
  store_be64(octets, v.high);
  store_be64(octets + 8, v.low);
  return family == Family::v4 ? IpAddr::v4(static_cast<uint32_t>(v.low)) : IpAddr::v6(octets);
}

enum class Fits : uint8_t {
  never,
  ranges,
  cannot_say,
  asks,  // within these ranges, where the owner of the flow's socket fits
};

// Leaves of the protocols those whose sockets have owners; false: there are none.
bool with_owners(HostRule::Numbers& protocols) {
  HostRule::Numbers out;
  for (const uint16_t each : {uint16_t{kTcp}, uint16_t{kUdp}}) {
    const auto holds = [&](const auto& range) { return range.first <= each && each <= range.second; };
    if (protocols.empty() || std::any_of(protocols.begin(), protocols.end(), holds)) out.emplace_back(each, each);
  }
  protocols = std::move(out);
  return !protocols.empty();
}

// Fills the rule's ranges from the filter's tests. `values`: what every clear unicast packet has in the other fields.
Fits fit(const std::vector<Test>& tests, Family family, const policy::FieldValues& values, HostRule& rule) {
  const U128 every_address = policy::low_bits(family == Family::v4 ? 32 : 128);
  bool asks = false, of_nobody = false;
  for (size_t at = 0; at < tests.size();) {
    const Field field = tests[at].field;
    const bool source = field == Field::IP_LOCAL_ADDRESS || field == Field::IP_SOURCE_ADDRESS;
    const bool address = source || field == Field::IP_REMOTE_ADDRESS || field == Field::IP_DESTINATION_ADDRESS;
    const bool number = field == Field::IP_PROTOCOL || field == Field::IP_LOCAL_PORT || field == Field::IP_REMOTE_PORT;
    const U128 every_number = policy::low_bits(field == Field::IP_PROTOCOL ? 8 : 16);
    std::vector<std::pair<U128, U128>> ranges;
    bool any = false;
    if (is_owner_field(field)) {
      for (; at < tests.size() && tests[at].field == field; ++at)
        of_nobody = of_nobody || tests[at].holds(policy::FieldValue{});
      asks = true;
      continue;
    }
    for (; at < tests.size() && tests[at].field == field; ++at) {
      if (!address && !number) {
        any = any || tests[at].holds(values.get(field));
      } else if (!ranges_of(tests[at], address ? every_address : every_number, ranges)) {
        return Fits::cannot_say;
      }
    }
    if (!address && !number) {
      if (!any) return Fits::never;
      continue;
    }
    if (ranges.empty()) return Fits::never;
    for (const auto& [low, high] : ranges) {
      if (address) {
        (source ? rule.local : rule.remote).emplace_back(address_of(family, low), address_of(family, high));
        continue;
      }
      const std::pair<uint16_t, uint16_t> pair{static_cast<uint16_t>(low.low), static_cast<uint16_t>(high.low)};
      (field == Field::IP_PROTOCOL     ? rule.protocols
       : field == Field::IP_LOCAL_PORT ? rule.local_ports
                                       : rule.remote_ports)
          .push_back(pair);
    }
  }
  if (!asks) return Fits::ranges;
  return of_nobody || with_owners(rule.protocols) ? Fits::asks : Fits::never;
}

HostRule match_all(const HostRule& rule) {
  HostRule out;
  out.does = rule.does;
  out.filter = rule.filter;
  return out;
}

// What a tunnel leaves alone is permitted before its own rule is asked.
void add_bypasses(const policy::Snapshot& snapshot, const Filter& filter, Family family, const HostRule& rule,
                  HostSublayer& out) {
  const auto* context =
      tunnel_callout(filter.action.callout) != TunnelCallout::none ? tunnel_context(snapshot, filter) : nullptr;
  if (context == nullptr || !rule.local_ports.empty() || !rule.remote_ports.empty()) return;
  for (const TunnelBypass& bypass : tunnel_bypasses(tunnel_policy(*context)->flags, family)) {
    const auto holds = [&](const auto& range) {
      return range.first <= bypass.protocol && bypass.protocol <= range.second;
    };
    if (!rule.protocols.empty() && std::none_of(rule.protocols.begin(), rule.protocols.end(), holds)) continue;
    HostRule past = rule;
    past.does = Does::permit;
    past.protocols = {{bypass.protocol, bypass.protocol}};
    if (bypass.port == 0) {
      out.push_back(std::move(past));
      continue;
    }
    for (const auto ports : {&HostRule::local_ports, &HostRule::remote_ports}) {
      HostRule by_port = past;
      (by_port.*ports) = {{bypass.port, bypass.port}};
      out.push_back(std::move(by_port));
    }
  }
}

bool discovers(const Filter& filter) {
  return one_of(filter.action.callout, {callout::IPSEC_INBOUND_TRANSPORT_V4, callout::IPSEC_INBOUND_TRANSPORT_V6}) &&
         (filter.raw_context & raw::kInboundPersistConnectionSecurity) != 0;
}

// What both hold; nothing: none. Empty ranges are any value.
template <class T>
std::optional<std::vector<std::pair<T, T>>> common(const std::vector<std::pair<T, T>>& ranges, T first, T last) {
  if (ranges.empty()) return std::vector<std::pair<T, T>>{{first, last}};
  std::vector<std::pair<T, T>> out;
  for (const auto& range : ranges) {
    const T low = std::max(range.first, first), high = std::min(range.second, last);
    if (!(high < low)) out.emplace_back(low, high);
  }
  return out.empty() ? std::nullopt : std::optional(std::move(out));
}

bool narrow(const model::Selector& selector, HostRule::Addresses& addresses, HostRule::Numbers& protocols,
            HostRule::Numbers& ports) {
  auto some = common(addresses, selector.first, selector.last);
  if (!some) return false;
  addresses = std::move(*some);
  if (selector.protocol != 0) {
    auto protocol = common<uint16_t>(protocols, selector.protocol, selector.protocol);
    if (!protocol) return false;
    protocols = std::move(*protocol);
  }
  if (selector.any_port()) return true;
  // Type and code of ICMP share one number there, and have a field each in a rule.
  const bool with_ports = selector.protocol == kTcp || selector.protocol == kUdp || selector.protocol == kSctp;
  auto of_ports = with_ports ? common(ports, selector.port_first, selector.port_last) : std::nullopt;
  if (!of_ports) return false;
  ports = std::move(*of_ports);
  return true;
}

// Before the rule that takes what is in the clear.
void add_settled(const std::vector<SettledTraffic>& settled, Family family, const HostRule& rule, HostSublayer& out) {
  for (const SettledTraffic& traffic : settled)
    for (const model::Selector& local : traffic.local)
      for (const model::Selector& remote : traffic.remote) {
        if (local.family() != family || remote.family() != family) continue;
        HostRule refused = rule;
        refused.does = Does::veto;
        if (narrow(local, refused.local, refused.protocols, refused.local_ports) &&
            narrow(remote, refused.remote, refused.protocols, refused.remote_ports))
          out.push_back(std::move(refused));
      }
}

// Those of one layer, heaviest first, and what a clear unicast packet has in the fields that no rule has.
struct LayerFilters {
  LayerFilters(const policy::Snapshot& snapshot, policy::Layer which) : layer(which) {
    policy::FilterTemplate wanted;
    wanted.layer = layer;
    wanted.flags = policy::FilterTemplate::kSorted;
    if (auto found = policy::enumerate_filters(snapshot, &wanted)) all = std::move(*found);
    values.set_u8(Field::IP_LOCAL_ADDRESS_TYPE, 1);
    values.set_u8(Field::IP_DESTINATION_ADDRESS_TYPE, 1);
    values.set_u32(Field::FLAGS, 0);
  }
  Fits fit_into(HostRule& rule, const Filter& filter, Family family) const {
    return fit(policy::make_tests(*policy::find_layer(layer), filter.conditions), family, values, rule);
  }

  policy::Layer layer;
  policy::Filters all;
  policy::FieldValues values;
};

HostLayer layer_rules(const policy::Snapshot& snapshot, Point point, Family family,
                      const std::vector<SettledTraffic>& settled, std::vector<uint64_t>& unsaid) {
  HostLayer out{point, family, {}};
  const LayerFilters filters(snapshot, layer_of(point, family));
  policy::Guid sublayer;
  const bool contested = std::any_of(filters.all.begin(), filters.all.end(), [](const auto& filter) {
    return filter->sublayer == policy::known::sublayer::SALLYPORT_CONNECTIONS && !is_of_connection(filter->head);
  });
  for (const auto& filter : filters.all) {
    if (is_ike_exemption(*filter)) continue;
    if (is_dosp(*filter)) continue;  // it has no say about what is not forwarded between its interfaces
    // What those protect is led and refused by rules of their own; here they keep lighter ones from deciding.
    if (is_of_connection(filter->head) && !contested) continue;
    // A secured socket carries mark and socket filter of its own: no rule for each of them.
    if (filter->head.provider == secure_socket_provider()) continue;
    const auto does = is_of_connection(filter->head) ? Does::permit : says_of_clear(snapshot, *filter);
    if (!does) continue;
    HostRule rule;
    rule.does = *does;
    rule.filter = filter->id;
    const Fits fits = filters.fit_into(rule, *filter, family);
    if (fits == Fits::never) continue;
    if (fits == Fits::asks) rule.does = Does::ask;
    if (fits == Fits::cannot_say) {
      // Rather too much to the daemon or to nobody than a clear packet too many.
      unsaid.push_back(filter->id);
      if (rule.does == Does::permit || rule.does == Does::hard_permit) continue;
      rule = match_all(rule);
    }
    if (out.sublayers.empty() || filter->sublayer != sublayer) out.sublayers.emplace_back();
    sublayer = filter->sublayer;
    add_bypasses(snapshot, *filter, family, rule, out.sublayers.back());
    if (discovers(*filter)) add_settled(settled, family, rule, out.sublayers.back());
    out.sublayers.back().push_back(std::move(rule));
  }
  return out;
}

// Down to the last filter that permits; of what comes behind it nothing is let past.
HostLayer past_connections(const policy::Snapshot& snapshot, Point point, Family family) {
  HostLayer out{point, family, {}};
  const LayerFilters filters(snapshot, layer_of(point, family));
  HostSublayer rules;
  size_t needed = 0;
  for (const auto& filter : filters.all) {
    if (filter->sublayer != policy::known::sublayer::SALLYPORT_CONNECTIONS) continue;
    if (filter->action.type == ActionType::CALLOUT_INSPECTION) continue;
    HostRule rule;
    rule.does = filter->action.type == ActionType::PERMIT ? Does::permit : Does::protect;
    rule.filter = filter->id;
    const Fits fits = filters.fit_into(rule, *filter, family);
    if (fits == Fits::never || (fits == Fits::cannot_say && rule.does == Does::permit)) continue;
    if (fits == Fits::cannot_say) rule = match_all(rule);
    rules.push_back(std::move(rule));
    if (rules.back().does == Does::permit) needed = rules.size();
  }
  rules.resize(needed);
  if (needed != 0) out.sublayers.push_back(std::move(rules));
  return out;
}

}  // namespace

std::optional<HostRule::Does> says_of_clear(const policy::Snapshot& snapshot, const Filter& filter) {
  const bool hard = filter.head.flags & Filter::kClearActionRight;
  if (filter.action.type == ActionType::BLOCK) return Does::block;
  auto does = filter.action.type == ActionType::PERMIT ? Does::permit : callout_says(snapshot, filter);
  if (does == Does::permit && hard) does = Does::hard_permit;
  return does;
}

const HostLayer* HostFilters::find(Point point, Family family) const {
  const auto at = std::find_if(layers.begin(), layers.end(),
                               [&](const HostLayer& l) { return l.point == point && l.family == family; });
  return at == layers.end() ? nullptr : &*at;
}

bool HostFilters::captures() const {
  for (const HostLayer& layer : layers)
    for (const HostSublayer& sublayer : layer.sublayers)
      for (const HostRule& rule : sublayer)
        if (rule.does == Does::capture || rule.does == Does::protect ||
            (rule.does == Does::ask && layer.point == Point::ale_auth_connect))
          return true;
  return false;
}

bool HostFilters::asks(Point ale, Family family) const {
  const HostLayer* layer = find(ale, family);
  if (layer == nullptr) return false;
  return std::any_of(layer->sublayers.begin(), layer->sublayers.end(), [](const HostSublayer& sublayer) {
    return std::any_of(sublayer.begin(), sublayer.end(), [](const HostRule& rule) { return rule.does == Does::ask; });
  });
}

HostFilters host_filters(const policy::Snapshot& snapshot, const std::vector<SettledTraffic>& settled) {
  HostFilters out;
  for (const Family family : {Family::v4, Family::v6}) {
    for (const Point point : {Point::outbound_transport, Point::inbound_transport, Point::ale_auth_connect,
                              Point::ale_auth_recv_accept, Point::ipforward}) {
      HostLayer layer = layer_rules(snapshot, point, family, settled, out.unsaid);
      if (!layer.sublayers.empty()) out.layers.push_back(std::move(layer));
    }
    for (const Point point : {Point::outbound_transport, Point::inbound_transport}) {
      HostLayer past = past_connections(snapshot, point, family);
      if (!past.sublayers.empty()) out.past_connections.push_back(std::move(past));
    }
  }
  for (const Family family : {Family::v4, Family::v6})
    for (const Point ale : {Point::ale_auth_connect, Point::ale_auth_recv_accept})
      if (out.asks(ale, family)) out.asked_under = snapshot.generation;
  out.dosp = dosp_settings(snapshot);
  return out;
}

}  // namespace sallyport::stack
