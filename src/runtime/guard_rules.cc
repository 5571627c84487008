//   arriving: prerouting, before defragmentation ─┬─ by the device, loopback ── passes
//                                                 ├─ ESP, AH, IKE to our sockets, ICMP errors about them, ND ── passes
//                                                 └─ from remote to local of a child ── counted, dropped
//   leaving: postrouting, before and after NAT ───┬─ by the device, loopback ── passes
//                                                 ├─ our mark and ESP, AH or our ports; ND ── passes
//                                                 └─ from local to remote of a child ── counted, dropped
// Later fragments over IPv6 have no protocol to be known by: those of hosts that send whole packets only may be ESP's.
// Before defragmentation, because the kernel joins fragments of different interfaces: a clear one must never meet a
// decrypted one. A later fragment has no ports; without the first one, which has, it never becomes a packet.
#include "runtime/guard_rules.h"

#include <algorithm>
#include <charconv>

#include "runtime/filter_rules.h"
#include "runtime/routes_linux.h"

namespace sallyport::runtime {
namespace {

using model::Selector;
using model::Selectors;

constexpr uint8_t kTcp = 6, kUdp = 17, kSctp = 132, kIcmp = 1, kIcmpv6 = 58;

bool has_ports(uint8_t protocol) { return protocol == kTcp || protocol == kUdp || protocol == kSctp; }
bool is_icmp(uint8_t protocol) { return protocol == kIcmp || protocol == kIcmpv6; }

// Address ranges of one family that share protocol and ports.
struct Group {
  Family family = Family::v4;
  uint8_t protocol = 0;
  uint16_t port_first = 0;
  uint16_t port_last = 65535;
  std::vector<std::pair<IpAddr, IpAddr>> ranges;  // sorted, apart
  bool any_port() const { return port_first == 0 && port_last == 65535; }
  bool opaque() const { return port_first == 65535 && port_last == 0; }
};

using Ranges = std::vector<std::pair<IpAddr, IpAddr>>;

// nft refuses intervals that overlap within one set.
void merge(Ranges& ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges out;
  for (const auto& range : ranges) {
    if (!out.empty() && !(out.back().second < range.first)) {
      out.back().second = std::max(out.back().second, range.second);
    } else {
      out.push_back(range);
    }
  }
  ranges = std::move(out);
}

std::vector<Group> groups_of(const Selectors& selectors) {
  std::vector<Group> out;
  for (const Selector& s : selectors) {
    auto at = std::find_if(out.begin(), out.end(), [&](const Group& g) {
      return g.family == s.family() && g.protocol == s.protocol && g.port_first == s.port_first &&
             g.port_last == s.port_last;
    });
    if (at == out.end()) at = out.insert(out.end(), {s.family(), s.protocol, s.port_first, s.port_last, {}});
    at->ranges.emplace_back(s.first, s.last);
  }
  for (Group& group : out) merge(group.ranges);
  return out;
}

// "ip saddr { 10.1.0.0-10.1.0.255 } "; a range of everything only names the family.
std::string match_addresses(Family family, const char* which, const Ranges& ranges) {
  const bool everything =
      ranges.size() == 1 && ranges.front().first == IpAddr::any(family) && ranges.front().second == IpAddr::max(family);
  if (everything) return family == Family::v4 ? "meta nfproto ipv4 " : "meta nfproto ipv6 ";
  std::string out = std::string(family == Family::v4 ? "ip " : "ip6 ") + which + " { ";
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (i > 0) out += ", ";
    out += ranges[i].first.to_string();
    if (ranges[i].first != ranges[i].second) out += "-" + ranges[i].second.to_string();
  }
  return out + " } ";
}

std::string match_port(const char* which, const Group& group) {
  if (group.any_port()) return {};
  std::string out = std::string(which) + " " + std::to_string(group.port_first);
  if (group.port_last != group.port_first) out += "-" + std::to_string(group.port_last);
  return out + " ";
}

// Protocol and ports of a packet between `from` (its source) and `to`; several, since a port without a protocol means
// TCP, UDP and SCTP ports and ICMP's type and code alike (as ipsec::Spd matches).
std::vector<std::string> match_protocol(const Group& from, const Group& to) {
  const uint8_t protocol = from.protocol != 0 ? from.protocol : to.protocol;
  const std::string of_protocol = protocol == 0 ? std::string() : "meta l4proto " + std::to_string(protocol) + " ";
  if (from.any_port() && to.any_port()) return {of_protocol};
  if (from.opaque() || to.opaque()) {
    // RFC 4301 4.4.1.1: OPAQUE is for packets whose ports cannot be seen.
    return {of_protocol + (from.family == Family::v4 ? "ip frag-off & 0x1fff != 0 " : "frag frag-off != 0 ")};
  }
  std::vector<std::string> out;
  if (protocol == 0 || has_ports(protocol)) {
    out.push_back((protocol == 0 ? "meta l4proto { 6, 17, 132 } " : of_protocol) + match_port("th sport", from) +
                  match_port("th dport", to));
  }
  if (protocol == 0 || is_icmp(protocol)) {
    // Type and code stand in the first two octets, and both ends' selectors mean them.
    out.push_back((protocol == 0 ? "meta l4proto { 1, 58 } " : of_protocol) + match_port("@th,0,16", from) +
                  match_port("@th,0,16", to));
  }
  // No ports are known of other protocols: refused whole rather than let through.
  if (out.empty()) out.push_back(of_protocol);
  return out;
}

enum class Direction { in, out };

void refuse_pair(std::string& text, Direction direction, const Group& local, const Group& remote) {
  if (local.family != remote.family) return;
  if (local.protocol != 0 && remote.protocol != 0 && local.protocol != remote.protocol) return;
  const Group& from = direction == Direction::out ? local : remote;
  const Group& to = direction == Direction::out ? remote : local;
  for (const std::string& protocol : match_protocol(from, to)) {
    text += "\t\t" + match_addresses(from.family, "saddr", from.ranges) +
            match_addresses(to.family, "daddr", to.ranges) + protocol + "counter name " +
            (direction == Direction::out ? "clear_out" : "clear_in") + " drop\n";
  }
}

// RFC 4301 6.2: an error of ICMP about a packet that came protected quotes it. No selector with a protocol of its own
// covers such an error, so it would leave in clear. Where the quoted packet's header and ports stand: behind 8 octets
// of ICMP, an IP header without options.
void refuse_quotes(std::string& text, const Group& local, const Group& remote) {
  const uint8_t protocol = local.protocol != 0 ? local.protocol : remote.protocol;
  if (local.family != remote.family || protocol == 0 || is_icmp(protocol)) return;
  if (local.protocol != 0 && remote.protocol != 0 && local.protocol != remote.protocol) return;
  const bool v4 = local.family == Family::v4;
  std::string ports;
  if (has_ports(protocol) && !local.opaque() && !remote.opaque()) {
    ports = match_port(v4 ? "@th,224,16" : "@th,384,16", remote) + match_port(v4 ? "@th,240,16" : "@th,400,16", local);
  }
  text +=
      "\t\t" + match_addresses(remote.family, "daddr", remote.ranges) +
      (v4 ? "icmp type { destination-unreachable, time-exceeded, parameter-problem } @th,136,8 "
          : "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } @th,112,8 ") +
      std::to_string(protocol) + " " + ports + "counter name clear_out drop\n";
}

void refuse_entry(std::string& text, Direction direction, const std::string& chain, const model::SpdEntry& entry) {
  text += "\tchain " + chain + " {\n";
  for (const Group& inside : groups_of(stack::inside_ranges(entry))) {
    text += "\t\t" + match_addresses(inside.family, "saddr", inside.ranges) +
            match_addresses(inside.family, "daddr", inside.ranges) + "return\n";
  }
  for (const Group& local : groups_of(entry.local)) {
    for (const Group& remote : groups_of(entry.remote)) {
      refuse_pair(text, direction, local, remote);
      if (direction == Direction::out) refuse_quotes(text, local, remote);
    }
  }
  text += "\t}\n";
}

std::string chain_name(size_t index, Direction direction) {
  return "child_" + std::to_string(index + 1) + (direction == Direction::out ? "_out" : "_in");
}

// One look into a set of all remote addresses decides for most packets that nothing here is theirs.
void jump_where_remote(std::string& text, const GuardPlan& plan, Direction direction, const std::string& target) {
  for (const Family family : {Family::v4, Family::v6}) {
    Ranges remote;
    for (const auto& entry : plan.protection.entries) {
      for (const Selector& s : entry.remote) {
        if (s.family() == family) remote.emplace_back(s.first, s.last);
      }
    }
    if (remote.empty()) continue;
    merge(remote);
    text += "\t\t" + match_addresses(family, direction == Direction::out ? "daddr" : "saddr", remote) + "jump " +
            target + "\n";
  }
}

constexpr const char* kNeighbourDiscovery =
    "\t\ticmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } "
    "ip6 hoplimit 255 accept\n";

std::string own_ports(const GuardPlan& plan) {
  return "{ " + std::to_string(plan.ike_port) + ", " + std::to_string(plan.natt_port) + " }";
}

// RFC 4301 6 and 8.2: errors about our own outer packets, known by what they quote (an IP header without options).
std::string accept_icmp_errors(const GuardPlan& plan) {
  const std::string v4 = "\t\ticmp type { destination-unreachable, time-exceeded, parameter-problem } ";
  const std::string v6 =
      "\t\ticmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } ";
  return v4 + "@th,136,8 { 50, 51 } accept\n" + v4 + "@th,136,8 17 @th,224,16 " + own_ports(plan) + " accept\n" + v6 +
         "@th,112,8 { 50, 51 } accept\n" + v6 + "@th,112,8 17 @th,384,16 " + own_ports(plan) + " accept\n";
}

std::string mark_text() {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, kOwnMark, 16).ptr;
  return "0x" + std::string(digits, end);
}

