// The Security Policy Database of one shard and the cache before it. RFC 4301 4.4.1. set() swaps the whole policy; a
// flow seen before is decided by one look into a direct-mapped table, a new one by an index of the selectors, so that
// neither takes longer with more entries. One thread.
#pragma once
#include <memory>
#include <vector>

#include "ipsec/nat_flows.h"
#include "ipsec/selector_index.h"
#include "model/flow_key.h"
#include "model/ids.h"
#include "model/spd_entry.h"

namespace sallyport::ipsec {

struct SaOutbound;

class Spd {
 public:
  using Entry = std::shared_ptr<const model::SpdEntry>;

  Spd();
  void set(std::vector<model::SpdEntry> entries);
  // The first entry, by priority, that covers a packet leaving (source is local) or coming (destination is local);
  // nullptr when none does, which RFC 4301 5.1 and 5.2 treat as DISCARD. Never consults the cache.
  const Entry* find_outbound(const model::FlowKey& flow) const;
  const Entry* find_inbound(const model::FlowKey& flow) const;

  // The first PROTECT entry with that reqid; nullptr when there is none.
  const Entry* find_reqid(uint32_t reqid) const;

  // Some entry names ports, so that a fragment cannot be judged alone (RFC 4301 7).
  bool selects_ports() const { return selects_ports_; }

  // The cached decision for a leaving flow: its entry, and where the SA is that was used for it last while
  // sad_generation is the same.
  struct Decision {
    const Entry* entry = nullptr;
    SaOutbound* sa = nullptr;
    uint64_t sad_generation = 0;
    bool elsewhere = false;  // the SA is another shard's; then shard, child and may_copy are as Sad::Picked has them
    bool may_copy = false;
    uint16_t shard = 0;
    uint32_t reqid = 0;  // of the SA
    model::ChildId child = 0;
    uint64_t asked = 0;  // FlowPolicy, of this generation, whether the entry decides alone
    bool alone = false;  // it does
    // Whether it is a flow of a peer behind a NAT (nat_peers.h), good while flows and SAs are the same as then.
    uint64_t nat_generation = 0;
    NatFlows::Flow* nat_flow = nullptr;
    bool nat_elsewhere = false;  // another shard remembers the flows between the two addresses
  };
  Decision& decide_outbound(const model::FlowKey& flow);
  // For a burst, before its decisions: asks the memory for the flow's place in the cache; and the SA that stands there,
  // if this is the flow that it was used for (to be prefetched, not to be looked at: it may be gone).
  void prefetch(const model::FlowKey& flow) const;
  const SaOutbound* used_last(const model::FlowKey& flow) const;

  const std::vector<Entry>& entries() const { return entries_; }
  uint64_t cache_hits() const { return hits_; }
  uint64_t cache_misses() const { return misses_; }

 private:
  struct Slot {
    model::FlowKey flow;
    uint64_t generation = 0;
    Decision decision;
  };
  static constexpr size_t kFewestSlots = 1024, kMostSlots = 65536;

  const Entry* find(const IpAddr& local, const IpAddr& remote, const model::FlowKey& flow, bool leaving) const;

  std::vector<Entry> entries_;  // in the order of priority
  SelectorIndex index_;         // of pointers into entries_
  FlatTable<uint32_t, const Entry*> by_reqid_;
  std::vector<Slot> slots_;  // as many as a power of two
  uint64_t generation_ = 1;
  bool selects_ports_ = false;
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
};

}  // namespace sallyport::ipsec
