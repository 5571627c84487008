#include "ipsec/lifetime.h"

#include <doctest/doctest.h>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

// A pair whose left SA has these limits instead.
void limit(EspPair& pair, const model::Lifetime& soft, const model::Lifetime& hard) {
  pair.left.sad.remove_all();
  model::SaSpec spec = make_spec(pair.choice, true);
  spec.soft = soft;
  spec.hard = hard;
  REQUIRE(pair.left.sad.install(pair.now, std::move(spec)));
}

}  // namespace

TEST_SUITE("ipsec/lifetime") {
  TEST_CASE("[RFC4301 4.4.2.1] soft packets ask for a rekey once, hard packets stop the SA") {
    EspPair pair{EspChoice{}};
    limit(pair, {.time = {}, .bytes = {}, .packets = 3}, {.time = {}, .bytes = {}, .packets = 5});
    int soft = 0, hard = 0, sent = 0;
    for (int i = 0; i < 8; ++i) {
      sent += pair.seal(pair.sample()).empty() ? 0 : 1;
      if (const auto* e = find_event<SoftExpired>(pair.out)) {
        CHECK(e->cause == LifetimeCause::packets);
        CHECK(i == 2);
        ++soft;
      }
      if (const auto* e = find_event<HardExpired>(pair.out)) {
        CHECK(e->child_id == kChild);
        ++hard;
      }
    }
    CHECK(sent == 5);
    CHECK(soft == 1);
    CHECK(hard == 1);
    CHECK(pair.left.drops[Drop::lifetime_expired] == 3);
  }
  TEST_CASE("[RFC4301 4.4.2.1] octets are counted, and the hard limit stops the inbound half too") {
    EspPair pair{EspChoice{}};
    const size_t octets = pair.sample().size();
    limit(pair, {.time = {}, .bytes = octets, .packets = {}}, {.time = {}, .bytes = 2 * octets, .packets = {}});
    pair.seal(pair.sample());
    REQUIRE(find_event<SoftExpired>(pair.out) != nullptr);
    CHECK(find_event<SoftExpired>(pair.out)->cause == LifetimeCause::bytes);
    CHECK(find_event<HardExpired>(pair.out) == nullptr);
    pair.seal(pair.sample());
    REQUIRE(find_event<HardExpired>(pair.out) != nullptr);
    CHECK(pair.left.sad.find_inbound(kLeftSpi)->dead);
  }
  TEST_CASE("[RFC4301 4.4.2.1] time limits come by deadline: soft, then hard") {
    EspPair pair{EspChoice{}};
    limit(pair, {.time = seconds(60), .bytes = {}, .packets = {}}, {.time = seconds(90), .bytes = {}, .packets = {}});
    CHECK(pair.left.sad.next_deadline() == kStart + seconds(60));
    Outputs out;
    pair.left.sad.handle_deadline(kStart + seconds(59), out);
    CHECK(out.events().empty());
    pair.left.sad.handle_deadline(kStart + seconds(60), out);
    REQUIRE(find_event<SoftExpired>(out) != nullptr);
    CHECK(find_event<SoftExpired>(out)->cause == LifetimeCause::time);
    CHECK(pair.left.sad.next_deadline() == kStart + seconds(90));
    pair.left.sad.handle_deadline(kStart + seconds(90), out);
    REQUIRE(find_event<HardExpired>(out) != nullptr);
    CHECK_FALSE(pair.left.sad.next_deadline().has_value());
    CHECK(pair.seal(pair.sample()).empty());
    CHECK(pair.left.drops[Drop::lifetime_expired] == 1);
  }
  TEST_CASE(
      "[WFP IPSEC_SA_IDLE_TIMEOUT] an SA without a packet either way is told of once, and carries what still comes") {
    EspPair pair{EspChoice{}};
    limit(pair, {}, {.time = {}, .bytes = {}, .packets = {}, .idle = seconds(10)});
    Outputs out;
    CHECK(pair.left.sad.next_deadline() == kStart + seconds(10));
    pair.now = kStart + seconds(4);
    REQUIRE_FALSE(pair.seal(pair.sample()).empty());
    pair.left.sad.handle_deadline(kStart + seconds(10), out);
    CHECK(out.events().empty());
    CHECK(pair.left.sad.next_deadline() == kStart + seconds(14));
    pair.left.sad.handle_deadline(kStart + seconds(14), out);
    REQUIRE(find_event<HardExpired>(out) != nullptr);
    CHECK(find_event<HardExpired>(out)->cause == LifetimeCause::idle);
    CHECK(out.events().size() == 1);
    CHECK_FALSE(pair.left.sad.next_deadline().has_value());
    CHECK_FALSE(pair.seal(pair.sample()).empty());
  }
  TEST_CASE("an inbound hard limit drops what follows") {
    EspPair pair{EspChoice{}};
    pair.right.sad.remove_all();
    model::SaSpec spec = make_spec(pair.choice, false);
    spec.hard.packets = 1;
    REQUIRE(pair.right.sad.install(pair.now, std::move(spec)));
    const Bytes first = pair.seal(pair.sample());
    const Bytes second = pair.seal(pair.sample());
    CHECK_FALSE(pair.open(first).empty());
    CHECK(pair.open(second).empty());
    CHECK(pair.right.drops[Drop::lifetime_expired] == 1);
  }
  TEST_CASE(
      "[RFC4303 3.3.3] D2: without ESN the counter stops at 2^32 - 1: sequence_cycled, and a rekey was asked for "
      "before") {
    EspPair pair{EspChoice{}};
    pair.left_sa().sequence = soft_sequence(false) - 1;
    CHECK_FALSE(pair.seal(pair.sample()).empty());
    REQUIRE(find_event<SoftExpired>(pair.out) != nullptr);
    CHECK(find_event<SoftExpired>(pair.out)->cause == LifetimeCause::sequence);
    pair.left_sa().sequence = UINT32_MAX - 1;
    const Bytes last = pair.seal(pair.sample());
    CHECK(load_be32(last.data() + 4) == UINT32_MAX);
    CHECK(pair.seal(pair.sample()).empty());
    REQUIRE(find_event<HardExpired>(pair.out) != nullptr);
    CHECK(find_event<HardExpired>(pair.out)->cause == LifetimeCause::sequence);
    CHECK(pair.seal(pair.sample()).empty());
    CHECK(pair.left.drops[Drop::sequence_cycled] == 2);
  }
  TEST_CASE("[RFC4303 3.3.3] D2: with ESN the counter goes on past 2^32") {
    EspPair pair{EspChoice{.esn = true}};
    pair.left_sa().sequence = UINT32_MAX;
    const Bytes esp = pair.seal(pair.sample());
    REQUIRE_FALSE(esp.empty());
    CHECK(load_be32(esp.data() + 4) == 0);
    pair.left_sa().sequence = UINT64_MAX;
    CHECK(pair.seal(pair.sample()).empty());
    CHECK(pair.left.drops[Drop::sequence_cycled] == 1);
  }
}