// Later fragments over IPv6: whatever they say they are of, the kernel joins them with any first one.
void accept_fragments(std::string& text, const GuardPlan& plan) {
  Ranges whole;
  for (const Selector& s : plan.protection.whole_packets_from) whole.emplace_back(s.first, s.last);
  merge(whole);
  if (!whole.empty()) text += "\t\t" + match_addresses(Family::v6, "saddr", whole) + "frag nexthdr { 50, 51 } accept\n";
  text += "\t\tfrag frag-off != 0 goto later_fragments\n";
}

// By socket and not by port alone: a port is anybody's when the daemon is gone.
std::string own_port_accepted(const GuardPlan& plan, const std::string& ports) {
  return "udp dport " + ports + (plan.match_sockets ? " socket mark " + mark_text() : std::string()) + " accept";
}

std::string accept_own_port(const GuardPlan& plan, const std::string& ports) {
  return "\t\t" + own_port_accepted(plan, ports) + "\n";
}

std::string accept_own(const GuardPlan& plan) {
  return "\t\tmeta l4proto { 50, 51 } accept\n" + accept_own_port(plan, own_ports(plan));
}

void write_filters(std::string& text, const GuardPlan& plan) {
  FilterRulesPlan rules;
  rules.filters = plan.filters;
  rules.let_pass = plan.let_pass;
  rules.secure_sockets = plan.secure_sockets;
  rules.device = plan.device;
  rules.own_mark = mark_text();
  rules.exemptions = accept_own(plan) + accept_icmp_errors(plan);
  // Without a look at sockets they cannot be told from those that are passed on.
  if (plan.match_sockets) rules.own_datagrams = own_port_accepted(plan, std::to_string(plan.natt_port));
  rules.neighbour_discovery = kNeighbourDiscovery;
  rules.segment_octets_v4 = static_cast<uint16_t>(plan.device_mtu - 40);
  rules.segment_octets_v6 = static_cast<uint16_t>(plan.device_mtu - 60);
  text += filter_rules(rules);
}

