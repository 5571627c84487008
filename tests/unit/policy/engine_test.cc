// Sessions, transactions, objects: who may do what, and what is seen when.
#include "policy/engine.h"

#include <doctest/doctest.h>

#include "policy/classify.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

TEST_SUITE_BEGIN("policy/engine");
using namespace sallyport;
using namespace sallyport::support;

namespace {

struct World {
  test::SeededRng rng{1};
  Engine engine{rng};
  TimePoint now{};
  SessionId user = *engine.open(trusted());
  SessionId dynamic(uint32_t wait = 0) {
    SessionRequest request = trusted(SessionRequest::kDynamic);
    request.txn_wait_timeout_ms = wait;
    return *engine.open(request);
  }
  Filter plain() { return filter(Layer::INBOUND_TRANSPORT_V4, ActionType::PERMIT); }
  size_t filters() { return engine.snapshot()->filters.size(); }
};

template <class T>
Fwp code(const Outcome<T>& outcome) {
  REQUIRE_FALSE(outcome);
  return outcome.error().code;
}

Provider provider(uint64_t n, uint32_t flags = 0) {
  Provider out;
  out.head.key = guid(n);
  out.head.display.name = "p";
  out.head.flags = flags;
  return out;
}
SubLayer sublayer(uint64_t n, uint16_t weight = 5) {
  SubLayer out;
  out.head.key = guid(n);
  out.head.display.name = "s";
  out.weight = weight;
  return out;
}

}  // namespace

TEST_CASE("built-in sublayers, callouts and providers are there and stay") {
  World w;
  CHECK(w.engine.snapshot()->sublayers.size() == 13);
  CHECK(w.engine.snapshot()->callouts.size() == 24);
  CHECK(code(w.engine.remove(w.user, ObjectKind::sublayer, known::sublayer::UNIVERSAL)) == Fwp::BUILTIN_OBJECT);
}

TEST_CASE("a filter gets a key, an id and a weight, and is found by both") {
  World w;
  const Added added = *w.engine.add(w.user, w.plain());
  CHECK_FALSE(added.key.is_zero());
  const auto snapshot = w.engine.snapshot();
  CHECK((*snapshot->filters.find(added.key))->id == added.id);
  CHECK((*snapshot->filters_by_id.find(added.id))->sublayer == known::sublayer::UNIVERSAL);
  CHECK(w.engine.remove(w.user, ObjectKind::filter, added.id));
  CHECK(code(w.engine.remove(w.user, ObjectKind::filter, added.key)) == Fwp::FILTER_NOT_FOUND);
  CHECK(snapshot->filters.find(added.key));  // a reader keeps what it had
}

TEST_CASE("each wrong object is refused with its documented code") {
  World w;
  const auto add = [&](auto object) { return code(w.engine.add(w.user, object)); };
  Filter f = w.plain();
  f.head.display.name.clear();
  CHECK(add(f) == Fwp::NULL_DISPLAY_NAME);
  f = w.plain();
  f.head.provider = guid(1);
  CHECK(add(f) == Fwp::PROVIDER_NOT_FOUND);
  f = w.plain();
  f.sublayer = guid(1);
  CHECK(add(f) == Fwp::SUBLAYER_NOT_FOUND);
  f = w.plain();
  f.layer = static_cast<Layer>(1);
  CHECK(add(f) == Fwp::LAYER_NOT_FOUND);
  f = w.plain();
  f.action.type = ActionType::CONTINUE;
  CHECK(add(f) == Fwp::INVALID_ACTION_TYPE);
  f = w.plain();
  f.weight = uint32_t{1};
  CHECK(add(f) == Fwp::INVALID_WEIGHT);
  f = w.plain();
  f.head.flags = Filter::kPersistent | Filter::kBootTime;
  CHECK(add(f) == Fwp::INVALID_FLAGS);
  f = filter(Layer::IPSEC_V4, ActionType::PERMIT);
  f.head.flags = Filter::kBootTime;
  CHECK(add(f) == Fwp::INVALID_FLAGS);
  CHECK(add(callout_filter(Layer::IPSEC_V4, ActionType::CALLOUT_TERMINATING,
                           known::callout::IPSEC_INBOUND_TRANSPORT_V4)) == Fwp::ACTION_INCOMPATIBLE_WITH_LAYER);
  CHECK(add(callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                           known::callout::IPSEC_INBOUND_TRANSPORT_V4)) == Fwp::INCOMPATIBLE_LAYER);
  CHECK(add(callout_filter(Layer::INBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING, guid(9))) ==
        Fwp::CALLOUT_NOT_FOUND);
  CHECK(add(callout_filter(Layer::INBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                           known::callout::IPSEC_INBOUND_TUNNEL_V4)) == Fwp::CONTEXT_INCOMPATIBLE_WITH_CALLOUT);
  CHECK(add(callout_filter(Layer::INBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                           known::callout::IPSEC_INBOUND_TRANSPORT_V4, {}, uint64_t{1} << 63)) == Fwp::RESERVED);
  f = w.plain();
  f.sublayer = known::sublayer::INSPECTION;
  CHECK(add(f) == Fwp::ACTION_INCOMPATIBLE_WITH_SUBLAYER);
  f = w.plain();
  f.head.flags = Filter::kHasProviderContext;
  f.provider_context = guid(5);
  CHECK(add(f) == Fwp::PROVIDER_CONTEXT_NOT_FOUND);
  REQUIRE(w.engine.add(w.user, context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(5))));
  CHECK(add(f) == Fwp::CONTEXT_INCOMPATIBLE_WITH_LAYER);
  f.layer = Layer::IPSEC_V4;
  CHECK(add(f) == Fwp::PROVIDER_CONTEXT_MISMATCH);
  CHECK(add(context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(5))) == Fwp::ALREADY_EXISTS);
  REQUIRE(w.engine.add(w.user, provider(1)));
  CHECK(add(provider(1)) == Fwp::ALREADY_EXISTS);
}

