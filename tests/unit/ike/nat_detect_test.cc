// NAT detection. RFC 7296 2.23.
#include "ike/nat_detect.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::ike;
using namespace sallyport::wire::ike2;

TEST_SUITE_BEGIN("ike/nat_detect");

namespace {

constexpr model::IkeSpi kSpiI = 0x0102030405060708, kSpiR = 0x1112131415161718;
const IpEndpoint kHere{*IpAddr::parse("192.0.2.1"), 500}, kThere{*IpAddr::parse("198.51.100.2"), 500};

// What a peer at kThere sends, by whom it sees.
std::vector<Payload> from_peer(const IpEndpoint& itself, const IpEndpoint& us) {
  std::vector<Payload> out;
  add_nat_detection(out, kSpiI, kSpiR, itself, us, false);
  return out;
}

NatSeen seen(const std::vector<Payload>& payloads) { return nat_seen(payloads, kSpiI, kSpiR, kHere, kThere); }

}  // namespace

TEST_CASE("[RFC7296 2.23] the hash is SHA-1 over SPIs, address and port") {
  // Computed with Python: hashlib.sha1(spi_i + spi_r + address + port).
  CHECK(nat_hash(kSpiI, kSpiR, kHere) == *from_hex("d798d986143f878f70765e0e869c80bbc375f701"));
  CHECK(nat_hash(kSpiI, 0, {*IpAddr::parse("2001:db8::1"), 4500}) ==
        *from_hex("98c75483db80168697635aa7844504963e87de33"));
}

TEST_CASE("[RFC7296 2.23] no NAT when both hashes fit") {
  const NatSeen s = seen(from_peer(kThere, kHere));
  CHECK(s.supported);
  CHECK(!s.local);
  CHECK(!s.remote);
}

TEST_CASE("[RFC7296 2.23] the peer is behind a NAT when its own address or port is not where it comes from") {
  for (const IpEndpoint& other : {IpEndpoint{*IpAddr::parse("10.0.0.2"), 500}, IpEndpoint{kThere.addr, 1024}}) {
    const NatSeen s = seen(from_peer(other, kHere));
    CHECK(s.remote);
    CHECK(!s.local);
  }
}

TEST_CASE("[RFC7296 2.23] we are behind a NAT when the peer sees us somewhere else") {
  const NatSeen s = seen(from_peer(kThere, {*IpAddr::parse("203.0.113.9"), 500}));
  CHECK(s.local);
  CHECK(!s.remote);
}

TEST_CASE("[RFC7296 2.23] one fitting source hash among several is enough") {
  auto payloads = from_peer({*IpAddr::parse("10.0.0.2"), 500}, kHere);
  payloads.push_back(NotifyPayload{0, {}, NotifyType::NAT_DETECTION_SOURCE_IP, nat_hash(kSpiI, kSpiR, kThere)});
  CHECK(!seen(payloads).remote);
}

TEST_CASE("[RFC7296 2.23] a peer that sends neither or only one of the two does not do NAT traversal") {
  CHECK(!seen({}).supported);
  for (size_t gone : {size_t{0}, size_t{1}}) {
    auto payloads = from_peer({*IpAddr::parse("10.0.0.2"), 500}, {*IpAddr::parse("10.0.0.1"), 500});
    payloads.erase(payloads.begin() + static_cast<std::ptrdiff_t>(gone));
    const NatSeen s = seen(payloads);
    CHECK(!s.supported);
    CHECK(!s.local);
    CHECK(!s.remote);
  }
}

TEST_CASE("[RFC7296 2.23] other SPIs, short and long hashes are no match and no harm") {
  auto payloads = from_peer(kThere, kHere);
  CHECK(nat_seen(payloads, kSpiI + 1, kSpiR, kHere, kThere).remote);
  for (size_t octets : {size_t{0}, size_t{19}, size_t{21}, size_t{4000}}) {
    for (Payload& p : payloads) std::get<NotifyPayload>(p).content.assign(octets, 1);
    CHECK(seen(payloads).remote);
    CHECK(seen(payloads).local);
  }
}

TEST_CASE("a falsified source hash matches nothing, so that ESP goes into UDP") {
  std::vector<Payload> payloads;
  add_nat_detection(payloads, kSpiI, kSpiR, kThere, kHere, true);
  CHECK(seen(payloads).remote);
  CHECK(!seen(payloads).local);
}

TEST_SUITE_END();
