#include "model/machine_store.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::model;

TEST_SUITE("model/machine_store") {
  TEST_CASE("certificates are named in the order of choice") {
    CHECK(machine_credential(0) == "machine-store/01");
    CHECK(machine_credential(8) < machine_credential(9));
    CHECK(is_machine_credential(machine_credential(15)));
    CHECK_FALSE(is_machine_credential(kMachineStore));
    CHECK_FALSE(is_machine_credential("machine-storeroom"));
    CHECK_FALSE(is_machine_credential("cert:/etc/x"));
  }

  TEST_CASE("a part of a trust set says which, there and back") {
    const std::vector<Bytes> ids{Bytes(20, 1), Bytes(20, 0xfe)};
    const auto read = read_narrowed_trust(narrowed_trust("ca:/x.pem", ids));
    REQUIRE(read);
    CHECK(read->set == "ca:/x.pem");
    CHECK(read->key_ids == ids);
  }

  TEST_CASE("what says no part is none") {
    for (const char* name : {"machine-store", "machine-store#", "machine-store#0", "machine-store#00,", "x#zz"})
      CHECK_FALSE(read_narrowed_trust(name));
  }
}
