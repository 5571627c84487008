// Net events: the log, the templates, and the calls about them.
#include "policy/net_event.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "policy/call_route.h"
#include "policy/net_event_call.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;
using call::Function;

namespace {

NetEvent failure(SaRole role = SaRole::INITIATOR) {
  NetEvent out;
  out.local = *IpAddr::parse("192.0.2.1");
  out.remote = *IpAddr::parse("192.0.2.2");
  MmFailure mm;
  mm.code = 13801;
  mm.point = FailurePoint::PEER;
  mm.role = role;
  mm.local_name = "CN=here";
  mm.remote_name = "CN=there";
  out.what = mm;
  out.sentence = "it failed";
  return out;
}

NetEvent blocked(const char* remote, uint16_t port) {
  NetEvent out;
  out.remote = *IpAddr::parse(remote);
  out.local = out.remote->is_v4() ? *IpAddr::parse("192.0.2.1") : *IpAddr::parse("2001:db8::1");
  out.protocol = 6;
  out.remote_port = port;
  out.what = ClassifyDrop{7, Layer::OUTBOUND_TRANSPORT_V4, PacketDirection::OUTBOUND};
  return out;
}

size_t chosen(const NetEventLog& log, Conditions conditions, uint64_t start = 0, uint64_t end = 0) {
  const NetEventTemplate wanted{start, end, std::move(conditions)};
  REQUIRE(check_template(wanted));
  return log.choose(NetEventChoice(wanted)).size();
}

// A program's connection to the engine.
struct Program {
  test::SeededRng rng{3};
  Engine engine{rng};
  CallRoute route{engine};
  TimePoint now = TimePoint() + hours(1);
  uint64_t last = 0;
  std::vector<CallRoute::Output> said;

  uint32_t call(Function function, Bytes octets, bool administrator = true, uint64_t connection = 1) {
    CallRoute::Caller caller;
    caller.token = token_of({administrator ? known::sid::administrators() : known::sid::everyone()});
    route.call(now, connection, ++last, caller, static_cast<uint32_t>(function), octets);
    listen();
    for (const auto& each : said)
      if (each.request == last && each.kind == CallRoute::Output::Kind::answer) return each.code;
    return ~uint32_t{0};
  }
  void listen() {
    while (auto output = engine.poll()) route.heard(now, *output);
    while (auto output = route.poll()) said.push_back(std::move(*output));
  }
  template <class T>
  T result() const {
    for (const auto& each : said)
      if (each.request == last && each.kind == CallRoute::Output::Kind::answer) return *call::read<T>(each.octets);
    return T{};
  }
  void open(uint32_t flags = 0, bool administrator = true, uint64_t connection = 1) {
    call::Open wanted;
    wanted.flags = flags;
    REQUIRE(call(Function::engine_open, call::write(wanted), administrator, connection) == 0);
  }
  void collect(uint32_t on) { REQUIRE(call(Function::set_option, call::write(call::SetOption{0, Value(on)})) == 0); }
};

}  // namespace

