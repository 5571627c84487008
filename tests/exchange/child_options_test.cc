// What two sides agree about a Child SA besides its algorithms: protocol, mode, ESN, padding, fragments. RFC 7296
// 1.3.1, 2.8, 2.23.1, 3.3.
#include <doctest/doctest.h>

#include "ike/protection.h"
#include "model/flow_key.h"
#include "support/two_endpoints.h"

TEST_SUITE_BEGIN("exchange/child_options");

namespace sallyport::test {

namespace {

using model::Mode;
using model::Protocol;

IpAddr ip(const char* text) { return *IpAddr::parse(text); }
model::Selectors one(const char* text) { return {*model::parse_selector(text)}; }
model::Proposals words(Protocol protocol, const char* text) { return {*model::parse_proposal(protocol, text)}; }

// Two hosts that protect what they send each other.
struct Hosts : TwoEndpoints {
  explicit Hosts(Mode mode_a = Mode::transport, Mode mode_b = Mode::transport, ike::Config config = {})
      : TwoEndpoints(config) {
    child_a().mode = mode_a;
    child_b().mode = mode_b;
    child_a().local = child_b().remote = one("192.0.2.1");
    child_a().remote = child_b().local = one("192.0.2.2");
  }
  model::ChildPolicy& child_a() { return policy_a.connections[0].children[0]; }
  model::ChildPolicy& child_b() { return policy_b.connections[0].children[0]; }
  void both(const std::function<void(model::ChildPolicy&)>& change) {
    change(child_a());
    change(child_b());
  }
  void up() {
    initiate();
    run();
  }
  void command(OneEnd& end, ike::Command what) {
    end.endpoint.handle_command(now, std::move(what));
    end.drain(now);
    run();
  }
};

// The last Child SA an end was told of.
const model::SaSpec* newest(const OneEnd& end) {
  const model::SaSpec* found = nullptr;
  for (const auto& e : end.events) {
    if (const auto* ready = std::get_if<ike::ChildSaReady>(&e)) found = &ready->sa;
  }
  return found;
}
size_t children(const OneEnd& end) {
  size_t n = 0;
  for (const auto& sa : end.endpoint.status()) n += sa.children.size();
  return n;
}
bool crossed(const model::SaSpec& a, const model::SaSpec& b) {
  return a.spi_in == b.spi_out && a.spi_out == b.spi_in && equal(a.in.encr.view(), b.out.encr.view()) &&
         equal(a.out.encr.view(), b.in.encr.view()) && equal(a.in.integ.view(), b.out.integ.view()) &&
         equal(a.out.integ.view(), b.in.integ.view());
}

}  // namespace

TEST_CASE("[RFC7296 1.3.1] transport mode stands when both say USE_TRANSPORT_MODE") {
  Hosts t;
  t.up();
  const auto *a = newest(t.a), *b = newest(t.b);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->mode == Mode::transport);
  CHECK(b->mode == Mode::transport);
  CHECK(crossed(*a, *b));
  CHECK_FALSE(a->original_source);
  CHECK_FALSE(b->original_destination);
  REQUIRE(t.a.endpoint.status().size() == 1);
  CHECK(t.a.endpoint.status()[0].children.at(0).mode == "transport");
}

TEST_CASE(
    "an SA between two hosts, and its successor, live in the shard that judges the flows between these, at both ends") {
  for (uint16_t shards = 1; shards <= 8; ++shards) {
    ike::Config config;
    config.shards = shards;
    Hosts t(Mode::transport, Mode::transport, config);
    t.up();
    for (const bool rekeyed : {false, true}) {
      if (rekeyed) t.command(t.a, ike::RekeyChild{"tunnel", "net", {}});
      for (const OneEnd* end : {&t.a, &t.b}) {
        const auto* sa = newest(*end);
        REQUIRE(sa);
        CHECK(model::shard_of(sa->spi_in, shards) == model::owner_of_flow(ip("192.0.2.1"), ip("192.0.2.2"), shards));
      }
    }
    CHECK(std::count_if(t.a.events.begin(), t.a.events.end(),
                        [](const auto& e) { return std::holds_alternative<ike::ChildSaReady>(e); }) == 2);
  }
}