void write_arriving(std::string& text, const GuardPlan& plan) {
  text += "\tchain arriving {\n\t\ttype filter hook prerouting priority -450; policy accept;\n";
  // First, because most packets are these, and each pays for every rule in front of its own.
  text += accept_own_port(plan, std::to_string(plan.natt_port));
  text += "\t\tiifname { \"lo\", \"" + plan.device + "\" } accept\n";
  accept_fragments(text, plan);
  text += accept_own(plan) + kNeighbourDiscovery + accept_icmp_errors(plan);
  text += exception_jumps(plan.filters, stack::Point::inbound_transport);
  jump_where_remote(text, plan, Direction::in, "refuse_arriving");
  text += "\t}\n";
}

void write_leaving(std::string& text, const GuardPlan& plan, const char* chain, const char* priority) {
  text += std::string("\tchain ") + chain + " {\n\t\ttype filter hook postrouting priority " + priority +
          "; policy accept;\n";
  text += "\t\tmeta mark " + mark_text() + " udp sport " + std::to_string(plan.natt_port) + " accept\n";
  text += "\t\toifname { \"lo\", \"" + plan.device + "\" } accept\n";
  // The mark alone would be enough for routing, but a ping with CAP_NET_RAW can set it too.
  text += "\t\tmeta mark " + mark_text() + " meta l4proto { 50, 51 } accept\n";
  text += "\t\tmeta mark " + mark_text() + " frag nexthdr { 50, 51 } accept\n";
  text += "\t\tmeta mark " + mark_text() + " udp sport " + own_ports(plan) + " accept\n";
  text += kNeighbourDiscovery + exception_jumps(plan.filters, stack::Point::outbound_transport);
  jump_where_remote(text, plan, Direction::out, "refuse_leaving");
  for (const Family family : plan.protection.refused_families) {
    // What never passes a router stays possible: without it the link itself does not work.
    text += family == Family::v6 ? "\t\tip6 daddr != { fe80::/10, ff00::/8 } "
                                 : "\t\tip daddr != { 169.254.0.0/16, 224.0.0.0/4, 255.255.255.255 } ";
    text += "counter name other_family_out drop\n";
  }
  text += "\t}\n";
}

