// Calls from octets to the engine and back.
#include "policy/call_route.h"

#include <doctest/doctest.h>

#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;
using call::Function;

namespace {

struct Routed {
  test::SeededRng rng{7};
  Engine engine{rng};
  CallRoute route{engine};
  TimePoint now{};
  uint64_t last_request = 0;
  std::vector<CallRoute::Output> said;

  static CallRoute::Caller caller(bool administrator) {
    CallRoute::Caller out;
    std::vector<Sid> sids{known::sid::everyone()};
    if (administrator) sids.push_back(known::sid::administrators());
    out.token = token_of(std::move(sids));
    out.process_id = 42;
    return out;
  }
  void listen() {
    while (auto output = engine.poll()) route.heard(now, *output);
    while (auto output = route.poll()) said.push_back(std::move(*output));
  }
  // The request's number; what came out is in `said`.
  template <class T>
  uint64_t call(uint64_t connection, Function function, T argument, bool administrator = true) {
    const uint64_t request = ++last_request;
    route.call(now, connection, request, caller(administrator), static_cast<uint32_t>(function),
               call::write(std::move(argument)));
    listen();
    return request;
  }
  const CallRoute::Output* answer(uint64_t request) const {
    for (const auto& each : said)
      if (each.request == request && each.kind == CallRoute::Output::Kind::answer) return &each;
    return nullptr;
  }
  template <class T>
  uint32_t code(uint64_t connection, Function function, T argument, bool administrator = true) {
    const auto* found = answer(call(connection, function, std::move(argument), administrator));
    return found ? found->code : ~uint32_t{0};
  }
  uint32_t open(uint64_t connection, uint32_t flags = 0, bool administrator = true) {
    call::Open open;
    open.display.name = "test";
    open.flags = flags;
    return code(connection, Function::engine_open, open, administrator);
  }
};

}  // namespace

