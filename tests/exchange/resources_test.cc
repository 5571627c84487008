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
  pair.settle(seconds(2));  // copies rest before they are sent by
  CHECK(pair.agreement() == "");
  for (const auto& [id, one] : pair.a.sad) {
    CHECK(one.spec.ts_local == copy(pair.a, {})->spec.ts_local);
    CHECK(one.spec.encr == copy(pair.a, {})->spec.encr);
    if (one.spec.resource) CHECK_FALSE(equal(one.spec.out.encr.view(), copy(pair.a, {})->spec.out.encr.view()));
  }
  size_t told = 0;
  const auto status = pair.b.endpoint.status();
  for (const auto& child : status.at(0).children) told += child.resource ? 1 : 0;
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
  pair.settle(seconds(2));  // copies rest before they are sent by
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
      pair.settle(seconds(2));  // copies rest before they are sent by
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
  pair.settle(seconds(2));  // copies rest before they are sent by
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
  pair.settle(seconds(2));  // copies rest before they are sent by
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
  pair.settle(seconds(2));  // copies rest before they are sent by
  CHECK(pair.agreement() == "");
}

namespace {

// The data planes of both ends have so many shards: copies on demand.
PairPolicy in_shards(uint16_t shards) {
  PairPolicy out;
  out.shards = shards;
  return out;
}
model::ChildId for_all(const IkePeer& peer) { return copy(peer, {})->spec.child_id; }

}  // namespace

TEST_CASE("[RFC9611 3] with several shards a copy is made when one wants it, and its SPI is that shard's") {
  IkePair pair(in_shards(3));
  want(pair, in_shards(3), 3, 3);
  pair.up();
  CHECK(copies(pair.a) == std::multiset<int>{-1});
  CHECK(copy(pair.a, {})->spec.per_resource);
  pair.a.command(pair.now, ike::WantCopy{for_all(pair.a), 2});
  pair.a.command(pair.now, ike::WantCopy{for_all(pair.a), 2});  // on its way already
  pair.run();
  CHECK(copies(pair.a) == std::multiset<int>{-1, 2});
  CHECK(copies(pair.b) == std::multiset<int>{-1, 0});
  CHECK(model::shard_of(copy(pair.a, 2)->spec.spi_in, 3) == 2);
  CHECK(model::shard_of(copy(pair.b, 0)->spec.spi_in, 3) == 0);
  pair.a.command(pair.now, ike::WantCopy{for_all(pair.a), 2});  // there already
  pair.run();
  CHECK(copies(pair.a) == std::multiset<int>{-1, 2});
  // The other side, for a shard of its own.
  pair.b.command(pair.now, ike::WantCopy{for_all(pair.b), 1});
  pair.run();
  CHECK(copies(pair.b) == std::multiset<int>{-1, 0, 1});
  CHECK(copies(pair.a) == std::multiset<int>{-1, 0, 2});
  CHECK(model::shard_of(copy(pair.b, 1)->spec.spi_in, 3) == 1);
  pair.settle(seconds(2));  // copies rest before they are sent by
  CHECK(pair.agreement() == "");
}

TEST_CASE("[RFC9611 3] whoever serves a copy sends by it when the asker has, or after a second, and not before") {
  for (const bool asker_sends : {true, false}) {
    IkePair pair(in_shards(2));
    want(pair, in_shards(2), 2, 2);
    pair.up();
    pair.a.command(pair.now, ike::WantCopy{for_all(pair.a), 1});
    pair.run();
    REQUIRE(copy(pair.a, 1));
    REQUIRE(copy(pair.b, 0));
    CHECK(copy(pair.a, 1)->outbound_ready);
    CHECK_FALSE(copy(pair.b, 0)->outbound_ready);  // its answer may still be under way
    if (asker_sends) {
      pair.b.command(pair.now, ike::InboundSeen{copy(pair.b, 0)->spec.child_id});
    } else {
      pair.b.command(pair.now, ike::RekeyIke{"net"});  // the wait goes over to the successor
      pair.run();
      CHECK_FALSE(copy(pair.b, 0)->outbound_ready);
      pair.now += seconds(1);
      pair.b.wake(pair.now);
    }
    CHECK(copy(pair.b, 0)->outbound_ready);
  }
}

