// Algorithm x mode x protocol x ESN x NAT x family, and for each combination the cases that every implementation should
// name (robustness D1 to D5). The combinations are generated; a count that shrinks fails.
#include <doctest/doctest.h>

#include "support/sa_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;
using model::EncrId;
using model::IntegId;
using model::Mode;

namespace {

struct Suite {
  EncrId encr;
  uint16_t bits;
  IntegId integ;
};

const Suite kEsp[] = {
    {EncrId::AES_GCM_8, 128, IntegId::NONE},
    {EncrId::AES_GCM_12, 192, IntegId::NONE},
    {EncrId::AES_GCM_16, 128, IntegId::NONE},
    {EncrId::AES_GCM_16, 256, IntegId::NONE},
    {EncrId::AES_CCM_8, 128, IntegId::NONE},
    {EncrId::AES_CCM_12, 192, IntegId::NONE},
    {EncrId::AES_CCM_16, 256, IntegId::NONE},
    {EncrId::CHACHA20_POLY1305, 256, IntegId::NONE},
    {EncrId::NULL_AES_GMAC, 128, IntegId::NONE},
    {EncrId::NULL_AES_GMAC, 256, IntegId::NONE},
    {EncrId::AES_CCM_8_IIV, 128, IntegId::NONE},
    {EncrId::AES_GCM_16_IIV, 256, IntegId::NONE},
    {EncrId::CHACHA20_POLY1305_IIV, 256, IntegId::NONE},
    {EncrId::AES_CBC, 128, IntegId::HMAC_SHA1_96},
    {EncrId::AES_CBC, 256, IntegId::HMAC_SHA2_256_128},
    {EncrId::AES_CBC, 192, IntegId::HMAC_SHA2_384_192},
    {EncrId::AES_CBC, 256, IntegId::HMAC_SHA2_512_256},
    {EncrId::AES_CBC, 128, IntegId::AES_XCBC_96},
    {EncrId::AES_CBC, 128, IntegId::AES_CMAC_96},
    {EncrId::AES_CTR, 128, IntegId::HMAC_SHA1_96},
    {EncrId::AES_CTR, 256, IntegId::HMAC_SHA2_256_128},
    {EncrId::NULL_ENCR, 0, IntegId::HMAC_SHA1_96},
    {EncrId::NULL_ENCR, 0, IntegId::HMAC_SHA2_256_128},
    {EncrId::NULL_ENCR, 0, IntegId::AES_CMAC_96},
    {EncrId::DES3, 0, IntegId::HMAC_SHA1_96},
    {EncrId::DES3, 0, IntegId::HMAC_MD5_96},
};
const IntegId kAh[] = {
    IntegId::HMAC_MD5_96,       IntegId::HMAC_SHA1_96,      IntegId::AES_XCBC_96,       IntegId::AES_CMAC_96,
    IntegId::HMAC_SHA2_256_128, IntegId::HMAC_SHA2_384_192, IntegId::HMAC_SHA2_512_256, IntegId::AES_128_GMAC,
    IntegId::AES_192_GMAC,      IntegId::AES_256_GMAC,
};

// Modes, families and the rest of one algorithm: f is called with every one.
template <class F>
void for_each_shape(SaChoice choice, F f) {
  for (int bits = 0; bits < 32; ++bits) {
    choice.mode = (bits & 1) != 0 ? Mode::transport : Mode::tunnel;
    choice.esn = (bits & 2) != 0;
    choice.udp = (bits & 4) != 0;
    choice.outer = (bits & 8) != 0 ? Family::v6 : Family::v4;
    choice.inner = (bits & 16) != 0 ? Family::v6 : Family::v4;
    if (choice.transport() && choice.inner != choice.outer) continue;
    if (choice.ah() && choice.udp) continue;  // RFC 3948 1
    f(choice);
  }
}

template <class F>
void for_each_choice(F f) {
  for (const Suite& suite : kEsp) {
    SaChoice choice;
    choice.encr = suite.encr;
    choice.key_bits = suite.bits;
    choice.integ = suite.integ;
    for_each_shape(choice, f);
  }
  for (const IntegId integ : kAh) for_each_shape(ah_choice(integ), f);
}

size_t cases = 0;

// What the far side gives back for a packet sent: equal, but for the fields that a UDP socket does not show.
bool same(const SaChoice& choice, ByteView got, ByteView sent) {
  if (!choice.transport() || !choice.udp) return equal(got, sent);
  const size_t addresses = choice.outer == Family::v4 ? 12 : 8;
  return got.size() == sent.size() && equal(got.subspan(addresses), sent.subspan(addresses));
}

size_t iv_octets(SaPair& pair) { return pair.right_sa().iv_octets; }
size_t icv_octets(SaPair& pair) { return pair.right_sa().icv_octets; }

// Nothing comes out, one drop is counted, and the window stays.
void check_dropped(SaPair& pair, ByteView wire, const char* what) {
  CAPTURE(what);
  const uint64_t drops = pair.right.drops.total();
  const uint64_t highest = pair.right_sa().replay.highest();
  CHECK(pair.open(wire).empty());
  CHECK(pair.right.drops.total() == drops + 1);
  CHECK(pair.right_sa().replay.highest() == highest);
  ++cases;
}

void valid_sizes(const SaChoice& choice) {
  SaPair pair(choice);
  REQUIRE(pair.installed);
  for (const size_t size : {0u, 1u, 2u, 3u, 13u, 64u, 1200u}) {
    const Bytes packet = pair.sample(size);
    CHECK(same(choice, pair.open(pair.seal(packet)), packet));
    ++cases;
  }
  CHECK(pair.right.drops.total() == 0);
}

void replays(const SaChoice& choice) {
  SaPair pair(choice);
  std::vector<Bytes> sent;
  for (int i = 0; i < 33; ++i) sent.push_back(pair.seal(pair.sample()));
  for (size_t i = sent.size(); i-- > 0;) CHECK_FALSE(pair.open(sent[i]).empty());
  for (const Bytes& wire : sent) check_dropped(pair, wire, "replay");
  CHECK(pair.right.drops[Drop::replay] == 33);
  const Bytes early = pair.seal(pair.sample());
  pair.left_sa().sequence = 4000;
  CHECK_FALSE(pair.open(pair.seal(pair.sample())).empty());
  check_dropped(pair, early, "behind the window");
  // RFC 4303 A2.2: with ESN so low a number is taken for one of the next subspace, where its ICV is wrong.
  CHECK(pair.right.drops[choice.esn ? Drop::bad_icv : Drop::behind_window] == 1);
  pair.left_sa().sequence = 1u << 30;
  Bytes far = pair.seal(pair.sample());
  far.back() ^= 1;
  check_dropped(pair, far, "a far number that does not authenticate");
}

void corruptions(const SaChoice& choice) {
  SaPair pair(choice);
  const size_t head = pair.head();
  const Bytes wire = pair.seal(pair.sample());
  const auto flip = [&](size_t at, const char* what) {
    Bytes broken = wire;
    broken[at] ^= 0x40;
    check_dropped(pair, broken, what);
  };
  const size_t fixed = choice.ah() ? 12 : 8;
  const size_t spi = head + (choice.ah() ? 4 : 0);
  flip(spi, "SPI");
  flip(spi + 3, "SPI");
  flip(spi + 7, "sequence number");
  if (choice.ah()) {
    flip(head, "next header");
    flip(head + 1, "length");
    flip(head + 2, "reserved");
    flip(head + fixed, "ICV");
    flip(head + fixed + iv_octets(pair) + icv_octets(pair) - 1, "ICV");
    flip(head + 12 + iv_octets(pair) + icv_octets(pair) + 8, "payload");
  } else {
    if (iv_octets(pair) > 0) flip(head + fixed, "IV");
    flip(head + fixed + iv_octets(pair), "first of the text");
    flip(wire.size() - icv_octets(pair) - 1, "last of the text");
    flip(wire.size() - icv_octets(pair), "ICV");
  }
  flip((wire.size() + head) / 2, "middle");
  flip(wire.size() - 1, "last octet");
  CHECK(same(choice, pair.open(wire), pair.sample()));
  ++cases;
}

void truncations(const SaChoice& choice) {
  SaPair pair(choice);
  const Bytes wire = pair.seal(pair.sample());
  const size_t head = pair.head();
  const size_t fixed = head + (choice.ah() ? 12 : 8);
  const size_t text = fixed + iv_octets(pair);
  for (const size_t n : {head + 1, head + 4, fixed - 1, fixed, text, text + 1, text + icv_octets(pair),
                         wire.size() - icv_octets(pair), wire.size() - 4, wire.size() - 1}) {
    Bytes cut(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(n));
    check_dropped(pair, cut, "truncated");
  }
  CHECK(same(choice, pair.open(wire), pair.sample()));
}

void insides(const SaChoice& choice) {
  SaPair pair(choice);
  const Bytes packet = pair.sample();
  const size_t own = choice.carried() == Family::v4 ? 20 : 40;
  const ByteView inside = choice.transport() ? ByteView(packet).subspan(own) : ByteView(packet);
  const uint8_t next = choice.transport() ? 17 : choice.inner == Family::v4 ? 4 : 41;
  uint64_t sequence = 0;
  const auto expect = [&](ByteView wire, Drop drop) {
    CAPTURE(to_string(drop));
    const uint64_t before = pair.right.drops[drop];
    CHECK(pair.open(wire).empty());
    CHECK(pair.right.drops[drop] == before + 1);
    ++cases;
  };
  CHECK_FALSE(pair.open(pair.forge_inner(inside, ++sequence, next)).empty());
  expect(pair.forge_inner(inside, ++sequence, 59), Drop::dummy_packet);
  if (!choice.transport()) {
    expect(pair.forge_inner(inside, ++sequence, 17), Drop::not_ip);
    expect(pair.forge_inner(inside, ++sequence, choice.inner == Family::v4 ? 41 : 4), Drop::not_ip);
    expect(pair.forge_inner(inside.first(10), ++sequence, next), Drop::malformed_inner);
    expect(pair.forge_inner(
               udp_packet(address(choice.inner == Family::v4 ? "10.9.0.1" : "fd09::1"), inner_right(choice.inner), 8),
               ++sequence, next),
           Drop::selector_mismatch);
    Bytes padded = packet;
    padded.resize(padded.size() + 300, 0);
    CHECK(pair.open(pair.forge_inner(padded, ++sequence, next)) == packet);
    ++cases;
  }
  if (!choice.ah()) {
    Bytes plain(48, 0);
    plain[46] = 200;
    plain[47] = next;
    expect(pair.forge(plain, ++sequence), Drop::bad_padding);
    plain[46] = 4;
    expect(pair.forge(plain, ++sequence), Drop::bad_padding);
  }
  // RFC 4301 5.2 step 4: in transport mode the selectors see the outer source.
  if (choice.transport() && !choice.ah()) {
    Bytes wire = pair.forge_inner(inside, ++sequence, next);
    const IpAddr other = address(choice.outer == Family::v4 ? "192.0.2.77" : "2001:db8::77");
    pair.from.addr = other;
    if (!choice.udp) {
      const ByteView octets = other.bytes();
      std::copy(octets.begin(), octets.end(), wire.begin() + (choice.outer == Family::v4 ? 12 : 8));
    }
    expect(wire, Drop::selector_mismatch);
  }
}

void ends_of_sequence(const SaChoice& choice) {
  SaPair pair(choice);
  const uint64_t wrap = uint64_t{1} << 32;
  const auto send = [&](uint64_t sequence) {
    pair.left_sa().sequence = sequence - 1;
    return pair.seal(pair.sample());
  };
  if (!choice.esn) {
    CHECK_FALSE(pair.open(send(wrap - 1)).empty());
    CHECK(pair.seal(pair.sample()).empty());
    CHECK(pair.left.drops[Drop::sequence_cycled] == 1);
    REQUIRE(find_event<HardExpired>(pair.out) != nullptr);
    CHECK(find_event<HardExpired>(pair.out)->cause == LifetimeCause::sequence);
    ++cases;
    return;
  }
  // RFC 4303 A2.1 case A, then across the end of the subspace, then case B with a late packet of the one before.
  for (const uint64_t sequence : {wrap / 2, wrap - 4, wrap + 3, wrap - 3, wrap + 1}) {
    CHECK_FALSE(pair.open(send(sequence)).empty());
    ++cases;
  }
  CHECK(pair.open(send(wrap - 3)).empty());
  CHECK(pair.right.drops[Drop::replay] == 1);
  // The right low half with the high half of another subspace.
  check_dropped(pair, pair.forge_inner(ByteView(pair.sample()), 5, 59), "guessed high half");
  CHECK_FALSE(pair.open(send(wrap + 100)).empty());
}

}  // namespace

TEST_SUITE("ipsec/matrix") {
  TEST_CASE("D1 to D5 for algorithm x mode x protocol x ESN x NAT x family") {
    size_t combinations = 0;
    cases = 0;
    for_each_choice([&](const SaChoice& choice) {
      ++combinations;
      CAPTURE(to_string(choice.encr));
      CAPTURE(to_string(choice.integ));
      CAPTURE(choice.key_bits);
      CAPTURE(choice.ah());
      CAPTURE(choice.transport());
      CAPTURE(choice.esn);
      CAPTURE(choice.udp);
      CAPTURE(static_cast<int>(choice.outer));
      CAPTURE(static_cast<int>(choice.inner));
      valid_sizes(choice);
      replays(choice);
      corruptions(choice);
      truncations(choice);
      insides(choice);
      ends_of_sequence(choice);
    });
    MESSAGE("combinations: ", combinations, ", cases: ", cases);
    CHECK(combinations == std::size(kEsp) * 24 + std::size(kAh) * 12);
    CHECK(combinations >= 744);
    CHECK(cases >= combinations * 65);
  }
}
