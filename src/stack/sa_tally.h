// What has become of SAs since the start, as the interface's statistics count it. Values.
#pragma once
#include <array>
#include <cstdint>

#include "base/ip_addr.h"
#include "base/result.h"

namespace sallyport::stack {

struct SaTally {
  struct Modes {  // of one IP version; IKE SAs are main modes, Child SAs quick modes
    uint32_t main_succeeded = 0, main_failed = 0, main_responder = 0;
    uint32_t quick_succeeded = 0, quick_failed = 0;
    uint32_t acquires = 0;
  };
  Modes v4, v6;
  Modes& of(Family family) { return family == Family::v4 ? v4 : v6; }
  const Modes& of(Family family) const { return family == Family::v4 ? v4 : v6; }
  uint32_t added = 0, deleted = 0, rekeyed = 0;  // pairs of SAs, direct ones too
  static constexpr uint32_t kFirstError = 13800;
  std::array<uint32_t, 97> errors{};  // failures by ERROR_IPSEC_* less the first

  void count_failure(Family family, bool main_mode, Errc why);
};

// The ERROR_IPSEC_* that says best what went wrong with a negotiation.
uint32_t ipsec_error(Errc code);

}  // namespace sallyport::stack
