// One shard of the data plane: its SAD, SPD and counters, handed to the pipelines. Lives in one thread.
#pragma once
#include "ipsec/drop_log.h"
#include "ipsec/drops.h"
#include "ipsec/early_packets.h"
#include "ipsec/flow_policy.h"
#include "ipsec/nat_flows.h"
#include "ipsec/open_queue.h"
#include "ipsec/pmtu.h"
#include "ipsec/reassembly.h"
#include "ipsec/sad.h"
#include "ipsec/seal_queue.h"
#include "ipsec/spd_cache.h"

namespace sallyport::ipsec {

using model::shard_of;

struct Shard {
  explicit Shard(Rng& rng) : sad(rng) {}

  Sad sad;
  Spd spd;
  DropCounters drops;
  DropLog dropped;
  TooBigLimit too_big;
  Reassembly reassembly;
  SealQueue sealing;
  OpenQueue opening;
  EarlyPackets early;
  NatFlows nat;                 // of the address pairs that this shard judges
  FlowPolicy* flows = nullptr;  // asked where the SPD has no entry, or does not decide alone, and about all that comes
                                // by an SA; nullptr: nobody
  PacketBuf piece;              // of a packet that is cut or put together on its way
};

// Where flows between these two addresses are remembered, if they are.
inline uint16_t judge_of(const Shard& shard, const model::FlowKey& flow) {
  return model::owner_of_flow(flow.source, flow.destination, shard.sad.shards());
}
inline bool is_judged_elsewhere(const Shard& shard, const model::FlowKey& flow) {
  return shard.sad.shards() > 1 && judge_of(shard, flow) != shard.sad.number();
}

// Flows are remembered, and those between these two addresses by another shard.
inline bool judged_elsewhere(const Shard& shard, const model::FlowKey& flow) {
  return shard.flows != nullptr && is_judged_elsewhere(shard, flow);
}

}  // namespace sallyport::ipsec
