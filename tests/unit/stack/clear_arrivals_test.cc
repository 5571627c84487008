// Clear packets that the packet filter asks about: whose they are for, and whether they go on.
#include "stack/clear_arrivals.h"

#include <doctest/doctest.h>

#include "policy/app_id.h"
#include "policy/callout.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"
#include "wire/ip/checksum.h"

using namespace sallyport;
using namespace sallyport::support;
using ipsec::Drop;
using stack::ClearArrivals;
using stack::SocketOwner;

namespace {

constexpr Layer kAccept = Layer::ALE_AUTH_RECV_ACCEPT_V4;
const IpAddr kPeer = *IpAddr::parse("192.0.2.2"), kHost = *IpAddr::parse("192.0.2.1");

// UDP, its checksum left to a device.
Bytes datagram(uint16_t from, uint16_t to, size_t octets = 4) {
  Bytes out(28 + octets, 0x61);
  const auto total = static_cast<uint16_t>(out.size());
  std::fill(out.begin(), out.begin() + 28, uint8_t{0});
  out[0] = 0x45;
  store_be16(&out[2], total);
  out[8] = 64;
  out[9] = 17;
  std::copy(kPeer.bytes().begin(), kPeer.bytes().end(), out.begin() + 12);
  std::copy(kHost.bytes().begin(), kHost.bytes().end(), out.begin() + 16);
  store_be16(&out[10], wire::ip::checksum(ByteView(out).first(20)));
  store_be16(&out[20], from);
  store_be16(&out[22], to);
  store_be16(&out[24], static_cast<uint16_t>(total - 20));
  store_be16(&out[26], wire::ip::pseudo_header_sum(kPeer, kHost, 17, total - 20u));
  return out;
}

stack::HostFlow flow(uint16_t from, uint16_t to) { return {kHost, kPeer, 17, to, from, true}; }

std::shared_ptr<const SocketOwner> owner(const char* program) {
  auto out = std::make_shared<SocketOwner>();
  out->user = std::make_shared<const Token>(stack::token_of_account(7, {}));
  out->program = policy::app_id_of(program);
  return out;
}

struct Host {
  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId session = *engine.open(trusted());
  ClearArrivals arrivals;
  TimePoint now{seconds(1000)};

  explicit Host(std::vector<Filter> filters) {
    for (const auto& each : filters) REQUIRE(engine.add(session, each));
  }
  void come(const Bytes& packet) { arrivals.handle_packet(now, engine.snapshot(), packet); }
  void place(const stack::HostFlow& of, std::shared_ptr<const SocketOwner> whose) {
    arrivals.place_owner(now, engine.snapshot(), of, std::move(whose));
  }
  size_t wanted() { return count<stack::OwnerWanted>(); }
  size_t delivered() { return count<ClearArrivals::Deliver>(); }
  template <class What>
  size_t count() {
    size_t out = 0;
    while (const auto output = arrivals.poll()) out += std::holds_alternative<What>(*output);
    return out;
  }
};

Filter only(const char* program) {
  return filter(kAccept, ActionType::PERMIT, {equal(Field::ALE_APP_ID, Value(Blob{policy::app_id_of(program)}))},
                Value(uint8_t{8}));
}
Filter nobody() { return filter(kAccept, ActionType::BLOCK, {}, Value(uint8_t{1})); }

}  // namespace

TEST_SUITE("stack/clear_arrivals") {
  TEST_CASE(
      "[WFP ALE_AUTH_RECV_ACCEPT] a clear packet waits for the listener's owner and goes on with its checksum "
      "finished") {
    Host host({only("/bin/a"), nobody()});
    host.come(datagram(1, 53));
    host.come(datagram(1, 53));
    CHECK(host.wanted() == 1);  // one question
    host.place(flow(1, 53), owner("/bin/a"));
    const auto output = host.arrivals.poll();
    REQUIRE(output);
    const auto& deliver = std::get<ClearArrivals::Deliver>(*output);
    CHECK(deliver.destination == kHost);
    CHECK(wire::ip::transport_checksum(kPeer, kHost, 17, ByteView(deliver.packet).subspan(20)) == 0);
    CHECK(host.delivered() == 1);
    // Asked about again, it is known.
    host.come(datagram(1, 53));
    CHECK(host.delivered() == 1);
    CHECK(host.arrivals.known() == 1);
  }

  TEST_CASE("whose program is another one, nobody's and unsayable ones are dropped by name") {
    Host host({only("/bin/a"), nobody()});
    host.come(datagram(1, 53));
    host.place(flow(1, 53), owner("/bin/b"));
    host.come(datagram(2, 53));
    host.place(flow(2, 53), std::make_shared<const SocketOwner>());
    CHECK(host.arrivals.drops()[Drop::filter_block] == 2);
    host.come(datagram(3, 53));
    host.place(flow(3, 53), nullptr);
    CHECK(host.arrivals.drops()[Drop::owner_unknown] == 1);
    CHECK(host.delivered() == 0);
    CHECK(host.arrivals.known() == 1);  // what is nobody's may be somebody's soon
    host.come(Bytes{1, 2, 3});
    CHECK(host.arrivals.drops()[Drop::malformed_inner] == 1);
  }

  TEST_CASE("a callout that wants protection vetoes what is in the clear, whoever listens") {
    Host host({only("/bin/a"), callout_filter(kAccept, ActionType::CALLOUT_TERMINATING,
                                              known::callout::IPSEC_INBOUND_INITIATE_SECURE_V4,
                                              {equal(Field::ALE_APP_ID, Value(Blob{policy::app_id_of("/bin/b")}))})});
    host.come(datagram(1, 53));
    host.place(flow(1, 53), owner("/bin/b"));
    CHECK(host.arrivals.drops()[Drop::filter_block] == 1);
    host.come(datagram(2, 53));
    host.place(flow(2, 53), owner("/bin/a"));
    CHECK(host.arrivals.drops()[Drop::filter_block] == 1);
  }

  TEST_CASE("strangers' flows have limits, and none waits for long") {
    Host host({only("/bin/a"), nobody()});
    for (uint16_t port = 1; port <= ClearArrivals::kMostWaitingFlows + 10; ++port) host.come(datagram(port, 53));
    CHECK(host.arrivals.waiting() == ClearArrivals::kMostWaitingFlows);
    CHECK(host.arrivals.drops()[Drop::owner_unknown] == 10);
    for (size_t i = 0; i < ClearArrivals::kMostOfFlow; ++i) host.come(datagram(1, 53));
    CHECK(host.arrivals.drops()[Drop::owner_unknown] == 11);
    host.now += ClearArrivals::kWait;
    REQUIRE(host.arrivals.next_deadline());
    host.arrivals.handle_deadline(host.now);
    CHECK(host.arrivals.waiting() == 0);
    CHECK_FALSE(host.arrivals.next_deadline());
    CHECK(host.arrivals.drops()[Drop::owner_unknown] ==
          11 + ClearArrivals::kMostWaitingFlows - 1 + ClearArrivals::kMostOfFlow);
    for (uint16_t port = 1; port <= 20; ++port) host.come(datagram(port, 53, 60000));
    CHECK(host.arrivals.waiting() == ClearArrivals::kMostWaitingOctets / 60028);
  }
}
