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
}
