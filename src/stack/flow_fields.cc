// See flow_fields.h.
#include "stack/flow_fields.h"

namespace sallyport::stack {
namespace {

using policy::Field;
using policy::Layer;

bool is_icmp(uint8_t protocol) { return protocol == 1 || protocol == 58; }

HostFlow flow_of(const model::FlowKey& flow, bool leaving) {
  HostFlow out;
  out.local = leaving ? flow.source : flow.destination;
  out.remote = leaving ? flow.destination : flow.source;
  out.protocol = flow.protocol;
  out.ports_known = flow.ports_known;
  if (is_icmp(flow.protocol)) {
    out.local_port = flow.source_port >> 8;
    out.remote_port = flow.source_port & 0xff;
  } else {
    out.local_port = leaving ? flow.source_port : flow.destination_port;
    out.remote_port = leaving ? flow.destination_port : flow.source_port;
  }
  return out;
}

// NL_ADDRESS_TYPE.
uint8_t address_type(const IpAddr& address) {
  constexpr uint8_t kUnicast = 1, kMulticast = 3, kBroadcast = 4;
  if (address.is_multicast()) return kMulticast;
  return address == IpAddr::max(Family::v4) ? kBroadcast : kUnicast;
}

uint64_t fold(uint64_t hash, const IpAddr& address) {
  const ByteView b = address.bytes();
  for (size_t at = 0; at + 4 <= b.size(); at += 4) hash = policy::mix64(hash ^ load_be32(&b[at]));
  return hash;
}

}  // namespace

HostFlow leaving_flow(const model::FlowKey& flow) { return flow_of(flow, true); }
HostFlow arriving_flow(const model::FlowKey& flow) { return flow_of(flow, false); }

Layer layer_of(Point point, Family family) {
  const bool v4 = family == Family::v4;
  switch (point) {
    case Point::outbound_transport: return v4 ? Layer::OUTBOUND_TRANSPORT_V4 : Layer::OUTBOUND_TRANSPORT_V6;
    case Point::inbound_transport: return v4 ? Layer::INBOUND_TRANSPORT_V4 : Layer::INBOUND_TRANSPORT_V6;
    case Point::ale_auth_connect: return v4 ? Layer::ALE_AUTH_CONNECT_V4 : Layer::ALE_AUTH_CONNECT_V6;
    case Point::ale_auth_recv_accept: return v4 ? Layer::ALE_AUTH_RECV_ACCEPT_V4 : Layer::ALE_AUTH_RECV_ACCEPT_V6;
    case Point::ipforward: return v4 ? Layer::IPFORWARD_V4 : Layer::IPFORWARD_V6;
    case Point::ipsec: return v4 ? Layer::IPSEC_V4 : Layer::IPSEC_V6;
    case Point::ikeext: return v4 ? Layer::IKEEXT_V4 : Layer::IKEEXT_V6;
  }
  return Layer::IPSEC_V4;
}

void fill_fields(const HostFlow& flow, uint32_t flags, const policy::Token* remote_machine, policy::FieldValues& values,
                 const policy::Token* remote_user) {
  values.clear();
  values.set_address(Field::IP_LOCAL_ADDRESS, flow.local);
  values.set_address(Field::IP_REMOTE_ADDRESS, flow.remote);
  values.set_u8(Field::IP_LOCAL_ADDRESS_TYPE, address_type(flow.local));
  values.set_u8(Field::IP_DESTINATION_ADDRESS_TYPE, address_type(flow.remote));
  values.set_u8(Field::IP_PROTOCOL, flow.protocol);
  values.set_u32(Field::FLAGS, flags);
  if (flow.ports_known) {
    values.set_u16(Field::IP_LOCAL_PORT, flow.local_port);
    values.set_u16(Field::IP_REMOTE_PORT, flow.remote_port);
  }
  if (remote_machine != nullptr) values.set_token(Field::ALE_REMOTE_MACHINE_ID, *remote_machine);
  if (remote_user != nullptr) values.set_token(Field::ALE_REMOTE_USER_ID, *remote_user);
}

void fill_forward_fields(const HostFlow& flow, bool leaving, uint32_t flags, policy::FieldValues& values) {
  const IpAddr& destination = leaving ? flow.remote : flow.local;
  values.clear();
  values.set_address(Field::IP_SOURCE_ADDRESS, leaving ? flow.local : flow.remote);
  values.set_address(Field::IP_DESTINATION_ADDRESS, destination);
  values.set_u8(Field::IP_DESTINATION_ADDRESS_TYPE, address_type(destination));
  values.set_u32(Field::FLAGS, flags);
}

uint32_t reqid_of_tunnel(uint64_t policy) {
  // Of another sort than a filter's: no filter has so large a number.
  return static_cast<uint32_t>(policy::mix64(policy ^ 0x54554e4e454c0000u)) | 0x80000000u;
}

uint32_t reqid_of_bundle(uint64_t sa) { return static_cast<uint32_t>(policy::mix64(~sa)) | 0x80000000u; }

uint32_t reqid_of_nat_client(uint32_t reqid, const IpEndpoint& seen_at) {
  return static_cast<uint32_t>(fold(policy::mix64(uint64_t{reqid} << 16 | seen_at.port), seen_at.addr)) | 0x80000000u;
}

uint32_t reqid_of_user(uint32_t reqid, uint64_t user) {
  return static_cast<uint32_t>(policy::mix64(policy::mix64(user) ^ uint64_t{reqid})) | 0x80000000u;
}

uint32_t reqid_of_answers(uint32_t reqid, uint64_t first) {
  return static_cast<uint32_t>(policy::mix64(uint64_t{reqid} << 32 ^ policy::mix64(first))) | 0x80000000u;
}

uint32_t reqid_of_endpoint(const HostFlow& flow) {
  const uint64_t ports = uint64_t{flow.protocol} << 32 | uint64_t{flow.local_port} << 16 | flow.remote_port;
  const uint64_t hash = policy::mix64(fold(fold(policy::mix64(~ports), flow.local), flow.remote));
  return static_cast<uint32_t>(hash) | 0x80000000u;
}

uint32_t reqid_of_filter(uint64_t filter, const IpAddr& local, const IpAddr& remote, bool encrypted) {
  const uint64_t hash = policy::mix64(fold(fold(policy::mix64(filter * 2 + (encrypted ? 1 : 0)), local), remote));
  return static_cast<uint32_t>(hash) | 0x80000000u;
}

}  // namespace sallyport::stack
