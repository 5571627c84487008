// What every packet that came by an SA goes through, whatever its protocol and mode: the count, the peer's address, the
// selectors. RFC 4301 5.2, RFC 7296 2.23. One thread: the shard's.
#pragma once
#include "ipsec/inbound.h"

namespace sallyport::ipsec {

// After a packet has authenticated. Reports the first one, and lifetimes that are reached.
void count_authenticated(Sad& sad, TimePoint now, SaInbound& sa, size_t octets, Outputs& out);
// RemoteMoved, when the newest authentic packet of a UDP-encapsulated SA came from elsewhere.
void watch_address(SaRecord& record, TimePoint now, const Incoming& in, Outputs& out);
// Is this packet one that the SA was made for? malformed_inner, selector_mismatch.
Verdict check_selectors(const model::SaSpec& spec, const model::FlowKey& flow);
Verdict check_selectors(const model::SaSpec& spec, ByteView inner);

}  // namespace sallyport::ipsec