TEST_CASE("[RFC7296 1.3.1] a responder that declines transport mode gets its Child SA deleted") {
  Hosts t(Mode::transport, Mode::tunnel);
  t.up();
  CHECK_FALSE(newest(t.a));
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->sentence ==
        "we want transport mode for child net, the peer agrees to tunnel mode only");
  CHECK(t.a.event<ike::AttemptFailed>()->ours == "transport");
  CHECK(t.a.event<ike::AttemptFailed>()->peers == "tunnel");
  REQUIRE(newest(t.b));
  CHECK(t.b.event<ike::ChildSaRemoved>());
  CHECK(children(t.b) == 0);
  CHECK(t.a.endpoint.status().size() == 1);  // the IKE SA stays
}

TEST_CASE("[RFC7296 1.3.1] in CREATE_CHILD_SA too what was declined is deleted at the peer") {
  Hosts t;
  t.both([](model::ChildPolicy& c) { c.mode = Mode::tunnel; });
  model::ChildPolicy more = t.child_a();
  more.name = "more";
  more.mode = Mode::transport;
  more.reqid = 2;
  t.policy_a.connections[0].children.push_back(more);
  t.up();
  REQUIRE(children(t.b) == 1);
  t.command(t.a, ike::Initiate{"tunnel", "more"});
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->child == "more");
  CHECK(children(t.a) == 1);
  CHECK(children(t.b) == 1);
}

TEST_CASE("[RFC7296 1.3.1] who may take a tunnel takes it where transport mode is declined") {
  Hosts t(Mode::transport, Mode::tunnel);
  t.child_a().accept_tunnel = true;
  t.up();
  REQUIRE(newest(t.a));
  CHECK(newest(t.a)->mode == Mode::tunnel);
  CHECK(newest(t.b)->mode == Mode::tunnel);
  CHECK(crossed(*newest(t.a), *newest(t.b)));
  CHECK_FALSE(t.a.event<ike::AttemptFailed>());
}

TEST_CASE("[RFC7296 1.3.1] a responder that wants transport mode says so to one that asks for a tunnel") {
  Hosts t(Mode::tunnel, Mode::transport);
  t.up();
  CHECK(children(t.a) + children(t.b) == 0);
  REQUIRE(t.b.event<ike::AttemptFailed>());
  CHECK(t.b.event<ike::AttemptFailed>()->sentence ==
        "Child SA refused: we want transport mode for child net, the peer asks for tunnel mode");
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->sentence ==
        "the peer accepts none of our Child SA proposals: we asked for ESP aes128gcm16 in tunnel mode for 192.0.2.1/32 "
        "=== 192.0.2.2/32");
  Hosts either(Mode::tunnel, Mode::transport);
  either.child_b().accept_tunnel = true;
  either.up();
  REQUIRE(newest(either.b));
  CHECK(newest(either.b)->mode == Mode::tunnel);
}

TEST_CASE("[RFC7296 2.23.1] without a NAT transport selectors are cut to the addresses of the IKE SA") {
  Hosts t;
  t.child_a().remote = one("192.0.2.0/24[tcp/443]");
  t.child_b().remote = one("0.0.0.0/0");
  t.child_b().local = one("192.0.2.2[tcp]");
  t.up();
  REQUIRE(newest(t.a));
  CHECK(model::to_string(newest(t.a)->ts_remote) == "192.0.2.2/32[tcp/443]");
  CHECK(model::to_string(newest(t.b)->ts_local) == "192.0.2.2/32[tcp/443]");
  CHECK(model::to_string(newest(t.b)->ts_remote) == "192.0.2.1/32");
}

TEST_CASE("[RFC7296 2.23.1] transport selectors of other hosts are refused before anything is sent for them") {
  Hosts t;
  t.child_a().remote = one("10.7.0.0/16");
  t.up();
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->code == Errc::ts_unacceptable);
  CHECK(t.a.event<ike::AttemptFailed>()->sentence.find("the selectors of child net are others") != std::string::npos);
  CHECK(t.a.event<ike::AttemptFailed>()->peers == "192.0.2.1 === 192.0.2.2");
}

