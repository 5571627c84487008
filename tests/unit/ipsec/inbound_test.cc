#include "ipsec/inbound.h"

#include <doctest/doctest.h>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

TEST_SUITE("ipsec/inbound") {
  TEST_CASE("in order: every packet arrives, the first one is reported") {
    EspPair pair{EspChoice{}};
    for (int i = 0; i < 100; ++i) {
      CHECK(pair.open(pair.seal(pair.sample())) == pair.sample());
      CHECK((find_event<FirstInbound>(pair.out) != nullptr) == (i == 0));
    }
    CHECK(pair.right.drops.total() == 0);
  }
  TEST_CASE("replay of all 33: all dropped") {
    EspPair pair{EspChoice{}};
    std::vector<Bytes> sent;
    for (int i = 0; i < 33; ++i) sent.push_back(pair.seal(pair.sample()));
    for (const Bytes& esp : sent) CHECK_FALSE(pair.open(esp).empty());
    for (const Bytes& esp : sent) CHECK(pair.open(esp).empty());
    CHECK(pair.right.drops[Drop::replay] == 33);
  }
  TEST_CASE("8 copies in one batch: 1 accepted") {
    EspPair pair{EspChoice{}};
    const Bytes esp = pair.seal(pair.sample());
    std::vector<Incoming> copies(8);
    for (Incoming& in : copies) in.packet = esp;
    Outputs out;
    inbound(pair.right, pair.now, copies, out);
    CHECK(out.packets().size() == 1);
    CHECK(pair.right.drops[Drop::replay] == 7);
  }
  TEST_CASE("jump forward, then behind_window") {
    EspPair pair{EspChoice{}};
    const Bytes early = pair.seal(pair.sample());
    pair.left_sa().sequence = 499;
    CHECK_FALSE(pair.open(pair.seal(pair.sample())).empty());
    CHECK(pair.open(early).empty());
    CHECK(pair.right.drops[Drop::behind_window] == 1);
    CHECK(pair.right_sa().replay.highest() == 500);
  }
  TEST_CASE("re-order inside the window: all accepted") {
    EspPair pair{EspChoice{}};
    std::vector<Bytes> sent;
    for (int i = 0; i < 60; ++i) sent.push_back(pair.seal(pair.sample()));
    for (size_t i = sent.size(); i-- > 0;) CHECK_FALSE(pair.open(sent[i]).empty());
    CHECK(pair.right.drops.total() == 0);
  }
  TEST_CASE("[RFC4303 3.4.3] D2: an undecryptable packet does not move the window: bad_icv") {
    EspPair pair{EspChoice{}};
    pair.left_sa().sequence = 100000;
    Bytes far = pair.seal(pair.sample());
    far.back() ^= 1;
    CHECK(pair.open(far).empty());
    CHECK(pair.right.drops[Drop::bad_icv] == 1);
    CHECK(pair.right_sa().replay.highest() == 0);
    pair.left_sa().sequence = 0;
    CHECK_FALSE(pair.open(pair.seal(pair.sample())).empty());
  }
  TEST_CASE("D1: runt: empty, keepalive, 1 to 3 octets, cut at every length") {
    EspPair pair{EspChoice{}};
    CHECK(pair.open(Bytes{}).empty());
    CHECK(pair.open(Bytes{0xFF}).empty());
    CHECK(pair.open(Bytes{0, 0}).empty());
    CHECK(pair.open(Bytes{0, 0, 0}).empty());
    CHECK(pair.right.drops[Drop::runt] == 4);
    const Bytes esp = pair.seal(pair.sample());
    for (size_t n = 0; n < esp.size(); ++n) CHECK(pair.open(ByteView(esp).first(n)).empty());
    CHECK(pair.right.drops[Drop::unaligned] > 0);
    CHECK(pair.right.drops.total() == 4 + esp.size());
    CHECK_FALSE(pair.open(esp).empty());
  }
  TEST_CASE("D1: the four zero octets of an IKE marker name no SA: no_sa") {
    EspPair pair{EspChoice{}};
    CHECK(pair.open(Bytes(64, 0)).empty());
    CHECK(pair.right.drops[Drop::no_sa] == 1);
  }
  TEST_CASE("[RFC4303 A2.2] ESN cases A and B: 0xFFFFFFFD is still inside the window after the wrap") {
    EspPair pair{EspChoice{.esn = true}};
    const auto at = [&](uint64_t sequence) {
      pair.left_sa().sequence = sequence - 1;
      return pair.seal(pair.sample());
    };
    CHECK_FALSE(pair.open(at(0x80000000)).empty());
    CHECK_FALSE(pair.open(at(0xFFFFFFFC)).empty());
    CHECK_FALSE(pair.open(at(0x100000003)).empty());
    CHECK_FALSE(pair.open(at(0xFFFFFFFD)).empty());
    CHECK(pair.open(at(0xFFFFFFFD)).empty());
    CHECK(pair.right.drops[Drop::replay] == 1);
  }
  TEST_CASE("lost packets are counted when they fall out of the window") {
    EspPair pair{EspChoice{}};
    for (int i = 1; i <= 200; ++i) {
      const Bytes esp = pair.seal(pair.sample());
      if (i % 10 != 0) pair.open(esp);
    }
    CHECK(pair.right.sad.status(pair.now, kChild)->lost_in == 13);  // of 10, 20 … 190, those up to 199 - 64
  }
  TEST_CASE("corrupted pad length and padding inside an authentic packet: bad_padding") {
    EspPair pair{EspChoice{}};
    Bytes plain(62, 0);
    plain.push_back(200);
    plain.push_back(4);
    CHECK(pair.open(pair.forge(plain, 1)).empty());
    plain[62] = 4;
    CHECK(pair.open(pair.forge(plain, 2)).empty());
    CHECK(pair.right.drops[Drop::bad_padding] == 2);
    CHECK(pair.right_sa().replay.highest() == 2);
  }
  TEST_CASE("[RFC4303 2.6] D1: dummy_packet, not_ip and malformed_inner inside authentic packets") {
    EspPair pair{EspChoice{}};
    CHECK(pair.open(pair.forge(Bytes{1, 2, 0, 59}, 1)).empty());
    CHECK(pair.right.drops[Drop::dummy_packet] == 1);
    CHECK(pair.open(pair.forge(Bytes{1, 2, 0, 17}, 2)).empty());
    CHECK(pair.right.drops[Drop::not_ip] == 1);
    CHECK(pair.open(pair.forge(Bytes{1, 2, 0, 4}, 3)).empty());
    CHECK(pair.right.drops[Drop::malformed_inner] == 1);
  }
  TEST_CASE("[RFC4303 2.7] TFC padding is tolerated") {
    EspPair pair{EspChoice{}};
    Bytes padded = pair.sample();
    padded.resize(padded.size() + 300, 0);
    CHECK(pair.open(pair.forge_inner(padded, 1)) == pair.sample());
  }
  TEST_CASE("burst: 2000 packets in batches of 64") {
    EspPair pair{EspChoice{.window = 4096}};
    Outputs sealed, opened;
    size_t got = 0;
    for (int b = 0; b < 32; ++b) {
      std::vector<PacketBuf> inner;
      for (int i = 0; i < 64; ++i) inner.push_back(PacketBuf::copy_of(pair.sample()));
      sealed.clear();
      opened.clear();
      outbound(pair.left, pair.now, inner, sealed);
      std::vector<Incoming> in(sealed.packets().size());
      for (size_t i = 0; i < in.size(); ++i) in[i].packet = sealed.packets()[i].packet.view().subspan(20);
      inbound(pair.right, pair.now, in, opened);
      got += opened.packets().size();
    }
    CHECK(got == 2048);
  }
  TEST_CASE("D5: IPv6 extension headers, IPv4 options, GRE and MPLS inside") {
    EspPair v6{EspChoice{.inner = Family::v6}};
    Bytes udp = *from_hex("0fa01388000a0000abcd");
    Bytes upper = *from_hex("1100010400000000");  // destination options of one unit, then UDP
    append(upper, udp);
    const Bytes extended = ip_packet(inner_left(Family::v6), inner_right(Family::v6), 60, upper);
    CHECK(v6.open(v6.seal(extended)) == extended);

    EspPair v4{EspChoice{}};
    Bytes options = *from_hex("46000022000140004011000000000000000000000101010000000000000000000000");
    std::copy_n(inner_left(Family::v4).bytes().begin(), 4, options.begin() + 12);
    std::copy_n(inner_right(Family::v4).bytes().begin(), 4, options.begin() + 16);
    CHECK(v4.open(v4.seal(options)) == options);
    for (uint8_t protocol : {uint8_t{47}, uint8_t{137}}) {
      const Bytes other = ip_packet(inner_left(Family::v4), inner_right(Family::v4), protocol, Bytes(30, 5));
      CHECK(v4.open(v4.seal(other)) == other);
    }
  }
  TEST_CASE("[RFC4301 5.2] D3 T19: a spoofed inner source or destination: selector_mismatch") {
    EspPair pair{EspChoice{}};
    CHECK(pair.open(pair.forge_inner(udp_packet(address("10.9.0.1"), inner_right(Family::v4), 8), 1)).empty());
    CHECK(pair.open(pair.forge_inner(udp_packet(inner_left(Family::v4), address("10.9.0.1"), 8), 2)).empty());
    CHECK(pair.right.drops[Drop::selector_mismatch] == 2);
    CHECK_FALSE(pair.open(pair.forge_inner(pair.sample(), 3)).empty());
  }
  TEST_CASE("[RFC4301 7] D5: later fragments fit selectors of every port, and none of one port") {
    EspPair pair{EspChoice{}};
    Bytes later = pair.sample(16);
    store_be16(later.data() + 6, 3);
    CHECK_FALSE(pair.open(pair.forge_inner(later, 1)).empty());
    pair.right.sad.remove_all();
    model::SaSpec spec = make_spec(pair.choice, false);
    spec.ts_local = {*model::parse_selector("10.2.0.0/24[udp/5000]")};
    REQUIRE(pair.right.sad.install(pair.now, std::move(spec)));
    CHECK(pair.open(pair.forge_inner(later, 2)).empty());
    CHECK(pair.right.drops[Drop::selector_mismatch] == 1);
    CHECK_FALSE(pair.open(pair.forge_inner(pair.sample(16), 3)).empty());
  }
  TEST_CASE("hand-over between workers: an SA lives in one shard, another one knows nothing of it") {
    EspPair pair{EspChoice{}};
    StepRng rng;
    Shard other(rng);
    const Bytes esp = pair.seal(pair.sample());
    Incoming in;
    in.packet = esp;
    Outputs out;
    inbound(other, pair.now, {&in, 1}, out);
    CHECK(other.drops[Drop::no_sa] == 1);
    inbound(pair.right, pair.now, {&in, 1}, out);
    CHECK(out.packets().size() == 1);
  }
  TEST_CASE("D4: the packet that came in is only read") {
    EspPair pair{EspChoice{}};
    const Bytes esp = pair.seal(pair.sample());
    const Bytes before = esp;
    Incoming in;
    in.packet = esp;
    Outputs out;
    inbound(pair.right, pair.now, {&in, 1}, out);
    REQUIRE(out.packets().size() == 1);
    CHECK(esp == before);
  }
  TEST_CASE("[RFC7296 2.23] with and without UDP encapsulation are both taken at any time") {
    EspPair pair{EspChoice{.udp = true}};
    pair.choice.udp = false;
    CHECK_FALSE(pair.open(pair.seal(pair.sample())).empty());
    EspPair native{EspChoice{}};
    native.choice.udp = true;
    CHECK_FALSE(native.open(native.seal(native.sample())).empty());
  }
  TEST_CASE("[RFC7296 2.23] T16: only an authentic packet newer than all others moves the peer, once a second") {
    EspPair pair{EspChoice{.udp = true}};
    const Bytes old = pair.seal(pair.sample());
    pair.open(pair.seal(pair.sample()));
    CHECK(find_event<RemoteMoved>(pair.out) == nullptr);
    pair.from = {address("198.51.100.7"), 1024};
    Bytes spoofed = pair.seal(pair.sample());
    spoofed.back() ^= 1;
    pair.open(spoofed);
    CHECK(find_event<RemoteMoved>(pair.out) == nullptr);
    CHECK_FALSE(pair.open(old).empty());  // authentic, but late
    CHECK(find_event<RemoteMoved>(pair.out) == nullptr);
    pair.open(pair.seal(pair.sample()));
    REQUIRE(find_event<RemoteMoved>(pair.out) != nullptr);
    CHECK(find_event<RemoteMoved>(pair.out)->remote.to_string() == "198.51.100.7:1024");
    pair.open(pair.seal(pair.sample()));
    CHECK(find_event<RemoteMoved>(pair.out) == nullptr);
    pair.now += seconds(1);
    pair.open(pair.seal(pair.sample()));
    CHECK(find_event<RemoteMoved>(pair.out) != nullptr);
    REQUIRE(pair.right.sad.move(kChild, make_spec(pair.choice, false).local, pair.from));
    pair.now += seconds(2);
    pair.open(pair.seal(pair.sample()));
    CHECK(find_event<RemoteMoved>(pair.out) == nullptr);
  }
  TEST_CASE("[RFC4301 5.2] D3: what must be protected is not taken in the clear: clear_but_protect") {
    EspPair pair{EspChoice{}};
    auto policy = make_policy(pair.choice, false);
    policy.push_back(policy[0]);
    policy.push_back(policy[0]);
    policy[1].action = model::Action::BYPASS;
    policy[1].remote = {*model::parse_selector("10.4.0.0/24")};
    policy[2].action = model::Action::DISCARD;
    policy[2].remote = {*model::parse_selector("10.3.0.0/24")};
    pair.right.spd.set(policy);
    const auto clear = [&](const IpAddr& from) {
      PacketBuf packet = PacketBuf::copy_of(udp_packet(from, inner_right(Family::v4), 8));
      Outputs out;
      inbound_clear(pair.right, pair.now, {&packet, 1}, out);
      return out.packets().size();
    };
    CHECK(clear(inner_left(Family::v4)) == 0);
    CHECK(pair.right.drops[Drop::clear_but_protect] == 1);
    CHECK(clear(address("10.3.0.1")) == 0);
    CHECK(pair.right.drops[Drop::policy_discard] == 1);
    CHECK(clear(address("10.9.0.1")) == 0);
    CHECK(pair.right.drops[Drop::no_policy] == 1);
    CHECK(clear(address("10.4.0.1")) == 1);
    PacketBuf junk = PacketBuf::copy_of(Bytes{1, 2, 3});
    Outputs out;
    inbound_clear(pair.right, pair.now, {&junk, 1}, out);
    CHECK(pair.right.drops[Drop::malformed_inner] == 1);
  }
}
