// rtnetlink routes and rules: what is wanted and what is there are compared as values. See routes_linux.h.
#include "runtime/routes_linux.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>

#include "runtime/datagram_batch.h"

namespace sallyport::runtime {
namespace {

constexpr uint32_t kMetric = 1000;
constexpr uint32_t kDeadEndMetric = 4000;

using KernelRoute = RouteTable::KernelRoute;
using KernelRule = RouteTable::KernelRule;

uint8_t address_family(Family family) { return family == Family::v4 ? AF_INET : AF_INET6; }

bool is_gone(const Error& error) {
  return error.detail == ESRCH || error.detail == ENOENT || error.detail == ENODEV || error.detail == EAFNOSUPPORT ||
         error.detail == EOPNOTSUPP;
}

template <class T>
bool holds(const std::vector<T>& list, const T& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

std::vector<KernelRoute> wanted_routes(const CapturePlan& plan, uint32_t interface_index) {
  std::vector<KernelRoute> out;
  // Dead ends first, so that there is never a route whose loss would open the way.
  for (const auto& [routes, table] : {std::pair(&plan.routes, kRouteTable), std::pair(&plan.limited, kLimitedTable)}) {
    for (const Route& route : *routes)
      out.push_back({table, RTN_UNREACHABLE, route.destination, kDeadEndMetric, 0, std::nullopt});
  }
  for (const Family family : plan.marked)
    out.push_back({kCaptureTable, RTN_UNREACHABLE, {IpAddr::any(family), 0}, kDeadEndMetric, 0, std::nullopt});
  for (const Family family : plan.marked) {
    if (interface_index != 0)
      out.push_back({kCaptureTable, RTN_UNICAST, {IpAddr::any(family), 0}, kMetric, interface_index, std::nullopt});
  }
  for (const auto& [routes, table] : {std::pair(&plan.routes, kRouteTable), std::pair(&plan.limited, kLimitedTable)}) {
    if (interface_index == 0) continue;
    for (const Route& route : *routes)
      out.push_back({table, RTN_UNICAST, route.destination, kMetric, interface_index, route.source});
  }
  for (const IpPrefix& inside : plan.inside) out.push_back({kRouteTable, RTN_THROW, inside, kMetric, 0, std::nullopt});
  return out;
}

std::vector<KernelRule> wanted_rules(const CapturePlan& plan, uint32_t interface_index) {
  std::vector<KernelRule> out;
  for (const Family family : {Family::v4, Family::v6}) {
    const auto of_family = [&](const auto& r) { return r.to.addr.family() == family; };
    const bool limited = std::any_of(plan.rules.begin(), plan.rules.end(), of_family);
    const bool whole = std::any_of(plan.routes.begin(), plan.routes.end(),
                                   [&](const Route& r) { return r.destination.addr.family() == family; });
    if (std::find(plan.marked.begin(), plan.marked.end(), family) != plan.marked.end()) {
      out.push_back({family, kCapturePriority, {}});
      if (interface_index != 0) out.push_back({family, kWayOnPriority, {}, interface_index});
      out.push_back({family, kArrivedPriority, {}});
    }
    // What others go to must be there before them.
    if (limited) out.push_back({family, kLandingPriority, {}});
    if (limited) out.push_back({family, kSkipPriority, {}});
    for (const LimitedRule& rule : plan.rules) {
      if (of_family(rule)) out.push_back({family, kLimitedPriority, rule});
    }
    if (whole) out.push_back({family, kRulePriority, {}});
  }
  return out;
}

// --- what the kernel says

std::optional<IpAddr> address_in(const NetlinkAttributes& attributes, uint16_t type) {
  const auto found = attributes.find(type);
  if (!found) return std::nullopt;
  const auto address = IpAddr::from_bytes(*found);
  return address ? std::optional(*address) : std::nullopt;
}

std::optional<KernelRoute> route_in(const nlmsghdr& header) {
  const auto* body = static_cast<const rtmsg*>(NLMSG_DATA(&header));
  if ((body->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
  const NetlinkAttributes attributes(header, sizeof *body);
  KernelRoute out;
  out.table = attributes.u32(RTA_TABLE).value_or(body->rtm_table);
  const bool ours = out.table == kRouteTable || out.table == kLimitedTable || out.table == kCaptureTable;
  if (!ours || body->rtm_protocol != kRouteProtocol) return std::nullopt;
  const Family family = body->rtm_family == AF_INET ? Family::v4 : Family::v6;
  out.type = body->rtm_type;
  out.destination = {address_in(attributes, RTA_DST).value_or(IpAddr::any(family)), body->rtm_dst_len};
  out.metric = attributes.u32(RTA_PRIORITY).value_or(0);
  // IPv6 lists the loopback device for routes that lead nowhere.
  if (out.type == RTN_UNICAST) out.interface_index = attributes.u32(RTA_OIF).value_or(0);
  out.source = address_in(attributes, RTA_PREFSRC);
  return out;
}

void ports_in(const NetlinkAttributes& attributes, uint16_t type, uint16_t& first, uint16_t& last) {
  const auto found = attributes.find(type);
  if (!found || found->size() < sizeof(fib_rule_port_range)) return;
  fib_rule_port_range range;
  std::memcpy(&range, found->data(), sizeof range);
  first = range.start;
  last = range.end;
}

std::optional<KernelRule> rule_in(const nlmsghdr& header) {
  const auto* body = static_cast<const fib_rule_hdr*>(NLMSG_DATA(&header));
  const NetlinkAttributes attributes(header, sizeof *body);
  KernelRule out;
  out.family = body->family == AF_INET ? Family::v4 : Family::v6;
  out.priority = attributes.u32(FRA_PRIORITY).value_or(0);
  const uint32_t table = attributes.u32(FRA_TABLE).value_or(body->table);
  const bool ours =
      (out.priority == kRulePriority && table == kRouteTable) ||
      ((out.priority == kArrivedPriority || out.priority == kCapturePriority) && table == kCaptureTable) ||
      (out.priority == kWayOnPriority && body->action == FR_ACT_GOTO) ||
      (out.priority == kLimitedPriority && table == kLimitedTable) ||
      (out.priority == kSkipPriority && body->action == FR_ACT_GOTO) ||
      (out.priority == kLandingPriority && body->action == FR_ACT_NOP);
  if (!ours) return std::nullopt;
  if (out.priority != kLimitedPriority) return out;
  out.match.to = {address_in(attributes, FRA_DST).value_or(IpAddr::any(out.family)), body->dst_len};
  if (const auto protocol = attributes.find(FRA_IP_PROTO); protocol && !protocol->empty())
    out.match.protocol = protocol->front();
  ports_in(attributes, FRA_SPORT_RANGE, out.match.source_first, out.match.source_last);
  ports_in(attributes, FRA_DPORT_RANGE, out.match.destination_first, out.match.destination_last);
  return out;
}

void put_ports(NetlinkRequest& request, uint16_t type, uint16_t first, uint16_t last) {
  if (last == 0) return;
  const fib_rule_port_range range{first, last};
  request.attribute(type, ByteView(reinterpret_cast<const uint8_t*>(&range), sizeof range));
}

}  // namespace

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
    out.push_back(endpoint_of(name).addr);
  }
  ::freeifaddrs(list);
  return out;
}

Result<RouteTable> RouteTable::open() {
  SP_TRY(Netlink netlink, Netlink::open());
  return RouteTable(std::move(netlink));
}

Result<> RouteTable::change(const KernelRule& rule, bool add) {
  NetlinkRequest request(add ? RTM_NEWRULE : RTM_DELRULE, static_cast<uint16_t>(add ? NLM_F_CREATE | NLM_F_EXCL : 0));
  fib_rule_hdr body{};
  body.family = address_family(rule.family);
  body.action = FR_ACT_TO_TBL;
  const LimitedRule& match = rule.match;
  if (rule.priority == kRulePriority) body.flags = FIB_RULE_INVERT;  // every packet that does not carry our mark
  if (rule.priority == kSkipPriority || rule.priority == kWayOnPriority) body.action = FR_ACT_GOTO;
  if (rule.priority == kLandingPriority) body.action = FR_ACT_NOP;
  if (rule.priority == kLimitedPriority) body.dst_len = static_cast<uint8_t>(match.to.length);
  request.body(&body, sizeof body);
  request.attribute_u32(FRA_PRIORITY, rule.priority);
  if (rule.priority == kRulePriority) request.attribute_u32(FRA_TABLE, kRouteTable);
  if (rule.priority == kCapturePriority || rule.priority == kArrivedPriority) {
    const bool arrived = rule.priority == kArrivedPriority;
    request.attribute_u32(FRA_TABLE, kCaptureTable);
    request.attribute_u32(FRA_FWMARK, arrived ? kArrivedMark : kCaptureMark);
    request.attribute_u32(FRA_FWMASK, arrived ? 0xffffffff : kCaptureMask);
  }
  if (rule.priority == kRulePriority || rule.priority == kSkipPriority) {
    request.attribute_u32(FRA_FWMARK, kOwnMark);
    request.attribute_u32(FRA_FWMASK, 0xffffffff);
  }
  if (rule.priority == kWayOnPriority) {
    char name[IF_NAMESIZE] = {};
    if (add && ::if_indextoname(rule.interface_index, name) == nullptr) return fail_errno();
    if (add) request.attribute(FRA_IIFNAME, ByteView(reinterpret_cast<const uint8_t*>(name), std::strlen(name) + 1));
    request.attribute_u32(FRA_FWMARK, kArrivedMark);
    request.attribute_u32(FRA_FWMASK, 0xffffffff);
    request.attribute_u32(FRA_GOTO, kCapturePriority);
  }
  if (rule.priority == kSkipPriority) request.attribute_u32(FRA_GOTO, kLandingPriority);
  if (rule.priority == kLimitedPriority) {
    request.attribute_u32(FRA_TABLE, kLimitedTable);
    if (match.to.length > 0) request.attribute(FRA_DST, match.to.addr.bytes());
    if (match.protocol != 0) request.attribute(FRA_IP_PROTO, ByteView(&match.protocol, 1));
    put_ports(request, FRA_SPORT_RANGE, match.source_first, match.source_last);
    put_ports(request, FRA_DPORT_RANGE, match.destination_first, match.destination_last);
  }
  auto done = netlink_.transact(request);
  if (!done && add && done.error().detail == EEXIST) return {};
  if (!done && !add && is_gone(done.error())) return {};
  return done;
}

Result<> RouteTable::change(const KernelRoute& route, bool add) {
  NetlinkRequest request(add ? RTM_NEWROUTE : RTM_DELROUTE,
                         static_cast<uint16_t>(add ? NLM_F_CREATE | NLM_F_REPLACE : 0));
  rtmsg body{};
  body.rtm_family = address_family(route.destination.addr.family());
  body.rtm_dst_len = static_cast<uint8_t>(route.destination.length);
  body.rtm_table = RT_TABLE_UNSPEC;
  body.rtm_protocol = kRouteProtocol;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = route.type;
  request.body(&body, sizeof body);
  request.attribute_u32(RTA_TABLE, route.table);
  request.attribute(RTA_DST, route.destination.addr.bytes());
  request.attribute_u32(RTA_PRIORITY, route.metric);
  if (route.interface_index != 0) request.attribute_u32(RTA_OIF, route.interface_index);
  if (add && route.source) request.attribute(RTA_PREFSRC, route.source->bytes());
  auto done = netlink_.transact(request);
  if (!done && !add && is_gone(done.error())) return {};
  return done;
}

Result<std::vector<KernelRoute>> RouteTable::dump_routes() {
  std::vector<KernelRoute> out;
  for (const auto& [family, table] : {std::pair(Family::v4, kRouteTable), std::pair(Family::v4, kLimitedTable),
                                      std::pair(Family::v4, kCaptureTable), std::pair(Family::v6, kRouteTable),
                                      std::pair(Family::v6, kLimitedTable), std::pair(Family::v6, kCaptureTable)}) {
    NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
    rtmsg body{};
    body.rtm_family = address_family(family);
    request.body(&body, sizeof body);
    request.attribute_u32(RTA_TABLE, table);
    auto done = netlink_.dump(request, [&](const nlmsghdr& header) {
      if (header.nlmsg_type != RTM_NEWROUTE) return;
      // A kernel that does not filter gives everything each time.
      if (auto route = route_in(header); route && !holds(out, *route)) out.push_back(std::move(*route));
    });
    if (!done && !is_gone(done.error())) return tl::unexpected(done.error());
  }
  return out;
}

Result<std::vector<KernelRule>> RouteTable::dump_rules() {
  std::vector<KernelRule> out;
  for (const Family family : {Family::v4, Family::v6}) {
    NetlinkRequest request(RTM_GETRULE, NLM_F_DUMP);
    fib_rule_hdr body{};
    body.family = address_family(family);
    request.body(&body, sizeof body);
    auto done = netlink_.dump(request, [&](const nlmsghdr& header) {
      if (header.nlmsg_type != RTM_NEWRULE) return;
      if (auto rule = rule_in(header)) out.push_back(std::move(*rule));
    });
    if (!done && !is_gone(done.error())) return tl::unexpected(done.error());
  }
  return out;
}

Result<> RouteTable::add_missing(const std::vector<KernelRoute>& wanted, const std::vector<KernelRoute>& there) {
  for (KernelRoute route : wanted) {
    if (holds(there, route)) continue;
    auto done = change(route, true);
    if (!done && route.source && done.error().detail == EINVAL) {
      // The address is not ready (duplicate detection) or just gone: captured all the same, and put right when it
      // comes.
      route.source.reset();
      done = change(route, true);
    }
    // A device that is down takes no routes: the dead end behind it does its work.
    if (!done && route.type == RTN_UNICAST && done.error().detail == ENETDOWN) continue;
    SP_CHECK(done);
  }
  return {};
}

Result<> RouteTable::set(const CapturePlan& plan, uint32_t interface_index) {
  const auto routes = wanted_routes(plan, interface_index);
  const auto rules = wanted_rules(plan, interface_index);
  SP_TRY(const auto routes_there, dump_routes());
  SP_TRY(const auto rules_there, dump_rules());
  SP_CHECK(add_missing(routes, routes_there));
  for (const KernelRule& rule : rules) {
    if (!holds(rules_there, rule)) SP_CHECK(change(rule, true));
  }
  // Rules go before the routes they led to.
  for (const KernelRule& rule : rules_there) {
    if (!holds(rules, rule)) SP_CHECK(change(rule, false));
  }
  for (const KernelRoute& route : routes_there) {
    const bool stays = std::any_of(routes.begin(), routes.end(), [&](const KernelRoute& r) {
      // One with another source was replaced above.
      return r.table == route.table && r.type == route.type && r.destination == route.destination &&
             r.metric == route.metric && r.interface_index == route.interface_index;
    });
    if (!stays) SP_CHECK(change(route, false));
  }
  return {};
}

Result<> RouteTable::clear() { return set({}, 0); }

}  // namespace sallyport::runtime
