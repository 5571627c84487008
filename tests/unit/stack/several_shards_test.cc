// Flows that filters judge, in a data plane of several shards: each in one of them, whichever shard its packets come to
// and whichever has their SA.
#include <algorithm>
#include <array>

#include "stack/socket_filters.h"
#include "support/sharded_host.h"

using namespace sallyport;
using namespace sallyport::stack;
using namespace sallyport::support;

TEST_SUITE("stack/several_shards") {
  TEST_CASE("both directions between two addresses have one judge, and many pairs are spread over all") {
    for (const size_t shards : {1u, 2u, 3u, 8u}) {
      std::vector<size_t> load(shards);
      for (uint32_t i = 0; i < 4096; ++i) {
        const IpAddr left = IpAddr::v4(0xC0000201u + i % 3), right = IpAddr::v4(0xC6336400u + i);
        const uint16_t judge = model::owner_of_flow(left, right, shards);
        REQUIRE(judge < shards);
        REQUIRE(judge == model::owner_of_flow(right, left, shards));
        ++load[judge];
      }
      CHECK(*std::min_element(load.begin(), load.end()) > 4096u / shards * 3 / 4);
    }
    CHECK(model::owner_of_flow(host(), host(), 8) < 8);
    CHECK(model::owner_of_flow(inner_left(Family::v6), inner_right(Family::v6), 8) ==
          model::owner_of_flow(inner_right(Family::v6), inner_left(Family::v6), 8));
  }

  TEST_CASE("[WFP 20.4] many flows, each packet at another shard: one memory of each, and none in the clear") {
    ShardedHost t;
    const uint64_t filter = t.add(protect_all());
    t.take_up();
    std::array<size_t, kShards> judged{};
    for (uint8_t p = 1; p <= 24; ++p) {
      const uint32_t reqid = reqid_of_filter(filter, host(), peer(p), true);
      t.install(p, static_cast<uint16_t>(p % kShards), reqid);
      ++judged[judge_of(peer(p))];
      for (uint16_t port = 4000; port < 4004; ++port) {
        for (size_t shard = 0; shard < kShards; ++shard) {
          t.leave(shard, tcp(host(), peer(p), port, kPort));
          const auto sent = t.one();
          CHECK(sent.way == ipsec::Way::esp_udp);
          CHECK(sent.shard == p % kShards);
          CHECK(load_be32(sent.packet.data()) ==
                kRightSpi + p * kShards + (kShards - kLeftSpi % kShards + p % kShards) % kShards);
        }
        t.arrive(p, tcp(peer(p), host(), kPort, port));
        const auto come = t.one();
        CHECK(come.way == ipsec::Way::inner);
        CHECK(come.shard == judge_of(peer(p)));  // so that the device brings the answers there
        CHECK(come.packet == tcp(peer(p), host(), kPort, port));
        CHECK(t.rememberers(flow_to(peer(p), port)) == std::vector<size_t>{judge_of(peer(p))});
      }
    }
    for (size_t shard = 0; shard < kShards; ++shard) {
      CHECK(judged[shard] > 0);
      CHECK(t.shards[shard]->flows() == 4 * judged[shard]);
      CHECK(t.shards[shard]->drops().total() == 0);
    }
  }

  TEST_CASE("what waits for its SA waits at its judge, is asked for once, and leaves whichever shard gets the SA") {
    for (uint16_t shard = 0; shard < kShards; ++shard) {
      ShardedHost t;
      const uint32_t reqid = reqid_of_filter(t.add(protect_all()), host(), peer(1), true);
      t.take_up();
      for (size_t from = 0; from < kShards; ++from) t.leave(from, tcp(host(), peer(1), 4000, kPort));
      CHECK(t.take().empty());
      CHECK(t.acquires() == 1);
      t.install(1, shard, reqid);
      const auto sent = t.take();
      CHECK(sent.size() == kShards);
      for (const auto& packet : sent) CHECK(packet.way == ipsec::Way::esp_udp);
      for (const auto& packet : sent) CHECK(packet.shard == shard);
    }
  }

  TEST_CASE(
      "[RFC7296 2.8] held packets leave when the SA is switched to, though shards hear of it one after the other") {
    for (uint16_t shard = 0; shard < kShards; ++shard) {
      ShardedHost t;
      const uint32_t reqid = reqid_of_filter(t.add(protect_all()), host(), peer(1), true);
      t.take_up();
      t.leave(0, tcp(host(), peer(1), 4000, kPort));
      const auto offset = static_cast<model::Spi>((kShards + shard - kLeftSpi % kShards) % kShards);
      InstallSa half{make_spec(kUdp, true, 1, offset), nullptr, true};
      half.sa.reqid = reqid;
      half.sa.outbound_ready = false;
      t.tell(std::move(half));
      CHECK(t.take().empty());
      t.tell(SwitchSaOutbound{1});
      CHECK(t.one().shard == shard);
    }
  }

  TEST_CASE("[MS-IKEE 3.3] under negotiation discovery, what was protected once is never in the clear at any shard") {
    ShardedHost t;
    Filter discover = protect_all();
    discover.raw_context = raw_context::kOutboundNegotiateDiscover;
    const uint32_t reqid = reqid_of_filter(t.add(discover), host(), peer(1), true);
    t.take_up();
    for (size_t shard = 0; shard < kShards; ++shard) t.leave(shard, tcp(host(), peer(1), 4000, kPort));
    const auto first = t.take();
    CHECK(first.size() == kShards);
    for (const auto& packet : first) CHECK(packet.way == ipsec::Way::clear);
    for (const auto& packet : first) CHECK(packet.shard == judge_of(peer(1)));
    CHECK(t.acquires() == 1);
    SUBCASE("by a packet that came") {
      t.install(1, other_than(judge_of(peer(1))), reqid + 1);
      t.arrive(1, tcp(peer(1), host(), kPort, 4000));
      CHECK(t.one().way == ipsec::Way::inner);
    }
    SUBCASE("by a packet that left") {
      t.install(1, other_than(judge_of(peer(1))), reqid);
      t.leave(2, tcp(host(), peer(1), 4000, kPort));
      CHECK(t.one().way == ipsec::Way::esp_udp);
      t.tell(RemoveSa{1, {}});
    }
    for (size_t shard = 0; shard < kShards; ++shard) t.leave(shard, tcp(host(), peer(1), 4000, kPort));
    CHECK(t.take().empty());
  }

  TEST_CASE("[scenario 5] whom the SA of another shard has proved counts, and so does that it proved nobody") {
    ShardedHost t;
    SecurityDescriptor clerk;
    clerk.dacl = {{Ace::Kind::allow, kActrlMatchFilter, sid_of_identity("O=Example, CN=clerk")}};
    t.add(callout_filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::CALLOUT_TERMINATING,
                         known::callout::IPSEC_INBOUND_INITIATE_SECURE_V4,
                         {equal(Field::ALE_REMOTE_MACHINE_ID, Value(DescriptorValue{write_descriptor(clerk)}))}));
    t.add(filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::BLOCK));
    t.take_up();
    const uint16_t away = other_than(judge_of(peer(1)));
    t.install(1, away, 1, machine("O=Example, CN=clerk"));
    t.install(2, away, 2, machine("O=Example, CN=guest"));
    t.install(3, away, 3);
    const Bytes packet = tcp(peer(1), host(), 4000, kPort);
    for (const model::ChildId child : {1u, 2u, 1u, 3u, 1u}) t.arrive(child, packet);
    CHECK(t.take().size() == 3);
    CHECK(t.drops(Drop::filter_block) == 2);
    // On its way when the SA went: whose it was is known.
    t.tell(RemoveSa{1, seconds(10)});
    t.arrive(1, packet);
    CHECK(t.take().size() == 1);
  }

  // A connection of a secured socket, whose group has SAs with peer(1).
  struct Socket : ShardedHost {
    Socket() {
      group->number = 1;
      group->by_flow = true;
      for (const bool encrypted : {false, true}) {
        ProviderContext quick_mode = context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, transport_policy());
        quick_mode.head.key = secure_socket_quick_mode(encrypted);
        REQUIRE(engine.add(session, quick_mode));
      }
      Provider provider;
      provider.head.key = secure_socket_provider();
      provider.head.display.name = "secure sockets";
      REQUIRE(engine.add(session, provider));
      for (auto& each : socket_filters({}, {6, host(), peer(1), 0, kPort}, {}, "socket", *group)) {
        const bool leaving = each.layer == Layer::OUTBOUND_TRANSPORT_V4;
        const uint64_t id = add(std::move(each));
        if (leaving) reqid = reqid_of_filter(id, host(), peer(1), true);
      }
      take_up();
      REQUIRE(reqid != 0);
    }
    void install_other(model::ChildId child, uint16_t shard) {
      const auto offset = static_cast<model::Spi>(90 + (kShards + shard - kLeftSpi % kShards) % kShards);
      InstallSa command{make_spec(kUdp, true, child, offset), machine("O=Example, CN=mallory"), true};
      command.sa.remote.addr = peer(1);
      command.sa.reqid = reqid;
      command.group = 1;
      REQUIRE(model::shard_of(command.sa.spi_in, kShards) == shard);
      tell(std::move(command));
    }
    const uint16_t judge = judge_of(peer(1));
    const HostFlow flow = flow_to(peer(1), 4000);
    std::shared_ptr<SocketGroup> group = std::make_shared<SocketGroup>();
    uint32_t reqid = 0;
  };
  bool is_reset(const ShardedHost::Seen& seen) {
    return seen.way == ipsec::Way::inner && (seen.packet[20 + 13] & wire::ip::kTcpRst) != 0;
  }

  TEST_CASE("[RFC5660 2] a latched connection is broken off by the SA of another peer, wherever that one lives") {
    Socket t;
    const uint16_t judge = t.judge;
    const HostFlow flow = t.flow;
    // Nobody's yet: it waits at its judge for a word about whose it is.
    t.leave(other_than(judge), tcp(host(), peer(1), 4000, kPort, wire::ip::kTcpSyn));
    CHECK(t.take().empty());
    t.tell(PlaceSocket{flow, t.group});
    CHECK(t.rememberers(flow) == std::vector<size_t>{judge});
    t.install(1, other_than(judge), 100, machine("O=Example, CN=alice"), 1);
    t.arrive(1, tcp(peer(1), host(), kPort, 4000));
    CHECK(t.one().way == ipsec::Way::inner);
    t.install(2, judge, 101, machine("O=Example, CN=alice"), 1);  // a rekey to the same peer
    t.arrive(2, tcp(peer(1), host(), kPort, 4000));
    CHECK(t.one().packet == tcp(peer(1), host(), kPort, 4000));
    CHECK(t.shards[judge]->standing(flow)->broken == FilterFlows::Broken::no);
    const auto away = static_cast<uint16_t>((judge + 2) % kShards);
    SUBCASE("by a packet of it") {
      t.install(3, away, 102, machine("O=Example, CN=mallory"), 1);
      t.arrive(3, tcp(peer(1), host(), kPort, 4000));
      CHECK(is_reset(t.one()));  // in its place
      CHECK(t.shards[judge]->drops()[Drop::latch_broken] == 1);
    }
    SUBCASE("before one comes, where the address is the peer's") { t.install_other(3, away); }
    CHECK(t.shards[judge]->standing(flow)->broken == FilterFlows::Broken::other_peer);
    for (size_t shard = 0; shard < kShards; ++shard) {
      t.leave(shard, tcp(host(), peer(1), 4000, kPort));
      CHECK(is_reset(t.one()));
    }
    t.arrive(1, tcp(peer(1), host(), kPort, 4000));  // also from the peer that it began with
    CHECK(is_reset(t.one()));
    t.tell(ForgetSocket{flow, 1});
    CHECK(t.rememberers(flow).empty());
  }

  TEST_CASE("[RFC5660 2] what is on its way to one peer's SA does not leave by another's that comes in its place") {
    for (uint16_t shard = 0; shard < kShards; ++shard) {
      Socket t;
      const uint16_t away = other_than(t.judge);
      t.tell(PlaceSocket{t.flow, t.group});
      t.install(1, away, t.reqid, machine("O=Example, CN=alice"), 1);
      t.arrive(1, tcp(peer(1), host(), kPort, 4000));
      CHECK(t.one().way == ipsec::Way::inner);
      Handed caught;
      t.lost = [&](Handed& handed) {
        std::swap(caught, handed);
        return true;
      };
      t.leave(t.judge, tcp(host(), peer(1), 4000, kPort));
      REQUIRE(caught.by.child == 1);
      t.lost = nullptr;
      t.install_other(3, shard);
      t.tell(RemoveSa{1, {}});
      t.shards[away]->handle_handed(kStart, caught);
      t.settle();
      CHECK(is_reset(t.one()));
    }
  }

  TEST_CASE("a connection is answered by the SA that it came by, while that one stands, in whatever shard") {
    ShardedHost t;
    const uint64_t filter = t.add(protect_all());
    t.take_up();
    const uint16_t judge = judge_of(peer(1));
    const uint32_t ours = reqid_of_filter(filter, host(), peer(1), true);
    t.install(1, judge, ours);
    const auto offset =
        static_cast<model::Spi>(9 * kShards + (kShards + other_than(judge) - kLeftSpi % kShards) % kShards);
    auto far = std::make_unique<Dataplane>(t.step);
    far->handle_command(kStart, SetSpd{make_policy(kUdp, false)});
    far->handle_command(kStart, InstallSa{make_spec(kUdp, false, 9, offset)});
    t.ends[9] = std::move(far);
    InstallSa answered{make_spec(kUdp, true, 9, offset), machine("O=Example, CN=alice"), true};
    answered.sa.reqid = 900;
    answered.answered = true;
    answered.user = machine("alice@example.org");
    t.tell(std::move(answered));
    t.arrive(9, tcp(peer(1), host(), 4000, kPort));
    CHECK(t.one().way == ipsec::Way::inner);
    t.leave(judge, tcp(host(), peer(1), kPort, 4000));
    CHECK(t.one().shard == other_than(judge));
    t.tell(RemoveSa{9, {}});
    t.leave(judge, tcp(host(), peer(1), kPort, 4000));
    CHECK(t.one().shard == judge);
  }

  TEST_CASE("[RFC4301 7] fragments that come to different shards are put together by the judge of both addresses") {
    ShardedHost t;
    const uint64_t filter = t.add(protect_all());
    t.add(callout_filter(Layer::ALE_AUTH_CONNECT_V4, ActionType::CALLOUT_TERMINATING,
                         known::callout::IPSEC_ALE_CONNECT_V4));
    t.take_up();
    t.install(1, other_than(judge_of(peer(1))), reqid_of_filter(filter, host(), peer(1), true));
    Bytes whole = udp_packet(host(), peer(1), 1192, 4000, 5000);
    const auto piece = [&](size_t at, size_t octets, bool last) {
      Bytes out = to_bytes(ByteView(whole).first(20));
      append(out, ByteView(whole).subspan(20 + at, octets));
      store_be16(&out[2], static_cast<uint16_t>(out.size()));
      store_be16(&out[6], static_cast<uint16_t>(at / 8 | (last ? 0 : 0x2000)));
      store_be16(&out[10], 0);
      store_be16(&out[10], wire::ip::checksum(ByteView(out).first(20)));
      return out;
    };
    t.leave(2, piece(800, 400, true));
    t.leave(0, piece(0, 400, false));
    CHECK(t.take().empty());
    t.leave(1, piece(400, 400, false));
    CHECK(t.one().way == ipsec::Way::esp_udp);
    CHECK(t.rememberers({host(), peer(1), 17, 4000, 5000, true}) == std::vector<size_t>{judge_of(peer(1))});
  }

  TEST_CASE("[WFP 20.4] not_encrypted: a flow that must be encrypted finds only authentication in the other shard") {
    ShardedHost t;
    Filter connect = callout_filter(Layer::ALE_AUTH_CONNECT_V4, ActionType::CALLOUT_TERMINATING,
                                    known::callout::IPSEC_ALE_CONNECT_V4, {}, raw_context::kAleRequireEncryption);
    const uint64_t filter = t.add(protect_all());
    t.add(connect);
    t.take_up();
    // What is only authenticated has no business under this reqid; the other shard looks all the same.
    t.install(1, other_than(judge_of(peer(1))), reqid_of_filter(filter, host(), peer(1), true), nullptr, 0, false);
    t.leave(0, tcp(host(), peer(1), 4000, kPort));
    CHECK(t.take().empty());
    CHECK(t.drops(Drop::not_encrypted) == 1);
  }

  // A packet is judged, and what it is to leave by changes before it is at the SA's shard.
  struct OnItsWay : ShardedHost {
    OnItsWay() {
      reqid = reqid_of_filter(add(protect_all()), host(), peer(1), true);
      take_up();
      install(1, away, reqid);
      lost = [&](Handed& handed) {
        if (handed.what != Handed::What::send) return false;
        std::swap(caught, handed);
        return true;
      };
      leave(judge_of(peer(1)), tcp(host(), peer(1), 4000, kPort));
      REQUIRE(caught.by.child == 1);
      lost = nullptr;
    }
    void go_on() {
      shards[away]->handle_handed(kStart, caught);
      settle();
    }
    const uint16_t away = other_than(judge_of(peer(1)));
    uint32_t reqid = 0;
    Handed caught;
  };

  TEST_CASE("the SA ends while a packet is on its way to its shard: it waits at its judge for the next one") {
    for (const Duration linger : {Duration::zero(), Duration(seconds(10))}) {
      OnItsWay t;
      t.tell(RemoveSa{1, linger});  // one that lingers sends nothing any more
      (void)t.acquires();
      t.go_on();
      CHECK(t.take().empty());
      CHECK(t.acquires() == 1);
      t.install(2, t.away, t.reqid);
      CHECK(t.one().shard == t.away);
    }
  }

  TEST_CASE("[RFC7296 2.8] a successor takes what was on its way to the SA before it, in whatever shard it is") {
    for (uint16_t shard = 0; shard < kShards; ++shard) {
      OnItsWay t;
      t.install(2, shard, t.reqid);
      t.tell(RemoveSa{1, {}});
      t.go_on();
      CHECK(t.one().shard == shard);
    }
  }

  TEST_CASE(
      "sa_gone: a judge that takes a shard for the one that has the SA is asked again for a while and no longer") {
    OnItsWay t;
    t.tell(RemoveSa{1, {}});
    InstallSaElsewhere wrong;
    wrong.sa.child_id = 5;
    wrong.sa.reqid = t.reqid;
    wrong.sa.shard = t.away;
    wrong.sa.ts_local = inner_net(Family::v4, true);
    wrong.sa.ts_remote = inner_net(Family::v4, false);
    t.shards[judge_of(peer(1))]->handle_command(kStart, std::move(wrong));
    const size_t before = t.crossed;
    t.go_on();
    CHECK(t.take().empty());
    CHECK(t.crossed - before == 8);
    CHECK(t.drops(Drop::sa_gone) == 1);
  }

  TEST_CASE("without filters what was on its way to an SA that ended leaves by its successor, in whatever shard") {
    for (uint16_t shard = 0; shard < kShards; ++shard) {
      ShardedHost t;
      t.tell(SetSpd{make_policy(kUdp, true)});
      t.install(1, 1, kReqid);
      Handed caught;
      t.lost = [&](Handed& handed) {
        std::swap(caught, handed);
        return true;
      };
      t.leave(0, tcp(host(), peer(1), 4000, kPort));
      REQUIRE(caught.what == Handed::What::send);
      t.lost = nullptr;
      t.install(2, shard, kReqid);
      t.tell(RemoveSa{1, {}});
      t.shards[1]->handle_handed(kStart, caught);
      t.settle();
      CHECK(t.one().shard == shard);
      t.tell(RemoveSa{2, {}});
      t.shards[1]->handle_handed(kStart, caught);
      t.settle();
      CHECK(t.take().empty());
    }
  }

  TEST_CASE("what is lost on its way to its judge is not judged, and not sent or delivered by anybody") {
    ShardedHost t;
    const uint32_t reqid = reqid_of_filter(t.add(protect_all()), host(), peer(1), true);
    t.take_up();
    const uint16_t away = other_than(judge_of(peer(1)));
    t.install(1, away, reqid);
    t.lost = [](Handed&) { return true; };
    for (size_t shard = 0; shard < kShards; ++shard) t.leave(shard, tcp(host(), peer(1), 4000, kPort));
    t.arrive(1, tcp(peer(1), host(), kPort, 4000));
    CHECK(t.take().empty());
    t.lost = nullptr;
    t.leave(away, tcp(host(), peer(1), 4000, kPort));
    CHECK(t.one().way == ipsec::Way::esp_udp);
  }

  TEST_CASE("without filters nothing has a judge: what came is delivered where its SA is") {
    ShardedHost t;
    t.tell(SetSpd{make_policy(kUdp, true)});
    const uint16_t away = other_than(judge_of(peer(1)));
    t.install(1, away, kReqid);
    t.arrive(1, tcp(peer(1), host(), kPort, 4000));
    CHECK(t.one().shard == away);
    CHECK(t.crossed == 0);
    // The policy changes while a packet is on its way to its judge, who does not judge any more.
    t.add(filter(Layer::INBOUND_TRANSPORT_V4, ActionType::BLOCK));
    t.take_up();
    t.arrive(1, tcp(peer(1), host(), kPort, 4000));
    CHECK(t.take().empty());
    CHECK(t.drops(Drop::filter_block) == 1);
    t.shards[judge_of(peer(1))]->handle_command(kStart, SetFilters{nullptr});
    t.arrive(1, tcp(peer(1), host(), kPort, 4000));
    CHECK(t.one().shard == judge_of(peer(1)));
  }
}
