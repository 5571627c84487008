// Two endpoints and whoever stands between them: each octet of the input delivers, drops, repeats, damages or reorders
// a message, lets key work end, lets time pass or gives one end a command. Whatever was done, both ends hold the same
// SAs once everything has come to rest. RFC 7296 2.1, 2.8, 2.25.
//
// Links: ike
// Sources: support/ike_pair.cc support/seeded_openssl.cc
#include "fuzz/property.h"
#include "support/ike_pair.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

constexpr size_t kMostSteps = 200;

void arrive(IkePair& pair, IkePeer& from, IkePeer& to, ike::Datagram in) {
  std::swap(in.local, in.remote);
  if (in.remote.addr.is_any()) in.remote.addr = from.address.addr;
  if (in.remote.port == 0) in.remote.port = from.address.port;
  to.take(pair.now, in);
}

void command(IkePair& pair, IkePeer& peer, unsigned which) {
  switch (which) {
    case 0: return peer.command(pair.now, ike::Initiate{"net", {}});
    case 1: return peer.command(pair.now, ike::RekeyChild{"net", "lan0", std::nullopt});
    case 2: return peer.command(pair.now, ike::RekeyIke{"net"});
    case 3: return peer.command(pair.now, ike::Terminate{"net", "lan0", std::nullopt});
    case 4: return peer.command(pair.now, ike::Terminate{"net", {}, std::nullopt});
    case 5: return peer.command(pair.now, ike::Initiate{"net", "lan1"});
    case 6: return peer.wake(pair.now);
    default: (void)peer.answer_one(pair.now);
  }
}

// bits 0 to 2 what, 3 which end, 4 to 7 how.
void step(IkePair& pair, uint8_t octet) {
  IkePeer& from = (octet & 8) != 0 ? pair.b : pair.a;
  IkePeer& to = (octet & 8) != 0 ? pair.a : pair.b;
  const unsigned how = octet >> 4;
  const size_t nth = from.out.empty() ? 0 : how % from.out.size();
  switch (octet & 7) {
    case 0:  // the oldest
    case 1: (void)((octet & 8) != 0 ? pair.b_to_a(octet & 1 ? nth : 0) : pair.a_to_b(octet & 1 ? nth : 0)); return;
    case 2:
      if (!from.out.empty()) from.out.erase(from.out.begin() + static_cast<std::ptrdiff_t>(nth));
      return;
    case 3:  // a copy arrives, the message is still under way
      if (!from.out.empty()) arrive(pair, from, to, from.out[nth]);
      return;
    case 4:
      if (!from.out.empty()) {
        ike::Datagram damaged = from.out.front();
        const size_t at = damaged.payload.size() * how / 16;
        damaged.payload[at] ^= 0x41;
        arrive(pair, from, to, std::move(damaged));
      }
      return;
    case 5: command(pair, from, how % 8); return;
    case 6: (void)pair.advance(seconds(1) * (how + 1)); return;
    default: from.hold_requests = !from.hold_requests; return;
  }
}

void let_rest(IkePair& pair) {
  pair.a.hold_requests = pair.b.hold_requests = false;
  for (int i = 0; i < 4; ++i) pair.settle(minutes(5));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  if (octets == 0) return 0;
  seed_openssl(bytes[0]);
  PairPolicy policy;
  policy.children = 1 + (bytes[0] & 1);
  policy.child = (bytes[0] & 2) != 0 ? "aes128gcm16-x25519" : "aes128gcm16";
  policy.dpd_delay = seconds(30);
  IkePair pair(policy, bytes[0]);
  if ((bytes[0] & 4) != 0) pair.up();
  for (size_t i = 1; i < octets && i < kMostSteps; ++i) step(pair, bytes[i]);
  let_rest(pair);
  const std::string differs = pair.agreement();
  fuzz::holds(differs.empty(), differs.c_str());
  fuzz::holds(pair.a.ike_sas() == pair.b.ike_sas(), "both ends hold the same number of IKE SAs");
  for (IkePeer* peer : {&pair.a, &pair.b}) {
    const auto tables = peer->endpoint.tables();
    fuzz::holds(tables.key_requests == 0 && tables.half_open == 0, "nothing half done is left over");
    fuzz::holds(tables.child_spis == peer->live_children(), "an SPI is kept for every Child SA, and for nothing else");
  }
  return 0;
}
