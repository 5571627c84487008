// INVALID_IKE_SPI and INVALID_SPI outside an IKE SA: what is said, and how little is believed. RFC 7296 1.5, 2.21.4.
#include <doctest/doctest.h>

#include "support/forger.h"
#include "support/two_endpoints.h"

TEST_SUITE_BEGIN("exchange/hints");

namespace sallyport::test {

using namespace wire::ike2;

namespace {

ike::Config logging() {
  ike::Config config;
  config.key_log = true;
  return config;
}

struct Standing : TwoEndpoints {
  Standing() : TwoEndpoints(logging()) {
    policy_a.connections[0].dpd_delay = policy_b.connections[0].dpd_delay = minutes(10);
    initiate();
    run();
  }
  // b has restarted: it knows nothing.
  void restart_b() {
    lost = std::make_unique<OneEnd>(77, logging());
    lost->endpoint.handle_command(now, ike::SetPolicy{std::make_shared<model::IkePolicySet>(policy_b)});
    lost->drain(now);
  }
  ike::Datagram to_a(Bytes payload) const {
    ike::Datagram d;
    d.local = {*IpAddr::parse("192.0.2.1"), 500};
    d.remote = {*IpAddr::parse("192.0.2.2"), 500};
    d.payload = std::move(payload);
    return d;
  }
  void give_a(Bytes payload) {
    a.endpoint.handle_datagram(now, to_a(std::move(payload)));
    a.drain(now);
  }
  Bytes invalid_ike_spi(const Message& request) const {
    Message m;
    m.header = request.header;
    m.header.response_flag = true;
    m.header.initiator_flag = !request.header.initiator_flag;
    m.payloads.push_back(NotifyPayload{0, {}, NotifyType::INVALID_IKE_SPI, {}});
    return write_message(m);
  }
  static Bytes invalid_spi() {
    Message m;
    m.header.exchange = ExchangeType::INFORMATIONAL;
    m.header.initiator_flag = true;
    m.payloads.push_back(NotifyPayload{0, {}, NotifyType::INVALID_SPI, Bytes{1, 2, 3, 4}});
    return write_message(m);
  }

