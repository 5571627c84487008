// Reassembly of one fragmented IKE message per direction. RFC 7383 2.6; robustness P12.
// Only opened fragments come here: each was authenticated by itself. At most 32 of them and 64 KiB, for 30 seconds.
// Pure; one thread.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/ids.h"

namespace sallyport::ike {

constexpr uint16_t kMaxFragments = 32;
constexpr size_t kMaxReassembledOctets = 65536;
constexpr Duration kFragmentLifetime = seconds(30);

struct Reassembled {
  uint8_t first_payload = 0;
  Bytes inner;
};

class FragmentStore {
 public:
  // RFC 7383 2.6: whether a fragment is worth opening. bad_value: number 0 or past the total, total 0 or above the
  // limit, or a total smaller than of what is stored. conflict: that number is here already.
  Result<> check(model::MessageId id, bool response, uint16_t number, uint16_t total) const;
  // Stores an opened fragment that passed check(). The whole message once the last one is in; limit: too big.
  // RFC 7383 2.6: a larger total means the sender started again with smaller fragments: what was stored is dropped.
  Result<std::optional<Reassembled>> add(TimePoint now, model::MessageId id, bool response, uint16_t number,
                                         uint16_t total, uint8_t first_payload, Bytes inner);
  void clear();
  std::optional<TimePoint> deadline() const { return deadline_; }
  size_t octets() const { return octets_; }

 private:
  bool same(model::MessageId id, bool response) const { return total_ != 0 && id == id_ && response == response_; }

  model::MessageId id_ = 0;
  bool response_ = false;
  uint16_t total_ = 0;
  uint16_t have_ = 0;
  uint8_t first_payload_ = 0;
  size_t octets_ = 0;
  std::vector<std::optional<Bytes>> parts_;
  std::optional<TimePoint> deadline_;
};

}  // namespace sallyport::ike
