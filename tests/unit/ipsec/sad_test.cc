#include "ipsec/sad.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

model::FlowKey sample_flow() { return {inner_left(Family::v4), inner_right(Family::v4), 17, 4000, 5000, true}; }

model::Spi picked(Sad& sad) {
  bool none = false;
  const SaOutbound* sa = sad.pick_outbound(kReqid, sample_flow(), none);
  return sa == nullptr ? 0 : sa->spi;
}

}  // namespace

TEST_SUITE("ipsec/sad") {
  TEST_CASE("an installed SA is found by SPI and by reqid, and keeps no key") {
    StepRng rng;
    Sad sad(rng);
    REQUIRE(sad.install(kStart, make_spec({}, true)));
    REQUIRE(sad.find_inbound(kLeftSpi) != nullptr);
    CHECK(picked(sad) == kRightSpi);
    CHECK(sad.find_inbound(kLeftSpi)->record->spec.in.encr.empty());
    CHECK(sad.find_inbound(kLeftSpi)->record->spec.out.encr.empty());
    CHECK(sad.find_inbound(12345) == nullptr);
  }
  TEST_CASE(
      "what cannot work is refused: taken SPI, reserved SPI, AH with a cipher or in UDP, IKE, bad key, unknown "
      "cipher") {
    StepRng rng;
    Sad sad(rng);
    const auto refused = [&](auto change) {
      model::SaSpec spec = make_spec({}, true, 99, 5);
      change(spec);
      const auto result = sad.install(kStart, std::move(spec));
      REQUIRE_FALSE(result);
      return result.error().code;
    };
    REQUIRE(sad.install(kStart, make_spec({}, true)));
    CHECK(refused([](model::SaSpec& s) { s.spi_in = kLeftSpi; }) == Errc::conflict);
    CHECK(refused([](model::SaSpec& s) { s.child_id = kChild; }) == Errc::conflict);
    CHECK(refused([](model::SaSpec& s) { s.spi_in = 255; }) == Errc::bad_value);
    CHECK(refused([](model::SaSpec& s) { s.ts_local.clear(); }) == Errc::bad_value);
    CHECK(refused([](model::SaSpec& s) { s.protocol = model::Protocol::AH; }) == Errc::bad_value);
    CHECK(refused([](model::SaSpec& s) { s.protocol = model::Protocol::IKE; }) == Errc::unsupported);
    CHECK(refused([](model::SaSpec& s) {
            s.protocol = model::Protocol::AH;
            s.udp_encap = true;
          }) == Errc::unsupported);
    CHECK(refused([](model::SaSpec& s) { s.in.encr = SecretBytes(3); }) == Errc::bad_key);
    CHECK(refused([](model::SaSpec& s) { s.encr = static_cast<model::EncrId>(999); }) == Errc::algorithm_refused);
    CHECK(sad.size() == 1);
  }
  TEST_CASE(
      "[WFP 15.4] the outbound half of an SA comes later, with its own SPI, keys and limits; until then none is used") {
    StepRng rng;
    Sad sad(rng);
    model::SaSpec half = make_spec({}, true);
    const model::SaSpec whole = make_spec({}, true);
    half.outbound_ready = false;
    half.spi_out = half.spi_in;
    half.out.encr = SecretBytes(half.out.encr.size());
    REQUIRE(sad.install(kStart, std::move(half)));
    CHECK(picked(sad) == 0);
    CHECK(sad.complete(kStart, 77, 5000, {}, {}).error().code == Errc::not_found);
    CHECK(sad.complete(kStart, kChild, 5000, {}, {}).error().code == Errc::bad_key);
    CHECK(picked(sad) == 0);
    model::Lifetime hard;
    hard.time = seconds(10);
    CHECK(sad.complete(kStart, kChild, 255, {whole.out.encr.clone(), {}}, hard).error().code == Errc::bad_value);
    REQUIRE(sad.complete(kStart, kChild, 5000, {whole.out.encr.clone(), {}}, hard));
    CHECK(picked(sad) == 5000);
    CHECK(sad.find_outbound(5000, model::Protocol::ESP) != nullptr);
    CHECK(sad.find_outbound(kLeftSpi, model::Protocol::ESP) == nullptr);
    CHECK(sad.complete(kStart, kChild, 5001, {whole.out.encr.clone(), {}}, hard).error().code == Errc::conflict);
    REQUIRE(sad.next_deadline());
    CHECK(*sad.next_deadline() == kStart + seconds(10));
  }
  TEST_CASE("[RFC7296 2.8] a rekeyed SA takes over at switch_outbound, not before") {
    StepRng rng;
    Sad sad(rng);
    REQUIRE(sad.install(kStart, make_spec({}, true)));
    model::SaSpec next = make_spec({}, true, 8, 1);
    next.outbound_ready = false;
    next.replaces = kChild;
    REQUIRE(sad.install(kStart, std::move(next)));
    CHECK(sad.find_inbound(kLeftSpi + 1) != nullptr);
    CHECK(picked(sad) == kRightSpi);
    REQUIRE(sad.switch_outbound(8));
    REQUIRE(sad.switch_outbound(8));
    CHECK(picked(sad) == kRightSpi + 1);
    CHECK(sad.switch_outbound(77).error().code == Errc::not_found);
  }
  TEST_CASE("[RFC7296 2.8.1] when the newer of two is removed the other one carries on") {
    StepRng rng;
    Sad sad(rng);
    REQUIRE(sad.install(kStart, make_spec({}, true, 1, 1)));
    REQUIRE(sad.install(kStart, make_spec({}, true, 2, 2)));
    CHECK(picked(sad) == kRightSpi + 2);
    REQUIRE(sad.remove(kStart, 2, Duration::zero()));
    CHECK(picked(sad) == kRightSpi + 1);
    REQUIRE(sad.remove(kStart, 1, Duration::zero()));
    bool none = false;
    CHECK(sad.pick_outbound(kReqid, sample_flow(), none) == nullptr);
    CHECK(none);
  }
  TEST_CASE("a removed SA sends nothing more but takes what is under way until it has lingered") {
    EspPair pair{EspChoice{}};
    const Bytes under_way = pair.seal(pair.sample());
    REQUIRE(pair.right.sad.remove(pair.now, kChild, seconds(5)));
    CHECK(picked(pair.right.sad) == 0);
    CHECK_FALSE(pair.open(under_way).empty());
    CHECK(pair.right.sad.switch_outbound(kChild).error().code == Errc::not_found);
    CHECK(pair.right.sad.next_deadline() == kStart + seconds(5));
    Outputs out;
    pair.right.sad.handle_deadline(kStart + seconds(5), out);
    CHECK(pair.right.sad.size() == 0);
    CHECK(pair.right.sad.find_inbound(kRightSpi) == nullptr);
    CHECK(pair.right.sad.remove(pair.now, kChild, seconds(5)).error().code == Errc::not_found);
    CHECK(out.events().empty());
  }
  TEST_CASE("status shows both directions") {
    EspPair pair{EspChoice{}};
    const Bytes inner = pair.sample();
    pair.open(pair.seal(inner));
    const auto left = pair.left.sad.status(kStart + seconds(3));
    REQUIRE(left.size() == 1);
    CHECK(left[0].packets_out == 1);
    CHECK(left[0].octets_out == inner.size());
    CHECK(left[0].sequence_out == 1);
    CHECK(left[0].age == seconds(3));
    CHECK_FALSE(left[0].last_in.has_value());
    const auto right = pair.right.sad.status(kStart, kChild);
    REQUIRE(right.has_value());
    CHECK(right->packets_in == 1);
    CHECK(right->octets_in == inner.size());
    CHECK(right->last_in == kStart);
    CHECK_FALSE(pair.right.sad.status(kStart, 12345).has_value());
  }
  TEST_CASE("moving an SA changes where its packets go, and the size of what fits") {
    EspPair pair{EspChoice{.udp = true}};
    const uint16_t before = pair.left_sa().inner_mtu;
    REQUIRE(pair.left.sad.move(kChild, {address("2001:db8::5"), 4500}, {address("2001:db8::6"), 4501}));
    pair.seal(pair.sample());
    CHECK(pair.out.packets()[0].remote.to_string() == "[2001:db8::6]:4501");
    CHECK(pair.left_sa().inner_mtu < before);
    CHECK(pair.left.sad.move(kChild, {address("192.0.2.1"), 1}, {address("2001:db8::6"), 1}).error().code ==
          Errc::bad_value);
    pair.left.sad.set_path_mtu(1000);
    CHECK(pair.left_sa().inner_mtu < 1000);
  }
  TEST_CASE(
      "[RFC4301 4.4.2] random installs, switches and removals: lookups agree with a twin that looks at every SA") {
    struct Twin {
      model::SaSpec spec;
      uint64_t activated = 0;  // 0: never
      bool lingering = false;
    };
    std::mt19937 random(31);
    StepRng rng;
    Sad sad(rng);
    std::map<model::ChildId, Twin> twins;
    uint64_t activations = 0;
    Outputs out;
    const auto spec_of = [&](model::ChildId id) {
      model::SaSpec spec = make_spec({}, true, id, static_cast<model::Spi>(id * 7919));
      spec.reqid = static_cast<uint32_t>(1 + id % 3);
      const IpAddr host = IpAddr::v4(static_cast<uint32_t>(0x0A020000u + id % 5));
      if (id % 4 != 0) spec.ts_remote = {model::Selector::from_prefix({host, 32})};
      spec.outbound_ready = id % 2 == 0;
      return spec;
    };
    model::ChildId next = 1;
    for (int i = 0; i < 20000; ++i) {
      const auto some =
          twins.empty() ? twins.end() : std::next(twins.begin(), static_cast<long>(random() % twins.size()));
      if (twins.size() < 40 && random() % 2 != 0) {
        REQUIRE(sad.install(kStart, spec_of(next)));
        Twin& twin = twins[next] = {spec_of(next), 0, false};
        if (twin.spec.outbound_ready) twin.activated = ++activations;
        ++next;
      } else if (some != twins.end() && random() % 2 != 0) {
        const bool could = !some->second.lingering;
        REQUIRE(static_cast<bool>(sad.switch_outbound(some->first)) == could);
        if (could && some->second.activated == 0) some->second.activated = ++activations;
      } else if (some != twins.end()) {
        const bool linger = random() % 2 != 0;
        REQUIRE(sad.remove(kStart, some->first, linger ? seconds(5) : Duration::zero()));
        some->second.lingering = true;
        some->second.activated = 0;
        if (!linger) twins.erase(some);
      }
      if (i % 500 == 499) {
        sad.handle_deadline(kStart + seconds(5), out);
        std::erase_if(twins, [](const auto& row) { return row.second.lingering; });
      }
      const model::FlowKey flow{
          inner_left(Family::v4), IpAddr::v4(static_cast<uint32_t>(0x0A020000u + random() % 6)), 17, 4000, 5000, true};
      const auto reqid = static_cast<uint32_t>(1 + random() % 4);
      const Twin* best = nullptr;
      bool any = false;
      for (const auto& [id, twin] : twins) {
        if (twin.activated == 0 || twin.spec.reqid != reqid) continue;
        any = true;
        const bool covers = model::contains(twin.spec.ts_remote, flow.destination, 17, 5000);
        if (covers && (best == nullptr || twin.activated > best->activated)) best = &twin;
      }
      bool none = false;
      const SaOutbound* sa = sad.pick_outbound(reqid, flow, none);
      REQUIRE(none == !any);
      REQUIRE((sa == nullptr ? 0 : sa->spi) == (best == nullptr ? 0 : best->spec.spi_out));
      const model::ChildId id = random() % next;
      const model::Spi spi = kLeftSpi + static_cast<model::Spi>(id * 7919);
      REQUIRE((sad.find_inbound(spi) != nullptr) == twins.contains(id));
      model::Spi spis[2] = {spi, 255};
      SaInbound* found[2];
      sad.find_inbound(spis, found);
      REQUIRE(found[0] == sad.find_inbound(spi));
      REQUIRE(found[1] == nullptr);
      REQUIRE(sad.size() == twins.size());
    }
  }
}
