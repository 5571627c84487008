// What the peer asks for and does not get says nothing about what we asked for. RFC 7296 1.2, 1.3.1.
#include <doctest/doctest.h>

#include "support/stack_pair.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

// Two ends that agree on child "net"; with `first` they disagree about its selectors, and always about those of
// "extra".
struct Quarrel {
  explicit Quarrel(bool first) {
    auto east = psk_policy(false), west = psk_policy(true);
    for (auto* policy : {&east, &west}) {
      auto& children = (*policy)->connections[0].children;
      model::ChildPolicy extra = children[0];
      extra.name = "extra";
      extra.reqid = 2;
      extra.local = {*model::parse_selector(policy == &east ? "10.3.0.0/24" : "10.4.0.0/24")};
      extra.remote = {*model::parse_selector(policy == &east ? "10.5.0.0/24" : "10.6.0.0/24")};
      if (first) children[0].local = {*model::parse_selector("10.7.0.0/24")};
      children.push_back(extra);
    }
    pair.east.keys.secrets["site-psk"] = pair.west.keys.secrets["site-psk"] = "a long enough secret";
    pair.east.control.handle_command(pair.now, stack::ReloadCommand{0, east});
    pair.west.control.handle_command(pair.now, stack::ReloadCommand{0, west});
    pair.settle();
  }

  void up(StackNode& node, const char* child) {
    node.control.handle_command(pair.now, stack::UpCommand{7, "site", child});
    node.drain(pair.now);
  }
  // Everything that `from` has sent so far arrives.
  void hand_over(StackNode& from, StackNode& to) {
    std::vector<WirePacket> batch = std::move(from.out);
    from.out.clear();
    for (const WirePacket& packet : batch) to.receive(pair.now, packet);
  }
  stack::Connections::State state(StackNode& node, const char* child) {
    for (const auto& one : node.control.connections()) {
      if (one.child == child) return one.state;
    }
    return stack::Connections::State::down;
  }

  StackPair pair;
};

bool told_of_refusal(const StackNode& node) {
  return std::any_of(node.notices.begin(), node.notices.end(),
                     [](const stack::Notice& n) { return n.kind == stack::Notice::Kind::attempt_failed; });
}

}  // namespace

TEST_SUITE("stack/peer_refused") {
  TEST_CASE("[RFC7296 1.2] a Child SA of IKE_AUTH that we refuse leaves our own attempt alone") {
    Quarrel q(true);
    q.up(q.pair.east, "net");
    q.up(q.pair.west, "net");
    std::vector<WirePacket> of_east = std::move(q.pair.east.out);  // on its way for long
    q.pair.east.out.clear();
    for (int i = 0; i < 2; ++i) {
      q.hand_over(q.pair.west, q.pair.east);
      q.hand_over(q.pair.east, q.pair.west);
    }
    CHECK(told_of_refusal(q.pair.east));
    CHECK(q.state(q.pair.east, "net") == stack::Connections::State::negotiating);
    CHECK(q.pair.east.results.empty());
    // West's own attempt is over, by the answer it got.
    REQUIRE(q.pair.west.results.size() == 1);
    CHECK(q.pair.west.results[0].error == Errc::ts_unacceptable);
    for (const WirePacket& packet : of_east) q.pair.west.receive(q.pair.now, packet);
    q.pair.run(seconds(10));
    REQUIRE(q.pair.east.results.size() == 1);
    CHECK(q.pair.east.results[0].error == Errc::ts_unacceptable);
    CHECK(q.pair.west.results.size() == 1);
  }

  TEST_CASE("[RFC7296 1.3.1] a CREATE_CHILD_SA that we refuse leaves our own attempt alone") {
    Quarrel q(false);
    q.up(q.pair.east, "net");
    q.pair.run(seconds(1));
    REQUIRE(q.pair.east.results.size() == 1);
    q.pair.east.notices.clear();
    q.up(q.pair.east, "extra");
    q.up(q.pair.west, "extra");
    std::vector<WirePacket> of_east = std::move(q.pair.east.out);
    q.pair.east.out.clear();
    q.hand_over(q.pair.west, q.pair.east);
    CHECK(told_of_refusal(q.pair.east));
    CHECK(q.state(q.pair.east, "extra") == stack::Connections::State::negotiating);
    CHECK(q.pair.east.results.size() == 1);
    q.hand_over(q.pair.east, q.pair.west);
    REQUIRE(q.pair.west.results.size() == 1);
    CHECK(q.pair.west.results[0].error == Errc::ts_unacceptable);
    for (const WirePacket& packet : of_east) q.pair.west.receive(q.pair.now, packet);
    q.pair.run(seconds(10));
    REQUIRE(q.pair.east.results.size() == 2);
    CHECK(q.pair.east.results[1].error == Errc::ts_unacceptable);
    CHECK(q.state(q.pair.east, "net") == stack::Connections::State::up);
  }

  TEST_CASE("[RFC7296 2.7] an IKE_SA_INIT that we refuse leaves our own attempt alone") {
    Quarrel q(false);
    auto other = psk_policy(true, "aes256gcm16-prfsha256-x25519");
    q.pair.west.control.handle_command(q.pair.now, stack::ReloadCommand{0, other});
    q.pair.settle();
    q.up(q.pair.east, "net");
    q.up(q.pair.west, "net");
    q.pair.east.out.clear();
    q.hand_over(q.pair.west, q.pair.east);
    CHECK(told_of_refusal(q.pair.east));
    CHECK(q.pair.east.results.empty());
    CHECK(q.state(q.pair.east, "net") == stack::Connections::State::negotiating);
  }

  TEST_CASE("[RFC7296 1.4.1] an IKE SA deleted while a Child SA is still asked for ends that wait with a sentence") {
    Quarrel q(false);
    q.up(q.pair.east, "net");
    q.pair.run(seconds(1));
    q.up(q.pair.east, "extra");
    q.pair.east.out.clear();  // the request is lost
    q.pair.west.control.handle_command(q.pair.now, stack::DownCommand{8, "site", ""});
    q.pair.west.drain(q.pair.now);
    q.hand_over(q.pair.west, q.pair.east);
    CHECK(q.state(q.pair.east, "extra") == stack::Connections::State::down);
    REQUIRE(q.pair.east.results.size() == 2);
    CHECK(q.pair.east.results[1].error == Errc::not_found);
    CHECK_FALSE(q.pair.east.results[1].sentence.empty());
  }
}
