// Datagram batches over the loopback interface; what a taken port is called.
#include <doctest/doctest.h>
#include <poll.h>

#include "runtime/datagram_batch.h"
#include "runtime/routes_linux.h"
#include "runtime/udp_socket.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {
IpAddr address(const char* text) { return *IpAddr::parse(text); }
bool readable(const Fd& fd) {
  pollfd wait{fd.get(), POLLIN, 0};
  return ::poll(&wait, 1, 2000) == 1;
}
void round_trip(const char* any, const char* loopback) {
  auto a = open_udp_socket({address(any), 0}, {});
  auto b = open_udp_socket({address(any), 0}, {});
  REQUIRE(a);
  REQUIRE(b);
  const uint16_t port_a = *bound_port(*a);
  const uint16_t port_b = *bound_port(*b);
  std::vector<Bytes> payloads;
  std::vector<OutgoingDatagram> out;
  for (size_t i = 0; i < 20; ++i) payloads.emplace_back(i * 70 + 1, static_cast<uint8_t>(i));
  for (const auto& payload : payloads)
    out.push_back({{address(loopback), port_a}, {address(loopback), port_b}, 0, payload});
  CHECK(send_batch(a->get(), out) == 20);
  DatagramBatch batch;
  size_t seen = 0;
  while (seen < 20) {
    REQUIRE(readable(*b));
    for (const auto& got : batch.receive(b->get(), port_b)) {
      CHECK(got.local == IpEndpoint{address(loopback), port_b});
      CHECK(got.remote == IpEndpoint{address(loopback), port_a});
      CHECK(got.interface_index != 0);
      CHECK(equal(got.payload, payloads[seen]));
      ++seen;
    }
  }
  CHECK(batch.receive(b->get(), port_b).empty());
}
}  // namespace

TEST_SUITE("runtime/udp_socket") {
  TEST_CASE("a batch arrives whole, in order, with both addresses: IPv4") { round_trip("0.0.0.0", "127.0.0.1"); }

  TEST_CASE("a batch arrives whole, in order, with both addresses: IPv6") {
    if (!open_udp_socket({address("::1"), 0}, {})) return;  // no IPv6 on this machine
    round_trip("::", "::1");
  }

  TEST_CASE("the source address is the one asked for") {
    auto a = open_udp_socket({address("0.0.0.0"), 0}, {});
    auto b = open_udp_socket({address("0.0.0.0"), 0}, {});
    REQUIRE(a);
    REQUIRE(b);
    const Bytes payload{1};
    const OutgoingDatagram one{{address("127.0.0.7"), 0}, {address("127.0.0.8"), *bound_port(*b)}, 0, payload};
    CHECK(send_batch(a->get(), {&one, 1}) == 1);
    REQUIRE(readable(*b));
    DatagramBatch batch;
    auto got = batch.receive(b->get(), 1);
    REQUIRE(got.size() == 1);
    CHECK(got[0].remote.addr == address("127.0.0.7"));
    CHECK(got[0].local.addr == address("127.0.0.8"));
  }

  TEST_CASE("one datagram the kernel refuses does not stop the others") {
    auto a = open_udp_socket({address("127.0.0.1"), 0}, {});
    REQUIRE(a);
    const Bytes good{1};
    const Bytes huge(70000);
    const IpEndpoint to{address("127.0.0.1"), *bound_port(*a)};
    const OutgoingDatagram all[] = {{{}, to, 0, good}, {{}, to, 0, huge}, {{}, to, 0, good}};
    int error = 0;
    CHECK(send_batch(a->get(), all, &error) == 2);
    CHECK(error == EMSGSIZE);
  }

  TEST_CASE("[RFC3948 2.2] the kernel brings IKE to the first socket of a port and ESP to the one of its SPI") {
    constexpr unsigned kWorkers = 3;
    SocketOptions shared;
    shared.shared_port = true;
    std::vector<Fd> sockets;
    uint16_t port = 0;
    for (unsigned i = 0; i < 1 + kWorkers; ++i) {
      auto socket = open_udp_socket({address("127.0.0.1"), port}, shared);
      REQUIRE(socket);
      port = *bound_port(*socket);
      sockets.push_back(std::move(*socket));
    }
    REQUIRE(steer_by_spi(sockets.back(), kWorkers));
    auto sender = open_udp_socket({address("127.0.0.1"), 0}, {});
    REQUIRE(sender);
    const uint16_t from = *bound_port(*sender);
    DatagramBatch batch;
    const auto lands_at = [&](const Bytes& payload) -> size_t {
      const OutgoingDatagram out{{address("127.0.0.1"), from}, {address("127.0.0.1"), port}, 0, payload};
      REQUIRE(send_batch(sender->get(), {&out, 1}) == 1);
      size_t at = sockets.size();
      for (size_t i = 0; i < sockets.size(); ++i) {
        if (batch.receive(sockets[i].get(), port).empty()) continue;
        CHECK(at == sockets.size());
        at = i;
      }
      return at;
    };
    CHECK(lands_at({0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}) == 0);  // the non-ESP marker
    CHECK(lands_at({0xff}) == 0);                                // a keepalive
    for (uint8_t spi = 1; spi < 20; ++spi) CHECK(lands_at({0, 0, 1, spi, 0, 0, 0, 1}) == 1 + (256u + spi) % kWorkers);
  }

  TEST_CASE("a taken port is one clear sentence") {
    auto a = open_udp_socket({address("127.0.0.1"), 0}, {});
    REQUIRE(a);
    const IpEndpoint taken{address("127.0.0.1"), *bound_port(*a)};
    auto b = open_udp_socket(taken, {});
    REQUIRE_FALSE(b);
    CHECK(explain_udp(taken, b.error()) == "UDP port " + std::to_string(taken.port) +
                                               " is already in use by another program (" + taken.to_string() + ")");
  }
}

