// Routes that lead what policy protects into the TUN device, in a table of their own, reached by a rule that skips
// packets with the daemon's own mark (so an outer packet never loops, even for a default route or a host-to-host
// tunnel). Behind each route lies an "unreachable" one with a worse metric: if the device disappears with a crash, what
// was protected meets a dead end and not the wire. Performed by the privileged process, which removes all at a clean
// end. linux-only; one thread.
#pragma once
#include <cstdint>
#include <vector>

#include "base/ip_addr.h"
#include "model/selector.h"
#include "runtime/netlink.h"

namespace sallyport::runtime {

constexpr uint32_t kOwnMark = 0x5350;     // on every socket of the daemon
constexpr uint32_t kRouteTable = 21328;   // the same number; unlike any well-known table
constexpr uint32_t kRulePriority = 5300;  // before main (32766), after local (0)
constexpr uint8_t kRouteProtocol = 0x53;  // who made a route

struct Route {
  IpPrefix destination;
  std::optional<IpAddr> source;  // preferred source of the host's own packets
  auto operator<=>(const Route&) const = default;
};

// Ranges as the fewest prefixes that cover exactly them.
std::vector<IpPrefix> to_prefixes(const IpAddr& first, const IpAddr& last);

// Routes for traffic to `remote` from `local`: the preferred source is an address of this host within `local`, if any.
// A selector that names a protocol or port still leads its whole address range here: the SPD sorts out the rest.
std::vector<Route> routes_for(const model::Selectors& local, const model::Selectors& remote,
                              const std::vector<IpAddr>& host_addresses);
std::vector<IpAddr> host_addresses();  // of all interfaces that are up; empty when it cannot be known

class RouteTable {
 public:
  static Result<RouteTable> open();
  // Makes the table hold exactly these, first what is new, then away with what is old. The rule comes last, when the
  // first route stands, and routes of an earlier life (after a crash) to the same destinations are taken over.
  Result<> set(const std::vector<Route>& routes, uint32_t interface_index);
  Result<> clear();  // routes and rules; what is not there is no error

 private:
  explicit RouteTable(Netlink netlink) : netlink_(std::move(netlink)) {}
  Result<> rule(Family family, bool add);
  Result<> route(const Route& route, uint32_t interface_index, bool add);
  Result<> dead_end(const IpPrefix& destination, bool add);

  Netlink netlink_;
  std::vector<Route> routes_;
  uint32_t interface_index_ = 0;
  bool rules_ = false;
};

}  // namespace sallyport::runtime
