// What a flow tells the filter engine: the values that classify gets at the transport and ALE layers, and the layer of
// a family. Pure functions.
#pragma once
#include "model/flow_key.h"
#include "policy/field_values.h"

namespace sallyport::stack {

// One flow seen from this host, the same for both directions. ICMP: local_port is the type, remote_port the code.
struct HostFlow {
  IpAddr local;
  IpAddr remote;
  uint8_t protocol = 0;
  uint16_t local_port = 0;
  uint16_t remote_port = 0;
  bool ports_known = false;
  Family family() const { return local.family(); }
  auto operator<=>(const HostFlow&) const = default;
};
HostFlow leaving_flow(const model::FlowKey& flow);   // source is local
HostFlow arriving_flow(const model::FlowKey& flow);  // destination is local

enum class Point : uint8_t {  // where a packet or a flow is classified
  outbound_transport,
  inbound_transport,
  ale_auth_connect,
  ale_auth_recv_accept,
  ipforward,  // of a packet that this host only passes on
  ipsec,
  ikeext,
};
policy::Layer layer_of(Point point, Family family);

// FWP_CONDITION_FLAG_*
inline constexpr uint32_t kFlagIpsecSecured = 0x2;
inline constexpr uint32_t kFlagReauthorize = 0x4;
inline constexpr uint32_t kFlagNattReclassify = 0x80;

// Clears `values` first. remote_machine, remote_user: who authenticated, where somebody did.
void fill_fields(const HostFlow& flow, uint32_t flags, const policy::Token* remote_machine, policy::FieldValues& values,
                 const policy::Token* remote_user = nullptr);

// At IPFORWARD, from the packet's own point of view: a packet that leaves by a tunnel goes from local to remote, one
// that came by it the other way.
void fill_forward_fields(const HostFlow& flow, bool leaving, uint32_t flags, policy::FieldValues& values);

// Of the SAs of one tunnel policy, whatever addresses its endpoints are seen under; `policy`: the context's number.
uint32_t reqid_of_tunnel(uint64_t policy);

// Of the SAs that one filter at a transport layer asks for between two hosts. The same on both ends of the daemon's
// threads without a table between them; a collision is harmless, since selectors tell SAs apart too.
uint32_t reqid_of_filter(uint64_t filter, const IpAddr& local, const IpAddr& remote, bool encrypted);

// Of the AH SA in the bundle of this direct SA.
uint32_t reqid_of_bundle(uint64_t sa);

// Of a packet that waits until whose it is has been looked up.
uint32_t reqid_of_endpoint(const HostFlow& flow);

// Of an SA that a peer asked for and of those that replace it, beside others of the same filter; `first`: the first's.
uint32_t reqid_of_answers(uint32_t reqid, uint64_t first);

// Of the SAs of one user of this host, which no other uses.
uint32_t reqid_of_user(uint32_t reqid, uint64_t user);

// Of one peer among several behind one NAT; seen_at: of its UDP encapsulation, as the NAT showed it at first.
uint32_t reqid_of_nat_client(uint32_t reqid, const IpEndpoint& seen_at);

}  // namespace sallyport::stack
