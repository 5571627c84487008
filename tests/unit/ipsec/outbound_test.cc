#include "ipsec/outbound.h"

#include <doctest/doctest.h>

#include "support/allocations.h"
#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

TEST_SUITE("ipsec/outbound") {
  TEST_CASE("[RFC4301 5.1] no_policy, policy_discard and BYPASS") {
    EspPair pair{EspChoice{}};
    auto policy = make_policy(pair.choice, true);
    policy.push_back(policy[0]);
    policy.push_back(policy[0]);
    policy[1].action = model::Action::DISCARD;
    policy[1].remote = {*model::parse_selector("10.3.0.0/24")};
    policy[2].action = model::Action::BYPASS;
    policy[2].remote = {*model::parse_selector("10.4.0.0/24")};
    pair.left.spd.set(policy);
    const IpAddr us = inner_left(Family::v4);
    CHECK(pair.seal(udp_packet(us, address("10.9.0.1"), 8)).empty());
    CHECK(pair.left.drops[Drop::no_policy] == 1);
    CHECK(pair.seal(udp_packet(us, address("10.3.0.1"), 8)).empty());
    CHECK(pair.left.drops[Drop::policy_discard] == 1);
    const Bytes clear = udp_packet(us, address("10.4.0.1"), 8);
    CHECK(pair.seal(clear) == clear);
    CHECK(pair.out.packets()[0].way == Way::clear);
  }
  TEST_CASE("[RFC4301 5.1] PROTECT without an SA asks for one, and the packet can be offered again") {
    EspPair pair{EspChoice{}};
    pair.left.sad.remove_all();
    PacketBuf batch[2] = {PacketBuf::copy_of(udp_packet(address("10.1.0.1"), address("10.9.0.1"), 8)),
                          PacketBuf::copy_of(pair.sample())};
    Outputs out;
    outbound(pair.left, pair.now, batch, out);
    const Acquire* acquire = find_event<Acquire>(out);
    REQUIRE(acquire != nullptr);
    CHECK(acquire->packet_index == 1);
    CHECK(acquire->entry->child == "net");
    CHECK(acquire->flow.destination_port == 5000);
    CHECK(pair.left.drops[Drop::sa_wait] == 1);
    CHECK(out.packets().empty());
    REQUIRE(pair.left.sad.install(pair.now, make_spec(pair.choice, true)));
    PacketBuf held = std::move(batch[acquire->packet_index]);
    outbound(pair.left, pair.now, {&held, 1}, out);
    REQUIRE(out.packets().size() == 1);
    CHECK(pair.open(out.packets()[0].packet.view().subspan(20)) == pair.sample());
  }
  TEST_CASE("[RFC7296 2.9] an SA that was narrowed carries only what it was narrowed to") {
    EspPair pair{EspChoice{}};
    pair.left.sad.remove_all();
    model::SaSpec spec = make_spec(pair.choice, true);
    spec.ts_remote = {*model::parse_selector("10.2.0.128/25")};
    REQUIRE(pair.left.sad.install(pair.now, std::move(spec)));
    CHECK(pair.seal(pair.sample()).empty());
    CHECK(pair.left.drops[Drop::selectors_narrowed] == 1);
    CHECK_FALSE(pair.seal(udp_packet(inner_left(Family::v4), address("10.2.0.200"), 8)).empty());
  }
  TEST_CASE("malformed_inner: what is no IP packet never reaches policy") {
    EspPair pair{EspChoice{}};
    CHECK(pair.seal(Bytes{}).empty());
    CHECK(pair.seal(Bytes(40, 0)).empty());
    Bytes longer = pair.sample();
    longer.push_back(0);
    CHECK(pair.seal(longer).empty());
    CHECK(pair.left.drops[Drop::malformed_inner] == 3);
  }
  TEST_CASE("a rekey between two packets of one flow moves the second to the new SA") {
    EspPair pair{EspChoice{}};
    CHECK(load_be32(pair.seal(pair.sample()).data()) == kRightSpi);
    REQUIRE(pair.left.sad.install(pair.now, make_spec(pair.choice, true, 8, 1)));
    CHECK(load_be32(pair.seal(pair.sample()).data()) == kRightSpi + 1);
    REQUIRE(pair.left.sad.remove(pair.now, 8, seconds(1)));
    CHECK(load_be32(pair.seal(pair.sample()).data()) == kRightSpi);
  }
  TEST_CASE("the inner packet is left as it was, and one without tailroom is copied") {
    EspPair pair{EspChoice{}};
    const Bytes inner = pair.sample();
    PacketBuf tight(inner.size(), 0, 0);
    const MutableBytes octets = tight.append(inner.size());
    std::copy(inner.begin(), inner.end(), octets.begin());
    REQUIRE(tight.tailroom() == 0);
    Outputs out;
    outbound(pair.left, pair.now, {&tight, 1}, out);
    REQUIRE(out.packets().size() == 1);
    CHECK(to_bytes(tight.view()) == inner);
    CHECK(pair.open(out.packets()[0].packet.view().subspan(20)) == inner);
  }
  TEST_CASE("a steady stream allocates nothing, out and in") {
    for (auto encr : {model::EncrId::AES_GCM_16, model::EncrId::AES_CBC, model::EncrId::CHACHA20_POLY1305}) {
      EspChoice choice{encr, 256,
                       encr == model::EncrId::AES_CBC ? model::IntegId::HMAC_SHA2_256_128 : model::IntegId::NONE};
      EspPair pair(choice);
      constexpr size_t kBatch = 32;
      std::vector<PacketBuf> inner;
      for (size_t i = 0; i < kBatch; ++i) inner.push_back(PacketBuf::copy_of(pair.sample(1200)));
      std::vector<Incoming> incoming(kBatch);
      Outputs out, opened;
      size_t delivered = 0;
      const auto round = [&] {
        out.clear();
        opened.clear();
        outbound(pair.left, pair.now, inner, out);
        for (size_t i = 0; i < kBatch; ++i) incoming[i].packet = out.packets()[i].packet.view().subspan(20);
        inbound(pair.right, pair.now, incoming, opened);
        delivered += opened.packets().size();
      };
      round();
      const size_t before = allocations();
      for (int i = 0; i < 50; ++i) round();
      CHECK(allocations() == before);
      CHECK(delivered == 51 * kBatch);
    }
  }
}