namespace {

// Both behind a NAT, as in the standard's picture: the client at IP1 looks like IPN1, the server at IP2 like IPN2.
struct TwoNats : Hosts {
  TwoNats(Mode mode_a, Mode mode_b) : Hosts(mode_a, mode_b) {
    policy_a.connections[0].local_addrs = {"10.9.0.1"};
    policy_a.connections[0].remote_addrs = {"198.51.100.2"};
    policy_b.connections[0].local_addrs = {"192.168.0.2"};
    policy_b.connections[0].remote_addrs = {};
    child_a().local = one("10.9.0.1[tcp]");
    child_a().remote = one("198.51.100.2[tcp/443]");
    child_b().local = one("192.168.0.2[tcp]");
    child_b().remote = one("0.0.0.0/0");
  }
  void through() {
    initiate();
    carry();
  }
  void carry() {
    for (int i = 0; i < 200 && !(a.sent.empty() && b.sent.empty()); ++i) {
      pass(a, b, "192.168.0.2", "203.0.113.1");
      pass(b, a, "10.9.0.1", "198.51.100.2");
    }
  }

 private:
  void pass(OneEnd& from, OneEnd& to, const char* local, const char* remote) {
    if (from.sent.empty()) return;
    ike::Datagram d = std::move(from.sent.front());
    from.sent.pop_front();
    std::swap(d.local, d.remote);
    d.local.addr = ip(local);
    d.remote.addr = ip(remote);
    to.endpoint.handle_datagram(now, d);
    to.drain(now);
  }
};

}  // namespace

TEST_CASE("[RFC7296 2.23.1] through two NATs both sides have the addresses they see and know those the peer has") {
  TwoNats t(Mode::transport, Mode::transport);
  t.through();
  const auto *client = newest(t.a), *server = newest(t.b);
  REQUIRE(client);
  REQUIRE(server);
  CHECK(client->mode == Mode::transport);
  CHECK(server->mode == Mode::transport);
  CHECK(client->udp_encap);
  CHECK(model::to_string(client->ts_local) == "10.9.0.1/32[tcp]");
  CHECK(model::to_string(client->ts_remote) == "198.51.100.2/32[tcp/443]");
  CHECK(model::to_string(server->ts_local) == "192.168.0.2/32[tcp/443]");
  CHECK(model::to_string(server->ts_remote) == "203.0.113.1/32[tcp]");
  // The server's packets were summed from IP2 to IPN1, the client's from IP1 to IPN2.
  REQUIRE(client->original_source);
  CHECK(*client->original_source == ip("192.168.0.2"));
  CHECK(*client->original_destination == ip("203.0.113.1"));
  CHECK(*server->original_source == ip("10.9.0.1"));
  CHECK(*server->original_destination == ip("198.51.100.2"));
}

TEST_CASE("[RFC7296 2.23] AH through a NAT is refused by whoever finds the NAT, with a sentence") {
  TwoNats t(Mode::transport, Mode::transport);
  t.both([](model::ChildPolicy& child) {
    child.protocol = Protocol::AH;
    child.proposals = words(Protocol::AH, "sha256");
  });
  t.through();
  CHECK_FALSE(newest(t.a));
  CHECK_FALSE(newest(t.b));
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->sentence ==
        "child net is AH, which protects the addresses that a NAT between us and the peer changes; ESP would do");
}

TEST_CASE("[RFC7296 2.23.1] a rekey through the NATs substitutes the addresses again") {
  TwoNats t(Mode::transport, Mode::transport);
  t.through();
  t.b.endpoint.handle_command(t.now, ike::RekeyChild{"tunnel", "net", {}});
  t.b.drain(t.now);
  t.carry();
  const auto *client = newest(t.a), *server = newest(t.b);
  REQUIRE(server->replaces);
  CHECK(client->mode == Mode::transport);
  CHECK(model::to_string(server->ts_remote) == "203.0.113.1/32[tcp]");
  CHECK(model::to_string(client->ts_remote) == "198.51.100.2/32[tcp/443]");
  CHECK(*client->original_source == ip("192.168.0.2"));
  CHECK(*server->original_source == ip("10.9.0.1"));
}

