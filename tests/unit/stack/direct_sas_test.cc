// SAs that programs install by hand: two whole stacks without keying policy, and the order of the calls.
#include "stack/direct_sas.h"

#include <doctest/doctest.h>

#include "support/filter_scenarios.h"

using namespace sallyport;
using namespace sallyport::test;
using policy::Fwp;
namespace s = sallyport::support;

namespace {

struct Installed {
  uint64_t outbound = 0, inbound = 0;
  policy::SessionId session = 0;
};

// The two transport layer filters of a pair of hosts, and nothing else.
Installed add_filters(StackNode& node, TimePoint now, const IpAddr& peer) {
  using namespace policy;
  Engine& engine = node.control.filter_engine();
  const auto one = [&](Field field, const IpAddr& address) {
    return s::equal(field, Value(load_be32(address.bytes().data())));
  };
  const Conditions pair = {one(Field::IP_LOCAL_ADDRESS, node.address), one(Field::IP_REMOTE_ADDRESS, peer)};
  Installed out;
  out.session = *engine.open(s::trusted());
  out.outbound = engine
                     .add(out.session, s::callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                                                         known::callout::IPSEC_OUTBOUND_TRANSPORT_V4, pair))
                     .value()
                     .id;
  out.inbound = engine
                    .add(out.session, s::callout_filter(Layer::INBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                                                        known::callout::IPSEC_INBOUND_TRANSPORT_V4, pair))
                    .value()
                    .id;
  node.drain(now);
  return out;
}

policy::SaTraffic traffic(const StackNode& node, const IpAddr& peer, uint64_t filter) {
  policy::SaTraffic out;
  out.local = node.address;
  out.remote = peer;
  out.policy_id = filter;
  return out;
}

policy::SaBundle bundle(uint32_t spi, uint8_t key, uint32_t packets = 0, uint32_t idle_seconds = 0) {
  policy::SaMaterial esp;
  esp.spi = spi;
  esp.auth = policy::TransformId{1, 1, {}};    // HMAC-SHA-1-96
  esp.cipher = policy::TransformId{3, 3, {}};  // AES-CBC-128
  esp.auth_key = policy::SharedSecret(Bytes(20, key));
  esp.cipher_key = policy::SharedSecret(Bytes(16, static_cast<uint8_t>(key + 1)));
  policy::SaBundle out;
  out.sas = {esp};
  out.qm_sa_id = 7;
  out.lifetime.packets = packets;
  out.idle_timeout_seconds = idle_seconds;
  return out;
}

// Everything up to the inbound SA.
struct Half {
  stack::DirectSas::Id id = 0;
  uint32_t spi = 0;
};
Half begin(StackNode& node, const IpAddr& peer, const Installed& filters, uint8_t key, uint32_t packets = 0,
           uint32_t idle_seconds = 0) {
  stack::DirectSas& direct = node.control.direct();
  const policy::Snapshot& policy = *node.control.filters();
  const auto made = direct.create(policy, traffic(node, peer, filters.outbound), 0, 0).value();
  CHECK(made.inbound_filter == filters.inbound);
  const uint32_t spi = direct.set_spi(policy, made.id, {traffic(node, peer, filters.inbound), {}, 0}).value();
  CHECK(spi >= 256);
  REQUIRE(direct.add_inbound(policy, made.id, bundle(spi, key, packets, idle_seconds)));
  return {made.id, spi};
}

struct DirectPair : FilterPair {
  Installed at_east, at_west;
  Half e, w;
  void connect(uint32_t packets = 0, uint32_t idle_seconds = 0) {
    at_east = add_filters(east, now, west.address);
    at_west = add_filters(west, now, east.address);
    e = begin(east, west.address, at_east, 1, packets, idle_seconds);
    w = begin(west, east.address, at_west, 9, packets, idle_seconds);
    REQUIRE(east.control.direct().add_outbound(e.id, bundle(w.spi, 9, packets, idle_seconds)));
    REQUIRE(west.control.direct().add_outbound(w.id, bundle(e.spi, 1, packets, idle_seconds)));
    settle();
  }
};

Fwp why(const auto& outcome) { return outcome ? Fwp{} : outcome.error().code; }

}  // namespace

