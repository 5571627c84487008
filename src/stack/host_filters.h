// What the filter engine's policy means for packets that are in the clear, as rules for the host's own packet filter:
// which leaving ones it has to bring to the daemon, which it drops, which it lets alone. WFP's arbitration is kept: the
// sublayers of a layer one after another, within one the heaviest filter that matches; a permit whose right to override
// is cleared leaves later sublayers only their callouts. Conditions that a clear packet never meets (an identity,
// "secured") leave their filter out; where one asks for the program or the user behind a flow, the daemon has to say.
// At IPFORWARD, of packets that the host passes on, `local` is the source and `remote` the destination. Pure; a value.
#pragma once
#include <utility>
#include <vector>

#include "policy/snapshot.h"
#include "stack/dosp_setting.h"
#include "stack/flow_fields.h"
#include "stack/settled_peers.h"

namespace sallyport::stack {

struct HostRule {
  enum class Does : uint8_t {
    permit,       // the next sublayer
    hard_permit,  // from the next sublayer on only callouts count
    block,        // by a filter: nothing against a hard permit
    veto,         // by a callout, of what comes in the clear: final
    capture,      // to the daemon: final
    protect,      // to the daemon, which never sends it in the clear: final
    ask,          // to the daemon, which finds out whose socket it is of; what it lets pass is not asked about again
  };
  using Addresses = std::vector<std::pair<IpAddr, IpAddr>>;  // ranges; empty: any
  using Numbers = std::vector<std::pair<uint16_t, uint16_t>>;
  Addresses local, remote;
  Numbers protocols, local_ports, remote_ports;  // of ICMP type and code
  Does does = Does::permit;
  uint64_t filter = 0;
  bool operator==(const HostRule&) const = default;
};
using HostSublayer = std::vector<HostRule>;  // heaviest first

// One layer's sublayers, heaviest first; those without rules are left out.
struct HostLayer {
  Point point = Point::outbound_transport;
  Family family = Family::v4;
  std::vector<HostSublayer> sublayers;
  bool operator==(const HostLayer&) const = default;
};

struct HostFilters {
  std::vector<HostLayer> layers;  // those that have rules
  // At the transport layers, where a filter lets something past the connections of the configuration: one sublayer,
  // theirs. `permit`: not refused in the clear; `protect`: a heavier filter has the say.
  std::vector<HostLayer> past_connections;
  // The policy's generation, where a rule asks: what was let pass under another one is asked about again. 0: none asks.
  uint64_t asked_under = 0;
  std::vector<uint64_t> unsaid;   // filters with conditions that these rules cannot say; they are taken to match
  std::vector<DospSetting> dosp;  // what is forwarded between public and internal interfaces; a table of its own
  bool empty() const { return layers.empty(); }
  const HostLayer* find(Point point, Family family) const;
  bool captures() const;                      // some rule brings packets to the daemon
  bool asks(Point ale, Family family) const;  // whose they are
  bool operator==(const HostFilters&) const = default;
};

// What a filter says of a clear packet; nothing: it decides nothing. Not `ask`.
std::optional<HostRule::Does> says_of_clear(const policy::Snapshot& snapshot, const policy::Filter& filter);

// settled: of these, what negotiation discovery would take in the clear is refused.
HostFilters host_filters(const policy::Snapshot& snapshot, const std::vector<SettledTraffic>& settled = {});

}  // namespace sallyport::stack
