#include "ipsec/arrival.h"

#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

void count_authenticated(Sad& sad, TimePoint now, SaInbound& sa, size_t octets, Outputs& out) {
  sa.last_packet = now;
  sa.usage.count(octets);
  sa.failures = 0;
  if (!sa.used) {
    sa.used = true;
    out.report(FirstInbound{sa.record->spec.child_id});
  }
  sad.check_limits(*sa.record, out);
}

// RFC 7296 2.23 (and T16): only a packet that authenticates and is newer than all others tells where the peer is now.
void watch_address(SaRecord& record, TimePoint now, const Incoming& in, Outputs& out) {
  if (!in.udp || !record.spec.udp_encap || record.spec.native_too || in.from == record.spec.remote || record.lingering)
    return;
  if (record.moved_reported && now - *record.moved_reported < seconds(1)) return;
  record.moved_reported = now;
  out.report(RemoteMoved{record.spec.child_id, in.to, in.from});
}

Verdict check_selectors(const model::SaSpec& spec, ByteView inner) {
  const auto view = wire::ip::PacketView::decode(inner);
  return view ? check_selectors(spec, view->flow) : Verdict(Drop::malformed_inner);
}

// RFC 4301 5.2 step 4: a packet that came by an SA must be one that this SA was made for. A fragment without ports fits
// only selectors that take every port or OPAQUE (model::Selector).
Verdict check_selectors(const model::SaSpec& spec, const model::FlowKey& flow) {
  // RFC 7296 3.13.1: type and code of ICMP stand in the port of either end.
  const bool icmp = flow.protocol == 1 || flow.protocol == 58;
  const uint16_t local_port = icmp ? flow.source_port : flow.destination_port;
  if (!model::contains(spec.ts_remote, flow.source, flow.protocol, flow.source_port, flow.ports_known) ||
      !model::contains(spec.ts_local, flow.destination, flow.protocol, local_port, flow.ports_known)) {
    return Drop::selector_mismatch;
  }
  return Verdict::pass();
}

}  // namespace sallyport::ipsec
