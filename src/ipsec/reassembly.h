// IP fragments put together again, within limits: before transport mode, which protects whole packets only (RFC 4303
// 3.3.4), before selectors that name ports (RFC 4301 7.3), and outer fragments before ESP and AH (RFC 4303 3.4.1). RFC
// 791 3.2, RFC 8200 4.5, RFC 5722: whatever overlaps is given up with the whole packet. Memory is bounded and recycled.
// One thread.
#pragma once
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "ipsec/drops.h"
#include "model/flow_key.h"

namespace sallyport::ipsec {

class Reassembly {
 public:
  static constexpr size_t kMostPackets = 64;    // at a time; the memory of each is kept, 65 KiB
  static constexpr size_t kMostPerSource = 16;  // of one source address in one context
  static constexpr Duration kPatience = seconds(30);

  Reassembly();
  ~Reassembly();

  // A fragment; a packet of its own for every context (0: from the host; otherwise the SA it came by). `whole` becomes
  // the packet, its header fields those of an unfragmented one, when this was the last piece; good until the next call.
  // Empty: it is kept and others are missing. fragment_overlap, fragment_limit, malformed_inner; those given up for
  // time are counted in `drops` as fragment_timeout.
  Verdict add(TimePoint now, uint64_t context, ByteView fragment, DropCounters& drops, MutableBytes& whole);

  size_t waiting() const;  // packets begun

 private:
  struct Piece;
  struct Packet;
  struct Key {
    IpAddr source;
    IpAddr destination;
    uint64_t context = 0;
    uint32_t identification = 0;
    uint8_t protocol = 0;
    bool operator==(const Key&) const = default;
  };

  void expire(TimePoint now, DropCounters& drops);
  Packet* find(const Key& key);
  Packet* begin(TimePoint now, const Key& key);

  std::vector<std::unique_ptr<Packet>> packets_;
  TimePoint oldest_{};  // no packet was begun before
};

}  // namespace sallyport::ipsec
