// Routes that lead what policy protects into the TUN device, in tables of their own, reached by rules that skip packets
// with the daemon's own mark (so an outer packet never loops, even for a default route or a host-to-host tunnel).
// Behind each route lies an "unreachable" one with a worse metric: if the device disappears with a crash, what was
// protected meets a dead end and not the wire. Performed by the privileged process. linux-only; one thread.
//
//   rules  5294  marked as brought by the device for others, on its way on: go on at 5296
//          5295  the same, asked for the way back by reverse path filtering: table 21330
//          5296  marked by the packet filter for the filter engine: table 21330, everything
//          5297  our mark: go on at 5299       only where a selector names a protocol or port
//          5298  to, protocol, ports: table 21329
//          5299  nothing
//          5300  not our mark: table 21328     every other selector, by destination
#pragma once
#include <compare>
#include <cstdint>
#include <vector>

#include "base/ip_addr.h"
#include "model/spd_entry.h"
#include "runtime/netlink.h"

namespace sallyport::runtime {

constexpr uint32_t kOwnMark = 0x5350;         // on every socket of the daemon
constexpr uint32_t kRouteTable = 21328;       // the same number; unlike any well-known table
constexpr uint32_t kLimitedTable = 21329;     // for selectors that name a protocol or port
constexpr uint32_t kCaptureMark = 0x5352;     // on packets that a filter of the filter engine brings to us
constexpr uint32_t kCaptureMask = 0xffff;     // of the mark that is compared with it
constexpr unsigned kWishShift = 17;           // what its program wished stands above that, in seven bits
constexpr uint32_t kWithinHostBit = 0x10000;  // beside it, on sockets that may speak to others of this host
constexpr uint32_t kArrivedMark = 0x5353;     // on what the device brings for other hosts
constexpr uint32_t kCaptureTable = 21330;     // where they go
constexpr uint32_t kWayOnPriority = 5294;     // there is a device
constexpr uint32_t kArrivedPriority = 5295;   //
constexpr uint32_t kCapturePriority = 5296;   //
constexpr uint32_t kSkipPriority = 5297;      // before main (32766), after local (0)
constexpr uint32_t kLimitedPriority = 5298;   //
constexpr uint32_t kLandingPriority = 5299;   // where 5297 goes on
constexpr uint32_t kRulePriority = 5300;      //
constexpr uint8_t kRouteProtocol = 0x53;      // who made a route

struct Route {
  IpPrefix destination;
  std::optional<IpAddr> source;  // preferred source of the host's own packets
  auto operator<=>(const Route&) const = default;
};

// A packet to `to` of this protocol and ports is captured. Zero ports: any.
struct LimitedRule {
  IpPrefix to;
  uint8_t protocol = 0;  // 0: any
  uint16_t source_first = 0, source_last = 0;
  uint16_t destination_first = 0, destination_last = 0;
  auto operator<=>(const LimitedRule&) const = default;
};

struct CapturePlan {
  std::vector<Route> routes;     // by destination alone
  std::vector<IpPrefix> inside;  // within a destination, but on our own side: left to the main table
  std::vector<Route> limited;    // destinations of `rules`
  std::vector<LimitedRule> rules;
  std::vector<Family> marked;  // families in which the packet filter marks packets
  bool empty() const { return routes.empty() && rules.empty() && marked.empty(); }
  bool operator==(const CapturePlan&) const = default;
};

// Ranges as the fewest prefixes that cover exactly them.
std::vector<IpPrefix> to_prefixes(const IpAddr& first, const IpAddr& last);

// Routes and rules for the PROTECT entries. The preferred source of a route is an address of this host within the
// entry's local selectors, if any. What cannot be told from a route lookup (type of ICMP, ports of fragments) is
// captured whole: the SPD sorts it out and drops what no entry covers (RFC 4301 5.1).
CapturePlan capture_plan(const std::vector<model::SpdEntry>& entries, const std::vector<IpAddr>& host_addresses);
std::vector<IpAddr> host_addresses();  // of all interfaces that are up; empty when it cannot be known

class RouteTable {
 public:
  static Result<RouteTable> open();
  // Makes tables and rules hold exactly these: first what is new, then away with what is old, whoever of us left it
  // there (after a crash it is taken over as it stands). interface_index 0: there is no device, dead ends only.
  Result<> set(const CapturePlan& plan, uint32_t interface_index);
  Result<> clear();  // routes and rules; what is not there is no error

  // One object in the kernel, as asked for and as dumped.
  struct KernelRoute {
    uint32_t table = 0;
    uint8_t type = 0;
    IpPrefix destination;
    uint32_t metric = 0;
    uint32_t interface_index = 0;
    std::optional<IpAddr> source;
    auto operator<=>(const KernelRoute&) const = default;
  };
  struct KernelRule {
    Family family = Family::v4;
    uint32_t priority = 0;
    LimitedRule match;             // of rules at kLimitedPriority
    uint32_t interface_index = 0;  // of a rule at kWayOnPriority that is to be made
    bool operator==(const KernelRule& o) const {
      return family == o.family && priority == o.priority && match == o.match;
    }
  };

 private:
  explicit RouteTable(Netlink netlink) : netlink_(std::move(netlink)) {}
  Result<> change(const KernelRoute& route, bool add);
  Result<> change(const KernelRule& rule, bool add);
  Result<std::vector<KernelRoute>> dump_routes();
  Result<std::vector<KernelRule>> dump_rules();
  Result<> add_missing(const std::vector<KernelRoute>& wanted, const std::vector<KernelRoute>& there);

  Netlink netlink_;
};

}  // namespace sallyport::runtime
