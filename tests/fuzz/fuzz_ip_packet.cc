// IP packets as policy and the internal device see them, and the sorting of datagrams on the NAT traversal port.
// Links: wire
#include "fuzz/property.h"
#include "wire/esp_ah/udp_encap.h"
#include "wire/ip/build.h"
#include "wire/ip/packet_view.h"
#include "wire/ip/ports.h"

using namespace sallyport;
using namespace sallyport::wire::ip;

namespace {

void check_echo(const PacketView& view, ByteView transport) {
  const auto echo = parse_icmp_echo(view.flow.source, view.flow.destination, transport);
  if (!echo) return;
  const Bytes packet = icmp_echo_packet(view.flow.source, view.flow.destination, *echo);
  const auto again = PacketView::decode(packet);
  fuzz::holds(again.has_value(), "an echo that was written decodes");
  const auto second =
      parse_icmp_echo(view.flow.source, view.flow.destination, ByteView(packet).subspan(again->header_octets));
  fuzz::holds(second && second->reply == echo->reply && second->identifier == echo->identifier &&
                  second->sequence == echo->sequence && equal(second->payload, echo->payload),
              "an echo reads back as the same");
}

void check_udp(const PacketView& view, ByteView transport) {
  const auto udp = parse_udp(view.flow.source, view.flow.destination, transport);
  if (!udp) return;
  const Bytes packet =
      udp_packet({view.flow.source, udp->source_port}, {view.flow.destination, udp->destination_port}, udp->payload);
  const auto again = PacketView::decode(packet);
  fuzz::holds(
      again && again->flow.source_port == udp->source_port && again->flow.destination_port == udp->destination_port,
      "a UDP datagram that was written has its ports");
}

void check_ports(ByteView input, PacketView view) {
  Bytes packet = to_bytes(input);
  if (has_ports(packet, view)) {
    set_port(packet, view, End::source, 1701);
    set_port(packet, view, End::destination, 40000);
    fuzz::holds(PacketView::decode(packet)->flow == view.flow, "ports that were set are read");
  }
  if (echo_identifier(packet, view)) {
    set_echo_identifier(packet, view, 4711);
    fuzz::holds(echo_identifier(packet, view) == 4711, "an identifier that was set is read");
  }
  const auto quoted = quoted_packet(packet, view);
  if (!quoted) return;
  model::FlowKey other = quoted->flow;
  std::swap(other.source, other.destination);
  if (other.protocol == kTcp || other.protocol == kUdp) std::swap(other.source_port, other.destination_port);
  set_quoted(packet, view, *quoted, other);
  fuzz::holds(packet.size() == input.size() && quoted_packet(packet, view)->flow == other,
              "a flow that was written into a quotation is read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  const ByteView input(bytes, octets);
  const bool marker = octets >= 8 && load_be32(bytes) == 0;
  fuzz::holds((wire::classify_encap(input) == wire::EncapKind::ike) == marker, "the marker and only it says IKE");
  const auto view = PacketView::decode(input);
  if (!view) return 0;
  fuzz::holds(view->header_octets >= 20 && view->header_octets <= octets, "the headers lie inside the packet");
  fuzz::holds(view->flow.source.family() == view->family, "the flow is of the packet's family");
  fuzz::holds(!view->later_fragment || (view->fragment && !view->flow.ports_known), "a later fragment shows no ports");
  const ByteView transport = input.subspan(view->header_octets);
  if (!view->fragment && view->flow.protocol == (view->family == Family::v4 ? kIcmp : kIcmpv6))
    check_echo(*view, transport);
  if (!view->fragment && view->flow.protocol == kUdp) check_udp(*view, transport);
  check_ports(input, *view);
  return 0;
}
