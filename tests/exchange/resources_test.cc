// Per-resource Child SAs. RFC 9611.
#include <doctest/doctest.h>

#include <set>

#include "support/ike_pair.h"

TEST_SUITE_BEGIN("exchange/resources");

namespace sallyport::test {

namespace {

// Each end wants so many copies; the pair's own policies know nothing of them.
void want(IkePair& pair, const PairPolicy& words, uint32_t a, uint32_t b) {
  for (auto [peer, first, n] : {std::tuple{&pair.a, true, a}, std::tuple{&pair.b, false, b}}) {
    model::IkePolicySet set = *policy_of(first, words);
    set.connections[0].children[0].resources = n;
    peer->command(pair.now, ike::SetPolicy{std::make_shared<model::IkePolicySet>(std::move(set))});
  }
}

std::multiset<int> copies(const IkePeer& peer) {
  std::multiset<int> out;
  for (const auto& [id, one] : peer.sad) {
    if (!one.removed) out.insert(one.spec.resource ? static_cast<int>(*one.spec.resource) : -1);
  }
  return out;
}
const IkePeer::Installed* copy(const IkePeer& peer, std::optional<uint32_t> resource) {
  for (const auto& [id, one] : peer.sad) {
    if (!one.removed && one.spec.resource == resource) return &one;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("[RFC9611 3] whoever made the first Child SA asks for the copies, one by one, with keys of their own") {
  IkePair pair;
  want(pair, {}, 3, 3);
  pair.up();
  const std::multiset<int> all{-1, 0, 1, 2};
  CHECK(copies(pair.a) == all);
  CHECK(copies(pair.b) == all);
  CHECK(pair.agreement() == "");
  for (const auto& [id, one] : pair.a.sad) {
    CHECK(one.spec.ts_local == copy(pair.a, {})->spec.ts_local);
    CHECK(one.spec.encr == copy(pair.a, {})->spec.encr);
    if (one.spec.resource) CHECK_FALSE(equal(one.spec.out.encr.view(), copy(pair.a, {})->spec.out.encr.view()));
  }
  size_t told = 0;
  for (const auto& child : pair.b.endpoint.status().at(0).children) told += child.resource ? 1 : 0;
  CHECK(told == 3);
}

TEST_CASE("[RFC9611 3] a peer that does not say SA_RESOURCE_INFO gets no copies") {
  for (const bool a_wants : {true, false}) {
    IkePair pair;
    want(pair, {}, a_wants ? 4 : 0, a_wants ? 0 : 4);
    pair.up();
    CHECK(copies(pair.a) == std::multiset<int>{-1});
    CHECK(copies(pair.b) == std::multiset<int>{-1});
    CHECK(pair.a.attempts_failed + pair.b.attempts_failed == 0);
  }
}

TEST_CASE("[RFC9611 5.2] TS_MAX_QUEUE ends the asking and harms nothing") {
  IkePair pair;
  want(pair, {}, 6, 2);
  pair.up();
  CHECK(copies(pair.a) == std::multiset<int>{-1, 0, 1, 2, 3});
  CHECK(copies(pair.b) == std::multiset<int>{-1, 0, 1, 2, 3});
  CHECK(pair.b.endpoint.rows_taken().count("TS_MAX_QUEUE") == 1);
  CHECK(pair.a.endpoint.rows_taken().count("TS_MAX_QUEUE obeyed") == 1);
  CHECK(pair.a.attempts_failed == 0);
  CHECK(pair.agreement() == "");
}

TEST_CASE("[RFC9611 3] each copy is rekeyed by itself and stays the copy it was") {
  IkePair pair;
  want(pair, {}, 2, 2);
  pair.up();
  for (IkePeer* who : {&pair.a, &pair.b}) {
    for (const std::optional<uint32_t> which : {std::optional<uint32_t>(1), std::optional<uint32_t>()}) {
      const IkePeer::Installed* old = copy(*who, which);
      REQUIRE(old);
      const model::ChildId id = old->spec.child_id;
      who->command(pair.now, ike::RekeyChild{"net", "lan0", old->spec.spi_in});
      pair.run();
      CHECK(who->sad.at(id).removed);
      REQUIRE(copy(*who, which));
      CHECK(copy(*who, which)->spec.replaces == id);
      CHECK(copies(pair.a) == std::multiset<int>{-1, 0, 1});
      CHECK(copies(pair.b) == std::multiset<int>{-1, 0, 1});
      CHECK(pair.agreement() == "");
    }
  }
}

TEST_CASE("[RFC9611 3] each copy is deleted by itself") {
  IkePair pair;
  want(pair, {}, 2, 2);
  pair.up();
  pair.b.command(pair.now, ike::ChildLifetime{copy(pair.b, 0)->spec.spi_in, true});
  pair.run();
  CHECK(copies(pair.a) == std::multiset<int>{-1, 1});
  CHECK(copies(pair.b) == std::multiset<int>{-1, 1});
  CHECK(pair.agreement() == "");
}

TEST_CASE("[RFC9611 3] copies go over to the successor when the IKE SA is rekeyed, those still to be made as well") {
  IkePair pair;
  want(pair, {}, 3, 3);
  pair.a.command(pair.now, ike::Initiate{"net", {}});
  for (int i = 0; i < 2; ++i) {
    pair.a_to_b();
    pair.b_to_a();
  }
  REQUIRE(copies(pair.a).size() == 1);
  pair.b.command(pair.now, ike::RekeyIke{"net"});
  pair.run();
  pair.settle(minutes(5));
  CHECK(pair.a.ike_sas("ESTABLISHED") == 1);
  CHECK(copies(pair.a) == std::multiset<int>{-1, 0, 1, 2});
  CHECK(copies(pair.b) == std::multiset<int>{-1, 0, 1, 2});
  CHECK(pair.agreement() == "");
}

TEST_CASE("[RFC9611 3] both begin at once: one of the two Child SAs stays, and its maker asks for the copies") {
  IkePair pair;
  want(pair, {}, 2, 2);
  pair.up();
  pair.a.command(pair.now, ike::Terminate{"net", "lan0", {}});
  pair.run();
  REQUIRE(copies(pair.a).empty());
  pair.a.command(pair.now, ike::Initiate{"net", "lan0"});
  pair.b.command(pair.now, ike::Initiate{"net", "lan0"});
  pair.settle(minutes(1));
  CHECK(copies(pair.a) == std::multiset<int>{-1, 0, 1});
  CHECK(copies(pair.b) == std::multiset<int>{-1, 0, 1});
  CHECK(pair.agreement() == "");
}

}  // namespace sallyport::test

TEST_SUITE_END();
