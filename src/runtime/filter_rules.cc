//   leaving: output, rerouted ─┬─ our mark, loopback, not unicast, ND ── passes
//                              └─ OUTBOUND_TRANSPORT ─┬─ callout ── marked: to the device
//                                                     ├─ block ── counted, dropped
//                                                     └─ permit ── ALE_AUTH_CONNECT, where the connection began here
//   arriving: prerouting ──────┬─ by the device ── the connection is secured from now on; passes, where it is for this
//   host
//                              ├─ ESP, AH, IKE, ND, loopback ── passes
//                              ├─ not to this host ── IPFORWARD ─┬─ callout, leaving by a tunnel ── marked: to the
//                              device │                                 ├─ callout, coming ── dropped unless by the
//                              device │                                 └─ permit ── passes ├─ of a secured connection
//                              ── counted, dropped └─ INBOUND_TRANSPORT ── ALE_AUTH_RECV_ACCEPT, where the connection
//                              began there
//   leaving: postrouting ── marked, but not by the device ── counted, dropped; between secured sockets of this host ──
//   passes
#include "runtime/filter_rules.h"

#include <algorithm>
#include <charconv>

#include "runtime/routes_linux.h"

namespace sallyport::runtime {
namespace {

using stack::HostLayer;
using stack::HostRule;
using stack::Point;

constexpr uint16_t kTcp = 6, kUdp = 17, kSctp = 132, kIcmp = 1, kIcmpv6 = 58;

std::string hex(uint32_t number) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
  return "0x" + std::string(digits, end);
}

// nft refuses intervals that overlap within one set.
template <class T>
std::vector<std::pair<T, T>> merged(std::vector<std::pair<T, T>> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<std::pair<T, T>> out;
  for (const auto& range : ranges) {
    if (!out.empty() && !(out.back().second < range.first)) {
      out.back().second = std::max(out.back().second, range.second);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

std::string text_of(const IpAddr& address) { return address.to_string(); }
std::string text_of(uint16_t number) { return std::to_string(number); }

// "what { a-b, c } "; nothing where any value will do.
template <class T>
std::string match(const std::string& what, const std::vector<std::pair<T, T>>& ranges) {
  if (ranges.empty()) return {};
  std::string out = what + " { ";
  bool first = true;
  for (const auto& [low, high] : merged(ranges)) {
    if (!first) out += ", ";
    first = false;
    out += text_of(low);
    if (low != high) out += "-" + text_of(high);
  }
  return out + " } ";
}

bool is_everything(const HostRule::Addresses& ranges, Family family) {
  const auto all = merged(ranges);
  return all.size() == 1 && all.front().first == IpAddr::any(family) && all.front().second == IpAddr::max(family);
}

std::string match_address(Family family, const char* which, const HostRule::Addresses& ranges) {
  if (ranges.empty() || is_everything(ranges, family)) return {};
  return match(std::string(family == Family::v4 ? "ip " : "ip6 ") + which, ranges);
}

HostRule::Numbers within(const HostRule::Numbers& protocols, std::initializer_list<uint16_t> wanted) {
  HostRule::Numbers out;
  for (const uint16_t each : wanted) {
    const bool there = protocols.empty() || std::any_of(protocols.begin(), protocols.end(), [&](const auto& range) {
                         return range.first <= each && each <= range.second;
                       });
    if (there) out.emplace_back(each, each);
  }
  return out;
}

// Of ports the part that can be a type or a code of ICMP. False: there is none.
bool cut_to_octet(HostRule::Numbers& ports) {
  constexpr uint16_t kMost = 255;
  const bool asked = !ports.empty();
  std::erase_if(ports, [](const auto& range) { return range.first > kMost; });
  for (auto& range : ports) range.second = std::min(range.second, kMost);
  return !asked || !ports.empty();
}

// What a rule asks of protocol and ports; several, since the two fields are ports to some protocols and type and code
// to ICMP. Other protocols have neither, so that a condition on them is not met.
std::vector<std::string> match_transport(const HostRule& rule, bool leaving) {
  if (rule.local_ports.empty() && rule.remote_ports.empty()) return {match("meta l4proto", rule.protocols)};
  std::vector<std::string> out;
  if (const auto with_ports = within(rule.protocols, {kTcp, kUdp, kSctp}); !with_ports.empty())
    out.push_back(match("meta l4proto", with_ports) + match(leaving ? "th sport" : "th dport", rule.local_ports) +
                  match(leaving ? "th dport" : "th sport", rule.remote_ports));
  HostRule::Numbers types = rule.local_ports, codes = rule.remote_ports;
  const auto icmp = within(rule.protocols, {kIcmp, kIcmpv6});
  if (!icmp.empty() && cut_to_octet(types) && cut_to_octet(codes))
    out.push_back(match("meta l4proto", icmp) + match("@th,0,8", types) + match("@th,8,8", codes));
  return out;
}

const char* short_name(Point point) {
  switch (point) {
    case Point::outbound_transport: return "outbound";
    case Point::inbound_transport: return "inbound";
    case Point::ale_auth_connect: return "connect";
    case Point::ale_auth_recv_accept: return "accept";
    case Point::ipforward: return "forward";
    case Point::ipsec:
    case Point::ikeext: break;
  }
  return "other";
}
// Where the rule's local address stands in the source.
bool is_leaving(Point point) {
  return point == Point::outbound_transport || point == Point::ale_auth_connect || point == Point::ipforward;
}

std::string layer_chain(Point point, Family family) {
  return std::string("filter_") + short_name(point) + (family == Family::v4 ? "_v4" : "_v6");
}
std::string sublayer_chain(const HostLayer& layer, size_t index, bool hard) {
  if (index >= layer.sublayers.size()) return layer_chain(layer.point, layer.family) + "_permitted";
  return layer_chain(layer.point, layer.family) + "_" + std::to_string(index + 1) + (hard ? "_hard" : "");
}

std::string verdict(const HostLayer& layer, size_t index, bool hard, HostRule::Does does) {
  using Does = HostRule::Does;
  const bool out = layer.point == Point::outbound_transport || layer.point == Point::ale_auth_connect;
  const std::string drop = std::string("counter name ") + (out ? "filtered_out" : "filtered_in") + " drop";
  switch (does) {
    case Does::permit: return "goto " + sublayer_chain(layer, index + 1, hard);
    case Does::hard_permit: return "goto " + sublayer_chain(layer, index + 1, true);
    case Does::block: return hard ? "goto " + sublayer_chain(layer, index + 1, true) : drop;
    case Does::veto: return drop;
    case Does::capture: return "goto filter_capture";
    case Does::protect: return "goto filter_protect";
    case Does::ask: return layer.point == Point::ale_auth_connect ? "goto filter_capture" : "goto filter_ask";
  }
  return drop;
}

void write_sublayer(std::string& text, const HostLayer& layer, size_t index, bool hard, const FilterRulesPlan& plan) {
  text += "\tchain " + sublayer_chain(layer, index, hard) + " {\n";
  const bool leaving = is_leaving(layer.point);
  for (const HostRule& rule : layer.sublayers[index]) {
    // What the device brings to be passed on has come by its tunnel: the daemon has looked.
    const bool came = layer.point == Point::ipforward && rule.does == HostRule::Does::veto;
    for (const std::string& transport : match_transport(rule, leaving)) {
      if (came)
        text += "\t\tiifname \"" + plan.device + "\" " + match_address(layer.family, "saddr", rule.local) +
                match_address(layer.family, "daddr", rule.remote) + transport +
                verdict(layer, index, hard, HostRule::Does::permit) + "\n";
      const std::string what = match_address(layer.family, leaving ? "saddr" : "daddr", rule.local) +
                               match_address(layer.family, leaving ? "daddr" : "saddr", rule.remote) + transport;
      // The daemon has judged the whole layer for it.
      if (rule.does == HostRule::Does::ask)
        text += "\t\t" + what + "ct mark and " + hex(kAskedMask) +
                " == " + hex(uint32_t{plan.let_pass} << kAskedShift) + " accept\n";
      text += "\t\t" + what + verdict(layer, index, hard, rule.does) + " comment \"filter " +
              std::to_string(rule.filter) + "\"\n";
    }
  }
  text += "\t\tgoto " + sublayer_chain(layer, index + 1, hard) + "\n\t}\n";
}

// The chains a jump may lead to stand before those that jump.
void write_layer(std::string& text, const HostLayer& layer, const std::string& when_permitted,
                 const FilterRulesPlan& plan) {
  text += "\tchain " + sublayer_chain(layer, layer.sublayers.size(), false) + " {\n\t\t" + when_permitted + "\n\t}\n";
  for (size_t i = layer.sublayers.size(); i-- > 0;) {
    for (const bool hard : {true, false}) write_sublayer(text, layer, i, hard, plan);
  }
}

void write_layers(std::string& text, const FilterRulesPlan& plan, Family family) {
  const stack::HostFilters& filters = plan.filters;
  const HostLayer* connect = filters.find(Point::ale_auth_connect, family);
  const HostLayer* accept = filters.find(Point::ale_auth_recv_accept, family);
  for (const HostLayer* last : {connect, accept, filters.find(Point::ipforward, family)})
    if (last != nullptr) write_layer(text, *last, "accept", plan);
  const auto go_on = [&](const HostLayer* last) {
    return last == nullptr ? std::string("accept")
                           : "ct direction original goto " + sublayer_chain(*last, 0, false) + "\n\t\taccept";
  };
  const HostLayer nothing_out{Point::outbound_transport, family, {}};
  const HostLayer nothing_in{Point::inbound_transport, family, {}};
  const HostLayer* outbound = filters.find(Point::outbound_transport, family);
  const HostLayer* inbound = filters.find(Point::inbound_transport, family);
  write_layer(text, outbound ? *outbound : nothing_out, go_on(connect), plan);
  write_layer(text, inbound ? *inbound : nothing_in, go_on(accept), plan);
}

std::string first_chain(const stack::HostFilters& filters, Point point, Family family) {
  const HostLayer* layer = filters.find(point, family);
  const HostLayer nothing{point, family, {}};
  return sublayer_chain(layer ? *layer : nothing, 0, false);
}

void write_capture(std::string& text, const FilterRulesPlan& plan) {
  text += "\tchain filter_capture {\n";
  // What was begun by a route that is not the device's has its link in mind.
  text += "\t\tmeta nfproto ipv4 tcp flags syn / syn,rst tcp option maxseg size > " +
          std::to_string(plan.segment_octets_v4) + " tcp option maxseg size set " +
          std::to_string(plan.segment_octets_v4) + "\n";
  text += "\t\tmeta nfproto ipv6 tcp flags syn / syn,rst tcp option maxseg size > " +
          std::to_string(plan.segment_octets_v6) + " tcp option maxseg size set " +
          std::to_string(plan.segment_octets_v6) + "\n";
  text += "\t\tmeta mark set " + hex(kCaptureMark) + " accept\n\t}\n";
  // Its connection is secured from here on, not only once a protected packet of it has come back.
  text +=
      "\tchain filter_protect {\n\t\tct mark set ct mark or " + hex(kSecuredBit) + "\n\t\tgoto filter_capture\n\t}\n";
}

// What is asked about meets the host's own input chains first, because what comes back from the daemon comes by the
// loopback device. The log takes a copy to the daemon, and the packet itself goes no further.
void write_asking(std::string& text) {
  text += "\tchain filter_ask {\n\t\tct mark set ct mark or " + hex(kAsk) + " accept\n\t}\n";
  text += "\tchain filters_asking {\n\t\ttype filter hook input priority 320; policy accept;\n";
  text += "\t\tiifname \"lo\" accept\n";
  text += "\t\tct direction original ct mark and " + hex(kAskedMask) + " == " + hex(kAsk) +
          " limit rate 4000/second burst 1000 packets log group " + std::to_string(kAskedGroup) +
          " queue-threshold 1\n";
  text += "\t\tct direction original ct mark and " + hex(kAskedMask) + " == " + hex(kAsk) + " counter drop\n\t}\n";
}

void write_bases(std::string& text, const FilterRulesPlan& plan) {
  const std::string bit = hex(kSecuredBit);
  text += "\tchain filters_arriving {\n\t\ttype filter hook prerouting priority -160; policy accept;\n";
  // Most of what arrives, and every rule costs something for each packet.
  if (!plan.own_datagrams.empty()) text += "\t\tiifname != \"" + plan.device + "\" " + plan.own_datagrams + "\n";
  // The mark leads the way back into the device, which is what reverse path filtering looks at.
  text += "\t\tiifname \"" + plan.device + "\" ct mark set ct mark or " + bit + "\n";
  text += "\t\tiifname \"" + plan.device + "\" fib daddr type local meta mark set " + hex(kCaptureMark) + " accept\n";
  text += "\t\tiifname \"" + plan.device + "\" meta mark set " + hex(kArrivedMark) + "\n";
  text += "\t\tiifname \"lo\" accept\n";
  // Before what exempts our own ESP: that of others is passed on, and so tunnelled.
  for (const Family family : {Family::v4, Family::v6}) {
    if (plan.filters.find(Point::ipforward, family) != nullptr)
      text += std::string("\t\tmeta nfproto ") + (family == Family::v4 ? "ipv4" : "ipv6") +
              " fib daddr type != { local, broadcast, anycast, multicast } goto " +
              first_chain(plan.filters, Point::ipforward, family) + "\n";
  }
  text += plan.exemptions + plan.neighbour_discovery + "\t\tfib daddr type != local accept\n";
  text += "\t\tct mark and " + bit + " == " + bit + " counter name secured_in drop\n";
  for (const Family family : {Family::v4, Family::v6})
    text += std::string("\t\tmeta nfproto ") + (family == Family::v4 ? "ipv4" : "ipv6") + " goto " +
            first_chain(plan.filters, Point::inbound_transport, family) + "\n";
  text += "\t}\n";
  text += "\tchain filters_leaving {\n\t\ttype route hook output priority -150; policy accept;\n";
  // What the daemon sends it has judged.
  if (plan.filters.asked_under != 0)
    text += "\t\tmeta mark " + plan.own_mark + " ct direction original ct mark set ct mark and " + hex(~kAskedMask) +
            " or " + hex(uint32_t{plan.let_pass} << kAskedShift) + "\n";
  text += "\t\tmeta mark " + plan.own_mark + " accept\n\t\toifname \"lo\" accept\n" + plan.neighbour_discovery;
  text += "\t\tfib daddr type { local, broadcast, multicast } accept\n";
  for (const Family family : {Family::v4, Family::v6})
    text += std::string("\t\tmeta nfproto ") + (family == Family::v4 ? "ipv4" : "ipv6") + " goto " +
            first_chain(plan.filters, Point::outbound_transport, family) + "\n";
  text += "\t}\n";
  text += captured_chain(plan.device);
}

std::string exception_chain(const HostLayer& layer) {
  return std::string("past_connections_") + short_name(layer.point) + (layer.family == Family::v4 ? "_v4" : "_v6");
}

}  // namespace

std::string captured_chain(const std::string& device) {
  std::string text = "\tchain filters_captured {\n\t\ttype filter hook postrouting priority 320; policy accept;\n";
  text += "\t\tmeta mark and " + hex(kCaptureMask | kWithinHostBit) + " == " + hex(kCaptureMark | kWithinHostBit) +
          " oifname \"lo\" accept\n";
  text += "\t\tmeta mark and " + hex(kCaptureMask) + " == " + hex(kCaptureMark);
  if (!device.empty()) text += " oifname != \"" + device + "\"";
  return text + " counter name captured_out drop\n\t}\n";
}

std::string exception_chains(const stack::HostFilters& filters) {
  std::string text;
  for (const HostLayer& layer : filters.past_connections) {
    text += "\tchain " + exception_chain(layer) + " {\n";
    const bool leaving = is_leaving(layer.point);
    for (const stack::HostSublayer& sublayer : layer.sublayers) {
      for (const HostRule& rule : sublayer) {
        for (const std::string& transport : match_transport(rule, leaving))
          text += "\t\t" + match_address(layer.family, leaving ? "saddr" : "daddr", rule.local) +
                  match_address(layer.family, leaving ? "daddr" : "saddr", rule.remote) + transport +
                  (rule.does == HostRule::Does::permit ? "accept" : "return") + " comment \"filter " +
                  std::to_string(rule.filter) + "\"\n";
      }
    }
    text += "\t}\n";
  }
  return text;
}

std::string exception_jumps(const stack::HostFilters& filters, Point point) {
  std::string text;
  for (const HostLayer& layer : filters.past_connections) {
    if (layer.point == point)
      text += std::string("\t\tmeta nfproto ") + (layer.family == Family::v4 ? "ipv4" : "ipv6") + " jump " +
              exception_chain(layer) + "\n";
  }
  return text;
}

std::string filter_rules(const FilterRulesPlan& plan) {
  if (plan.filters.empty() && !plan.secure_sockets) return {};
  std::string text;
  write_capture(text, plan);
  if (plan.filters.asks(Point::ale_auth_recv_accept, Family::v4) ||
      plan.filters.asks(Point::ale_auth_recv_accept, Family::v6))
    write_asking(text);
  for (const Family family : {Family::v4, Family::v6}) write_layers(text, plan, family);
  write_bases(text, plan);
  return text;
}

}  // namespace sallyport::runtime