void write_counter(std::string& text, const char* name, uint64_t packets) {
  text += std::string("\tcounter ") + name + " { packets " + std::to_string(packets) + " bytes 0 }\n";
}

// Added first, so that deleting it is no error; all in one transaction.
std::string begin_table() {
  const std::string table = std::string("table inet ") + kGuardTable;
  return "add " + table + "\ndelete " + table + "\n" + table + " {\n";
}

}  // namespace

std::string guard_rules_of_sockets(const GuardCounters& counters) {
  std::string text = begin_table();
  write_counter(text, "captured_out", counters.captured_out);
  return text + captured_chain({}) + "}\n";
}

std::string guard_rules(const GuardPlan& plan, const GuardCounters& counters) {
  std::string text = begin_table();
  write_counter(text, "clear_in", counters.clear_in);
  write_counter(text, "clear_out", counters.clear_out);
  write_counter(text, "other_family_out", counters.other_family_out);
  if (!plan.filters.empty() || plan.secure_sockets) {
    write_counter(text, "filtered_in", counters.filtered_in);
    write_counter(text, "filtered_out", counters.filtered_out);
    write_counter(text, "secured_in", counters.secured_in);
    write_counter(text, "captured_out", counters.captured_out);
  }
  const auto& entries = plan.protection.entries;
  for (size_t i = 0; i < entries.size(); ++i) {
    text += "\t# " + entries[i].connection + "." + entries[i].child + "\n";
    for (const Direction d : {Direction::in, Direction::out}) refuse_entry(text, d, chain_name(i, d), entries[i]);
  }
  for (const Direction d : {Direction::in, Direction::out}) {
    text += std::string("\tchain ") + (d == Direction::in ? "refuse_arriving" : "refuse_leaving") + " {\n";
    for (size_t i = 0; i < entries.size(); ++i) text += "\t\tjump " + chain_name(i, d) + "\n";
    text += "\t}\n";
  }
  text += "\tchain later_fragments {\n";
  jump_where_remote(text, plan, Direction::in, "refuse_arriving");
  text += "\t}\n";
  text += exception_chains(plan.filters);
  // Where they would refuse nothing no packet has to pass them.
  if (!entries.empty()) write_arriving(text, plan);
  if (!entries.empty() || !plan.protection.refused_families.empty()) {
    write_leaving(text, plan, "leaving", "-310");
    write_leaving(text, plan, "leaving_translated", "310");
  }
  write_filters(text, plan);
  return text + "}\n";
}

GuardCounters parse_guard_counters(std::string_view listing) {
  const auto packets_of = [&](std::string_view name) -> uint64_t {
    const size_t at = listing.find("counter " + std::string(name) + " {");
    if (at == std::string_view::npos) return 0;
    constexpr std::string_view kWord = "packets ";
    const size_t number = listing.find(kWord, at);
    if (number == std::string_view::npos) return 0;
    uint64_t out = 0;
    const char* first = listing.data() + number + kWord.size();
    (void)std::from_chars(first, listing.data() + listing.size(), out);
    return out;
  };
  return {packets_of("clear_in"),    packets_of("clear_out"),    packets_of("other_family_out"),
          packets_of("filtered_in"), packets_of("filtered_out"), packets_of("secured_in"),
          packets_of("captured_out")};
}

}  // namespace sallyport::runtime
