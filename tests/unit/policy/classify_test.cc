// Arbitration: sublayer order, hard and soft, veto, callouts, explain, and the flow cache.
#include "policy/classify.h"

#include <doctest/doctest.h>

#include "support/policy_samples.h"
#include "support/seeded_rng.h"

TEST_SUITE_BEGIN("policy/classify");
using namespace sallyport;
using namespace sallyport::support;

namespace {

constexpr Layer kLayer = Layer::INBOUND_TRANSPORT_V4;

struct Answers : CalloutRunner {
  std::optional<CalloutAnswer> answer;
  int asked = 0;
  std::optional<CalloutAnswer> run(const Filter&, const FieldValues&) override {
    ++asked;
    return answer;
  }
};

// Two sublayers above UNIVERSAL: high (guid 1) and low (guid 2).
struct World {
  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId user = *engine.open(trusted());
  FieldValues values;
  Answers callouts;
  Matches scratch;

  World() {
    for (uint64_t n : {1, 2}) {
      SubLayer s;
      s.head.key = guid(n);
      s.head.display.name = "s";
      s.weight = static_cast<uint16_t>(0xff00 - n);
      REQUIRE(engine.add(user, s));
    }
    Callout c;
    c.head.key = guid(50);
    c.head.display.name = "ours";
    c.layer = kLayer;
    REQUIRE(engine.add(user, c));
  }
  FilterId add(uint64_t sublayer, ActionType action, uint32_t flags = 0, uint64_t weight = 1) {
    Filter f = filter(kLayer, action, {}, Value(weight));
    f.sublayer = guid(sublayer);
    f.head.flags = flags;
    if (is_callout(action)) f.action.callout = guid(50);
    return engine.add(user, f)->id;
  }
  Decision decide() { return classify(*engine.snapshot(), kLayer, values, &callouts, scratch); }
};

bool blocked(const Decision& d) { return d.decided && d.verdict == policy::Verdict::block; }

}  // namespace

TEST_CASE("no filter: permitted, and nobody decided") {
  World w;
  const Decision d = w.decide();
  CHECK_FALSE(d.decided);
  CHECK(d.verdict == policy::Verdict::permit);
}

TEST_CASE("within a sublayer the heaviest that permits or blocks decides; among equals the older") {
  World w;
  const FilterId permit = w.add(1, ActionType::PERMIT, 0, 9);
  w.add(1, ActionType::BLOCK, 0, 9);
  w.add(1, ActionType::BLOCK, 0, 8);
  CHECK(w.decide().filter->id == permit);
  CHECK_FALSE(blocked(w.decide()));
}

TEST_CASE("a soft permit is overridden by a lower block; a hard one is not") {
  for (const bool hard : {false, true}) {
    World w;
    w.add(1, ActionType::PERMIT, hard ? Filter::kClearActionRight : 0);
    w.add(2, ActionType::BLOCK);
    CHECK(blocked(w.decide()) == !hard);
    CHECK(w.decide().hard);
  }
}

TEST_CASE("a filter's block is hard: no lower permit changes it, hard or not") {
  World w;
  const FilterId block = w.add(1, ActionType::BLOCK);
  w.add(2, ActionType::PERMIT, Filter::kClearActionRight);
  CHECK(blocked(w.decide()));
  CHECK(w.decide().filter->id == block);
}

TEST_CASE("a callout's block is soft: a lower permit wins, unless the callout clears the right") {
  World w;
  w.add(1, ActionType::CALLOUT_TERMINATING);
  const FilterId permit = w.add(2, ActionType::PERMIT);
  w.callouts.answer = CalloutAnswer{CalloutAnswer::Kind::block, false};
  CHECK_FALSE(blocked(w.decide()));
  CHECK(w.decide().filter->id == permit);
  w.callouts.answer->clears_right = true;
  CHECK(blocked(w.decide()));
  CHECK_FALSE(w.decide().veto);
}

TEST_CASE("only a callout can block after a hard permit: that is a veto, and final") {
  World w;
  w.add(1, ActionType::PERMIT, Filter::kClearActionRight);
  const FilterId veto = w.add(2, ActionType::CALLOUT_UNKNOWN);
  w.callouts.answer = CalloutAnswer{CalloutAnswer::Kind::block, false};
  const Decision d = w.decide();
  CHECK(blocked(d));
  CHECK(d.veto);
  CHECK(d.filter->id == veto);
}

