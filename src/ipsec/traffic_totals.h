// Octets and packets by the kind of their protection, of SAs that are there and of those that are gone. Octets are of
// inner packets. Values.
#pragma once
#include "ipsec/sa_record.h"

namespace sallyport::ipsec {

struct TrafficTotals {
  struct Way {
    uint64_t encrypted = 0;  // ESP that conceals
    uint64_t authenticated_ah = 0;
    uint64_t authenticated_esp = 0;  // with an ICV: all of ESP here
    uint64_t transport = 0, tunnel = 0;
    uint64_t packets = 0;
    void add(const model::SaSpec& sa, const UsageMeter& usage);
    Way& operator+=(const Way& other);
  };
  Way in, out;
  void add(const SaRecord& record);
  TrafficTotals& operator+=(const TrafficTotals& other) {
    in += other.in;
    out += other.out;
    return *this;
  }
};

}  // namespace sallyport::ipsec
