// The Security Policy Database as the filter engine's objects of connections amount to it (RFC 4301 4.4.1): one entry
// for each of their filters at OUTBOUND_TRANSPORT, heaviest first. Everything that asks what a connection protects asks
// here: the shards, the capture routes, the packet filter and `explain`. Pure; values for any thread.
#pragma once
#include <array>
#include <map>
#include <memory>

#include "model/spd_entry.h"
#include "policy/snapshot.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

struct FilterObjects;

struct ConnectionSpd {
  using Entry = std::shared_ptr<const model::SpdEntry>;
  std::vector<model::SpdEntry> entries;
  // What each filter of a connection that decides about packets covers, at whatever layer, by its number.
  std::map<policy::FilterId, Entry> by_filter;
  std::map<policy::Layer, size_t> filters;  // how many there are at each layer
  const Entry* find(policy::FilterId filter) const {
    const auto at = by_filter.find(filter);
    return at == by_filter.end() ? nullptr : &at->second;
  }
};

ConnectionSpd connection_spd(const policy::Snapshot& snapshot);

// Of objects that are in no engine.
std::vector<model::SpdEntry> spd_entries(const FilterObjects& objects);

// Whether filters decide about packets that are neither a connection's nor the engine's own, which let IKE through.
// connections: of the snapshot; nullptr: it has none.
bool others_stand(const policy::Snapshot& snapshot, const ConnectionSpd* connections);

// RFC 4301 4.4.1.1, as ipsec::Spd matches: type and code of ICMP stand in the port of either end.
bool covers(const model::SpdEntry& entry, const HostFlow& flow);

}  // namespace sallyport::stack
