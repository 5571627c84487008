// Key managers are told the keys of SAs whose policy lets them, and nobody else.
#include <doctest/doctest.h>

#include "stack/sa_calls.h"
#include "stack/sa_details.h"
#include "support/filter_scenarios.h"
#include "support/memory_scan.h"

using namespace sallyport;
using namespace sallyport::test;
using policy::Fwp;
using policy::KeysNotice;
using policy::call::SaFunction;
namespace s = sallyport::support;

namespace {

// One node's calls, and what its key manager is told.
struct Told {
  explicit Told(StackNode& of) : node(of), session(*of.control.filter_engine().open(s::trusted())) {}
  policy::Outcome<Bytes> add(policy::KeyDictator who) {
    return calls.call({}, session, SaFunction::dictator_add, policy::call::write(std::move(who)));
  }
  std::vector<KeysNotice> heard() {
    std::vector<KeysNotice> out;
    calls.hear();
    while (auto change = calls.poll_change())
      out.push_back(policy::call::read<KeysNotice>(change->octets.view()).value());
    return out;
  }
  StackNode& node;
  policy::SessionId session;
  stack::SaCalls calls{node.control, [] { return stack::PacketFacts{}; }};
};

policy::KeyDictator listener(uint64_t number) { return {s::guid(number), {"listener", {}}, 0, 5}; }

void allow(FilterPair& pair, uint32_t flags = policy::policy_flag::kKeyManagerAllowNotifyKey) {
  FilterScenario scenario;
  scenario.quick_mode_flags = flags;
  for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, scenario);
}

const policy::SaMaterial& material(const policy::SaDetails& half) { return half.bundle.sas.at(0); }

}  // namespace

TEST_SUITE("stack/key_notices") {
  TEST_CASE("[WFP 19] both ends are told the same keys, each for its own directions, with every new pair") {
    FilterPair pair;
    allow(pair);
    Told east(pair.east), west(pair.west);
    REQUIRE(east.add(listener(1)));
    REQUIRE(west.add(listener(1)));
    REQUIRE(pair.ping(1));
    for (int round = 0; round < 2; ++round) {
      const auto here = east.heard(), there = west.heard();
      REQUIRE(here.size() == 1);
      REQUIRE(there.size() == 1);
      CHECK(here[0].inbound.inbound == 1);
      CHECK(here[0].outbound.inbound == 0);
      CHECK(material(here[0].inbound).spi == material(there[0].outbound).spi);
      CHECK(material(here[0].inbound).cipher_key.view().size() >= 16);
      CHECK(material(here[0].inbound).cipher_key == material(there[0].outbound).cipher_key);
      CHECK(material(here[0].outbound).auth_key == material(there[0].inbound).auth_key);
      CHECK_FALSE(material(here[0].inbound).cipher_key == material(here[0].outbound).cipher_key);
      const auto key = pair.east.control.children().begin()->second.key;
      pair.east.control.handle_command(pair.now, stack::RekeyCommand{1, key.connection, key.child});
      pair.run(seconds(10));
    }
    // Whoever asks the database is told none.
    const auto context = stack::context_ids(pair.east.control);
    CHECK(material(*stack::context_of(pair.east.control, context.at(0))->inbound).cipher_key.view().empty());
  }

  TEST_CASE("[WFP 19] nobody is told where the policy does not say so, or when he has left") {
    FilterPair pair;
    allow(pair, policy::policy_flag::kKeyManagerAllowDictateKey);
    Told east(pair.east);
    REQUIRE(east.add(listener(1)));
    REQUIRE(pair.ping(1));
    CHECK(east.heard().empty());

    FilterPair other;
    allow(other);
    Told left(other.east);
    const auto registered = left.add(listener(1));
    REQUIRE(registered);
    const auto handle = policy::call::read<uint64_t>(*registered).value();
    CHECK(left.calls.unsubscribe(left.session + 1, handle).error().code == Fwp::SESSION_ABORTED);
    REQUIRE(left.calls.unsubscribe(left.session, handle));
    CHECK(left.calls.unsubscribe(left.session, handle).error().code == Fwp::NOT_FOUND);
    REQUIRE(other.ping(1));
    CHECK(left.heard().empty());
    CHECK(other.east.control.take_keys().empty());
  }

  TEST_CASE("[WFP 19] registering is for administrators, one dictator, and ten seconds") {
    FilterPair pair;
    Told t(pair.east);
    policy::KeyDictator who = listener(1);
    who.dictation_timeout_hint = 11;
    CHECK(t.add(who).error().code == Fwp::INVALID_INTERVAL);
    who.dictation_timeout_hint = 10;
    who.flags = policy::KeyDictator::kDictateKey;
    REQUIRE(t.add(who));
    CHECK(t.add(who).error().code == Fwp::ALREADY_EXISTS);
    who.key = s::guid(2);
    CHECK(t.add(who).error().code == Fwp::KEY_DICTATOR_ALREADY_REGISTERED);
    REQUIRE(t.add(listener(3)));
    policy::SessionRequest request;
    request.token = policy::token_of({policy::known::sid::network_operators()});
    const auto session = pair.east.control.filter_engine().open(request);
    REQUIRE(session);
    const auto refused = t.calls.call({}, *session, SaFunction::dictator_add, policy::call::write(listener(4)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Fwp::ACCESS_DENIED);
  }

  TEST_CASE("[WFP 19] no copy of a key that was told is left when its SA is gone") {
    FilterPair pair;
    allow(pair);
    Told east(pair.east);
    REQUIRE(east.add(listener(1)));
    REQUIRE(pair.ping(1));
    std::optional<Masked> key;
    {
      const auto told = east.heard();
      REQUIRE(told.size() == 1);
      key.emplace(material(told[0].inbound).cipher_key.view().first(16));
      CHECK(copies_in_memory(*key) >= 1);
    }
    REQUIRE(pair.east.control.delete_child(pair.now, pair.east.control.children().begin()->first, false));
    pair.run(seconds(120));
    overwrite_dead_frames();
    CHECK(copies_in_memory(*key) == 0);
  }
}
