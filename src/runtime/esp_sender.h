// The way out of sealed packets: which socket takes one, and what of its header the kernel writes. One thread at a
// time.
//
//   UDP encapsulation ── UDP socket, the peer's own where it has one: trains by UDP_SEGMENT, DF as the path allows
//   native ESP ── raw socket of protocol 50: the kernel writes the IP header
//   AH, fragments, options, extension headers, other protocols ── raw socket for whole packets
//   IPv4 without DF ── the same; what is too long for the first link goes back to the sockets above, which cut it
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "ipsec/outputs.h"
#include "runtime/datagram_batch.h"
#include "runtime/descriptors.h"
#include "runtime/packet_counters.h"
#include "runtime/peer_sockets.h"

namespace sallyport::runtime {

class EspSender {
 public:
  // Both must outlive the sender.
  EspSender(const Descriptors& descriptors, PacketCounters& counters);

  // Queues a packet or train that leaves by ESP or AH, or counts why it cannot. It must live until flush().
  void add(const ipsec::Outgoing& out);
  struct Refusal {
    int error = 0;  // errno
    IpEndpoint remote;
    Bytes too_long;  // the start of a packet with its own header that the first link does not take
  };
  // Sends what is queued. The last refusal of the system that was more than a full buffer, if any.
  std::optional<Refusal> flush();

 private:
  // One that is to leave without DF: as a whole packet, or by the socket that would take it otherwise.
  struct WithoutDf {
    OutgoingDatagram whole;
    OutgoingDatagram otherwise;
    bool udp = false;
  };
  struct Sockets {
    int udp = -1, esp = -1, whole = -1;
    uint16_t udp_port = 0;
    std::vector<OutgoingDatagram> udp_queue, esp_queue, whole_queue;
    std::vector<WithoutDf> without_df;
    PeerSockets peers;
  };

  void add_udp(Sockets& to, const ipsec::Outgoing& out);
  void add_native(Sockets& to, const ipsec::Outgoing& out);
  void send_without_df(Sockets& from);
  void send(int fd, std::vector<OutgoingDatagram>& queue, bool whole = false);

  PacketCounters& counters_;
  std::array<Sockets, 2> sockets_;  // by family
  std::vector<Bytes> made_;         // whole packets that were made here; keeps their memory
  size_t made_used_ = 0;
  std::optional<Refusal> refusal_;
};

}  // namespace sallyport::runtime