TEST_CASE("[RFC7296 2.23.1] where no child allows transport mode the substitution is undone for the tunnel") {
  TwoNats t(Mode::transport, Mode::tunnel);
  t.child_a().accept_tunnel = true;
  t.child_b().local = one("198.51.100.2");
  t.child_b().remote = one("10.9.0.0/24");
  t.through();
  REQUIRE(newest(t.b));
  CHECK(newest(t.b)->mode == Mode::tunnel);
  CHECK(model::to_string(newest(t.b)->ts_remote) == "10.9.0.1/32[tcp]");
  CHECK(model::to_string(newest(t.a)->ts_local) == "10.9.0.1/32[tcp]");
  CHECK_FALSE(newest(t.b)->original_source);
}

TEST_CASE("[RFC7296 3.3.1] AH is negotiated, rekeyed and deleted under its own protocol number") {
  for (const char* text : {"sha1", "sha256", "sha384", "sha512", "aesxcbc", "aescmac"}) {
    CAPTURE(text);
    Hosts t(Mode::tunnel, Mode::tunnel);
    t.both([&](model::ChildPolicy& c) {
      c.protocol = Protocol::AH;
      c.proposals = words(Protocol::AH, text);
    });
    t.up();
    REQUIRE(newest(t.a));
    CHECK(newest(t.a)->protocol == Protocol::AH);
    CHECK(newest(t.b)->protocol == Protocol::AH);
    CHECK(crossed(*newest(t.a), *newest(t.b)));
    CHECK(newest(t.a)->in.encr.view().empty());
    CHECK(newest(t.a)->in.integ.size() == model::info(newest(t.a)->integ)->key_octets);
    CHECK(t.a.endpoint.status()[0].children.at(0).protocol == Protocol::AH);

    t.command(t.b, ike::RekeyChild{"tunnel", "net", {}});
    CHECK(newest(t.b)->replaces);
    CHECK(newest(t.b)->protocol == Protocol::AH);
    CHECK(crossed(*newest(t.a), *newest(t.b)));
    CHECK(children(t.a) == 1);
    CHECK(children(t.b) == 1);

    t.command(t.a, ike::Terminate{"tunnel", "net", {}});
    CHECK(children(t.a) + children(t.b) == 0);
    CHECK(t.a.endpoint.status().size() == 1);
  }
}

TEST_CASE("[RFC7296 3.3.1] AH against ESP is refused with both sides' wishes") {
  Hosts t(Mode::tunnel, Mode::tunnel);
  t.child_a().protocol = Protocol::AH;
  t.child_a().proposals = words(Protocol::AH, "sha256");
  t.up();
  CHECK(children(t.a) + children(t.b) == 0);
  REQUIRE(t.b.event<ike::AttemptFailed>());
  CHECK(t.b.event<ike::AttemptFailed>()->sentence ==
        "Child SA refused: we want ESP for child net, the peer asks for AH");
  CHECK(t.b.event<ike::AttemptFailed>()->ours == "ESP aes128gcm16");
  CHECK(t.b.event<ike::AttemptFailed>()->peers == "AH sha256");
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->ours == "AH sha256 in tunnel mode for 192.0.2.1/32 === 192.0.2.2/32");
}

TEST_CASE("[RFC7296 3.3.2] a child with AH and one with ESP for the same selectors are told apart by protocol") {
  Hosts t;
  for (auto* c : {&t.policy_a.connections[0], &t.policy_b.connections[0]}) {
    model::ChildPolicy ah = c->children[0];
    ah.name = "header";
    ah.reqid = 2;
    ah.protocol = Protocol::AH;
    ah.proposals = words(Protocol::AH, "sha256-sha1");
    c->children[0].outer_reqid = 2;
    c->children.push_back(ah);
  }
  t.up();
  t.command(t.a, ike::Initiate{"tunnel", "header"});
  REQUIRE(children(t.b) == 2);
  CHECK(newest(t.b)->child == "header");
  CHECK(newest(t.b)->protocol == Protocol::AH);
  CHECK(t.b.event<ike::ChildSaReady>()->sa.outer_reqid == 2);
  CHECK(newest(t.b)->outer_reqid == 0);
  t.command(t.b, ike::Terminate{"tunnel", "header", {}});
  REQUIRE(children(t.a) == 1);
  CHECK(t.a.endpoint.status()[0].children.at(0).child == "net");
}

