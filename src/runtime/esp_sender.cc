// See esp_sender.h.
#include "runtime/esp_sender.h"

#include <errno.h>

#include <algorithm>

namespace sallyport::runtime {
namespace {

constexpr size_t kIpv4Header = 20;
constexpr size_t kUdpHeader = 8;
constexpr uint8_t kTtl = 64;
constexpr size_t kQuoted = 256;  // headers, SPI and sequence number
constexpr uint8_t kUdp = 17;

size_t index_of(Family family) { return family == Family::v4 ? 0 : 1; }

// RFC 3948 2.1 in a packet of our own, DF not set. The kernel fills in identification and IP checksum, and the source
// where it is left open; the UDP checksum stays zero, as RFC 3948 2.1 wants it.
void write_udp_packet(const ipsec::Outgoing& out, uint16_t port, ByteView esp, Bytes& packet) {
  packet.assign(kIpv4Header + kUdpHeader, 0);
  packet[0] = 0x45;
  packet[1] = out.tos;
  store_be16(&packet[2], static_cast<uint16_t>(packet.size() + esp.size()));
  packet[8] = kTtl;
  packet[9] = kUdp;
  const auto copy = [&](const IpAddr& address, size_t at) {
    const ByteView octets = address.bytes();
    std::copy(octets.begin(), octets.end(), packet.begin() + static_cast<std::ptrdiff_t>(at));
  };
  if (out.local.addr.is_v4()) copy(out.local.addr, 12);
  copy(out.remote.addr, 16);
  store_be16(&packet[20], port);
  store_be16(&packet[22], out.remote.port);
  store_be16(&packet[24], static_cast<uint16_t>(kUdpHeader + esp.size()));
  append(packet, esp);
}

// Each packet of a train, or the one that it is.
template <class Take>
void for_each_packet(const ipsec::Outgoing& out, const Take& take) {
  const size_t segment = out.packet.offload.segment_octets;
  const size_t most = segment != 0 ? segment : out.packet.size();
  for (ByteView rest = out.packet.view(); !rest.empty();) {
    const ByteView one = rest.first(std::min(most, rest.size()));
    rest = rest.subspan(one.size());
    take(one);
  }
}

}  // namespace

EspSender::EspSender(const Descriptors& descriptors, PacketCounters& counters) : counters_(counters) {
  for (const auto& socket : descriptors.udp) {
    if (!socket.natt || socket.worker == UdpDescriptor::kSpare)
      continue;  // the last of a family: no socket that IKE comes to, where there is another
    sockets_[index_of(socket.family)].udp = socket.fd.get();
    sockets_[index_of(socket.family)].udp_port = socket.port;
  }
  for (const Family family : {Family::v4, Family::v6})
    sockets_[index_of(family)].peers.take_spares(descriptors, family);
  const auto number = [](const Fd& fd) { return fd ? fd.get() : -1; };
  sockets_[0].esp = number(descriptors.esp_v4);
  sockets_[1].esp = number(descriptors.esp_v6);
  sockets_[0].whole = number(descriptors.whole_v4);
  sockets_[1].whole = number(descriptors.whole_v6);
}

void EspSender::add(const ipsec::Outgoing& out) {
  Sockets& to = sockets_[index_of(out.remote.addr.family())];
  // What a filter brought here and may be in the clear goes past our own rules by the mark of the socket.
  if (out.way == ipsec::Way::clear) {
    if (to.whole < 0) {
      ++counters_.bypass_refused;
    } else {
      to.whole_queue.push_back(
          {{IpAddr::any(out.remote.addr.family()), 0}, {out.remote.addr, 0}, 0, out.packet.view(), 0, 0});
    }
    return;
  }
  const int socket = out.way == ipsec::Way::esp_udp ? to.udp : out.exact_header ? to.whole : to.esp;
  if (socket < 0) {
    ++counters_.no_socket;
  } else if (out.way == ipsec::Way::esp_udp) {
    add_udp(to, out);
  } else {
    add_native(to, out);
  }
}

void EspSender::add_udp(Sockets& to, const ipsec::Outgoing& out) {
  OutgoingDatagram all{out.local, out.remote, 0, out.packet.view(), out.tos, out.packet.offload.segment_octets};
  if (out.dont_fragment || out.remote.addr.is_v6() || to.whole < 0) {
    PeerSockets::Peer* const peer = to.peers.find(out.local, out.remote, datagrams_in(all));
    all.connected = peer != nullptr;
    (peer != nullptr ? peer->queue : to.udp_queue).push_back(all);
    return;
  }
  for_each_packet(out, [&](ByteView one) {
    if (made_used_ == made_.size()) made_.emplace_back();
    Bytes& packet = made_[made_used_++];  // its octets stay where they are when the list grows
    write_udp_packet(out, to.udp_port, one, packet);
    OutgoingDatagram otherwise = all;
    otherwise.payload = one;
    otherwise.segment_octets = 0;
    to.without_df.push_back({{out.local, {out.remote.addr, 0}, 0, packet, 0, 0}, otherwise, true});
  });
}

void EspSender::add_native(Sockets& to, const ipsec::Outgoing& out) {
  const IpEndpoint remote{out.remote.addr, 0};
  for_each_packet(out, [&](ByteView one) {
    const OutgoingDatagram whole{out.local, remote, 0, one, 0, 0};
    const OutgoingDatagram plain{out.local, remote, 0, one.subspan(out.outer_octets), out.tos, 0};
    if (out.exact_header) {
      to.whole_queue.push_back(whole);
    } else if (out.dont_fragment || remote.addr.is_v6() || to.whole < 0) {
      to.esp_queue.push_back(plain);
    } else {
      to.without_df.push_back({whole, plain, false});
    }
  });
}

// One by one: they are few, since hosts set DF to learn their paths.
void EspSender::send_without_df(Sockets& from) {
  for (const WithoutDf& one : from.without_df) {
    int error = 0;
    if (send_batch(from.whole, {&one.whole, 1}, &error) == 1) {
      ++counters_.datagrams_out;
    } else {
      (one.udp ? from.udp_queue : from.esp_queue).push_back(one.otherwise);
    }
  }
  from.without_df.clear();
}

std::optional<EspSender::Refusal> EspSender::flush() {
  refusal_.reset();
  for (Sockets& from : sockets_) {
    if (!from.without_df.empty()) send_without_df(from);
    send(from.udp, from.udp_queue);
    for (PeerSockets::Peer& peer : from.peers.all()) send(peer.fd, peer.queue);
    send(from.esp, from.esp_queue);
    send(from.whole, from.whole_queue, true);
  }
  made_used_ = 0;
  return refusal_;
}

void EspSender::send(int fd, std::vector<OutgoingDatagram>& queue, bool whole) {
  if (queue.empty()) return;
  size_t wanted = 0;
  for (const auto& datagram : queue) wanted += datagrams_in(datagram);
  int error = 0;
  const size_t sent = send_batch(fd, queue, &error);
  counters_.datagrams_out += sent;
  counters_.send_refused += wanted - sent;
  if (error != 0 && error != EAGAIN) {
    const auto longest = std::max_element(
        queue.begin(), queue.end(), [](const auto& a, const auto& b) { return a.payload.size() < b.payload.size(); });
    refusal_ = Refusal{error, longest->remote, {}};
    if (whole && error == EMSGSIZE) {
      refusal_->too_long = to_bytes(longest->payload.first(std::min(longest->payload.size(), kQuoted)));
    }
  }
  queue.clear();
}

}  // namespace sallyport::runtime
