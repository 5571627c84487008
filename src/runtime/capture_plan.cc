// From PROTECT entries to routes and rules. See routes_linux.h. Pure.
#include <algorithm>

#include "runtime/routes_linux.h"
#include "stack/protection.h"

namespace sallyport::runtime {
namespace {

using model::Selector;

bool whole(const Selector& s) { return s.protocol == 0 && s.any_port(); }

template <class T>
void sort_unique(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

// Addresses that are nobody's choice of source for a tunnel, even where a selector of everything holds them.
bool stays_home(const IpAddr& address) {
  if (address.is_v4()) return address.bytes()[0] == 127 || (address.bytes()[0] == 169 && address.bytes()[1] == 254);
  return (address.bytes()[0] == 0xfe && (address.bytes()[1] & 0xc0) == 0x80) || address == *IpAddr::parse("::1");
}

// The host's own packets to this entry's remote side leave from here.
std::optional<IpAddr> source_for(const model::SpdEntry& entry, Family family, const std::vector<IpAddr>& addresses) {
  for (const IpAddr& address : addresses) {
    const bool ours = std::any_of(entry.local.begin(), entry.local.end(), [&](const Selector& s) {
      return s.family() == address.family() && !(address < s.first) && !(s.last < address);
    });
    if (ours && address.family() == family && !stays_home(address)) return address;
  }
  return std::nullopt;
}

// What a route lookup can tell apart of a pair of selectors. 1, 6, 17, 58, 132: ICMP, TCP, UDP, ICMPv6, SCTP.
std::vector<LimitedRule> rules_for(const IpPrefix& to, const Selector& local, const Selector& remote) {
  const uint8_t protocol = remote.protocol != 0 ? remote.protocol : local.protocol;
  LimitedRule rule{to, protocol, 0, 0, 0, 0};
  const bool ports = !(local.any_port() && remote.any_port()) && !local.opaque_port() && !remote.opaque_port();
  if (!ports) return {rule};
  if (protocol != 0 && protocol != 6 && protocol != 17 && protocol != 132) return {rule};
  if (!local.any_port()) {
    rule.source_first = local.port_first;
    rule.source_last = local.port_last;
  }
  if (!remote.any_port()) {
    rule.destination_first = remote.port_first;
    rule.destination_last = remote.port_last;
  }
  if (protocol != 0) return {rule};
  std::vector<LimitedRule> out;
  for (const uint8_t each : {uint8_t{6}, uint8_t{17}, uint8_t{132}}) {
    rule.protocol = each;
    out.push_back(rule);
  }
  out.push_back({to, static_cast<uint8_t>(to.addr.is_v4() ? 1 : 58), 0, 0, 0, 0});
  return out;
}

void plan_selector(CapturePlan& out, const model::SpdEntry& entry, const Selector& remote,
                   const std::optional<IpAddr>& source) {
  const auto of_family = [&](const Selector& s) { return s.family() == remote.family(); };
  const bool by_address = whole(remote) && std::any_of(entry.local.begin(), entry.local.end(),
                                                       [&](const Selector& s) { return of_family(s) && whole(s); });
  for (const IpPrefix& prefix : to_prefixes(remote.first, remote.last)) {
    if (by_address) {
      out.routes.push_back({prefix, source});
      continue;
    }
    for (const Selector& local : entry.local) {
      if (!of_family(local)) continue;
      if (local.protocol != 0 && remote.protocol != 0 && local.protocol != remote.protocol) continue;
      out.limited.push_back({prefix, source});
      for (const LimitedRule& rule : rules_for(prefix, local, remote)) out.rules.push_back(rule);
    }
  }
}

// Of several sources for one destination the first stands: entries are in the order of the configuration.
void one_for_each(std::vector<Route>& routes) {
  std::stable_sort(routes.begin(), routes.end(),
                   [](const Route& a, const Route& b) { return a.destination < b.destination; });
  routes.erase(std::unique(routes.begin(), routes.end(),
                           [](const Route& a, const Route& b) { return a.destination == b.destination; }),
               routes.end());
}

}  // namespace

std::vector<IpPrefix> to_prefixes(const IpAddr& first, const IpAddr& last) {
  std::vector<IpPrefix> out;
  if (first.family() != last.family() || last < first) return out;
  IpAddr at = first;
  for (;;) {
    // The largest block that starts here and does not pass the end.
    unsigned length = first.bits();
    while (length > 0 && at.prefix_first(length - 1) == at && !(last < at.prefix_last(length - 1))) --length;
    out.push_back({at, length});
    const IpAddr end = at.prefix_last(length);
    if (!(end < last)) return out;
    at = end.next();
  }
}

CapturePlan capture_plan(const std::vector<model::SpdEntry>& entries, const std::vector<IpAddr>& host_addresses) {
  CapturePlan out;
  for (const auto& entry : entries) {
    if (entry.action != model::Action::PROTECT) continue;
    for (const Selector& remote : entry.remote)
      plan_selector(out, entry, remote, source_for(entry, remote.family(), host_addresses));
    for (const Selector& inside : stack::inside_ranges(entry)) {
      for (const IpPrefix& prefix : to_prefixes(inside.first, inside.last)) out.inside.push_back(prefix);
    }
  }
  one_for_each(out.routes);
  one_for_each(out.limited);
  sort_unique(out.rules);
  sort_unique(out.inside);
  // One entry's own side may be another's destination: that one asked for more.
  std::erase_if(out.inside, [&](const IpPrefix& prefix) {
    return std::any_of(out.routes.begin(), out.routes.end(), [&](const Route& r) { return r.destination == prefix; });
  });
  return out;
}

}  // namespace sallyport::runtime
