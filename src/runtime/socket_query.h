// What is known of the peer of a secured socket: the SAs that carry its packets, who proved to be at the other end, and
// which local account that is mapped to. Asks the packet workers and waits for them. One thread, the driver's.
#pragma once
#include "policy/socket_call.h"
#include "runtime/driver.h"

namespace sallyport::runtime {

struct QueriedSocket {
  stack::HostFlow flow;        // local: of a socket that is bound to no address, any
  uint64_t group = 0;          // of this socket, where it asked for its SAs itself; 0: not known
  bool identify_only = false;  // its program takes nobody's rights
};

// Of a peer within this host, which a secured socket of that account is: the account is its name, as "uid:1000".
void describe_local_peer(const Driver& driver, const QueriedSocket& socket, uint32_t uid,
                         policy::socket_call::Answer& out);

// Flags, SAs, names and account of the answer; the account is the user's where the peer has proved one. Nothing is said
// of names where SAs of several peers may carry the flow.
void describe_peer(const Driver& driver, const QueriedSocket& socket, policy::socket_call::Answer& out);

// Why a connection is over that did not keep what it began with: ERROR_IPSEC_WRONG_SA, another peer;
// ERROR_IPSEC_CLEAR_TEXT_DROP, no encryption any more; 0: it has not been broken off.
uint32_t why_broken_off(const Driver& driver, const stack::HostFlow& flow);

}  // namespace sallyport::runtime
