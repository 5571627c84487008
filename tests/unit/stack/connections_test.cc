#include "stack/connections.h"

#include <doctest/doctest.h>

using namespace sallyport;
using stack::Connections;
using State = Connections::State;

static const TimePoint kStart{seconds(100)};

static std::shared_ptr<model::IkePolicySet> policy(bool keep_up, model::ChildPolicy::Start start) {
  auto out = std::make_shared<model::IkePolicySet>();
  model::ConnectionPolicy connection;
  connection.name = "east";
  connection.keep_up = keep_up;
  model::ChildPolicy child;
  child.name = "net";
  child.start = start;
  connection.children.push_back(child);
  out->connections.push_back(connection);
  return out;
}

static const Connections::Key kNet{"east", "net"};

TEST_SUITE("stack/connections") {
  TEST_CASE("start = up initiates once, and an equal snapshot touches nothing") {
    Connections c;
    CHECK(c.set_policy(policy(false, model::ChildPolicy::Start::up)).start.size() == 1);
    const auto again = c.set_policy(policy(false, model::ChildPolicy::Start::up));
    CHECK(again.start.empty());
    CHECK(again.gone.empty());
    const auto changed = c.set_policy(policy(true, model::ChildPolicy::Start::up));
    CHECK(changed.gone == std::vector<std::string>{"east"});
    CHECK(changed.start.size() == 1);
  }
  TEST_CASE("keep_up tries again for ever, waiting longer each time up to a minute") {
    Connections c;
    (void)c.set_policy(policy(true, model::ChildPolicy::Start::up));
    TimePoint now = kStart;
    Duration last{};
    for (int i = 0; i < 12; ++i) {
      (void)c.on_failed(now, kNet);
      REQUIRE(c.next_deadline());
      const Duration wait = *c.next_deadline() - now;
      CHECK(wait >= last);
      CHECK(wait <= minutes(1));
      last = wait;
      now = *c.next_deadline();
      CHECK(c.take_due(now).size() == 1);
    }
    CHECK(last == minutes(1));
  }
  TEST_CASE("without keep_up a failure is the end, and its waiter hears of it once") {
    Connections c;
    (void)c.set_policy(policy(false, model::ChildPolicy::Start::none));
    CHECK(c.want(kNet, 7));
    CHECK_FALSE(c.want(kNet, 8));
    CHECK(c.on_failed(kStart, kNet) == std::vector<stack::CommandToken>{7, 8});
    CHECK_FALSE(c.next_deadline());
    CHECK(c.on_failed(kStart, kNet).empty());
  }
  TEST_CASE("a tunnel that stood and fell is tried at once, unless it was taken down") {
    Connections c;
    (void)c.set_policy(policy(true, model::ChildPolicy::Start::up));
    (void)c.on_up(kNet);
    CHECK(c.state(kNet) == State::up);
    (void)c.on_down(kStart, kNet);
    CHECK(c.take_due(kStart).size() == 1);
    (void)c.on_up(kNet);
    (void)c.unwant(kNet);
    (void)c.on_down(kStart, kNet);
    CHECK_FALSE(c.next_deadline());
  }
  TEST_CASE("up after down is a negotiation, which the fall of the old SA does not touch") {
    Connections c;
    (void)c.set_policy(policy(false, model::ChildPolicy::Start::none));
    (void)c.want(kNet, 7);
    (void)c.on_up(kNet);
    (void)c.unwant(kNet);
    CHECK(c.state(kNet) == State::down);
    CHECK(c.want(kNet, 8));
    CHECK(c.on_down(kStart, kNet).empty());
    CHECK(c.state(kNet) == State::negotiating);
    CHECK(c.on_up(kNet) == std::vector<stack::CommandToken>{8});
  }
  TEST_CASE("traffic starts one negotiation at a time") {
    Connections c;
    (void)c.set_policy(policy(false, model::ChildPolicy::Start::route));
    CHECK(c.on_traffic(kNet));
    CHECK_FALSE(c.on_traffic(kNet));
    CHECK_FALSE(c.on_traffic({"west", "net"}));
  }
  TEST_CASE("traffic does not bring back what a command took down, nor start what is not routed") {
    Connections c;
    (void)c.set_policy(policy(false, model::ChildPolicy::Start::route));
    (void)c.unwant(kNet);
    CHECK_FALSE(c.on_traffic(kNet));
    CHECK(c.want(kNet, std::nullopt));
    Connections unrouted;
    (void)unrouted.set_policy(policy(false, model::ChildPolicy::Start::none));
    CHECK_FALSE(unrouted.on_traffic(kNet));
  }
}