TEST_SUITE("policy/call_route") {
  TEST_CASE("an object that was added is found again, whole") {
    Routed routed;
    CHECK(routed.open(1) == 0);
    const ProviderContext added = context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(3));
    CHECK(routed.code(1, Function::add_context, added) == 0);
    const auto* answer = routed.answer(routed.call(1, Function::get, call::Reference{3, guid(3), 0}));
    REQUIRE(answer);
    REQUIRE(answer->code == 0);
    const auto found = call::read<call::Found<ProviderContext>>(answer->octets);
    REQUIRE(found);
    CHECK(found->id != 0);
    CHECK(found->object.policy == added.policy);
    CHECK(found->object.head.display == added.head.display);
    CHECK(routed.code(1, Function::remove, call::Reference{3, {}, found->id}) == 0);
    CHECK(routed.code(1, Function::get, call::Reference{3, guid(3), 0}) == number(Fwp::PROVIDER_CONTEXT_NOT_FOUND));
  }

  TEST_CASE("without a session nothing is served, and octets that are no call are refused") {
    Routed routed;
    CHECK(routed.code(1, Function::txn_begin, uint32_t{0}) == number(Fwp::SESSION_ABORTED));
    CHECK(routed.open(1) == 0);
    CHECK(routed.open(1) == number(Fwp::ALREADY_EXISTS));
    CHECK(routed.code(1, Function::add_filter, uint32_t{0}) == number(Fwp::WIN32_INVALID_PARAMETER));
    CHECK(routed.code(1, static_cast<Function>(9999), uint32_t{0}) == number(Fwp::NOT_SUPPORTED));
    routed.route.call(routed.now, 1, 500, Routed::caller(true), static_cast<uint32_t>(Function::add_filter),
                      Bytes(call::kMostCallOctets + 1));
    routed.listen();
    CHECK(routed.answer(500)->code == number(Fwp::WIN32_INVALID_PARAMETER));
  }

  TEST_CASE("[WFP 3] a change while another writes waits for its turn, and times out when it does not come") {
    Routed routed;
    CHECK(routed.open(1) == 0);
    CHECK(routed.open(2) == 0);
    CHECK(routed.code(1, Function::txn_begin, uint32_t{0}) == 0);
    const Filter wanted = filter(Layer::IPSEC_V4, ActionType::PERMIT);
    const uint64_t first = routed.call(2, Function::add_filter, wanted);
    const uint64_t second = routed.call(2, Function::add_filter, wanted);
    CHECK(routed.answer(first) == nullptr);
    CHECK(routed.code(1, Function::txn_commit, uint32_t{0}) == 0);
    REQUIRE(routed.answer(first));
    REQUIRE(routed.answer(second));
    CHECK(routed.answer(first)->code == 0);
    CHECK(routed.answer(second)->code == 0);
    CHECK(routed.engine.snapshot()->filters.size() == 2);
    CHECK(routed.engine.may_write(999));  // nobody has kept the lock

    CHECK(routed.code(1, Function::txn_begin, uint32_t{0}) == 0);
    const uint64_t late = routed.call(2, Function::add_filter, wanted);
    CHECK(routed.code(2, Function::txn_begin, uint32_t{0}) == number(Fwp::TXN_IN_PROGRESS));
    routed.now += Engine::kDefaultWait;
    routed.engine.handle_deadline(routed.now);
    routed.listen();
    REQUIRE(routed.answer(late));
    CHECK(routed.answer(late)->code == number(Fwp::TIMEOUT));
    CHECK(routed.engine.snapshot()->filters.size() == 2);
  }

  TEST_CASE("[WFP 3] what a connection had goes with it: session, transaction, dynamic objects, waiting calls") {
    Routed routed;
    CHECK(routed.open(1, SessionRequest::kDynamic) == 0);
    CHECK(routed.open(2) == 0);
    CHECK(routed.code(1, Function::add_filter, filter(Layer::IPSEC_V4, ActionType::PERMIT)) == 0);
    CHECK(routed.code(1, Function::txn_begin, uint32_t{0}) == 0);
    const uint64_t waits = routed.call(2, Function::txn_begin, uint32_t{0});
    CHECK(routed.answer(waits) == nullptr);
    routed.route.closed(routed.now, 1);
    routed.listen();
    CHECK(routed.engine.snapshot()->filters.size() == 0);
    REQUIRE(routed.answer(waits));
    CHECK(routed.answer(waits)->code == 0);
    const uint64_t orphan = routed.call(2, Function::txn_commit, uint32_t{0});
    CHECK(routed.answer(orphan)->code == 0);
    routed.route.closed(routed.now, 2);
    CHECK(routed.engine.sessions().empty());
  }

  TEST_CASE("enumerations come in pages and are those of the moment they began; there are so many at once") {
    Routed routed;
    CHECK(routed.open(1) == 0);
    for (int i = 0; i < 5; ++i)
      CHECK(routed.code(1, Function::add_filter, filter(Layer::IPSEC_V4, ActionType::PERMIT)) == 0);
    const auto handle =
        call::read<uint64_t>(routed.answer(routed.call(1, Function::enum_create, call::EnumCreate{4, {}, {}}))->octets);
    REQUIRE(handle);
    CHECK(routed.code(1, Function::add_filter, filter(Layer::IPSEC_V4, ActionType::PERMIT)) == 0);
    const auto page = [&](uint32_t wanted) {
      const auto* answer = routed.answer(routed.call(1, Function::enum_next, call::EnumNext{*handle, wanted}));
      return *call::read<call::Page<call::Found<Filter>>>(answer->octets);
    };
    CHECK(page(3).entries.size() == 3);
    const auto rest = page(10);
    CHECK(rest.entries.size() == 2);
    CHECK(rest.end);
    CHECK(page(10).entries.empty());
    CHECK(routed.code(1, Function::enum_destroy, *handle) == 0);
    CHECK(routed.code(1, Function::enum_next, call::EnumNext{*handle, 1}) == number(Fwp::NOT_FOUND));
    for (size_t i = 0; i < call::kMostEnumerations; ++i)
      CHECK(routed.code(1, Function::enum_create, call::EnumCreate{0, {}, {}}) == 0);
    CHECK(routed.code(1, Function::enum_create, call::EnumCreate{0, {}, {}}) == number(Fwp::NO_SYSTEM_RESOURCES));
  }

  TEST_CASE("[WFP 4] subscriptions hear what others change until they end") {
    Routed routed;
    CHECK(routed.open(1) == 0);
    CHECK(routed.open(2) == 0);
    const uint64_t subscribed = routed.call(1, Function::subscribe, call::Subscribe{4, 3, {}, {}});
    REQUIRE(routed.answer(subscribed)->code == 0);
    CHECK(routed.answer(subscribed)->more);
    CHECK(routed.code(2, Function::add_filter, filter(Layer::IPSEC_V4, ActionType::PERMIT)) == 0);
    const auto& notice = routed.said.back().kind == CallRoute::Output::Kind::notice
                             ? routed.said.back()
                             : routed.said[routed.said.size() - 2];
    REQUIRE(notice.kind == CallRoute::Output::Kind::notice);
    CHECK(notice.request == subscribed);
    CHECK(call::read<call::Notice>(notice.octets)->change == 1);
    const auto id = *call::read<uint64_t>(routed.answer(subscribed)->octets);
    CHECK(routed.code(1, Function::unsubscribe, id) == 0);
    const size_t before = routed.said.size();
    CHECK(routed.code(2, Function::add_filter, filter(Layer::IPSEC_V4, ActionType::PERMIT)) == 0);
    CHECK(routed.said.size() == before + 1);  // the answer alone
  }

  TEST_CASE("[WFP 4] who is no administrator may open and nothing more") {
    Routed routed;
    CHECK(routed.open(1, 0, false) == 0);
    CHECK(routed.code(1, Function::add_filter, filter(Layer::IPSEC_V4, ActionType::PERMIT), false) ==
          number(Fwp::ACCESS_DENIED));
    CHECK(routed.code(1, Function::enum_create, call::EnumCreate{4, {}, {}}, false) == number(Fwp::ACCESS_DENIED));
    CHECK(routed.code(1, Function::enum_create, call::EnumCreate{call::kEnumLayers, {}, {}}, false) ==
          number(Fwp::ACCESS_DENIED));
    CHECK(routed.code(1, Function::txn_begin, uint32_t{0}, false) == number(Fwp::ACCESS_DENIED));
  }

  TEST_CASE("persistent objects are refused where nothing keeps them") {
    Routed routed;
    routed.route.keep_persistent(false);
    CHECK(routed.open(1) == 0);
    Filter kept = filter(Layer::IPSEC_V4, ActionType::PERMIT);
    kept.head.flags = Filter::kPersistent;
    CHECK(routed.code(1, Function::add_filter, kept) == number(Fwp::NOT_SUPPORTED));
    routed.route.keep_persistent(true);
    CHECK(routed.code(1, Function::add_filter, kept) == 0);
  }

  TEST_CASE("every argument that is cut is refused and changes nothing") {
    Routed routed;
    CHECK(routed.open(1) == 0);
    const Bytes whole = call::write(context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(3)));
    for (size_t length = 0; length < whole.size(); ++length) {
      routed.route.call(routed.now, 1, 1000 + length, Routed::caller(true),
                        static_cast<uint32_t>(Function::add_context), ByteView(whole).first(length));
      routed.listen();
      CHECK(routed.answer(1000 + length)->code == number(Fwp::WIN32_INVALID_PARAMETER));
    }
    CHECK(routed.engine.snapshot()->contexts.size() == 0);
  }
}
