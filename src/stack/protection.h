// What the policy demands of the host below the daemon: which packets must never be on a wire in the clear. Said once,
// here, and read by Control (the SPD), by the capture routes and by the packet filter, so that the three cannot
// disagree. RFC 4301 4.4.1, 5.1 and 5.2. Pure; any thread.
#pragma once
#include <vector>

#include "model/ike_policy.h"
#include "model/spd_entry.h"

namespace sallyport::stack {

// Of each child, whatever state it is in: a connection that is down is still PROTECT. By way of the objects that the
// filter engine would have of them.
std::vector<model::SpdEntry> spd_entries(const std::vector<model::ConnectionPolicy>& connections);

struct Protection {
  std::vector<model::SpdEntry> entries;  // PROTECT only
  // RFC 7359 4: families that would pass beside a tunnel which takes all of the other one, because no selector of
  // theirs is written anywhere. What leaves in them is to be refused.
  std::vector<Family> refused_families;
  // IPv6 hosts that reach us by transport mode alone, so that what is decrypted from them is never a fragment: later
  // fragments of ESP and AH may come from them. From others they may not, since IPv6 joins fragments without looking at
  // what they say they are of (RFC 8200 4.5), and a clear one would join a decrypted one.
  model::Selectors whole_packets_from;
  bool operator==(const Protection&) const = default;
};
Protection protection_of(const std::vector<model::ConnectionPolicy>& connections, bool refuse_other_family);

// The local ranges that lie strictly within what the entry calls remote: traffic between two addresses of such a range
// stays on our side of the boundary and is not the entry's (a gateway whose tunnel takes everything still reaches its
// own network). A range equal to the remote one is not among them.
model::Selectors inside_ranges(const model::SpdEntry& entry);

}  // namespace sallyport::stack