  std::unique_ptr<OneEnd> lost;
};

}  // namespace

TEST_CASE("[RFC7296 1.5] a sealed request with an unknown IKE SPI is answered with INVALID_IKE_SPI, header copied") {
  Standing s;
  s.restart_b();
  s.command(s.a, ike::Terminate{"tunnel", "net", {}});  // any request
  REQUIRE(s.a.sent.size() == 1);
  ike::Datagram request = s.a.sent.front();
  const auto asked = *parse_message(request.payload);
  s.arrive(*s.lost, request);
  REQUIRE(s.lost->sent.size() == 1);
  const ike::Datagram& said = s.lost->sent.front();
  const auto answer = *parse_message(said.payload);
  CHECK(answer.header.response_flag);
  CHECK(answer.header.spi_i == asked.header.spi_i);
  CHECK(answer.header.spi_r == asked.header.spi_r);
  CHECK(answer.header.message_id == asked.header.message_id);
  CHECK(answer.header.exchange == asked.header.exchange);
  REQUIRE(answer.payloads.size() == 1);
  CHECK(find_notify(answer.payloads, NotifyType::INVALID_IKE_SPI));
  CHECK(find_notify(answer.payloads, NotifyType::INVALID_IKE_SPI)->content.empty());
  CHECK(said.remote == request.local);
}

TEST_CASE("[RFC7296 2.21.4] a response with an unknown IKE SPI is never answered, nor is what is not sealed") {
  Standing s;
  s.restart_b();
  s.command(s.a, ike::Terminate{"tunnel", "net", {}});
  ike::Datagram request = s.a.sent.front();
  ike::Datagram response = request;
  response.payload[19] = static_cast<uint8_t>(response.payload[19] | 0x20);
  s.arrive(*s.lost, response);
  CHECK(s.lost->sent.empty());
  auto clear = *parse_message(request.payload);
  clear.payloads.clear();
  request.payload = write_message(clear);
  s.arrive(*s.lost, request);
  ike::Datagram bare = request;
  bare.payload = Standing::invalid_spi();
  s.arrive(*s.lost, bare);
  CHECK(s.lost->sent.empty());
  CHECK(s.lost->endpoint.counters().unknown_spi == 3);
}

TEST_CASE("[RFC7296 2.21.4] answers outside an IKE SA are limited, and S9 never longer than the request") {
  Standing s;
  s.restart_b();
  s.command(s.a, ike::Terminate{"tunnel", "net", {}});
  const ike::Datagram request = s.a.sent.front();
  for (int i = 0; i < 1000; ++i) s.arrive(*s.lost, request);
  CHECK(s.lost->sent.size() == ike::Limits{}.unauthenticated_answers_per_second);
  for (const auto& said : s.lost->sent) CHECK(said.payload.size() <= request.payload.size());
  s.lost->sent.clear();
  s.now += seconds(1);
  s.arrive(*s.lost, request);
  CHECK(s.lost->sent.size() == 1);
  // The shortest thing with an SK payload: the answer would be longer.
  s.lost->sent.clear();
  Writer tiny;
  wire::ike::IkeHeader header = parse_message(request.payload)->header;
  header.next = PayloadType::SK;
  header.length = 32;
  wire::ike::write_header(header, tiny);
  tiny.u8(0);
  tiny.u8(0);
  tiny.u16(4);
  ike::Datagram small = request;
  small.payload = tiny.take();
  s.arrive(*s.lost, small);
  CHECK(s.lost->sent.empty());
  // So with a bare header of a version to come.
  Writer other;
  header.next = PayloadType::NONE;
  header.major = 3;
  header.length = 28;
  wire::ike::write_header(header, other);
  small.payload = other.take();
  s.arrive(*s.lost, small);
  CHECK(s.lost->sent.empty());
}

TEST_CASE("[RFC7296 2.5] a higher major version is told ours, at most the limited number of times") {
  Standing s;
  ike::Datagram probe;
  probe.local = {*IpAddr::parse("192.0.2.9"), 500};
  probe.remote = {*IpAddr::parse("192.0.2.2"), 500};
  Message m;
  m.header.spi_i = 5;
  m.header.initiator_flag = true;
  m.header.exchange = ExchangeType::IKE_SA_INIT;
  m.payloads.push_back(NoncePayload{Bytes(32, 1)});
  probe.payload = write_message(m);
  probe.payload[17] = 0x30;
  for (int i = 0; i < 300; ++i) s.arrive(s.b, probe);
  REQUIRE(s.b.sent.size() == 100);
  const auto answer = *parse_message(s.b.sent.front().payload);
  CHECK(answer.header.major == 2);
  CHECK(answer.header.response_flag);
  CHECK(find_notify(answer.payloads, NotifyType::INVALID_MAJOR_VERSION));
  probe.payload[19] = static_cast<uint8_t>(probe.payload[19] | 0x20);
  s.b.sent.clear();
  s.now += seconds(2);
  s.arrive(s.b, probe);
  CHECK(s.b.sent.empty());
  CHECK(s.a.endpoint.status().size() == 1);
}

TEST_CASE("[RFC7296 2.21.4] an unprotected INVALID_SPI starts a liveness check early, once an interval, and no more") {
  Standing s;
  for (int i = 0; i < 50; ++i) s.give_a(Standing::invalid_spi());
  REQUIRE(s.a.sent.size() == 1);
  CHECK(parse_message(s.a.sent.front().payload)->header.exchange == ExchangeType::INFORMATIONAL);
  CHECK(forger_of(s.a).payloads(s.a.sent.front().payload).empty());
  s.run();
  CHECK(s.a.endpoint.status().size() == 1);
  CHECK(s.a.endpoint.counters().hints == 50);
  CHECK(s.a.endpoint.counters().hints_followed == 1);
  s.give_a(Standing::invalid_spi());
  CHECK(s.a.sent.empty());
  s.pass(seconds(11));
  s.give_a(Standing::invalid_spi());
  CHECK(s.a.sent.size() == 1);
  s.pass(minutes(3));
  CHECK(s.a.endpoint.status().size() == 1);
  CHECK(s.a.count<ike::IkeSaDown>() == 0);
}

TEST_CASE("[RFC7296 2.21.4] from another address it is no hint at all") {
  Standing s;
  ike::Datagram d = s.to_a(Standing::invalid_spi());
  d.remote.addr = *IpAddr::parse("198.51.100.9");
  s.a.endpoint.handle_datagram(s.now, d);
  s.a.drain(s.now);
  CHECK(s.a.sent.empty());
}

TEST_CASE("[RFC7296 2.21.4] forged INVALID_IKE_SPI cannot close an IKE SA whose peer lives") {
  Standing s;
  for (int round = 0; round < 20; ++round) {
    s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
    REQUIRE(!s.a.sent.empty());
    const auto request = *parse_message(s.a.sent.front().payload);
    for (int i = 0; i < 20; ++i) s.give_a(s.invalid_ike_spi(request));
    CHECK(s.a.endpoint.status().size() == 1);
    s.pass(seconds(30));
  }
  CHECK(s.a.count<ike::IkeSaDown>() == 0);
  CHECK(s.b.count<ike::IkeSaDown>() == 0);
  CHECK(s.a.endpoint.status().at(0).state == "ESTABLISHED");
}

TEST_CASE("[RFC7296 2.21.4] INVALID_IKE_SPI counts only for the request that is out, with both SPIs") {
  Standing s;
  s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
  const auto request = *parse_message(s.a.sent.front().payload);
  Message other = request;
  other.header.message_id += 1;
  s.give_a(s.invalid_ike_spi(other));
  other = request;
  other.header.spi_r ^= 1;
  s.give_a(s.invalid_ike_spi(other));
  CHECK(s.a.endpoint.counters().hints == 0);
  s.give_a(s.invalid_ike_spi(request));
  CHECK(s.a.endpoint.counters().hints == 1);
}

TEST_CASE("[RFC7296 2.21.4] the restart of a peer that never initiates is noticed within seconds, not minutes") {
  Standing s;
  s.restart_b();
  const TimePoint at = s.now;
  // a's packet finds no SA; whoever got it says so, outside any IKE SA.
  s.lost->endpoint.handle_command(
      s.now,
      ike::UnknownSpi{{*IpAddr::parse("192.0.2.2"), 0}, {*IpAddr::parse("192.0.2.1"), 0}, 0x11223344, false, 120});
  s.lost->drain(s.now);
  REQUIRE(s.lost->sent.size() == 1);
  CHECK(s.lost->sent.front().payload.size() <= 120);
  const auto hint = *parse_message(s.lost->sent.front().payload);
  CHECK(!hint.header.response_flag);
  CHECK(hint.header.initiator_flag);
  while (s.a.count<ike::IkeSaDown>() == 0 && s.now - at < minutes(5)) {
    bool moved = true;
    while (moved) {
      moved = false;
      if (!s.lost->sent.empty()) {
        ike::Datagram d = std::move(s.lost->sent.front());
        s.lost->sent.pop_front();
        s.arrive(s.a, d);
        moved = true;
      }
      if (!s.a.sent.empty()) {
        ike::Datagram d = std::move(s.a.sent.front());
        s.a.sent.pop_front();
        s.arrive(*s.lost, d);
        moved = true;
      }
    }
    const auto due = s.a.endpoint.next_deadline();
    REQUIRE(due);
    s.now = *due;
    s.a.endpoint.handle_deadline(s.now);
    s.a.drain(s.now);
  }
  REQUIRE(s.a.event<ike::IkeSaDown>());
  CHECK(s.a.event<ike::IkeSaDown>()->code == Errc::timeout);
  // The hint starts the check, and the answers that the check gets make it short: a TCP connection that begins now has
  // not failed by then.
  CHECK(s.now - at <= seconds(4));
}

TEST_CASE(
    "[RFC7296 2.21.4] a peer that loses messages, and in whose name INVALID_IKE_SPI comes, is asked a few times more") {
  Standing s;
  s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
  const auto request = *parse_message(s.a.sent.front().payload);
  const Bytes first = s.a.sent.front().payload;
  s.a.sent.clear();  // lost
  s.give_a(s.invalid_ike_spi(request));
  for (int again = 0; again < 2; ++again) {
    CHECK(s.a.count<ike::IkeSaDown>() == 0);
    s.now = *s.a.endpoint.next_deadline();
    s.a.endpoint.handle_deadline(s.now);
    s.a.drain(s.now);
    REQUIRE(s.a.sent.size() == 1);
    CHECK(s.a.sent.front().payload == first);
    s.give_a(s.invalid_ike_spi(request));
    if (again == 0) s.a.sent.clear();  // lost as well
  }
  s.run();  // the last one arrives
  CHECK(s.a.endpoint.status().at(0).state == "ESTABLISHED");
  CHECK(s.a.count<ike::IkeSaDown>() == 0);
}

TEST_CASE("[RFC7296 2.21.4] an unknown ESP SPI of a known peer is reported over the IKE SA, once an interval") {
  Standing s;
  const ike::UnknownSpi seen{
      {*IpAddr::parse("192.0.2.1"), 0}, {*IpAddr::parse("192.0.2.2"), 0}, 0xdeadbeef, false, 100};
  for (int i = 0; i < 20; ++i) s.command(s.a, seen);
  REQUIRE(s.a.sent.size() == 1);
  const auto inner = forger_of(s.a).payloads(s.a.sent.front().payload);
  REQUIRE(find_notify(inner, NotifyType::INVALID_SPI));
  CHECK(find_notify(inner, NotifyType::INVALID_SPI)->content == Bytes{0xde, 0xad, 0xbe, 0xef});
  const auto children = s.b.endpoint.status().at(0).children.size();
  s.run();
  // The recipient changes nothing.
  CHECK(s.b.endpoint.status().at(0).children.size() == children);
  CHECK(s.b.count<ike::ChildSaRemoved>() == 0);
  CHECK(s.b.count<ike::IkeSaDown>() == 0);
  CHECK(s.a.endpoint.status().size() == 1);
}

TEST_CASE("[RFC7296 1.5] an unknown ESP SPI of a stranger is told in a limited number of short messages") {
  Standing s;
  for (int i = 0; i < 1000; ++i) {
    s.command(
        s.a, ike::UnknownSpi{{*IpAddr::parse("192.0.2.1"), 4500}, {*IpAddr::parse("198.51.100.7"), 4711}, 9, true, 60});
  }
  CHECK(s.a.sent.size() == 100);
  const ike::Datagram& said = s.a.sent.front();
  CHECK(said.natt);
  CHECK(said.remote == IpEndpoint{*IpAddr::parse("198.51.100.7"), 4711});
  CHECK(said.payload.size() <= 60);
  s.a.sent.clear();
  s.now += seconds(2);
  s.command(s.a,
            ike::UnknownSpi{{*IpAddr::parse("192.0.2.1"), 4500}, {*IpAddr::parse("198.51.100.7"), 4711}, 9, true, 20});
  CHECK(s.a.sent.empty());
}

}  // namespace sallyport::test

TEST_SUITE_END();