TEST_CASE("[RFC7296 3.3.2] ESN is what both have, in the responder's order of preference") {
  struct Row {
    const char *a, *b;
    int esn;  // -1: nothing in common
  };
  for (const Row& row : {Row{"esn", "esn", 1},
                         {"noesn", "noesn", 0},
                         {"esn-noesn", "noesn", 0},
                         {"noesn", "esn-noesn", 0},
                         {"esn-noesn", "esn", 1},
                         {"esn", "noesn", -1},
                         {"noesn", "esn", -1},
                         {"noesn-esn", "esn-noesn", 1}}) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    for (const Protocol protocol : {Protocol::ESP, Protocol::AH}) {
      const std::string base = protocol == Protocol::ESP ? "aes128gcm16-" : "sha256-";
      Hosts t(Mode::tunnel, Mode::tunnel);
      t.both([&](model::ChildPolicy& c) { c.protocol = protocol; });
      t.child_a().proposals = words(protocol, (base + row.a).c_str());
      t.child_b().proposals = words(protocol, (base + row.b).c_str());
      t.up();
      if (row.esn < 0) {
        REQUIRE(t.b.event<ike::AttemptFailed>());
        CHECK(t.b.event<ike::AttemptFailed>()->sentence ==
              "Child SA refused: extended sequence numbers differs: we want " + std::string(row.b) +
                  ", the peer wants " + row.a);
        continue;
      }
      REQUIRE(newest(t.a));
      CHECK(newest(t.a)->esn == (row.esn == 1));
      CHECK(newest(t.b)->esn == (row.esn == 1));
      CHECK(t.b.endpoint.status()[0].children.at(0).esn == (row.esn == 1));
    }
  }
}

TEST_CASE("[RFC7296 1.3.1] ESP_TFC_PADDING_NOT_SUPPORTED stops padding in that direction alone") {
  Hosts t(Mode::tunnel, Mode::tunnel);
  t.both([](model::ChildPolicy& c) { c.shape.tfc_octets = 1200; });
  t.child_a().accept_tfc = false;
  t.up();
  REQUIRE(newest(t.a));
  CHECK(newest(t.a)->shape.tfc_octets == 1200);
  CHECK(newest(t.b)->shape.tfc_octets == 0);
  Hosts other(Mode::tunnel, Mode::tunnel);
  other.both([](model::ChildPolicy& c) { c.shape.tfc_octets = 1200; });
  other.child_b().accept_tfc = false;
  other.up();
  CHECK(newest(other.a)->shape.tfc_octets == 0);
  CHECK(newest(other.b)->shape.tfc_octets == 1200);
}

TEST_CASE("[RFC7296 1.3.1] NON_FIRST_FRAGMENTS_ALSO counts when both say it; else ports forbid inner fragments") {
  for (const bool a_wants : {false, true}) {
    for (const bool b_wants : {false, true}) {
      Hosts t(Mode::tunnel, Mode::tunnel);
      t.child_a().non_first_fragments = a_wants;
      t.child_b().non_first_fragments = b_wants;
      t.both([](model::ChildPolicy& c) { c.local[0].protocol = c.remote[0].protocol = 17; });
      t.child_a().remote[0].port_first = t.child_a().remote[0].port_last = 53;
      t.up();
      REQUIRE(newest(t.a));
      const bool agreed = a_wants && b_wants;
      for (const auto* spec : {newest(t.a), newest(t.b)}) {
        CHECK(spec->non_first_fragments == agreed);
        CHECK(spec->shape.fragment ==
              (agreed ? model::PacketShape::Fragment::before : model::PacketShape::Fragment::after));
      }
    }
  }
}

