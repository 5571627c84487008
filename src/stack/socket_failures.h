// Why the last negotiation for a group of secured sockets came to nothing: NegotiationWinerr of a socket's query. The
// oldest is forgotten for a new one. Pure; one thread.
#pragma once
#include <cstdint>
#include <deque>

#include "base/ip_addr.h"

namespace sallyport::stack {

class SocketFailures {
 public:
  static constexpr size_t kMost = 1024;
  // group 0: nothing is noted.
  void note(uint64_t group, const IpAddr& remote, uint32_t code);
  void forget(uint64_t group, const IpAddr& remote);        // there is an SA now
  uint32_t of(uint64_t group, const IpAddr& remote) const;  // ERROR_IPSEC_*; 0: none has failed since the last SA
  size_t size() const { return all_.size(); }

 private:
  struct Failure {
    uint64_t group = 0;
    IpAddr remote;
    uint32_t code = 0;
  };
  std::deque<Failure> all_;  // oldest first
};

}  // namespace sallyport::stack