TEST_SUITE("policy/net_event") {
  TEST_CASE("[WFP 18] the log keeps the newest, in order, stamped by the wall's clock") {
    NetEventLog log;
    const TimePoint start = TimePoint() + seconds(1000);
    log.set_wall(start, 5'000'000);
    for (size_t i = 0; i < NetEventLog::kMostEvents + 10; ++i) {
      NetEvent event = blocked("192.0.2.2", static_cast<uint16_t>(i));
      REQUIRE(log.add(start + seconds(i), event));
    }
    CHECK(log.size() == NetEventLog::kMostEvents);
    const auto all = log.choose(NetEventChoice({}));
    CHECK(all.front()->remote_port == 10);
    CHECK(all.front()->time == 5'000'000 + 10 * 10'000'000u);
    CHECK(all.back()->time > all.front()->time);
  }

  TEST_CASE("what peers begin has a share of its own, and nobody fills the log in a second") {
    NetEventLog log;
    const TimePoint now = TimePoint() + seconds(5);
    for (uint32_t i = 0; i < 1000; ++i) (void)log.add(now, failure(SaRole::RESPONDER));
    CHECK(log.size() == NetEventLog::kMostOfPeersPerSecond);
    CHECK(log.add(now, failure()));
    for (uint32_t i = 0; i < 1000; ++i) (void)log.add(now, blocked("192.0.2.2", 1));
    CHECK(log.size() == NetEventLog::kMostPerSecond);
    CHECK(log.lost() == 2001 - NetEventLog::kMostPerSecond);
    CHECK(log.add(now + seconds(1), failure(SaRole::RESPONDER)));
  }

  TEST_CASE("texts are cut, and not inside a character") {
    NetEventLog log;
    NetEvent event = failure();
    event.sentence = std::string(NetEvent::kMostText - 1, 'x') + "\xc3\xa4 and more";
    const auto kept = log.add(TimePoint(), event);
    REQUIRE(kept);
    CHECK(kept->sentence == std::string(NetEvent::kMostText - 1, 'x'));
  }

  TEST_CASE("[WFP 18] a template chooses by type, address, port, protocol and time") {
    NetEventLog log;
    log.set_wall(TimePoint(), 1000);
    (void)log.add(TimePoint(), failure());
    (void)log.add(TimePoint(), blocked("192.0.2.9", 443));
    (void)log.add(TimePoint() + seconds(1), blocked("2001:db8::9", 443));
    CHECK(chosen(log, {}) == 3);
    CHECK(chosen(log, {equal(Field::NET_EVENT_TYPE, Value(uint32_t{3}))}) == 2);
    CHECK(chosen(log, {equal(Field::NET_EVENT_TYPE, Value(uint32_t{0})),
                       equal(Field::NET_EVENT_TYPE, Value(uint32_t{3}))}) == 3);
    CHECK(chosen(log, {v4_net(Field::IP_REMOTE_ADDRESS, "192.0.2.8/30")}) == 1);
    CHECK(chosen(log, {equal(Field::IP_REMOTE_PORT, Value(uint16_t{443}))}) == 2);
    CHECK(chosen(log, {equal(Field::IP_PROTOCOL, Value(uint8_t{17}))}) == 0);
    ByteArray16 six{};
    const IpAddr nine = *IpAddr::parse("2001:db8::9");
    std::copy(nine.bytes().begin(), nine.bytes().end(), six.begin());
    CHECK(chosen(log, {equal(Field::IP_REMOTE_ADDRESS, Value(six))}) == 1);
    CHECK(chosen(log, {}, 1001) == 1);
    CHECK(chosen(log, {}, 0, 1000) == 2);
  }

  TEST_CASE("[WFP 18] templates that could never be meant are refused") {
    CHECK(check_template({5, 4, {}}).error().code == Fwp::INVALID_INTERVAL);
    CHECK(check_template({0, 0, {equal(Field::FLAGS, Value(uint32_t{1}))}}).error().code == Fwp::CONDITION_NOT_FOUND);
    const auto wrong = check_template(
        {0, 0, {equal(Field::IP_PROTOCOL, Value(uint8_t{6})), equal(Field::IP_PROTOCOL, Value(uint32_t{6}))}});
    CHECK(wrong.error() == Refusal{Fwp::TYPE_MISMATCH, 1});
  }

  TEST_CASE("[WFP 18] events are enumerated page by page as they were when asked for") {
    Program program;
    program.open();
    program.engine.record(program.now, failure());
    REQUIRE(program.call(Function::enumerate_events, call::write(NetEventTemplate{})) == 0);
    const auto handle = program.result<uint64_t>();
    program.engine.record(program.now, blocked("192.0.2.3", 1));
    REQUIRE(program.call(Function::enum_next, call::write(call::EnumNext{handle, 10})) == 0);
    const auto page = program.result<call::Page<NetEvent>>();
    REQUIRE(page.entries.size() == 1);
    NetEvent same = page.entries[0];
    same.time = 0;
    CHECK(same == failure());
    CHECK(page.end == 1);
    CHECK(program.call(Function::enum_destroy, call::write(handle)) == 0);
  }

  TEST_CASE("[WFP 18] a subscription hears what its template wants, until it ends") {
    Program program;
    program.open();
    REQUIRE(program.call(Function::subscribe_events,
                         call::write(NetEventTemplate{0, 0, {equal(Field::NET_EVENT_TYPE, Value(uint32_t{0}))}})) == 0);
    const auto handle = program.result<uint64_t>();
    const uint64_t request = program.last;
    const auto heard = [&] {
      return std::count_if(program.said.begin(), program.said.end(), [&](const auto& each) {
        return each.kind == CallRoute::Output::Kind::notice && each.request == request;
      });
    };
    program.engine.record(program.now, failure());
    program.engine.record(program.now, blocked("192.0.2.3", 1));
    program.listen();
    CHECK(heard() == 1);
    CHECK(call::read<NetEvent>(program.said.back().octets));
    REQUIRE(program.call(Function::event_subscriptions, {}) == 0);
    CHECK(program.result<std::vector<NetEventTemplate>>().size() == 1);
    CHECK(program.call(Function::unsubscribe, call::write(handle)) == 0);
    program.engine.record(program.now, failure());
    program.listen();
    CHECK(heard() == 1);
    program.route.closed(program.now, 1);
    program.engine.record(program.now, failure());
    CHECK_FALSE(program.engine.poll());
  }

  TEST_CASE("[WFP 18] collection that is off: nothing is kept, asking is NET_EVENTS_DISABLED") {
    Program program;
    program.open();
    program.engine.record(program.now, failure());
    program.collect(0);
    program.engine.record(program.now, failure());
    const Bytes all = call::write(NetEventTemplate{});
    CHECK(program.call(Function::enumerate_events, all) == number(Fwp::NET_EVENTS_DISABLED));
    CHECK(program.call(Function::subscribe_events, all) == number(Fwp::NET_EVENTS_DISABLED));
    program.collect(1);
    REQUIRE(program.call(Function::enumerate_events, all) == 0);
    REQUIRE(program.call(Function::enum_next, call::write(call::EnumNext{program.result<uint64_t>(), 10})) == 0);
    CHECK(program.result<call::Page<NetEvent>>().entries.empty());
  }

  TEST_CASE("who may see net events is said by their own protection") {
    Program program;
    program.open();
    program.open(0, false, 2);
    const Bytes all = call::write(NetEventTemplate{});
    CHECK(program.call(Function::enumerate_events, all, false, 2) == number(Fwp::ACCESS_DENIED));
    CHECK(program.call(Function::subscribe_events, all, false, 2) == number(Fwp::ACCESS_DENIED));
    const call::Protected events{call::kProtectNetEvents, {}};
    REQUIRE(program.call(Function::get_protection, call::write(events)) == 0);
    const Bytes before = program.result<Bytes>();
    SecurityDescriptor open_to_all = *parse_descriptor(before);
    open_to_all.dacl.reset();
    CHECK(program.call(Function::set_protection, call::write(call::SetProtection{events, call::SetProtection::kDacl,
                                                                                 write_descriptor(open_to_all)})) == 0);
    CHECK(program.call(Function::enumerate_events, all, false, 2) == 0);
    CHECK(program.call(Function::enumerate_events, Bytes{1, 2, 3}) == number(Fwp::WIN32_INVALID_PARAMETER));
  }
}
