// IPsec connections: seen, watched, counted over the SAs that carry them.
#include "stack/ipsec_connections.h"

#include <doctest/doctest.h>

#include "stack/sa_calls.h"
#include "support/filter_scenarios.h"

using namespace sallyport;
using namespace sallyport::test;
using policy::ConnectionTemplate;
using policy::Fwp;
using policy::IpsecConnection;
using policy::call::kSubscribeConnections;
using policy::call::SaFunction;
namespace s = sallyport::support;

namespace {

struct Watched : FilterPair {
  explicit Watched(bool on = true) {
    for (StackNode* node : {&east, &west}) install(*node, now, {});
    session = *engine().open(s::trusted());
    if (on) REQUIRE(monitor(1));
    engine().set_wall(now, 132'000'000'000'000'000);
  }
  policy::Engine& engine() { return east.control.filter_engine(); }
  policy::Outcome<> monitor(uint32_t value) {
    return engine().set_option(session, policy::EngineOption::MONITOR_IPSEC_CONNECTIONS, policy::Value(value));
  }
  policy::Outcome<policy::SubscriptionId> watch(const ConnectionTemplate& wanted = {}) {
    return calls.subscribe(session, kSubscribeConnections, policy::call::write(wanted));
  }
  policy::Outcome<Bytes> get(uint64_t id) {
    return calls.call(now, session, SaFunction::connection_get, policy::call::write(id));
  }
  std::vector<IpsecConnection> all(const ConnectionTemplate& wanted) {
    auto pages = calls.enumerate(session, SaFunction::enum_connections, policy::call::write(wanted)).value();
    return policy::call::read<policy::call::Page<IpsecConnection>>(pages(100)).value().entries;
  }
  std::vector<policy::ConnectionNotice> heard() {
    std::vector<policy::ConnectionNotice> out;
    calls.hear();
    while (auto change = calls.poll_change()) {
      auto notice = policy::call::read<policy::ConnectionNotice>(change->octets.view());
      REQUIRE(notice);
      out.push_back(std::move(*notice));
    }
    return out;
  }

  policy::SessionId session = 0;
  stack::SaCalls calls{
      east.control, [this] {
        return stack::PacketFacts{east.dataplane.drops(), east.dataplane.traffic(), east.dataplane.sas(now)};
      }};
};

}  // namespace

TEST_SUITE("stack/ipsec_connections") {
  TEST_CASE("[WFP 18] a connection stands over rekeying, counts what all its SAs carry, and ends with the last") {
    Watched t;
    REQUIRE(t.watch());
    REQUIRE(t.ping(1));
    const auto began = t.heard();
    REQUIRE(began.size() == 1);
    const IpsecConnection& it = began[0].connection;
    CHECK(began[0].gone == 0);
    CHECK(it.local == t.east.address);
    CHECK(it.remote == t.west.address);
    CHECK(it.mode == policy::TrafficType::TRANSPORT);
    CHECK(it.key_module == 2);
    CHECK(it.proposal.group == 4);
    CHECK(it.peer.type == policy::AuthMethodType::PRESHARED_KEY);
    CHECK(it.started == 132'000'000'000'000'000);
    CHECK_FALSE(it.provider);
    const auto once = t.all({0, ConnectionTemplate::kQueryBytes});
    REQUIRE(once.size() == 1);
    CHECK(once[0].octets_in > 0);
    CHECK(t.all({})[0].octets_in == 0);  // nobody was asked

    const auto key = t.east.control.children().begin()->second.key;
    t.east.control.handle_command(t.now, stack::RekeyCommand{1, key.connection, key.child});
    t.run(seconds(60));  // what the old SA's inbound half lingers for is over
    REQUIRE(t.east.control.children().size() == 1);
    CHECK(t.heard().empty());
    CHECK(t.all({})[0].octets_in == once[0].octets_in);  // of the SA that has ended
    REQUIRE(t.ping(2));
    const auto twice = t.all({it.id, ConnectionTemplate::kQueryBytes});
    REQUIRE(twice.size() == 1);
    CHECK(twice[0].octets_in == 2 * once[0].octets_in);
    CHECK(twice[0].octets_out == 2 * once[0].octets_out);
    CHECK(policy::call::read<IpsecConnection>(t.get(it.id).value()).value().octets_in == twice[0].octets_in);
    CHECK(t.all({it.id + 1, 0}).empty());

    const uint64_t child = t.east.control.children().begin()->first;
    REQUIRE(t.calls.call(t.now, t.session, SaFunction::context_delete, policy::call::write(child)));
    t.settle();
    const auto ended = t.heard();
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].gone == 1);
    CHECK(ended[0].connection.id == it.id);
    CHECK(ended[0].connection.octets_in == once[0].octets_in);
    CHECK(t.all({}).empty());
    CHECK(t.get(it.id).error().code == Fwp::NOT_FOUND);
    REQUIRE(t.ping(3));
    const auto next = t.heard();
    REQUIRE(next.size() == 1);
    CHECK(next[0].connection.id != it.id);
  }

  TEST_CASE("[WFP 18] nothing is seen while monitoring is off, and it stays on while somebody watches") {
    Watched t(false);
    REQUIRE(t.ping(1));
    CHECK(t.heard().empty());
    CHECK(t.get(1).error().code == Fwp::CONNECTIONS_DISABLED);
    CHECK(t.watch().error().code == Fwp::CONNECTIONS_DISABLED);
    CHECK(t.calls.enumerate(t.session, SaFunction::enum_connections, policy::call::write(ConnectionTemplate{}))
              .error()
              .code == Fwp::CONNECTIONS_DISABLED);
    REQUIRE(t.monitor(1));
    CHECK(t.all({}).size() == 1);  // it stood already
    CHECK(t.watch({0, 2}).error().code == Fwp::INVALID_FLAGS);
    const auto watching = t.watch();
    REQUIRE(watching);
    CHECK(t.monitor(0).error().code == Fwp::STILL_ON);
    CHECK(t.calls.subscriptions(t.session, kSubscribeConnections).size() == 1);
    REQUIRE(t.calls.unsubscribe(t.session, *watching));
    REQUIRE(t.monitor(0));
    REQUIRE(t.monitor(1));
    REQUIRE(t.watch());
    t.calls.closed(t.session);
    CHECK(t.monitor(0));
  }

  TEST_CASE("[WFP 18] a watcher of one connection hears of that one") {
    Watched t;
    REQUIRE(t.watch({77, 0}));
    REQUIRE(t.ping(1));
    CHECK(t.heard().empty());
    CHECK(t.all({}).size() == 1);
  }
}
