// Flows that filters judge, with two packet workers: what the wrong one reads or opens crosses to the judge and back.
#include <thread>

#include "policy/callout.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"
#include "support/two_workers.h"

using namespace sallyport;
using namespace sallyport::runtime;
using namespace sallyport::support;

namespace {

constexpr uint8_t kPeers = 8;

IpAddr host() { return inner_right(Family::v4); }
IpAddr far_address(uint8_t number) { return IpAddr::v4(0x0A010000u + number); }  // of inner_net(v4, true)
uint16_t judge_of(uint8_t number) { return model::owner_of_flow(host(), far_address(number), 2); }

// Everything is to be protected, and each peer has an SA of its own: the even ones with the second worker.
struct Judges : TwoWorkers {
  Judges() : TwoWorkers(true) {
    const auto added = engine.add(session, callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                                                          known::callout::IPSEC_OUTBOUND_TRANSPORT_V4));
    REQUIRE(added);
    tell(stack::SetSpd{});
    take_up();
    for (uint8_t i = 1; i <= kPeers; ++i) {
      stack::InstallSa command{make_spec(choice, false, 100u + i, i), nullptr, true};
      command.sa.reqid = stack::reqid_of_filter(added->id, host(), far_address(i), true);
      command.sa.local = ports[0];
      command.sa.remote = far.at;
      tell(std::move(command));
      auto& end = ends.emplace_back(std::make_unique<stack::Dataplane>(step));
      end->handle_command(kStart, stack::SetSpd{make_policy(choice, true)});
      end->handle_command(kStart, stack::InstallSa{make_spec(choice, true, 100u + i, i)});
    }
  }
  void take_up() { tell(stack::SetFilters{engine.snapshot()}); }
  void leave(size_t queue, uint8_t to, uint16_t port = 4000) {
    const Bytes packet = udp_packet(host(), far_address(to), 100, port);
    REQUIRE(::write(queues[queue].host.get(), packet.data(), packet.size()) == static_cast<ssize_t>(packet.size()));
  }
  void arrive(size_t socket, uint8_t from, uint16_t port = 4000) {
    PacketBuf packet = PacketBuf::copy_of(udp_packet(far_address(from), host(), 100, 5000, port));
    stack::Dataplane& end = *ends[from - 1u];
    end.handle_inner_packets(kStart, {&packet, 1});
    REQUIRE(end.take_outputs().size() == 1);
    far.send(end.take_outputs()[0].packet.view(), ports[socket]);
    end.done();
  }
  // The SPI that the next datagram to the peers has.
  model::Spi next_spi() {
    uint8_t room[2000];
    REQUIRE(readable(far.fd.get()));
    REQUIRE(::read(far.fd.get(), room, sizeof room) > 100);
    return load_be32(room);
  }
  PacketCounters counters() {
    PacketCounters out = workers[0]->counters();
    out += workers[1]->counters();
    return out;
  }
  size_t flows(size_t worker) {
    size_t out = 0;
    workers[worker]->call([&](stack::Dataplane& dataplane) { out = dataplane.flows(); });
    return out;
  }

  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId session = *engine.open(trusted());
  StepRng step;
  Udp far;
  std::vector<std::unique_ptr<stack::Dataplane>> ends;
};

}  // namespace

TEST_SUITE("runtime/flow_judges") {
  TEST_CASE("both directions of a flow are the judge's, whichever worker reads them and has the SA") {
    Judges t;
    for (const auto& worker : t.workers) worker->start();
    std::array<size_t, 2> judged{};
    uint8_t room[2000];
    for (uint8_t i = 1; i <= kPeers; ++i) {
      ++judged[judge_of(i)];
      for (size_t from = 0; from < 2; ++from) {
        t.leave(from, i);
        CHECK(t.next_spi() == kLeftSpi + i);
        t.arrive(from, i);
        const int device = t.queues[judge_of(i)].host.get();
        REQUIRE(readable(device));
        CHECK(::read(device, room, sizeof room) == 128);
      }
    }
    for (size_t worker = 0; worker < 2; ++worker) {
      CHECK(judged[worker] > 0);
      CHECK(t.flows(worker) == judged[worker]);
      CHECK(t.drops(worker).total() == 0);
    }
    CHECK(t.counters().handed_over > 0);
    CHECK(t.counters().hand_over_full == 0);
    CHECK(t.counters().bypass_refused == 0);
  }

  TEST_CASE("a judge that does not keep up: what finds no place is lost and counted, and nothing passes unjudged") {
    Judges t;
    uint8_t away = 1;
    while (judge_of(away) != 1) ++away;
    t.workers[0]->start();  // the judge does not get going
    constexpr size_t kMany = HandOverRing::kPlaces + 100;
    for (size_t sent = 1; sent <= kMany; ++sent) {
      t.leave(0, away);
      if (sent % 8 == 0 || sent == kMany)
        REQUIRE(t.until([&] { return t.workers[0]->counters().device_packets_in == sent; }));
    }
    CHECK(t.workers[0]->counters().handed_over == HandOverRing::kPlaces);
    CHECK(t.workers[0]->counters().hand_over_full == kMany - HandOverRing::kPlaces);
    pollfd nothing{t.far.fd.get(), POLLIN, 0};
    CHECK(::poll(&nothing, 1, 50) == 0);
    t.workers[1]->start();
    for (size_t i = 0; i < HandOverRing::kPlaces; ++i) REQUIRE(t.next_spi() == kLeftSpi + away);
    CHECK(::poll(&nothing, 1, 50) == 0);
  }

  TEST_CASE("policy, sockets and questions come from another thread while packets cross both ways") {
    Judges t;
    for (const auto& worker : t.workers) worker->start();
    constexpr size_t kRounds = 150;
    std::atomic<size_t> out{0}, in{0};
    std::atomic<bool> over{false};
    const auto drain = [&](int fd, std::atomic<size_t>& count) {
      uint8_t room[2000];
      pollfd waiting{fd, POLLIN, 0};
      while (!over) {
        if (::poll(&waiting, 1, 20) == 1 && ::read(fd, room, sizeof room) > 0) ++count;
      }
    };
    std::vector<std::thread> readers;
    readers.emplace_back(drain, t.far.fd.get(), std::ref(out));
    for (const Queue& queue : t.queues) readers.emplace_back(drain, queue.host.get(), std::ref(in));
    auto group = std::make_shared<stack::SocketGroup>();
    group->number = 7;
    const stack::HostFlow other{host(), far_address(1), 6, 1, 2, true};
    for (size_t round = 0; round < kRounds; ++round) {
      for (uint8_t i = 1; i <= kPeers; ++i) {
        t.leave(round % 2, i, static_cast<uint16_t>(4000 + round % 5));
        t.arrive(round % 2, i, static_cast<uint16_t>(4000 + round % 5));
      }
      t.take_up();
      t.tell(stack::PlaceSocket{other, group});
      t.workers[stack::owner_of(other, 2)]->call(
          [&](stack::Dataplane& dataplane) { CHECK(dataplane.standing(other).has_value()); });
      t.tell(stack::ForgetSocket{other, 7});
      // Each packet has come to its end or is counted. Now and then, so that no socket's buffer is too small.
      if (round % 10 == 9)
        REQUIRE(t.until([&] { return out + in + t.counters().hand_over_full == 2 * kPeers * (round + 1); }));
    }
    over = true;
    for (auto& reader : readers) reader.join();
    CHECK(t.drops(0).total() + t.drops(1).total() == 0);
    CHECK(t.counters().bypass_refused == 0);
  }
}
