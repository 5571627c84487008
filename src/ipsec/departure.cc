#include "ipsec/departure.h"

namespace sallyport::ipsec {

Verdict take_sequence(Sad& sad, SaOutbound& sa, Outputs& out) {
  // RFC 4303 3.3.3: a number is used once, and none follows the last.
  if (sa.sequence >= last_sequence(sa.esn)) {
    sad.stop(*sa.record, LifetimeCause::sequence, out);
    return Drop::sequence_cycled;
  }
  // RFC 4301 4.4.2.1: nothing after a hard lifetime.
  if (sa.dead || !sa.usage.may_carry()) return Drop::lifetime_expired;
  ++sa.sequence;
  return Verdict::pass();
}

void count_sent(Sad& sad, TimePoint now, SaOutbound& sa, size_t octets, Outputs& out) {
  sa.usage.count(octets);
  sa.last_packet = now;
  sad.check_limits(*sa.record, out);
}

}  // namespace sallyport::ipsec