TEST_CASE("the flag, not the union, says whether a filter has a provider context") {
  World w;
  Filter f = callout_filter(Layer::INBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                            known::callout::IPSEC_INBOUND_TRANSPORT_V4, {}, 2);
  f.provider_context = guid(77);  // nobody there, and nobody asks
  CHECK(w.engine.add(w.user, f));
}

TEST_CASE("an object that another refers to cannot be deleted") {
  World w;
  REQUIRE(w.engine.add(w.user, provider(1)));
  SubLayer s = sublayer(2);
  s.head.provider = guid(1);
  REQUIRE(w.engine.add(w.user, s));
  Filter f = w.plain();
  f.sublayer = guid(2);
  const Added added = *w.engine.add(w.user, f);
  CHECK(code(w.engine.remove(w.user, ObjectKind::provider, guid(1))) == Fwp::IN_USE);
  CHECK(code(w.engine.remove(w.user, ObjectKind::sublayer, guid(2))) == Fwp::IN_USE);
  CHECK(w.engine.remove(w.user, ObjectKind::filter, added.key));
  CHECK(w.engine.remove(w.user, ObjectKind::sublayer, guid(2)));
  CHECK(w.engine.remove(w.user, ObjectKind::provider, guid(1)));
}

TEST_CASE("lifetimes: what lives longer may not lean on what lives shorter") {
  World w;
  REQUIRE(w.engine.add(w.user, provider(1)));
  REQUIRE(w.engine.add(w.user, provider(2, Provider::kPersistent)));
  Filter f = w.plain();
  f.head.flags = Filter::kPersistent;
  f.head.provider = guid(1);
  CHECK(code(w.engine.add(w.user, f)) == Fwp::LIFETIME_MISMATCH);
  f.head.provider = guid(2);
  CHECK(w.engine.add(w.user, f));
  SubLayer s = sublayer(3);
  s.head.flags = SubLayer::kPersistent;
  REQUIRE(w.engine.add(w.user, s));
  f.head.key = {};
  f.sublayer = guid(3);  // persistent, but of no provider
  CHECK(code(w.engine.add(w.user, f)) == Fwp::LIFETIME_MISMATCH);
  const SessionId a = w.dynamic(), b = w.dynamic();
  REQUIRE(w.engine.add(a, sublayer(4)));
  Filter of = w.plain();
  of.sublayer = guid(4);
  CHECK(w.engine.add(a, of));
  of.head.key = {};
  CHECK(code(w.engine.add(b, of)) == Fwp::LIFETIME_MISMATCH);
  CHECK(code(w.engine.add(w.user, of)) == Fwp::LIFETIME_MISMATCH);
  CHECK(code(w.engine.remove(b, ObjectKind::sublayer, guid(4))) == Fwp::WRONG_SESSION);
  CHECK(code(w.engine.remove(a, ObjectKind::provider, guid(1))) == Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  CHECK(code(w.engine.add(a, provider(9, Provider::kPersistent))) == Fwp::DYNAMIC_SESSION_IN_PROGRESS);
}

TEST_CASE("a dynamic session takes its objects with it, whoever is writing") {
  World w;
  const SessionId a = w.dynamic();
  REQUIRE(w.engine.add(a, provider(1)));
  Filter f = w.plain();
  f.head.provider = guid(1);
  REQUIRE(w.engine.add(a, f));
  REQUIRE(*w.engine.begin(w.now, w.user, TxnMode::read_write) == Began::started);
  REQUIRE(w.engine.add(w.user, w.plain()));
  w.engine.close(w.now, a);
  CHECK(w.filters() == 0);
  CHECK_FALSE(w.engine.snapshot()->providers.find(guid(1)));
  REQUIRE(w.engine.commit(w.now, w.user));
  CHECK(w.filters() == 1);
  CHECK_FALSE(w.engine.snapshot()->providers.find(guid(1)));
  w.engine.close(w.now, 4711);  // nobody
}

TEST_CASE("nobody sees a transaction before its commit; a failing call leaves the rest; abort leaves nothing") {
  World w;
  const SessionId other = *w.engine.open(trusted());
  REQUIRE(w.engine.begin(w.now, w.user, TxnMode::read_write));
  REQUIRE(w.engine.add(w.user, w.plain()));
  Filter bad = w.plain();
  bad.sublayer = guid(99);
  CHECK_FALSE(w.engine.add(w.user, bad));
  CHECK((*w.engine.view(w.user))->filters.size() == 1);
  CHECK((*w.engine.view(other))->filters.size() == 0);
  CHECK(code(w.engine.begin(w.now, w.user, TxnMode::read_only)) == Fwp::TXN_IN_PROGRESS);
  REQUIRE(w.engine.commit(w.now, w.user));
  CHECK(w.filters() == 1);
  CHECK(code(w.engine.commit(w.now, w.user)) == Fwp::NO_TXN_IN_PROGRESS);
  CHECK(code(w.engine.abort(w.now, w.user)) == Fwp::NO_TXN_IN_PROGRESS);
  REQUIRE(w.engine.begin(w.now, w.user, TxnMode::read_write));
  REQUIRE(w.engine.add(w.user, w.plain()));
  REQUIRE(w.engine.abort(w.now, w.user));
  CHECK(w.filters() == 1);
}

TEST_CASE("a read-only transaction keeps its snapshot and changes nothing") {
  World w;
  const SessionId reader = *w.engine.open(trusted());
  REQUIRE(*w.engine.begin(w.now, reader, TxnMode::read_only) == Began::started);
  REQUIRE(w.engine.add(w.user, w.plain()));
  CHECK((*w.engine.view(reader))->filters.size() == 0);
  CHECK(code(w.engine.add(reader, w.plain())) == Fwp::INCOMPATIBLE_TXN);
  REQUIRE(w.engine.commit(w.now, reader));
  CHECK((*w.engine.view(reader))->filters.size() == 1);
}

TEST_CASE("a second writer waits, gets the lock, or is told that it took too long") {
  World w;
  const SessionId b = w.dynamic(1000), c = w.dynamic();
  REQUIRE(w.engine.begin(w.now, w.user, TxnMode::read_write));
  CHECK(code(w.engine.add(b, w.plain())) == Fwp::TIMEOUT);
  CHECK(*w.engine.begin(w.now, b, TxnMode::read_write) == Began::waiting);
  CHECK(*w.engine.begin(w.now, c, TxnMode::read_write) == Began::waiting);
  CHECK(*w.engine.next_deadline() == w.now + seconds(1));
  w.engine.handle_deadline(w.now + seconds(1));
  auto out = w.engine.poll();
  REQUIRE(out);
  CHECK(out->kind == EngineOutput::Kind::txn_timed_out);
  CHECK(out->session == b);
  REQUIRE(w.engine.commit(w.now + seconds(2), w.user));
  out = w.engine.poll();
  REQUIRE(out);
  CHECK(out->kind == EngineOutput::Kind::txn_started);
  CHECK(out->session == c);
  CHECK(w.engine.add(c, w.plain()));
}

TEST_CASE("a transaction is aborted after an hour, and the session is told once") {
  World w;
  REQUIRE(w.engine.begin(w.now, w.user, TxnMode::read_write));
  w.engine.handle_deadline(w.now + hours(1));
  CHECK(code(w.engine.commit(w.now, w.user)) == Fwp::TXN_ABORTED);
  CHECK(code(w.engine.commit(w.now, w.user)) == Fwp::NO_TXN_IN_PROGRESS);
  CHECK(w.engine.add(w.user, w.plain()));
  w.engine.abort_session(w.now, w.user);
  CHECK(code(w.engine.add(w.user, w.plain())) == Fwp::SESSION_ABORTED);
}

TEST_CASE("session keys are unique; unknown flags are refused; everybody may open, few may change") {
  World w;
  SessionRequest request = trusted();
  request.key = guid(1);
  REQUIRE(w.engine.open(request));
  CHECK(code(w.engine.open(request)) == Fwp::ALREADY_EXISTS);
  CHECK(code(w.engine.open(trusted(2))) == Fwp::INVALID_FLAGS);
  const SessionId anybody = *w.engine.open(caller({known::sid::everyone()}));
  CHECK(code(w.engine.add(anybody, w.plain())) == Fwp::ACCESS_DENIED);
  CHECK(code(w.engine.begin(w.now, anybody, TxnMode::read_write)) == Fwp::ACCESS_DENIED);
  const SessionId admin = *w.engine.open(caller({known::sid::everyone(), known::sid::administrators()}));
  const Added added = *w.engine.add(admin, w.plain());
  const auto held = *w.engine.snapshot()->filters.find(added.key);
  CHECK(w.engine.may_read(admin, ObjectKind::filter, held->head));
  CHECK(code(w.engine.may_read(anybody, ObjectKind::filter, held->head)) == Fwp::ACCESS_DENIED);
  CHECK(code(w.engine.remove(anybody, ObjectKind::filter, added.key)) == Fwp::ACCESS_DENIED);
  CHECK(code(w.engine.open(caller({}))) == Fwp::ACCESS_DENIED);
}

TEST_CASE("protection of one object and of the container") {
  World w;
  const Added added = *w.engine.add(w.user, w.plain());
  const Sid guest{5, {21, 9}};
  REQUIRE(w.engine.protect(w.user, ObjectKind::filter, added.key, *parse_sddl("D:(A;;GA;;;S-1-5-21-9)")));
  const SessionId session = *w.engine.open(caller({known::sid::everyone(), guest}));
  CHECK(w.engine.protection(session, ObjectKind::filter, added.key));
  CHECK(code(w.engine.protection(session, ObjectKind::filter, {})) == Fwp::ACCESS_DENIED);
  CHECK(w.engine.remove(session, ObjectKind::filter, added.key));
  CHECK(code(w.engine.protect(w.user, ObjectKind::sublayer, known::sublayer::UNIVERSAL, {})) == Fwp::BUILTIN_OBJECT);
  CHECK(code(w.engine.protect(w.dynamic(), ObjectKind::sublayer, {}, {})) == Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  REQUIRE(w.engine.protect(w.user, ObjectKind::filter, {}, *parse_sddl("D:(A;;GA;;;S-1-5-21-9)")));
  const SessionId admin = *w.engine.open(caller({known::sid::everyone(), known::sid::administrators()}));
  CHECK(code(w.engine.add(admin, w.plain())) == Fwp::ACCESS_DENIED);
}

TEST_CASE("changes are told to others, by template, and not to who made them") {
  World w;
  const SessionId other = *w.engine.open(trusted());
  FilterTemplate wanted;
  wanted.layer = Layer::INBOUND_TRANSPORT_V4;
  const SubscriptionId all = *w.engine.subscribe(other, {ObjectKind::filter, Subscription::kOnAdd, wanted, {}});
  REQUIRE(w.engine.subscribe(w.user, {ObjectKind::filter, 3, {}, {}}));
  const Added added = *w.engine.add(w.user, w.plain());
  REQUIRE(w.engine.add(w.user, filter(Layer::IPSEC_V4, ActionType::PERMIT)));
  REQUIRE(w.engine.remove(w.user, ObjectKind::filter, added.key));
  size_t notices = 0;
  while (auto out = w.engine.poll()) {
    if (out->kind != EngineOutput::Kind::change_notice) continue;
    ++notices;
    CHECK(out->subscription == all);
    CHECK(out->change->key == added.key);
    CHECK(out->change->type == ChangeType::add);
  }
  CHECK(notices == 1);
  CHECK(w.engine.subscriptions(other).size() == 1);
  CHECK(code(w.engine.unsubscribe(w.user, all)) == Fwp::NOT_FOUND);
  CHECK(w.engine.unsubscribe(other, all));
  CHECK(w.engine.lost_notices() == 0);
}

TEST_CASE("notices that nobody fetches are bounded and counted") {
  World w;
  const SessionId other = *w.engine.open(trusted());
  REQUIRE(w.engine.subscribe(other, {ObjectKind::filter, 3, {}, {}}));
  REQUIRE(w.engine.begin(w.now, w.user, TxnMode::read_write));
  for (size_t i = 0; i < Engine::kMostNotices + 7; ++i) REQUIRE(w.engine.add(w.user, w.plain()));
  REQUIRE(w.engine.commit(w.now, w.user));
  CHECK(w.engine.lost_notices() == 7);
}

TEST_CASE("options: typed, not in a transaction, not in a dynamic session, and monitoring stays on while used") {
  World w;
  const auto option = EngineOption::MONITOR_IPSEC_CONNECTIONS;
  CHECK(code(w.engine.set_option(w.user, option, Value(uint8_t{1}))) == Fwp::TYPE_MISMATCH);
  CHECK(code(w.engine.set_option(w.dynamic(), option, Value(uint32_t{1}))) == Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  REQUIRE(w.engine.set_option(w.user, option, Value(uint32_t{1})));
  w.engine.set_connection_watchers(1);
  CHECK(code(w.engine.set_option(w.user, option, Value(uint32_t{0}))) == Fwp::STILL_ON);
  CHECK(*w.engine.option(w.user, option) == 1);
  REQUIRE(w.engine.begin(w.now, w.user, TxnMode::read_write));
  CHECK(code(w.engine.set_option(w.user, option, Value(uint32_t{1}))) == Fwp::TXN_IN_PROGRESS);
  CHECK(code(w.engine.subscribe(w.user, Subscription{})) == Fwp::TXN_IN_PROGRESS);
}

TEST_CASE("keying traffic is exempt exactly while main mode policy is referred to") {
  World w;
  REQUIRE(w.engine.add(w.user, context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(5))));
  Filter mm = filter(Layer::IKEEXT_V4, ActionType::PERMIT);
  mm.head.flags = Filter::kHasProviderContext;
  mm.provider_context = guid(5);
  const Added first = *w.engine.add(w.user, mm);
  CHECK(w.filters() == 9);
  FieldValues values;
  values.set_u8(Field::IP_PROTOCOL, 17);
  values.set_u16(Field::IP_LOCAL_PORT, 4500);
  Matches scratch;
  const auto snapshot = w.engine.snapshot();
  const Decision decision = classify(*snapshot, Layer::OUTBOUND_TRANSPORT_V6, values, nullptr, scratch);
  REQUIRE(decision.decided);
  CHECK(decision.verdict == policy::Verdict::permit);
  CHECK((decision.filter->effective_weight >> kAutoWeightBits) == kWeightRangeIkeExemptions);
  CHECK(code(w.engine.remove(w.user, ObjectKind::filter, decision.filter->head.key)) == Fwp::BUILTIN_OBJECT);
  REQUIRE(w.engine.remove(w.user, ObjectKind::filter, first.key));
  CHECK(w.filters() == 0);
  CHECK_FALSE(classify(*w.engine.snapshot(), Layer::OUTBOUND_TRANSPORT_V6, values, nullptr, scratch).decided);
}

TEST_CASE("[WFP 4] objects of different kinds may have the same key, and references to one do not hold the other") {
  World w;
  Provider provider;
  provider.head.key = guid(9);
  provider.head.display.name = "p";
  REQUIRE(w.engine.add(w.user, provider));
  SubLayer sublayer;
  sublayer.head.key = guid(9);
  sublayer.head.display.name = "s";
  sublayer.head.provider = guid(9);
  REQUIRE(w.engine.add(w.user, sublayer));
  CHECK(code(w.engine.remove(w.user, ObjectKind::provider, guid(9))) == Fwp::IN_USE);
  REQUIRE(w.engine.remove(w.user, ObjectKind::sublayer, guid(9)));
  REQUIRE(w.engine.remove(w.user, ObjectKind::provider, guid(9)));
}

TEST_SUITE_END();
