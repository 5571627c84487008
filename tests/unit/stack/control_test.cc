// Control's tables hold what its SAs need, and no more.
#include <doctest/doctest.h>

#include "support/stack_pair.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_SUITE("stack/control") {
  TEST_CASE("rekeying the IKE SA again and again leaves nothing behind") {
    StackPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) node->keys.secrets["site-psk"] = "a long enough secret";
    pair.east.control.handle_command(pair.now, stack::ReloadCommand{0, psk_policy(false)});
    pair.west.control.handle_command(pair.now, stack::ReloadCommand{0, psk_policy(true)});
    pair.east.control.handle_command(pair.now, stack::UpCommand{1, "site", "net"});
    pair.run(seconds(10));
    for (int i = 0; i < 5; ++i) {
      pair.east.control.handle_command(pair.now, stack::RekeyCommand{2, "site", {}});
      pair.run(seconds(10));
    }
    pair.run(minutes(3));
    for (StackNode* node : {&pair.east, &pair.west}) {
      CHECK(node->control.tables().ike_connections == 1);
      CHECK(node->control.tables().children == 1);
      CHECK(node->control.tables().up_waits == 0);
      CHECK(node->control.endpoint().tables().ike_sas == 1);
      CHECK(node->control.endpoint().tables().ike_spis == 1);
    }
  }

  TEST_CASE("a snapshot of the filter engine is in force at the next poll, and sessions hear what is for them") {
    StackPair pair;
    stack::Control& control = pair.east.control;
    policy::SessionRequest request;
    request.trusted = true;
    const auto writer = *control.filter_engine().open(request), waiter = *control.filter_engine().open(request);
    REQUIRE(control.filter_engine().begin(pair.now, writer, policy::TxnMode::read_write));
    CHECK(*control.filter_engine().begin(pair.now, waiter, policy::TxnMode::read_write) == policy::Began::waiting);
    policy::SubLayer sublayer;
    sublayer.head.display.name = "ours";
    const auto added = control.filter_engine().add(writer, sublayer);
    REQUIRE(added);
    pair.settle();
    CHECK(control.filters()->sublayers.find(added->key) == nullptr);
    REQUIRE(control.filter_engine().commit(pair.now, writer));
    pair.settle();
    CHECK(control.filters()->sublayers.find(added->key) != nullptr);
    REQUIRE(pair.east.engine_outputs.size() == 1);
    CHECK(pair.east.engine_outputs[0].kind == policy::EngineOutput::Kind::txn_started);
    CHECK(pair.east.engine_outputs[0].session == waiter);
    // The waiter's transaction ends after an hour, by the deadline that Control asks for.
    pair.run(hours(1) + seconds(1));
    const auto late = control.filter_engine().commit(pair.now, waiter);
    REQUIRE_FALSE(late);
    CHECK(late.error().code == policy::Fwp::TXN_ABORTED);
  }
}