TEST_CASE("inspection and undecided callouts let the sublayer go on; a terminating one must decide") {
  World w;
  w.add(1, ActionType::CALLOUT_INSPECTION, 0, 9);
  w.add(1, ActionType::CALLOUT_UNKNOWN, 0, 8);
  const FilterId permit = w.add(1, ActionType::PERMIT, 0, 7);
  w.add(1, ActionType::CALLOUT_TERMINATING, 0, 6);
  w.callouts.answer = CalloutAnswer{};
  CHECK(w.decide().filter->id == permit);
  CHECK(w.callouts.asked == 2);
  World t;
  t.add(1, ActionType::CALLOUT_TERMINATING);
  t.callouts.answer = CalloutAnswer{};
  CHECK(blocked(t.decide()));
}

TEST_CASE("a callout that is not registered blocks, unless the filter says otherwise") {
  World w;
  w.add(1, ActionType::CALLOUT_TERMINATING);
  CHECK(blocked(w.decide()));
  World p;
  p.add(1, ActionType::CALLOUT_UNKNOWN, Filter::kPermitIfCalloutUnregistered);
  CHECK(p.decide().decided);
  CHECK_FALSE(blocked(p.decide()));
  World i;
  i.add(1, ActionType::CALLOUT_INSPECTION);
  CHECK_FALSE(i.decide().decided);
}

TEST_CASE("explain names the deciding filter of every sublayer, and whose result stands") {
  World w;
  const FilterId inspect = w.add(1, ActionType::CALLOUT_INSPECTION, 0, 9);
  const FilterId permit = w.add(1, ActionType::PERMIT);
  const FilterId block = w.add(2, ActionType::BLOCK);
  w.callouts.answer = CalloutAnswer{};
  const Explanation e = explain(*w.engine.snapshot(), kLayer, w.values, &w.callouts);
  REQUIRE(e.sublayers.size() == 2);
  CHECK(e.sublayers[0].sublayer == guid(1));
  CHECK(e.sublayers[0].filter->id == permit);
  CHECK(e.sublayers[0].passed.at(0)->id == inspect);
  CHECK_FALSE(e.sublayers[0].stands);
  CHECK(e.sublayers[1].filter->id == block);
  CHECK(e.sublayers[1].stands);
  CHECK(e.decision.filter->id == block);
  CHECK(blocked(e.decision));
}

TEST_CASE("identities: SD conditions permit who is allowed and let the block filter below catch the rest") {
  World w;
  const Layer layer = Layer::ALE_AUTH_RECV_ACCEPT_V4;
  const Sid user{5, {21, 1001}};
  const auto port = equal(Field::IP_LOCAL_PORT, Value(uint16_t{5555}));
  const auto sd = write_descriptor(*parse_sddl("D:(A;;0x1;;;S-1-5-21-1001)"));
  const Added permit = *w.engine.add(
      w.user, filter(layer, ActionType::PERMIT, {port, equal(Field::ALE_REMOTE_USER_ID, Value(DescriptorValue{sd}))}));
  const Added block = *w.engine.add(w.user, filter(layer, ActionType::BLOCK, {port}));
  w.values.set_u16(Field::IP_LOCAL_PORT, 5555);
  const auto decide = [&] { return classify(*w.engine.snapshot(), layer, w.values, nullptr, w.scratch).filter->id; };
  CHECK(decide() == block.id);  // no SA, no identity
  const Token right = token_of({user}), wrong = token_of({known::sid::everyone()});
  w.values.set_token(Field::ALE_REMOTE_USER_ID, right);
  CHECK(decide() == permit.id);
  w.values.set_token(Field::ALE_REMOTE_USER_ID, wrong);
  CHECK(decide() == block.id);
}

TEST_CASE("boot-time filters take no part once the engine runs") {
  World w;
  w.add(1, ActionType::BLOCK, Filter::kBootTime);
  CHECK_FALSE(w.decide().decided);
}

TEST_SUITE_END();
