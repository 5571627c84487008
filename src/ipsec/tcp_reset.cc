// See tcp_reset.h.
#include "ipsec/tcp_reset.h"

#include "wire/ip/build.h"

namespace sallyport::ipsec {
namespace {

constexpr size_t kTcpHeader = 20, kSequence = 4, kAcknowledgment = 8;

// The segment's header; nothing: it is not all there, or breaks the connection off itself.
std::optional<ByteView> header_of(ByteView packet, const wire::ip::PacketView& view) {
  if (view.flow.protocol != wire::ip::kTcp || view.fragment || (view.tcp_flags & wire::ip::kTcpRst) != 0 ||
      packet.size() < view.header_octets + kTcpHeader)
    return std::nullopt;
  return packet.subspan(view.header_octets, kTcpHeader);
}

IpEndpoint source_of(const model::FlowKey& flow) { return {flow.source, flow.source_port}; }
IpEndpoint destination_of(const model::FlowKey& flow) { return {flow.destination, flow.destination_port}; }

}  // namespace

std::optional<Bytes> reset_for_sender(ByteView packet, const wire::ip::PacketView& view) {
  const auto header = header_of(packet, view);
  if (!header || (view.tcp_flags & wire::ip::kTcpAck) == 0) return std::nullopt;
  return wire::ip::tcp_reset_packet(destination_of(view.flow), source_of(view.flow),
                                    load_be32(header->data() + kAcknowledgment));
}

std::optional<Bytes> reset_in_place_of(ByteView packet, const wire::ip::PacketView& view) {
  const auto header = header_of(packet, view);
  if (!header) return std::nullopt;
  return wire::ip::tcp_reset_packet(source_of(view.flow), destination_of(view.flow),
                                    load_be32(header->data() + kSequence));
}

std::optional<Bytes> broken_off(const Verdict& verdict, ByteView packet, const wire::ip::PacketView& view) {
  if (verdict.passed() || verdict.drop() != Drop::latch_broken) return std::nullopt;
  return reset_in_place_of(packet, view);
}

}  // namespace sallyport::ipsec
