// rtnetlink routes and rules. See routes_linux.h.
#include "runtime/routes_linux.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>

#include "runtime/datagram_batch.h"

namespace sallyport::runtime {
namespace {

constexpr uint32_t kDeadEndMetric = 4000;
constexpr uint32_t kMetric = 1000;

uint8_t address_family(Family family) { return family == Family::v4 ? AF_INET : AF_INET6; }

rtmsg route_body(const IpPrefix& destination) {
  rtmsg body{};
  body.rtm_family = address_family(destination.addr.family());
  body.rtm_dst_len = static_cast<uint8_t>(destination.length);
  body.rtm_table = RT_TABLE_UNSPEC;
  body.rtm_protocol = kRouteProtocol;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  return body;
}

bool is_gone(const Error& error) {
  return error.detail == ESRCH || error.detail == ENOENT || error.detail == ENODEV || error.detail == EAFNOSUPPORT ||
         error.detail == EOPNOTSUPP;
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

std::vector<Route> routes_for(const model::Selectors& local, const model::Selectors& remote,
                              const std::vector<IpAddr>& host_addresses) {
  std::vector<Route> out;
  for (const auto& selector : remote) {
    std::optional<IpAddr> source;
    for (const auto& address : host_addresses) {
      const bool ours = std::any_of(local.begin(), local.end(), [&](const model::Selector& s) {
        return s.family() == address.family() && !(address < s.first) && !(s.last < address);
      });
      if (ours && address.family() == selector.family()) {
        source = address;
        break;
      }
    }
    for (const auto& prefix : to_prefixes(selector.first, selector.last)) out.push_back({prefix, source});
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end(),
                        [](const Route& a, const Route& b) { return a.destination == b.destination; }),
            out.end());
  return out;
}

std::vector<IpAddr> host_addresses() {
  std::vector<IpAddr> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* at = list; at; at = at->ifa_next) {
    if (!at->ifa_addr || (at->ifa_flags & IFF_UP) == 0) continue;
    sockaddr_storage name{};
    if (at->ifa_addr->sa_family == AF_INET) {
      std::memcpy(&name, at->ifa_addr, sizeof(sockaddr_in));
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      std::memcpy(&name, at->ifa_addr, sizeof(sockaddr_in6));
    } else {
      continue;
    }
    const IpAddr address = endpoint_of(name).addr;
    // Link-local and loopback addresses are nobody's choice of source for a tunnel, except when a selector holds them.
    out.push_back(address);
  }
  ::freeifaddrs(list);
  return out;
}

Result<RouteTable> RouteTable::open() {
  SP_TRY(Netlink netlink, Netlink::open());
  return RouteTable(std::move(netlink));
}

Result<> RouteTable::rule(Family family, bool add) {
  NetlinkRequest request(add ? RTM_NEWRULE : RTM_DELRULE, static_cast<uint16_t>(add ? NLM_F_CREATE | NLM_F_EXCL : 0));
  fib_rule_hdr body{};
  body.family = address_family(family);
  body.action = FR_ACT_TO_TBL;
  body.flags = FIB_RULE_INVERT;  // every packet that does not carry our mark
  request.body(&body, sizeof body);
  request.attribute_u32(FRA_TABLE, kRouteTable);
  request.attribute_u32(FRA_FWMARK, kOwnMark);
  request.attribute_u32(FRA_FWMASK, 0xffffffff);
  request.attribute_u32(FRA_PRIORITY, kRulePriority);
  auto done = netlink_.transact(request);
  if (!done && add && done.error().detail == EEXIST) return {};
  if (!done && !add && is_gone(done.error())) return {};
  return done;
}

Result<> RouteTable::route(const Route& route, uint32_t interface_index, bool add) {
  NetlinkRequest request(add ? RTM_NEWROUTE : RTM_DELROUTE,
                         static_cast<uint16_t>(add ? NLM_F_CREATE | NLM_F_REPLACE : 0));
  const rtmsg body = route_body(route.destination);
  request.body(&body, sizeof body);
  request.attribute_u32(RTA_TABLE, kRouteTable);
  request.attribute(RTA_DST, route.destination.addr.bytes());
  request.attribute_u32(RTA_OIF, interface_index);
  request.attribute_u32(RTA_PRIORITY, kMetric);
  if (add && route.source) request.attribute(RTA_PREFSRC, route.source->bytes());
  auto done = netlink_.transact(request);
  if (!done && !add && is_gone(done.error())) return {};
  return done;
}

Result<> RouteTable::dead_end(const IpPrefix& destination, bool add) {
  NetlinkRequest request(add ? RTM_NEWROUTE : RTM_DELROUTE,
                         static_cast<uint16_t>(add ? NLM_F_CREATE | NLM_F_REPLACE : 0));
  rtmsg body = route_body(destination);
  body.rtm_type = RTN_UNREACHABLE;
  request.body(&body, sizeof body);
  request.attribute_u32(RTA_TABLE, kRouteTable);
  request.attribute(RTA_DST, destination.addr.bytes());
  request.attribute_u32(RTA_PRIORITY, kDeadEndMetric);
  auto done = netlink_.transact(request);
  if (!done && !add && is_gone(done.error())) return {};
  return done;
}

Result<> RouteTable::set(const std::vector<Route>& routes, uint32_t interface_index) {
  for (const auto& wanted : routes) {
    SP_CHECK(dead_end(wanted.destination, true));
    SP_CHECK(route(wanted, interface_index, true));
  }
  for (const auto& old : routes_) {
    const bool stays =
        std::any_of(routes.begin(), routes.end(), [&](const Route& r) { return r.destination == old.destination; });
    if (stays) continue;
    SP_CHECK(route(old, interface_index_, false));
    SP_CHECK(dead_end(old.destination, false));
  }
  routes_ = routes;
  interface_index_ = interface_index;
  for (const Family family : {Family::v4, Family::v6}) {
    const bool used = std::any_of(routes.begin(), routes.end(),
                                  [&](const Route& r) { return r.destination.addr.family() == family; });
    if (used) SP_CHECK(rule(family, true));
  }
  return {};
}

Result<> RouteTable::clear() {
  Result<> out;
  for (const Family family : {Family::v4, Family::v6}) {
    if (auto done = rule(family, false); !done) out = done;
  }
  for (const auto& old : routes_) {
    if (auto done = route(old, interface_index_, false); !done) out = done;
    if (auto done = dead_end(old.destination, false); !done) out = done;
  }
  routes_.clear();
  return out;
}

}  // namespace sallyport::runtime
