// What the pipelines give back: packets with their way out, and events. Slots and their buffers are recycled: clear()
// keeps the memory, so a steady stream allocates nothing. One thread.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/packet_buf.h"
#include "base/time.h"
#include "model/flow_key.h"
#include "model/ids.h"
#include "model/spd_entry.h"

namespace sallyport::ipsec {

enum class Way : uint8_t {
  inner,       // to the TUN device or inner host: a whole IP packet
  esp_udp,     // to `remote` from the UDP socket bound to `local`: the ESP packet is the UDP payload (RFC 3948 2.1)
  esp_native,  // to a raw socket: a whole IP packet, outer header of `outer_octets` first, then ESP
  clear,       // BYPASS: a whole IP packet that leaves as it is
  to_judge,  // opened, of a flow that is judged elsewhere or later: whoever joins the shards takes it, nobody else may
};

struct Outgoing {
  // One packet; with esp_* it may be a train: several, back to back, each of offload.segment_octets but for the last,
  // which may be shorter (what UDP_SEGMENT sends in one call). With inner and clear, offload is a device's own.
  PacketBuf packet;
  Way way = Way::inner;
  IpEndpoint local;  // esp_*: the outer addresses; the ports count with esp_udp only
  IpEndpoint remote;
  uint8_t tos = 0;             // esp_*: DSCP and ECN of the outer header, for a socket that builds it
  bool dont_fragment = false;  // esp_*: the DF bit of the outer header
  uint16_t outer_octets = 0;   // esp_native: length of the outer IP header at the front of each packet
  bool exact_header = false;  // esp_native: that header has to leave as it is (AH, options, fragments, other protocols)
  model::ChildId child_id = 0;
};

enum class LifetimeCause : uint8_t { time, bytes, packets, sequence, idle };

struct SoftExpired {  // rekey now; reported once per Child SA
  model::ChildId child_id;
  model::Spi spi_in;
  LifetimeCause cause;
};
struct HardExpired {  // the SA carries nothing more, but for one that was idle; reported once per Child SA
  model::ChildId child_id;
  model::Spi spi_in;
  LifetimeCause cause;
};
struct FirstInbound {  // the first packet that authenticated on an inbound SA: the peer uses it
  model::ChildId child_id;
};
struct Acquire {  // PROTECT without an SA; the packet stays in the batch given to outbound(), at packet_index
  std::shared_ptr<const model::SpdEntry> entry;
  model::FlowKey flow;
  size_t packet_index;
  uint64_t filter = 0;     // of FlowPolicy, where that asked
  bool encrypted = false;  // only an SA that encrypts will do
  bool hold = true;        // false: the packet has left in the clear
};
// The newest packet of a UDP-encapsulated SA authenticated and came from a new address or port (RFC 7296 2.23). The
// data plane changes nothing by itself: who agrees calls Sad::move(). At most one a second per SA.
struct RemoteMoved {
  model::ChildId child_id;
  IpEndpoint local;
  IpEndpoint remote;
};
struct SendBy {  // what policy has said of a packet whose SA another shard has
  uint32_t reqid = 0;
  model::ChildId child = 0;  // the SA; 0: it is gone, and the packet is to be judged again
  bool encrypted = false;    // only an SA that encrypts will do
  uint8_t hops = 0;          // how often it was handed on since
  bool of_client = false;    // of a peer behind a NAT, to whom all SAs of the reqid are: any of them will do
  uint16_t seen_port = 0;    // the remote port by which the host knows its flow, where that was rewritten
};
// Another shard judges the packet, or has the SA; it stays in the batch given to outbound(), at packet_index.
struct HandOver {
  uint16_t shard = 0;
  size_t packet_index = 0;
  model::ChildId copy_of = 0;               // not 0: of this SA a copy would serve better here (RFC 9611)
  std::optional<SendBy> by = std::nullopt;  // nothing: it is to be judged there
};
using Event = std::variant<SoftExpired, HardExpired, FirstInbound, Acquire, RemoteMoved, HandOver>;

// What the outside can take.
struct OutputShape {
  size_t train_packets = 1;  // ESP packets in one slot, at most
  bool join_inner = false;   // opened segments of one flow leave as one packet with an offload
};

// How an ESP packet leaves; equal ones may share a train.
struct EspWay {
  Way way;
  const IpEndpoint& local;
  const IpEndpoint& remote;
  uint8_t tos;
  bool dont_fragment;
  uint16_t outer_octets;
  model::ChildId child_id;
};

class Outputs {
 public:
  Outputs() = default;
  explicit Outputs(const OutputShape& shape) : shape_(shape) {}

  // A recycled slot with an empty packet behind the default headroom and room for packet_octets. It counts at once;
  // undo() takes the last one back. The reference is good until the next call.
  Outgoing& add(size_t packet_octets);
  void undo() { --used_; }
  // Room for one more ESP packet of `octets`: behind the last slot's where `like` goes the same way and the train may
  // grow, otherwise in a new slot that takes over like's way, addresses and marks. Not for packets of more than 65535.
  Outgoing& add_esp(const EspWay& like, size_t octets);
  // Takes the last `octets` of the slot that add_esp() gave back again.
  void undo_esp(size_t octets);
  const OutputShape& shape() const { return shape_; }
  std::span<Outgoing> packets() { return {slots_.data(), used_}; }

  void report(Event event) { events_.push_back(std::move(event)); }
  std::span<const Event> events() const { return events_; }

  void clear();  // forgets packets and events, keeps their memory

 private:
  static constexpr size_t kTrainOctets = 65000;  // below UDP's and IP's 65535 with any header
  bool fits_train(const EspWay& like, size_t octets) const;

  OutputShape shape_;
  std::vector<Outgoing> slots_;
  size_t used_ = 0;
  std::vector<Event> events_;
};

}  // namespace sallyport::ipsec
