// What the filter engine would say of a packet, layer by layer, and which SA would carry it: for people. Asks the same
// questions as FilterFlows and FilterKeying, with no memory of flows. Pure.
#pragma once
#include "policy/classify.h"
#include "stack/connection_spd.h"
#include "stack/filter_keying.h"
#include "stack/socket_owner.h"

namespace sallyport::stack {

struct LayerExplained {
  policy::Layer layer = policy::Layer::IPSEC_V4;
  std::string action;  // PERMIT, BLOCK, or the callout that decides; "none": no filter matches
  uint64_t filter = 0;
  std::string name;  // of that filter
  std::string sentence;
};

struct FilterExplanation {
  std::vector<LayerExplained> layers;  // in the order they are asked; empty: there are no filters
  bool others = false;                 // there are filters besides those of connections
  bool blocked = false;
  uint64_t protects = 0;                                  // the outbound callout filter; 0: none
  std::optional<model::SpdEntry> connection;              // that filter is a connection's; the rest is of others
  bool clear_meanwhile = false;                           // negotiation discovery
  uint32_t reqid_encrypted = 0, reqid_authenticated = 0;  // of the SAs that would do
  std::optional<FilterKeying::Wanted> wanted;             // the negotiation that would be asked for
  std::string refusal;                                    // why there can be none
};

// A packet that leaves (`flow` as the engine sees it from here), and as a peer's packet of the same kind would be
// judged.
// connections: of the snapshot. owner: whose socket it is here; nullptr: nobody's.
FilterExplanation explain_filters(const policy::Snapshot& snapshot, const ConnectionSpd& connections,
                                  const FilterKeying& keying, const HostFlow& leaving, const HostFlow& arriving,
                                  const SocketOwner* owner = nullptr);

}  // namespace sallyport::stack
