// What the filter engine has to know of an SA to judge what comes by it. Values; any thread.
#pragma once
#include <cstdint>
#include <memory>

#include "policy/sid.h"

namespace sallyport::stack {

struct SaOrigin {
  std::shared_ptr<const policy::Token> machine;  // who authenticated it, for conditions on the remote machine
  bool of_filter = false;                        // a filter asked for it, not a connection
  uint64_t tunnel = 0;                           // the number of its tunnel policy; 0: it is of none
  bool nat_client = false;                       // of a peer behind a NAT, where others may be too
  uint64_t group = 0;                            // of the sockets that it serves; 0: of no sockets
  uint32_t answered = 0;                         // its reqid, where a peer asked for it: its flows are answered by it
  std::shared_ptr<const policy::Token> user = nullptr;  // of the peer, beside its machine
  template <class Peer>
  bool same_peer(const Peer& other) const {
    const auto same = [](const auto& a, const auto& b) { return a == b || (a && b && *a == *b); };
    return same(machine, other.machine) && same(user, other.user);
  }
  bool operator==(const SaOrigin& other) const {
    return same_peer(other) && of_filter == other.of_filter && tunnel == other.tunnel &&
           nat_client == other.nat_client && group == other.group && answered == other.answered;
  }
};

}  // namespace sallyport::stack