TEST_CASE("[RFC7296 2.22] IPCOMP_SUPPORTED gets no answer, and the Child SA stands without compression") {
  ike::Config config;
  config.key_log = true;
  Hosts t(Mode::tunnel, Mode::tunnel, config);
  t.initiate();
  t.deliver(t.a);
  t.deliver(t.b);
  REQUIRE(t.a.sent.size() == 1);
  REQUIRE(t.a.event<ike::KeyLog>());
  const auto& keys = std::get<ike::KeyLog::Ike>(t.a.event<ike::KeyLog>()->keys);
  const model::ChosenIke chosen{keys.encr, keys.key_bits, keys.integ, model::PrfId::HMAC_SHA2_256,
                                model::GroupId::CURVE25519};
  SeededRng rng(77);
  auto as_b = ike::Protection::create(
      chosen, {keys.sk_er.view(), keys.sk_ar.view(), keys.sk_ei.view(), keys.sk_ai.view()}, rng);
  auto as_a = ike::Protection::create(
      chosen, {keys.sk_ei.view(), keys.sk_ai.view(), keys.sk_er.view(), keys.sk_ar.view()}, rng);
  REQUIRE(as_a);
  REQUIRE(as_b);
  const auto inside = [](ike::Protection& reader, const Bytes& datagram) {
    const auto message = wire::ike2::parse_message(datagram);
    const auto chain = reader.open(datagram, *wire::ike2::find<wire::ike2::SkPayload>(message->payloads));
    return *wire::ike2::parse_payloads(chain->first, chain->bytes);
  };
  // The request as before, and with an offer of DEFLATE (CPI 0x1234, transform 2) before its SA payload.
  ike::Datagram& request = t.a.sent.front();
  auto payloads = inside(**as_b, request.payload);
  payloads.insert(payloads.begin() + 1,
                  wire::ike2::NotifyPayload{0, {}, wire::ike2::NotifyType::IPCOMP_SUPPORTED, {0x12, 0x34, 2}});
  const auto header = wire::ike2::parse_message(request.payload)->header;
  request.payload = (*as_a)->seal(header, payloads, 0)->front();
  t.deliver(t.a);
  REQUIRE(t.b.sent.size() == 1);
  const auto answer = inside(**as_a, t.b.sent.front().payload);
  CHECK(wire::ike2::find_notify(answer, wire::ike2::NotifyType::IPCOMP_SUPPORTED) == nullptr);
  t.run();
  REQUIRE(newest(t.b));
  CHECK(crossed(*newest(t.a), *newest(t.b)));
}

TEST_CASE("[RFC7296 2.8] a rekey keeps mode and algorithms, whatever else the policies would allow") {
  for (const bool by_initiator : {true, false}) {
    Hosts t;
    t.child_a().proposals = words(Protocol::ESP, "aes128gcm16-aes256gcm16-esn-noesn");
    t.child_b().proposals = words(Protocol::ESP, "aes128gcm16-noesn");
    t.up();
    REQUIRE(newest(t.a));
    const model::EncrId encr = newest(t.a)->encr;
    REQUIRE(newest(t.a)->key_bits == 128);
    REQUIRE_FALSE(newest(t.a)->esn);
    // Now everything is allowed at both, the other things first.
    t.both([](model::ChildPolicy& c) { c.proposals = words(Protocol::ESP, "aes256gcm16-aes128gcm16-esn-noesn"); });
    t.load();
    t.command(by_initiator ? t.a : t.b, ike::RekeyChild{"tunnel", "net", {}});
    for (const auto* spec : {newest(t.a), newest(t.b)}) {
      CHECK(spec->replaces);
      CHECK(spec->encr == encr);
      CHECK(spec->key_bits == 128);
      CHECK_FALSE(spec->esn);
      CHECK(spec->mode == Mode::transport);
    }
  }
}

TEST_CASE("[RFC7296 2.8] algorithms that the policy does not allow any more are not kept") {
  Hosts t;
  t.up();
  t.both([](model::ChildPolicy& c) { c.proposals = words(Protocol::ESP, "aes256gcm16-esn"); });
  t.load();
  t.command(t.a, ike::RekeyChild{"tunnel", "net", {}});
  CHECK(newest(t.a)->key_bits == 256);
  CHECK(newest(t.b)->esn);
  CHECK(children(t.a) == 1);
}

TEST_CASE("[RFC7296 1.3.1] a tunnel taken for want of transport mode stays one when it is rekeyed") {
  for (const bool by_initiator : {true, false}) {
    Hosts t(Mode::transport, Mode::tunnel);
    t.child_a().accept_tunnel = true;
    t.up();
    t.command(by_initiator ? t.a : t.b, ike::RekeyChild{"tunnel", "net", {}});
    REQUIRE(newest(t.a)->replaces);
    CHECK(newest(t.a)->mode == Mode::tunnel);
    CHECK(newest(t.b)->mode == Mode::tunnel);
    CHECK_FALSE(t.a.event<ike::AttemptFailed>());
  }
}

}  // namespace sallyport::test

TEST_SUITE_END();