TEST_CASE("[RFC9611 5.2] a peer that has had enough is not asked again after the IKE SA was rekeyed") {
  IkePair pair(in_shards(4));
  want(pair, in_shards(4), 4, 1);
  pair.up();
  const auto ask = [&](uint32_t resource) {
    pair.a.command(pair.now, ike::WantCopy{for_all(pair.a), resource});
    pair.run();
  };
  for (const uint32_t resource : {1u, 2u, 3u}) ask(resource);
  const auto before = copies(pair.a);
  REQUIRE(pair.b.endpoint.rows_taken().count("TS_MAX_QUEUE") == 1);
  REQUIRE(before.size() < 4);
  for (IkePeer* who : {&pair.a, &pair.b}) {
    who->command(pair.now, ike::RekeyIke{"net"});
    pair.run();
    pair.settle(minutes(1));
    for (const uint32_t resource : {1u, 2u, 3u}) ask(resource);
  }
  CHECK(pair.b.endpoint.rows_taken().at("TS_MAX_QUEUE") == 1);
  CHECK(copies(pair.a) == before);
}

TEST_CASE("[RFC9611 3] a copy made on demand is rekeyed within its shard") {
  IkePair pair(in_shards(2));
  want(pair, in_shards(2), 2, 2);
  pair.up();
  pair.a.command(pair.now, ike::WantCopy{for_all(pair.a), 1});
  pair.run();
  for (int i = 0; i < 8; ++i) {
    IkePeer& who = i % 2 == 0 ? pair.a : pair.b;
    const std::optional<uint32_t> which = i % 2 == 0 ? 1 : 0;
    const model::Spi before = copy(who, which)->spec.spi_in;
    who.command(pair.now, ike::RekeyChild{"net", "lan0", before});
    pair.run();
    REQUIRE(copy(pair.a, 1));
    REQUIRE(copy(pair.b, 0));
    CHECK(copy(who, which)->spec.spi_in != before);
    CHECK(model::shard_of(copy(pair.a, 1)->spec.spi_in, 2) == 1);
    CHECK(model::shard_of(copy(pair.b, 0)->spec.spi_in, 2) == 0);
  }
}

TEST_CASE("[RFC9611 5.2] on demand too TS_MAX_QUEUE ends the asking, as our own limit does") {
  IkePair pair(in_shards(8));
  want(pair, in_shards(8), 4, 1);  // b serves twice its own number
  pair.up();
  for (uint32_t shard = 0; shard < 6; ++shard) {
    pair.a.command(pair.now, ike::WantCopy{for_all(pair.a), shard});
    pair.run();
  }
  CHECK(copies(pair.a) == std::multiset<int>{-1, 0, 1});
  CHECK(pair.b.endpoint.rows_taken().at("TS_MAX_QUEUE") == 1);
  IkePair less(in_shards(8));
  want(less, in_shards(8), 2, 8);
  less.up();
  for (uint32_t shard = 0; shard < 6; ++shard) {
    less.a.command(less.now, ike::WantCopy{for_all(less.a), shard});
    less.run();
  }
  CHECK(copies(less.a) == std::multiset<int>{-1, 0, 1});
  CHECK(less.b.endpoint.rows_taken().count("TS_MAX_QUEUE") == 0);
}

TEST_CASE("[RFC9611 3] of an SA that the peer wants no copies of none is asked for") {
  IkePair pair(in_shards(2));
  want(pair, in_shards(2), 2, 0);
  pair.up();
  CHECK_FALSE(copy(pair.a, {})->spec.per_resource);
  pair.a.command(pair.now, ike::WantCopy{for_all(pair.a), 1});
  pair.run();
  CHECK(copies(pair.a) == std::multiset<int>{-1});
  CHECK(pair.a.out.empty());
}

}  // namespace sallyport::test

TEST_SUITE_END();
