// IPSEC_KEY_MANAGER0: who would like to dictate keys or hear of them. Values.
#pragma once
#include "policy/sa_context.h"

namespace sallyport::policy {

struct KeyDictator {
  static constexpr uint32_t kDictateKey = 1;
  static constexpr uint8_t kLongestDictation = 10;  // seconds
  Guid key;
  DisplayData display;
  uint32_t flags = 0;
  uint8_t dictation_timeout_hint = 0;  // seconds
  bool operator==(const KeyDictator&) const = default;
};

// What keyNotify is told: both halves of a new pair of SAs, with their keys.
struct KeysNotice {
  SaDetails inbound, outbound;
};

// clang-format off
template <class A> void describe(A& a, KeysNotice& v) { walk_all(a, v.inbound, v.outbound); }
template <class A> void describe(A& a, KeyDictator& v) { walk_all(a, v.key, v.display, v.flags, v.dictation_timeout_hint); }
// clang-format on

}  // namespace sallyport::policy
