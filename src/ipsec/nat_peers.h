// What the pipelines do for peers behind a NAT that transport mode serves (nat_flows.h): packets as this host is to see
// them, and as the peer does. RFC 3948 5.2. One thread: the shard's, which judges the flows between the two addresses.
#pragma once
#include "ipsec/shard.h"

namespace sallyport::ipsec {

// A packet that came by an SA of this peer and fits its selectors; packet and view become what the host sees. flow:
// whose it is, nullptr where nothing is remembered. nat_same_ports: it cannot be told from another peer's;
// nat_flow_limit.
Verdict arrive_from_client(Shard& shard, TimePoint now, const NatClient& client, PacketBuf& packet,
                           wire::ip::PacketView& view, NatFlows::Flow*& flow);
// Policy has let it in: the flow is answered by that SA.
inline void answer_by(NatFlows::Flow* flow, const NatClient& client) {
  if (flow == nullptr) return;
  flow->client = client;
  flow->let_in = true;
}

// The flow of such a peer that a leaving packet belongs to, or that the error of ICMP is about; nullptr: none. A flow
// whose peer has no SA any more is nobody's, but for one that the host sees under a port that is not the peer's own.
NatFlows::Flow* flow_to_client(Shard& shard, ByteView packet, const wire::ip::PacketView& view);
// The same flow by the ports that the peer has.
model::FlowKey as_client_has_it(const model::FlowKey& flow, const NatFlows::Flow& client);
// Makes the leaving packet one that the peer knows. False: it cannot be.
bool show_to_client(PacketBuf& packet, wire::ip::PacketView& view, const NatFlows::Flow& flow);
// An error that the host gets about a leaving packet that was changed so: it quotes the port that the host knows.
void show_to_host(PacketBuf& error, uint16_t seen_port);

}  // namespace sallyport::ipsec
