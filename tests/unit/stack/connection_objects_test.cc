// The configuration's connections as objects of the filter engine, and the SPD that is made of them.
#include "stack/connection_objects.h"

#include <doctest/doctest.h>

#include "policy/callout.h"
#include "stack/connection_spd.h"
#include "stack/filter_flows.h"
#include "support/filter_scenarios.h"

using namespace sallyport;
using namespace sallyport::support;
using stack::ConnectionRecord;
using test::psk_policy;
using test::SeededRng;

namespace {

constexpr const Guid& kTheirs = known::sublayer::SALLYPORT_CONNECTIONS;

model::Selectors selectors(std::initializer_list<const char*> texts) {
  model::Selectors out;
  for (const char* text : texts) out.push_back(*model::parse_selector(text));
  return out;
}

model::ConnectionPolicy connection(const char* name, model::Selectors local, model::Selectors remote,
                                   model::Mode mode = model::Mode::tunnel, uint32_t reqid = 1) {
  model::ConnectionPolicy out = psk_policy(false)->connections[0];
  out.name = name;
  out.children[0].local = std::move(local);
  out.children[0].remote = std::move(remote);
  out.children[0].mode = mode;
  out.children[0].reqid = reqid;
  return out;
}

// An engine that has these connections, as the configuration writes them.
struct Host {
  SeededRng rng{1};
  Engine engine{rng};
  SessionId configuration = *engine.open(trusted());
  SessionId administrator = *engine.open(caller({known::sid::administrators()}));
  TimePoint now{seconds(1000)};
  stack::FilterFlows flows;
  std::shared_ptr<const stack::ConnectionSpd> spd;

  explicit Host(const std::vector<model::ConnectionPolicy>& connections) { load(connections); }
  void load(const std::vector<model::ConnectionPolicy>& connections) {
    REQUIRE(engine.begin(now, configuration, TxnMode::read_write));
    REQUIRE(stack::reconcile(engine, configuration, stack::configured_objects({}, connections)));
    REQUIRE(engine.commit(now, configuration));
    take_up();
  }
  void take_up() {
    spd = std::make_shared<const stack::ConnectionSpd>(stack::connection_spd(*engine.snapshot()));
    flows.set(engine.snapshot(), spd);
  }
  Guid add(const Filter& filter) {
    const auto added = engine.add(administrator, filter);
    REQUIRE(added);
    take_up();
    return added->key;
  }
  // What all filters at OUTBOUND_TRANSPORT make of a flow: the entry that protects it.
  const model::SpdEntry* asked(const model::FlowKey& flow) {
    const stack::HostFlow leaving = stack::leaving_flow(flow);
    FieldValues values;
    stack::fill_fields(leaving, 0, nullptr, values);
    Matches matches;
    stack::SecuredCallouts callouts(*engine.snapshot(), spd.get(), leaving);
    (void)classify(*engine.snapshot(), stack::layer_of(stack::Point::outbound_transport, leaving.family()), values,
                   &callouts, matches);
    if (callouts.protects == nullptr) return nullptr;
    return spd->find(callouts.protects->id)->get();
  }
};

wire::ip::PacketView view(const char* from, const char* to, uint16_t port = 443, uint8_t protocol = 6) {
  wire::ip::PacketView out;
  out.flow = {*IpAddr::parse(from), *IpAddr::parse(to), protocol, 33000, port, true};
  out.family = out.flow.source.family();
  return out;
}

// As the pipeline asks: whether the SPD's entry decides alone, and what all policy says where it does not.
struct Asked {
  bool alone = false;
  ipsec::FlowPolicy::Ruling ruling;
};
Asked ask(Host& host, const wire::ip::PacketView& packet) {
  ipsec::Spd spd;
  spd.set(host.spd->entries);
  Asked out;
  auto& decision = spd.decide_outbound(packet.flow);
  out.alone = decision.entry != nullptr && (!host.flows.active() || host.flows.leaves_to_spd(packet, decision));
  out.ruling = host.flows.outbound(host.now, packet);
  return out;
}
using Way = ipsec::FlowPolicy::Ruling::Way;

Filter in_their_sublayer(ActionType action, Value weight, Layer layer = Layer::OUTBOUND_TRANSPORT_V4) {
  Filter out = filter(layer, action, {}, std::move(weight));
  out.sublayer = kTheirs;
  return out;
}

template <class Map>
std::map<Guid, uint64_t> numbers(const Map& map) {
  std::map<Guid, uint64_t> out;
  map.for_each([&](const auto& object) {
    if (stack::is_of_connection(object->head)) out[object->head.key] = object->id;
  });
  return out;
}

}  // namespace

