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
  ipsec,
  ikeext,
};
policy::Layer layer_of(Point point, Family family);

// FWP_CONDITION_FLAG_*
inline constexpr uint32_t kFlagIpsecSecured = 0x2;
inline constexpr uint32_t kFlagReauthorize = 0x4;

// Clears `values` first. remote_machine: who authenticated, where somebody did.
void fill_fields(const HostFlow& flow, uint32_t flags, const policy::Token* remote_machine,
                 policy::FieldValues& values);

// Of the SAs that one filter at a transport layer asks for between two hosts. The same on both ends of the daemon's
// threads without a table between them; a collision is harmless, since selectors tell SAs apart too.
uint32_t reqid_of_filter(uint64_t filter, const IpAddr& local, const IpAddr& remote, bool encrypted);

}  // namespace sallyport::stack