namespace {
CapturePlan plan(std::initializer_list<const char*> local, std::initializer_list<const char*> remote,
                 std::initializer_list<const char*> host) {
  model::SpdEntry entry;
  entry.action = model::Action::PROTECT;
  for (const char* text : local) entry.local.push_back(*model::parse_selector(text));
  for (const char* text : remote) entry.remote.push_back(*model::parse_selector(text));
  std::vector<IpAddr> addresses;
  for (const char* text : host) addresses.push_back(address(text));
  return capture_plan({entry}, addresses);
}
}  // namespace

TEST_SUITE("runtime/routes") {
  TEST_CASE("ranges become exactly the prefixes that cover them") {
    const auto text = [](const char* first, const char* last) {
      std::string out;
      for (const auto& prefix : to_prefixes(address(first), address(last))) out += prefix.to_string() + " ";
      return out;
    };
    CHECK(text("10.1.0.0", "10.1.0.255") == "10.1.0.0/24 ");
    CHECK(text("10.1.0.5", "10.1.0.9") == "10.1.0.5/32 10.1.0.6/31 10.1.0.8/31 ");
    CHECK(text("0.0.0.0", "255.255.255.255") == "0.0.0.0/0 ");
    CHECK(text("255.255.255.254", "255.255.255.255") == "255.255.255.254/31 ");
    CHECK(text("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == "::/0 ");
    CHECK(text("10.0.0.2", "10.0.0.1").empty());
  }

  TEST_CASE("the preferred source is the host's address within the local selectors") {
    const auto routes = plan({"10.1.0.0/24"}, {"10.2.0.0/24", "10.2.0.0/24"}, {"192.0.2.1", "10.1.0.9"}).routes;
    REQUIRE(routes.size() == 1);
    CHECK(routes[0].destination.to_string() == "10.2.0.0/24");
    CHECK(routes[0].source == address("10.1.0.9"));
    CHECK_FALSE(plan({"10.9.0.0/24"}, {"10.2.0.0/24"}, {"10.1.0.9"}).routes[0].source);
    CHECK(plan({"0.0.0.0/0"}, {"10.2.0.0/24"}, {"127.0.0.1", "192.0.2.1"}).routes[0].source == address("192.0.2.1"));
    CHECK_FALSE(plan({"::/0"}, {"fd02::/64"}, {"::1", "fe80::1"}).routes[0].source);
  }

  TEST_CASE("selectors that name protocol or ports are captured by rules, the others by destination") {
    const auto both = plan({"192.0.2.1/32[tcp/22]"}, {"192.0.2.2/32[tcp/1024-2000]"}, {"192.0.2.1"});
    CHECK(both.routes.empty());
    REQUIRE(both.limited.size() == 1);
    CHECK(both.limited[0].source == address("192.0.2.1"));
    REQUIRE(both.rules.size() == 1);
    CHECK(both.rules[0] == LimitedRule{{address("192.0.2.2"), 32}, 6, 22, 22, 1024, 2000});
    // Ports of an unnamed protocol: three that have some, and ICMP whole.
    CHECK(plan({"192.0.2.1/32"}, {"192.0.2.2/32[any/80]"}, {}).rules.size() == 4);
    // Type of ICMP and OPAQUE are not in a route lookup.
    CHECK(plan({"192.0.2.1/32[icmp/2048]"}, {"192.0.2.2/32[icmp/2048]"}, {}).rules[0] ==
          LimitedRule{{address("192.0.2.2"), 32}, 1, 0, 0, 0, 0});
    CHECK(plan({"192.0.2.1/32[udp/opaque]"}, {"192.0.2.2/32"}, {}).rules[0] ==
          LimitedRule{{address("192.0.2.2"), 32}, 17, 0, 0, 0, 0});
    // A selector of another family or protocol on the other end makes none.
    CHECK(plan({"192.0.2.1/32[tcp]"}, {"192.0.2.2/32[udp]", "2001:db8::2/128[tcp]"}, {}).empty());
  }

  TEST_CASE("the own side of a tunnel that takes everything is left to the main table") {
    CHECK(plan({"10.1.0.0/24"}, {"0.0.0.0/0"}, {}).inside == std::vector{*IpPrefix::parse("10.1.0.0/24")});
    CHECK(plan({"10.1.0.0/24"}, {"10.2.0.0/24"}, {}).inside.empty());
  }
}