TEST_SUITE("stack/connection_objects") {
  TEST_CASE("a record says what it was given, and nothing else is a record") {
    const ConnectionRecord record{"east",
                                  "net",
                                  7,
                                  2,
                                  selectors({"10.1.0.0/16[tcp/443]", "10.3.0.1-10.3.0.9[tcp/443]"}),
                                  selectors({"0.0.0.0/0[tcp]"})};
    const Bytes octets = stack::write_record(record);
    CHECK(stack::read_record(octets) == record);
    CHECK(stack::read_record(stack::write_record({"east", {}})) == ConnectionRecord{"east", {}});
    for (const char* text : {"", "x", "connection \n", "connection east\nreqid\n", "connection east\nreqid 1x\n",
                             "connection east\nlocal 10.0.0.0/8\n", "connection east\nlocal ten\nremote ten\n"})
      CHECK_FALSE(stack::read_record(as_bytes(text)));
    for (size_t size = 0; size < octets.size(); ++size) (void)stack::read_record(ByteView(octets).first(size));
  }

  TEST_CASE("a connection is main mode policy and a filter at IKEEXT, a child quick mode policy and its filters") {
    Host host({connection("east", selectors({"10.1.0.0/16"}), selectors({"10.2.0.0/16"}))});
    const auto& snapshot = *host.engine.snapshot();
    std::map<Layer, std::string> callouts;
    snapshot.filters.for_each([&](const auto& f) {
      if (!stack::is_of_connection(f->head)) return;
      CHECK(f->sublayer == kTheirs);
      const auto* callout = snapshot.callouts.find(f->action.callout);
      callouts[f->layer] = callout == nullptr ? std::string(to_string(f->action.type)) : (*callout)->head.display.name;
    });
    CHECK(callouts == std::map<Layer, std::string>{{Layer::IKEEXT_V4, "PERMIT"},
                                                   {Layer::IPSEC_V4, "PERMIT"},
                                                   {Layer::OUTBOUND_TRANSPORT_V4, "IPSEC_OUTBOUND_TUNNEL_V4"},
                                                   {Layer::INBOUND_TRANSPORT_V4, "IPSEC_INBOUND_TUNNEL_V4"}});
    std::map<std::string, ContextType> contexts;
    snapshot.contexts.for_each([&](const auto& c) { contexts[c->head.display.name] = c->type; });
    CHECK(contexts == std::map<std::string, ContextType>{{"east", ContextType::IPSEC_IKEV2_MM},
                                                         {"east.net", ContextType::IPSEC_IKEV2_QM_TUNNEL}});
  }

  TEST_CASE("proposals that the platform's types cannot say are left out of its policy and not bent") {
    auto policy = connection("east", selectors({"10.1.0.0/16"}), selectors({"10.2.0.0/16"}));
    policy.ike_proposals = {*model::parse_proposal(model::Protocol::IKE, "aes128gcm16-prfsha256-x25519"),
                            *model::parse_proposal(model::Protocol::IKE, "aes128gcm16-prfsha256-ecp256")};
    policy.children[0].proposals = {*model::parse_proposal(model::Protocol::ESP, "chacha20poly1305")};
    Host host({policy});
    host.engine.snapshot()->contexts.for_each([&](const auto& context) {
      if (const auto* main_mode = std::get_if<IkePolicy>(&context->policy)) {
        REQUIRE(main_mode->proposals.size() == 1);
        CHECK(main_mode->proposals[0].dh_group == DhGroup::ECP_256);
      }
      if (const auto* tunnel = std::get_if<TunnelPolicy>(&context->policy)) CHECK(tunnel->proposals.empty());
    });
  }

  TEST_CASE("[RFC4301 4.4.1] on random selectors the SPD and the filter engine say the same of every flow") {
    SeededRng rng(7);
    const auto below = [&](uint64_t n) { return rng.below(n); };
    const auto address = [&] { return "10." + std::to_string(below(3)) + "." + std::to_string(below(3)) + "."; };
    const auto selector = [&] {
      std::string out = address() + "0/" + std::to_string(8 + 8 * below(3));
      if (below(3) == 0) out = address() + "1-" + "10.2.2.200";
      const char* const kRest[] = {"",
                                   "",
                                   "",
                                   "[tcp]",
                                   "[tcp/80-90]",
                                   "[udp/53]",
                                   "[icmp/2048]",
                                   "[icmp/768-1023]",
                                   "[icmp/700-2100]",
                                   "[any/80]",
                                   "[tcp/opaque]",
                                   "[47]"};
      auto parsed = model::parse_selector(out + kRest[below(std::size(kRest))]);
      if (parsed) return *parsed;
      parsed = model::parse_selector("10.0.0.0/8");
      return *parsed;
    };
    size_t protects = 0;
    for (int round = 0; round < 60; ++round) {
      std::vector<model::ConnectionPolicy> all;
      for (uint32_t i = 0; i < 1 + below(6); ++i) {
        model::Selectors local, remote;
        for (uint64_t n = 0; n <= below(3); ++n) local.push_back(selector());
        for (uint64_t n = 0; n <= below(3); ++n) remote.push_back(selector());
        all.push_back(connection(("c" + std::to_string(i)).c_str(), local, remote,
                                 below(2) ? model::Mode::tunnel : model::Mode::transport, i + 1));
      }
      Host host(all);
      ipsec::Spd spd;
      spd.set(host.spd->entries);
      CHECK(host.spd->entries == stack::spd_entries(stack::connection_objects(all)));
      const uint8_t kProtocols[] = {1, 6, 17, 47};
      const uint16_t kPorts[] = {0, 53, 80, 85, 768, 800, 2048, 1024};
      for (int n = 0; n < 200; ++n) {
        model::FlowKey flow{*IpAddr::parse(address() + std::to_string(below(3))),
                            *IpAddr::parse(address() + std::to_string(below(3))),
                            kProtocols[below(4)],
                            kPorts[below(8)],
                            kPorts[below(8)],
                            false};
        flow.ports_known = flow.protocol != 47 && below(4) != 0;
        if (flow.protocol == 1) flow.destination_port = 0;
        const auto* in_spd = spd.find_outbound(flow);
        const auto* asked = host.asked(flow);
        // First match in the order of the configuration, straight from its words.
        const model::ChildPolicy* first = nullptr;
        for (const auto& each : all) {
          const uint16_t here = flow.source_port, there = flow.protocol == 1 ? flow.source_port : flow.destination_port;
          if (first == nullptr &&
              model::contains(each.children[0].local, flow.source, flow.protocol, here, flow.ports_known) &&
              model::contains(each.children[0].remote, flow.destination, flow.protocol, there, flow.ports_known))
            first = &each.children[0];
        }
        REQUIRE((first != nullptr) == (in_spd != nullptr));
        REQUIRE((first != nullptr) == (asked != nullptr));
        if (first == nullptr) continue;
        ++protects;
        CHECK((*in_spd)->reqid == first->reqid);
        CHECK(asked->reqid == first->reqid);
      }
    }
    CHECK(protects > 500);
  }

  TEST_CASE("with connections alone the SPD decides, and the engine is not asked about packets") {
    Host host({connection("east", selectors({"10.1.0.0/16"}), selectors({"10.2.0.0/16"}))});
    CHECK_FALSE(host.flows.active());
    host.add(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::PERMIT));
    CHECK(host.flows.active());
  }

  TEST_CASE("[WFP 20.4] in the connections' sublayer the heavier filter wins, and a block of any sublayer blocks") {
    Host host({connection("east", selectors({"10.1.0.0/16"}), selectors({"10.2.0.0/16"}), model::Mode::tunnel, 9)});
    const auto packet = view("10.1.0.1", "10.2.0.1");
    const auto protected_by_it = [&] {
      const Asked now = ask(host, packet);
      return now.alone && now.ruling.way == Way::protect && now.ruling.filter == 0 &&
             (*now.ruling.decision->entry)->reqid == 9;
    };
    CHECK(host.asked(packet.flow)->reqid == 9);
    Guid key = host.add(in_their_sublayer(ActionType::PERMIT, Value(uint8_t{7})));
    CHECK(protected_by_it());  // lighter
    REQUIRE(host.engine.remove(host.administrator, ObjectKind::filter, key));
    host.add(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::PERMIT, {}, Value(uint8_t{15})));
    CHECK(protected_by_it());  // a permit of another sublayer lets nothing out of a callout's hands
    key = host.add(in_their_sublayer(ActionType::PERMIT, Value(uint8_t{8})));
    CHECK_FALSE(ask(host, packet).alone);
    CHECK(ask(host, packet).ruling.way == Way::clear);
    REQUIRE(host.engine.remove(host.administrator, ObjectKind::filter, key));
    key = host.add(in_their_sublayer(ActionType::BLOCK, Value(uint8_t{8})));
    CHECK_FALSE(ask(host, packet).alone);
    CHECK(ask(host, packet).ruling.way == Way::drop);
    CHECK(ask(host, packet).ruling.drop == ipsec::Drop::filter_block);
    REQUIRE(host.engine.remove(host.administrator, ObjectKind::filter, key));
    host.take_up();
    CHECK(protected_by_it());
    host.add(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::BLOCK,
                    {equal(Field::IP_REMOTE_PORT, Value(uint16_t{443}))}, Value(uint8_t{15})));
    CHECK(ask(host, packet).ruling.drop == ipsec::Drop::filter_block);
    CHECK(ask(host, view("10.1.0.1", "10.2.0.1", 80)).alone);
  }

  TEST_CASE("a filter about connections begun here leaves what the peer began to the connection") {
    Host host({connection("east", selectors({"10.1.0.0/16"}), selectors({"10.2.0.0/16"}))});
    host.add(filter(Layer::ALE_AUTH_CONNECT_V4, ActionType::BLOCK));
    ipsec::SaRecord sa;
    sa.spec.child_id = 4;
    sa.spec.encr = model::EncrId::AES_GCM_16;
    wire::ip::PacketView came = view("10.2.0.1", "10.1.0.1", 22);
    REQUIRE(host.flows.inbound(host.now, came, sa).passed());
    wire::ip::PacketView answer = came;
    std::swap(answer.flow.source, answer.flow.destination);
    std::swap(answer.flow.source_port, answer.flow.destination_port);
    CHECK(ask(host, answer).ruling.way == Way::protect);
    CHECK(ask(host, view("10.1.0.1", "10.2.0.1")).ruling.way == Way::drop);
  }

  TEST_CASE("over a reload what did not change is the same object, and what is gone is gone") {
    const auto east = connection("east", selectors({"10.1.0.0/16"}), selectors({"10.2.0.0/16"}));
    auto west = connection("west", selectors({"10.1.0.0/16"}), selectors({"10.3.0.0/16"}), model::Mode::tunnel, 2);
    Host host({east, west});
    const auto filters = numbers(host.engine.snapshot()->filters);
    const auto contexts = numbers(host.engine.snapshot()->contexts);
    CHECK(filters.size() == 8);
    CHECK(contexts.size() == 4);
    const uint64_t generation = host.engine.snapshot()->generation;
    host.load({east, west});
    CHECK(host.engine.snapshot()->generation == generation);
    // One that comes before them in the configuration moves nobody.
    const auto first = connection("a", selectors({"10.1.0.0/16"}), selectors({"10.9.0.0/16"}), model::Mode::tunnel, 3);
    west.children[0].remote = selectors({"10.4.0.0/16"});
    host.load({first, east, west});
    const auto after = numbers(host.engine.snapshot()->filters);
    size_t same = 0;
    for (const auto& [key, id] : filters) same += after.count(key) && after.at(key) == id;
    CHECK(same == 5);  // east, and west at IKEEXT
    host.load({});
    CHECK(numbers(host.engine.snapshot()->filters).empty());
    CHECK(numbers(host.engine.snapshot()->contexts).empty());
    CHECK(host.spd->entries.empty());
    CHECK(host.engine.snapshot()->exemptions.empty());
  }

  TEST_CASE("nobody but the configuration takes its objects away, adds to them or makes them stay") {
    Host host({connection("east", selectors({"10.1.0.0/16"}), selectors({"10.2.0.0/16"}))});
    const Guid context = numbers(host.engine.snapshot()->contexts).begin()->first;
    const auto refused = [](const auto& outcome, Fwp code) { return !outcome && outcome.error().code == code; };
    for (const auto& [key, id] : numbers(host.engine.snapshot()->filters)) {
      CHECK(refused(host.engine.remove(host.administrator, ObjectKind::filter, key), Fwp::BUILTIN_OBJECT));
      CHECK(refused(host.engine.protect(host.administrator, ObjectKind::filter, key, default_protection()),
                    Fwp::ACCESS_DENIED));
    }
    CHECK(refused(host.engine.remove(host.administrator, ObjectKind::provider_context, context), Fwp::BUILTIN_OBJECT));
    CHECK(refused(host.engine.remove(host.administrator, ObjectKind::provider, stack::configuration_provider()),
                  Fwp::BUILTIN_OBJECT));
    Filter mine = filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::PERMIT);
    mine.head.provider = stack::configuration_provider();
    CHECK(refused(host.engine.add(host.administrator, mine), Fwp::ACCESS_DENIED));
    Filter refers = filter(Layer::IKEEXT_V4, ActionType::PERMIT);
    refers.head.flags = Filter::kHasProviderContext;
    host.engine.snapshot()->contexts.for_each([&](const auto& each) {
      if (each->type == ContextType::IPSEC_IKEV2_MM) refers.provider_context = each->head.key;
    });
    CHECK(refused(host.engine.add(host.administrator, refers), Fwp::ACCESS_DENIED));
    CHECK(host.engine.may_read(
        host.administrator, ObjectKind::filter,
        (*host.engine.snapshot()->filters_by_id.find(numbers(host.engine.snapshot()->filters).begin()->second))->head));
  }

  TEST_CASE("[WFP 20.4] what a filter lets past a connection is said to the packet filter in the order of weights") {
    Host host({connection("east", selectors({"10.1.0.0/16"}), selectors({"10.2.0.0/16"}))});
    using Does = stack::HostRule::Does;
    CHECK(stack::host_filters(*host.engine.snapshot()).empty());
    CHECK(stack::host_filters(*host.engine.snapshot()).past_connections.empty());
    host.add(in_their_sublayer(ActionType::PERMIT, Value(uint8_t{3})));
    const auto lighter = stack::host_filters(*host.engine.snapshot()).past_connections;
    REQUIRE(lighter.size() == 1);
    REQUIRE(lighter[0].sublayers[0].size() == 2);
    CHECK(lighter[0].sublayers[0][0].does == Does::protect);
    // The packet filter asks the connection's filter first too.
    const auto asked = stack::host_filters(*host.engine.snapshot());
    const auto* layer = asked.find(stack::Point::outbound_transport, Family::v4);
    REQUIRE(layer);
    REQUIRE(layer->sublayers[0].size() == 2);
    CHECK(layer->sublayers[0][0].remote.size() == 1);
    CHECK(layer->sublayers[0][1].remote.empty());
    Filter ssh = in_their_sublayer(ActionType::PERMIT, Value(uint8_t{9}));
    ssh.conditions = {equal(Field::IP_PROTOCOL, Value(uint8_t{6})), equal(Field::IP_REMOTE_PORT, Value(uint16_t{22}))};
    host.add(ssh);
    host.add(in_their_sublayer(ActionType::BLOCK, Value(uint8_t{12})));
    const auto rules = stack::host_filters(*host.engine.snapshot()).past_connections[0].sublayers[0];
    REQUIRE(rules.size() == 4);
    CHECK(rules[0].does == Does::protect);
    CHECK(rules[1].does == Does::permit);
    CHECK(rules[1].remote_ports == stack::HostRule::Numbers{{22, 22}});
    CHECK(rules[2].does == Does::protect);
  }

  TEST_CASE("explain names the connection's filter at every layer, and the one that beats it") {
    test::StackPair pair;
    for (test::StackNode* node : {&pair.east, &pair.west}) {
      node->keys.secrets["site-psk"] = "a long enough secret";
      node->control.handle_command(pair.now, stack::ReloadCommand{0, psk_policy(node == &pair.west)});
    }
    pair.settle();
    const model::FlowKey flow = view("10.1.0.1", "10.2.0.1").flow;
    auto told = pair.east.control.explain_filters(flow);
    REQUIRE(told.connection);
    CHECK(told.connection->connection == "site");
    CHECK_FALSE(told.others);
    std::map<Layer, std::string> names;
    for (const auto& layer : told.layers) names[layer.layer] = layer.name;
    CHECK(names[Layer::OUTBOUND_TRANSPORT_V4] == "site.net");
    CHECK(names[Layer::INBOUND_TRANSPORT_V4] == "site.net");
    CHECK(names[Layer::IKEEXT_V4] == "site");
    CHECK(names[Layer::IPSEC_V4] == "site.net");
    pair.east.control.handle_command(pair.now, stack::UpCommand{1, "site", {}});
    pair.settle();
    REQUIRE(pair.east.dataplane.sas(pair.now).size() == 1);

    // A program's filter in the same sublayer: packets obey, and the SA lives on beside it.
    auto& engine = pair.east.control.filter_engine();
    const auto session = *engine.open(trusted());
    const auto added = engine.add(session, in_their_sublayer(ActionType::PERMIT, Value(uint8_t{9})));
    REQUIRE(added);
    pair.east.drain(pair.now);
    told = pair.east.control.explain_filters(flow);
    CHECK(told.protects == 0);
    CHECK(told.layers[0].filter == added->id);
    REQUIRE(pair.east.dataplane.ping(pair.now, 1, *IpAddr::parse("10.2.0.1"), 1, 56));
    pair.settle();
    CHECK(pair.east.clear.size() == 1);
    REQUIRE(engine.remove(session, ObjectKind::filter, added->key));
    pair.east.drain(pair.now);
    REQUIRE(pair.east.dataplane.ping(pair.now, 2, *IpAddr::parse("10.2.0.1"), 2, 56));
    pair.settle();
    CHECK(pair.east.clear.size() == 1);
    CHECK(pair.east.dataplane.poll_pong());
    CHECK(pair.east.dataplane.sas(pair.now).size() == 1);
  }
}