TEST_SUITE("stack/direct_sas") {
  TEST_CASE("[scenario 9] hosts without keying policy talk by SAs made by hand, and negotiate nothing") {
    DirectPair pair;
    pair.connect();
    CHECK(pair.ping(1));
    CHECK(pair.ping(2));
    CHECK(pair.east.clear.empty());
    CHECK(pair.east.control.ike_counters().initiated == 0);
    REQUIRE(pair.east.dataplane.sas(pair.now).size() == 1);
    CHECK(pair.east.dataplane.sas(pair.now)[0].packets_in == 2);
    CHECK(pair.east.dataplane.sas(pair.now)[0].spi_out == pair.w.spi);
    CHECK(pair.east.dataplane.traffic().out.transport > 0);
  }

  TEST_CASE("[scenario 9] the inbound SA works before the outbound one, which is held and asks for nothing") {
    DirectPair pair;
    pair.at_east = add_filters(pair.east, pair.now, pair.west.address);
    pair.at_west = add_filters(pair.west, pair.now, pair.east.address);
    pair.e = begin(pair.east, pair.west.address, pair.at_east, 1);
    pair.w = begin(pair.west, pair.east.address, pair.at_west, 9);
    REQUIRE(pair.east.control.direct().add_outbound(pair.e.id, bundle(pair.w.spi, 9)));
    CHECK_FALSE(pair.ping(1));
    CHECK(pair.west.clear.empty());
    CHECK(pair.west.control.ike_counters().initiated == 0);
    REQUIRE(pair.west.dataplane.sas(pair.now).size() == 1);
    CHECK(pair.west.dataplane.sas(pair.now)[0].packets_in == 1);
  }

  TEST_CASE("[WFP 15.1] each call has its place in the order") {
    DirectPair pair;
    StackNode& node = pair.east;
    stack::DirectSas& direct = node.control.direct();
    const Installed filters = add_filters(node, pair.now, pair.west.address);
    const policy::Snapshot& policy = *node.control.filters();
    const auto out = traffic(node, pair.west.address, filters.outbound);
    const auto in = traffic(node, pair.west.address, filters.inbound);
    CHECK(why(direct.create(policy, in, 0, 0)) == Fwp::INCOMPATIBLE_LAYER);
    auto wrong = out;
    wrong.remote = *IpAddr::parse("192.0.2.77");
    CHECK(why(direct.create(policy, wrong, 0, 0)) == Fwp::TRAFFIC_MISMATCH);
    wrong = out;
    wrong.policy_id = 4711;
    CHECK(why(direct.create(policy, wrong, 0, 0)) == Fwp::FILTER_NOT_FOUND);
    const auto id = direct.create(policy, out, 0, 0)->id;
    CHECK(direct.ids().empty());
    CHECK(why(direct.add_inbound(policy, id, bundle(300, 1))) == Fwp::INCOMPATIBLE_SA_STATE);
    CHECK(why(direct.set_spi(policy, id, {in, {}, 255})) == Fwp::WIN32_INVALID_PARAMETER);
    const uint32_t spi = direct.set_spi(policy, id, {in, {}, 0}).value();
    CHECK(direct.set_spi(policy, id, {in, {}, 0}).value() == spi);
    auto other = in;
    other.remote_port = 80;
    CHECK(why(direct.set_spi(policy, id, {other, {}, 0})) == Fwp::TRAFFIC_MISMATCH);
    const auto second = direct.create(policy, out, 0, 0)->id;
    CHECK(why(direct.set_spi(policy, second, {in, {}, spi})) == Fwp::ALREADY_EXISTS);
    CHECK(why(direct.add_outbound(id, bundle(300, 1))) == Fwp::INCOMPATIBLE_SA_STATE);
    auto short_key = bundle(spi, 1);
    short_key.sas[0].auth_key = policy::SharedSecret(Bytes(19, 1));
    CHECK(why(direct.add_inbound(policy, id, short_key)) == Fwp::WIN32_INVALID_PARAMETER);
    auto nested = bundle(spi, 1);
    nested.sas.push_back(nested.sas[0]);
    CHECK(why(direct.add_inbound(policy, id, nested)) == Fwp::INVALID_TRANSFORM_COMBINATION);
    REQUIRE(direct.add_inbound(policy, id, bundle(spi, 1)));
    CHECK(why(direct.add_inbound(policy, id, bundle(spi, 1))) == Fwp::INCOMPATIBLE_SA_STATE);
    auto unlike = bundle(5000, 1);
    unlike.sas[0].cipher = policy::TransformId{5, 5, {}};
    unlike.sas[0].cipher_key = policy::SharedSecret(Bytes(32, 1));
    CHECK(why(direct.add_outbound(id, unlike)) == Fwp::WIN32_INVALID_PARAMETER);
    CHECK(why(direct.expire(pair.now, id)) == Fwp::INCOMPATIBLE_SA_STATE);
    REQUIRE(direct.add_outbound(id, bundle(5000, 1)));
    const auto seen = direct.get(id);
    REQUIRE(seen);
    CHECK(seen->outbound->bundle.sas[0].spi == 5000);
    CHECK(seen->outbound->bundle.sas[0].auth_key.view().empty());
    CHECK(direct.remove(second));
    CHECK(why(direct.remove(second)) == Fwp::NOT_FOUND);
  }

  TEST_CASE("[WFP 15.1] expired: nothing is sent any more, what comes is taken for a minute") {
    DirectPair pair;
    pair.connect();
    REQUIRE(pair.ping(1));
    const size_t spis = pair.east.control.endpoint().child_spis_in_use();
    REQUIRE(pair.east.control.direct().expire(pair.now, pair.e.id));
    pair.settle();
    CHECK_FALSE(pair.ping(2));
    CHECK(pair.east.clear.empty());
    REQUIRE(pair.west.dataplane.ping(pair.now, 3, pair.east.address, 3, 56));
    pair.settle();
    REQUIRE(pair.east.dataplane.sas(pair.now).size() == 1);
    CHECK(pair.east.dataplane.sas(pair.now)[0].packets_in == 2);
    pair.run(minutes(2));
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    CHECK(pair.east.control.direct().size() == 0);
    CHECK(pair.east.control.endpoint().child_spis_in_use() == spis - 1);
  }

  TEST_CASE(
      "[WFP 15.1] a tunnel by hand belongs to the filter of its quick mode context, and moves with its endpoint") {
    using namespace policy;
    StackPair pair;
    const IpAddr inner[2] = {*IpAddr::parse("10.1.0.1"), *IpAddr::parse("10.2.0.1")};
    StackNode* const nodes[2] = {&pair.east, &pair.west};
    stack::DirectSas::Id ids[2] = {};
    uint32_t spis[2] = {};
    for (size_t i = 0; i < 2; ++i) {
      StackNode& node = *nodes[i];
      const IpAddr& peer = nodes[1 - i]->address;
      Engine& engine = node.control.filter_engine();
      const SessionId session = *engine.open(s::trusted());
      TunnelPolicy tunnel;
      tunnel.proposals = {s::esp_proposal()};
      tunnel.endpoints.local = node.address;
      tunnel.endpoints.remote = peer;
      const Guid key = s::guid(70);
      const Added context = engine.add(session, s::context(ContextType::IPSEC_IKEV2_QM_TUNNEL, tunnel, key)).value();
      const auto one = [&](Field field, const IpAddr& address) {
        return s::equal(field, Value(load_be32(address.bytes().data())));
      };
      Filter filter = s::callout_filter(
          Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING, known::callout::IPSEC_OUTBOUND_TUNNEL_V4,
          {one(Field::IP_LOCAL_ADDRESS, inner[i]), one(Field::IP_REMOTE_ADDRESS, inner[1 - i])});
      filter.head.flags = Filter::kHasProviderContext;
      filter.provider_context = key;
      REQUIRE(engine.add(session, filter));
      node.drain(pair.now);
      stack::DirectSas& direct = node.control.direct();
      SaTraffic wanted = traffic(node, peer, context.id + 99);
      wanted.type = TrafficType::TUNNEL;
      CHECK(why(direct.create(*node.control.filters(), wanted, 0, 0)) == Fwp::PROVIDER_CONTEXT_NOT_FOUND);
      wanted.policy_id = context.id;
      wanted.remote = *IpAddr::parse("192.0.2.77");
      CHECK(why(direct.create(*node.control.filters(), wanted, 0, 0)) == Fwp::TRAFFIC_MISMATCH);
      wanted.remote = peer;
      ids[i] = direct.create(*node.control.filters(), wanted, 0, 0).value().id;
      spis[i] = direct.set_spi(*node.control.filters(), ids[i], {wanted, {}, 0}).value();
      REQUIRE(direct.add_inbound(*node.control.filters(), ids[i], bundle(spis[i], static_cast<uint8_t>(i))));
    }
    for (size_t i = 0; i < 2; ++i)
      REQUIRE(nodes[i]->control.direct().add_outbound(ids[i], bundle(spis[1 - i], static_cast<uint8_t>(1 - i))));
    pair.settle();
    REQUIRE(pair.east.dataplane.ping(pair.now, 1, inner[1], 1, 56));
    pair.run(seconds(1));
    CHECK(pair.east.dataplane.poll_pong());
    REQUIRE(pair.east.dataplane.sas(pair.now).size() == 1);
    CHECK(pair.east.dataplane.sas(pair.now)[0].mode == model::Mode::tunnel);
    SaContext to = *pair.east.control.direct().get(ids[0]);
    to.outbound->traffic.remote = *IpAddr::parse("192.0.2.200");
    CHECK(why(pair.east.control.direct().update(ids[0], 0x100, to)) == Fwp::INVALID_FLAGS);
    REQUIRE(pair.east.control.direct().update(ids[0], 0x1, to));
    pair.settle();
    CHECK(pair.east.dataplane.sas(pair.now)[0].remote.addr == *IpAddr::parse("192.0.2.200"));
  }

  TEST_CASE("[scenario 12] a filter that goes takes its SAs with it") {
    DirectPair pair;
    pair.connect();
    REQUIRE(pair.ping(1));
    policy::Engine& engine = pair.east.control.filter_engine();
    REQUIRE(engine.remove(pair.at_east.session, policy::ObjectKind::filter, pair.at_east.inbound));
    pair.east.drain(pair.now);
    CHECK(pair.east.control.direct().size() == 0);
    CHECK(pair.east.dataplane.sas(pair.now).empty());
  }

  TEST_CASE("[WFP IPSEC_SA_BUNDLE1] a context ends when its SAs were idle for so long") {
    DirectPair pair;
    pair.connect(0, 10);
    pair.run(seconds(6));
    REQUIRE(pair.ping(1));
    pair.run(seconds(6));
    CHECK(pair.east.control.direct().size() == 1);
    pair.run(seconds(6));
    CHECK(pair.east.control.direct().size() == 0);
    CHECK_FALSE(pair.ping(2));
    CHECK(pair.east.clear.empty());
  }

  TEST_CASE("[WFP 15.2] no packets in the lifetime: neither limit nor replay protection; else both") {
    for (const uint32_t packets : {0u, 3u}) {
      CAPTURE(packets);
      DirectPair pair;
      pair.connect(packets);
      REQUIRE(pair.ping(1));
      const auto sas = pair.west.dataplane.sas(pair.now);
      REQUIRE(sas.size() == 1);
      const uint64_t before = sas[0].packets_in;
      for (const WirePacket& packet : std::vector<WirePacket>(pair.wire_log))
        if (packet.to.addr == pair.west.address) pair.west.receive(pair.now, packet);
      pair.settle();
      CHECK(pair.west.dataplane.sas(pair.now)[0].packets_in == before + (packets == 0 ? 1 : 0));
      // The third packet is carried and ends its SA, so that nobody answers it any more.
      for (uint64_t i = 2; i < 6; ++i) CHECK(pair.ping(i) == (packets == 0 || i <= 2));
      CHECK(pair.east.control.direct().size() == (packets == 0 ? 1 : 0));
    }
  }

  TEST_CASE(
      "[RFC4301 E] [scenario 9] ESP and AH in one bundle: AH around what ESP has sealed, and neither without the "
      "other") {
    DirectPair pair;
    pair.at_east = add_filters(pair.east, pair.now, pair.west.address);
    pair.at_west = add_filters(pair.west, pair.now, pair.east.address);
    struct End {
      StackNode& node;
      StackNode& peer;
      const Installed& filters;
      stack::DirectSas::Id id = 0;
      uint32_t esp = 0, ah = 0;
    };
    End ends[] = {{pair.east, pair.west, pair.at_east}, {pair.west, pair.east, pair.at_west}};
    const auto both = [](uint32_t esp, uint32_t ah, uint8_t key) {
      policy::SaBundle out = bundle(esp, key);
      policy::SaMaterial around;
      around.spi = ah;
      around.kind = policy::TransformKind::AH;
      around.auth = policy::TransformId{2, 2, {}};  // HMAC-SHA-256-128
      around.auth_key = policy::SharedSecret(Bytes(32, static_cast<uint8_t>(key + 2)));
      out.sas.push_back(around);
      return out;
    };
    uint8_t key = 1;
    for (End& end : ends) {
      stack::DirectSas& direct = end.node.control.direct();
      const policy::Snapshot& policy = *end.node.control.filters();
      end.id = direct.create(policy, traffic(end.node, end.peer.address, end.filters.outbound), 0, 0).value().id;
      end.esp =
          direct.set_spi(policy, end.id, {traffic(end.node, end.peer.address, end.filters.inbound), {}, 0}).value();
      end.ah = end.esp ^ 0x100;
      policy::SaBundle swapped = both(end.esp, end.ah, key);
      std::swap(swapped.sas[0], swapped.sas[1]);
      CHECK(why(direct.add_inbound(policy, end.id, swapped)) == Fwp::INVALID_TRANSFORM_COMBINATION);
      CHECK(why(direct.add_inbound(policy, end.id, both(end.esp, end.esp, key))) == Fwp::NOT_SUPPORTED);
      CHECK(why(direct.add_inbound(policy, end.id, both(end.esp, 7, key))) == Fwp::WIN32_INVALID_PARAMETER);
      REQUIRE(direct.add_inbound(policy, end.id, both(end.esp, end.ah, key)));
      key = 9;
    }
    CHECK(why(pair.east.control.direct().add_outbound(ends[0].id, bundle(ends[1].esp, 9))) ==
          Fwp::WIN32_INVALID_PARAMETER);
    REQUIRE(pair.east.control.direct().add_outbound(ends[0].id, both(ends[1].esp, ends[1].ah, 9)));
    REQUIRE(pair.west.control.direct().add_outbound(ends[1].id, both(ends[0].esp, ends[0].ah, 1)));
    pair.settle();
    CHECK(pair.ping(1));
    CHECK(pair.ping(2));
    const auto sas = pair.east.dataplane.sas(pair.now);
    REQUIRE(sas.size() == 2);
    for (const auto& sa : sas) CHECK(sa.packets_in == 2);
    CHECK(pair.east.control.direct().get(ends[0].id)->inbound->bundle.sas.size() == 2);
    CHECK(pair.east.dataplane.traffic().out.authenticated_ah > 0);

    // ESP alone, as whoever strips AH would send it, is not taken.
    const auto forged = pair.east.dataplane.ping(pair.now, 3, pair.west.address, 3, 56);
    REQUIRE(forged);
    pair.east.drain(pair.now);
    REQUIRE(pair.east.out.size() == 1);
    constexpr size_t kAhOctets = 12 + 16;
    WirePacket stripped = pair.east.out[0];
    pair.east.out.clear();
    REQUIRE(stripped.ah_outer_octets == 20);
    stripped.payload.erase(stripped.payload.begin(), stripped.payload.begin() + 20 + kAhOctets);
    stripped.ah_outer_octets = 0;
    const uint64_t broken = pair.west.dataplane.drops()[ipsec::Drop::bundle_broken];
    pair.west.receive(pair.now, stripped);
    CHECK(pair.west.dataplane.drops()[ipsec::Drop::bundle_broken] == broken + 1);

    REQUIRE(pair.east.control.direct().remove(ends[0].id));
    pair.settle();
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    CHECK_FALSE(pair.ping(4));
    CHECK(pair.east.clear.empty());
    CHECK(pair.east.control.endpoint().status().empty());
  }
}
