// The internal device's host.
#include "stack/inner_host.h"

#include <algorithm>

#include "wire/ip/build.h"
#include "wire/ip/packet_view.h"

namespace sallyport::stack {

namespace {
constexpr size_t kMaxWaiting = 1024;
constexpr size_t kMaxQueued = 1024;
constexpr size_t kMaxPing = 65000;
constexpr uint16_t kEchoPort = 7;
}  // namespace

bool InnerHost::owns(const IpAddr& address) const {
  return std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
}

void InnerHost::handle_packet(TimePoint now, ByteView packet) {
  const auto view = wire::ip::PacketView::decode(packet);
  if (!view || view->fragment || !owns(view->flow.destination) || packets_.size() >= kMaxQueued) return;
  const IpAddr& from = view->flow.source;
  const IpAddr& us = view->flow.destination;
  const ByteView transport = packet.subspan(view->header_octets);
  if (view->flow.protocol == wire::ip::kIcmp || view->flow.protocol == wire::ip::kIcmpv6) {
    const auto echo = wire::ip::parse_icmp_echo(from, us, transport);
    if (!echo) return;
    if (echo->reply) {
      on_echo_reply(now, from, echo->identifier, echo->sequence, echo->payload.size());
    } else {
      packets_.push_back(wire::ip::icmp_echo_packet(us, from, {true, echo->identifier, echo->sequence, echo->payload}));
    }
  } else if (view->flow.protocol == wire::ip::kUdp) {
    const auto udp = wire::ip::parse_udp(from, us, transport);
    // RFC 862; never to another echo port, or two hosts would answer each other for ever.
    if (!udp || udp->destination_port != kEchoPort || udp->source_port == kEchoPort) return;
    packets_.push_back(wire::ip::udp_packet({us, kEchoPort}, {from, udp->source_port}, udp->payload));
  }
}

void InnerHost::on_echo_reply(TimePoint now, const IpAddr& from, uint16_t identifier, uint16_t sequence,
                              size_t octets) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
    return w.identifier == identifier && w.sequence == sequence && w.destination == from;
  });
  if (found == waiting_.end()) return;
  pongs_.push_back({found->token, sequence, octets, now - found->sent});
  waiting_.erase(found);
}

Result<> InnerHost::ping(TimePoint now, uint64_t token, const IpAddr& destination, uint16_t sequence, size_t octets) {
  if (octets > kMaxPing) return fail(Errc::bad_value);
  if (waiting_.size() >= kMaxWaiting) return fail(Errc::too_many);
  const auto source = std::find_if(addresses_.begin(), addresses_.end(),
                                   [&](const IpAddr& a) { return a.family() == destination.family(); });
  if (source == addresses_.end()) return fail(Errc::not_found);
  const uint16_t identifier = next_identifier_++;
  Bytes payload(octets);
  for (size_t i = 0; i < octets; ++i) payload[i] = static_cast<uint8_t>(i);
  packets_.push_back(wire::ip::icmp_echo_packet(*source, destination, {false, identifier, sequence, payload}));
  waiting_.push_back({token, identifier, sequence, destination, now});
  return {};
}

std::optional<Bytes> InnerHost::poll_packet() {
  if (packets_.empty()) return std::nullopt;
  Bytes out = std::move(packets_.front());
  packets_.pop_front();
  return out;
}

std::optional<InnerHost::Pong> InnerHost::poll_pong() {
  if (pongs_.empty()) return std::nullopt;
  const Pong out = pongs_.front();
  pongs_.pop_front();
  return out;
}

void InnerHost::expire(TimePoint now) {
  while (!waiting_.empty() && now - waiting_.front().sent > minutes(1)) waiting_.pop_front();
}

}  // namespace sallyport::stack
