// Inner packets of the simulation: each one is unlike every other and carries a mark, so that a delivery can be judged
// (once, unaltered, at the right end) and a clear packet on the wire is seen. For tests only.
#pragma once
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ip_addr.h"
#include "support/seeded_rng.h"

namespace sallyport::sim {

class Traffic {
 public:
  explicit Traffic(uint64_t seed) : dice_(seed) {}

  // A packet of child `lan` from the east (or west) to the other side.
  Bytes make(bool from_east, unsigned lan, size_t octets);
  // A packet from that side which no policy covers.
  Bytes make_foreign(bool from_east);
  // What came out of a tunnel. "" or what is wrong with it.
  std::string judge(bool at_east, ByteView packet);
  // Whether octets on the wire show an inner packet in the clear.
  static bool shows(ByteView wire);

  size_t delivered(bool at_east) const { return delivered_[at_east ? 1 : 0]; }
  size_t sent() const { return sent_.size(); }

 private:
  struct Sent {
    bool from_east = false;
    bool foreign = false;
    bool arrived = false;
    Bytes packet;
  };
  Bytes payload(uint64_t number, size_t octets);

  test::SeededRng dice_;
  std::vector<Sent> sent_;  // by number
  size_t delivered_[2] = {0, 0};
};

}  // namespace sallyport::sim
