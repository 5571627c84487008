// The text of the filter engine's chains, and the plan on its way to the process that sets them. What packets then meet
// is seen in tests/netns (scenario).
#include "runtime/filter_rules.h"

#include <doctest/doctest.h>

#include "runtime/filter_plan.h"

using namespace sallyport;
using namespace sallyport::runtime;
using stack::HostFilters;
using stack::HostRule;
using stack::Point;
using Does = HostRule::Does;

namespace {

HostRule rule(Does does) {
  HostRule out;
  out.does = does;
  out.filter = 7;
  return out;
}

HostRule block_of_everything() {
  HostRule out = rule(Does::protect);
  out.local = {{*IpAddr::parse("10.1.0.0"), *IpAddr::parse("10.1.0.255")}};
  return out;
}

HostFilters sample() {
  HostRule block = rule(Does::block);
  block.remote = {{*IpAddr::parse("192.0.2.0"), *IpAddr::parse("192.0.2.255")}};
  block.protocols = {{6, 6}};
  block.local_ports = {{22, 22}, {80, 90}};
  HostRule six = rule(Does::capture);
  six.remote = {{*IpAddr::parse("2001:db8::"), *IpAddr::parse("2001:db8::ff")}};
  HostFilters out;
  out.layers = {{Point::outbound_transport, Family::v4, {{rule(Does::hard_permit)}, {block, rule(Does::capture)}}},
                {Point::inbound_transport, Family::v4, {{rule(Does::veto)}}},
                {Point::ale_auth_recv_accept, Family::v4, {{block}}},
                {Point::outbound_transport, Family::v6, {{six}}}};
  out.unsaid = {3};
  HostRule ssh = rule(Does::permit);
  ssh.protocols = {{6, 6}};
  ssh.remote_ports = {{22, 22}};
  out.past_connections = {{Point::outbound_transport, Family::v4, {{block_of_everything(), ssh}}},
                          {Point::inbound_transport, Family::v6, {{ssh}}}};
  return out;
}

std::string text_of(const HostFilters& filters) {
  return filter_rules({filters,
                       false,
                       "sallyport0",
                       "0x5350",
                       "\t\tmeta l4proto { 50, 51 } accept\n",
                       "udp dport 4500 socket mark 0x5350 accept",
                       {},
                       1360,
                       1340});
}

bool holds(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE(text);
  return false;
}

}  // namespace

TEST_SUITE("runtime/filter_rules") {
  TEST_CASE("a host without filters has no chains of theirs") { CHECK(text_of({}).empty()); }

  TEST_CASE("a sublayer goes on to the next; a hard permit leaves it only what callouts say") {
    const std::string text = text_of(sample());
    CHECK(holds(text, "chain filter_outbound_v4_1 {\n\t\tgoto filter_outbound_v4_2_hard comment \"filter 7\"\n"));
    CHECK(
        holds(text,
              "chain filter_outbound_v4_2 {\n\t\tip daddr { 192.0.2.0-192.0.2.255 } meta l4proto { 6 } th sport { 22, "
              "80-90 } counter name filtered_out drop comment \"filter 7\"\n\t\tgoto filter_capture comment"));
    CHECK(holds(text,
                "chain filter_outbound_v4_2_hard {\n\t\tip daddr { 192.0.2.0-192.0.2.255 } meta l4proto { 6 } th sport "
                "{ 22, 80-90 } goto filter_outbound_v4_permitted"));
    CHECK(holds(text, "chain filter_inbound_v4_1 {\n\t\tcounter name filtered_in drop comment \"filter 7\"\n"));
    CHECK(holds(text, "chain filter_inbound_v4_1_hard {\n\t\tcounter name filtered_in drop comment \"filter 7\"\n"));
  }

  TEST_CASE("a connection begun by the peer is judged at the accept layer too") {
    const std::string text = text_of(sample());
    CHECK(holds(text,
                "chain filter_inbound_v4_permitted {\n\t\tct direction original goto filter_accept_v4_1\n\t\taccept"));
    CHECK(holds(text,
                "chain filter_accept_v4_1 {\n\t\tip saddr { 192.0.2.0-192.0.2.255 } meta l4proto { 6 } th dport { 22, "
                "80-90 } counter name filtered_in drop"));
  }

  TEST_CASE("what is captured leaves by the device or not at all, and what came protected is never clear again") {
    const std::string text = text_of(sample());
    CHECK(holds(text, "meta mark set 0x5352 accept"));
    CHECK(holds(text,
                "meta mark and 0x1ffff == 0x15352 oifname \"lo\" accept\n\t\tmeta mark and 0xffff == 0x5352 oifname != "
                "\"sallyport0\" "
                "counter name captured_out drop"));
    CHECK(holds(text,
                "iifname \"sallyport0\" ct mark set ct mark or 0x20000000\n\t\tiifname \"sallyport0\" fib daddr type "
                "local meta mark set 0x5352 accept"));
    CHECK(holds(
        text, "priority -160; policy accept;\n\t\tiifname != \"sallyport0\" udp dport 4500 socket mark 0x5350 accept"));
    CHECK(holds(text, "ct mark and 0x20000000 == 0x20000000 counter name secured_in drop"));
    CHECK(holds(text, "ip6 daddr { 2001:db8::-2001:db8::ff } goto filter_capture"));
    CHECK(holds(text, "type route hook output priority -150; policy accept;\n\t\tmeta mark 0x5350 accept"));
  }

  TEST_CASE("[WFP 20.5] transit traffic: what leaves by a tunnel is marked, what comes has to come by the device") {
    HostRule leaves = rule(Does::protect), comes = rule(Does::veto);
    leaves.local = comes.remote = {{*IpAddr::parse("10.1.0.0"), *IpAddr::parse("10.1.255.255")}};
    HostFilters filters;
    filters.layers = {{Point::ipforward, Family::v4, {{comes}, {leaves}}}};
    const std::string text = text_of(filters);
    CHECK(holds(text,
                "chain filter_forward_v4_1 {\n\t\tiifname \"sallyport0\" ip daddr { 10.1.0.0-10.1.255.255 } goto "
                "filter_forward_v4_2\n\t\tip daddr { 10.1.0.0-10.1.255.255 } counter name filtered_in drop"));
    CHECK(
        holds(text, "chain filter_forward_v4_2 {\n\t\tip saddr { 10.1.0.0-10.1.255.255 } goto filter_protect comment"));
    CHECK(holds(text, "chain filter_protect {\n\t\tct mark set ct mark or 0x20000000\n\t\tgoto filter_capture\n\t}"));
    // Before our own ESP is exempt: that of hosts behind us is not ours.
    CHECK(text.find("goto filter_forward_v4_1") < text.find("meta l4proto { 50, 51 } accept"));
  }

  TEST_CASE("ports without a protocol are those of TCP, UDP and SCTP, and type and code of ICMP") {
    HostRule ports = rule(Does::block);
    ports.local_ports = {{8, 8}};
    ports.remote_ports = {{0, 0}};
    HostFilters filters;
    filters.layers = {{Point::outbound_transport, Family::v4, {{ports}}}};
    const std::string text = text_of(filters);
    CHECK(holds(text, "meta l4proto { 6, 17, 132 } th sport { 8 } th dport { 0 } counter"));
    CHECK(holds(text, "meta l4proto { 1, 58 } @th,0,8 { 8 } @th,8,8 { 0 } counter"));
    // What no type can be is no condition on ICMP; nft would refuse the whole table.
    ports.local_ports = {{200, 300}};
    ports.remote_ports = {};
    filters.layers = {{Point::outbound_transport, Family::v4, {{ports}}}};
    CHECK(holds(text_of(filters), "meta l4proto { 1, 58 } @th,0,8 { 200-255 } counter"));
    ports.local_ports = {{5555, 5555}};
    filters.layers = {{Point::outbound_transport, Family::v4, {{ports}}}};
    CHECK(holds(text_of(filters), "th sport { 5555 }"));
    CHECK_FALSE(holds(text_of(filters), "@th,0,8"));
  }
}

TEST_SUITE("runtime/filter_rules") {
  TEST_CASE("[WFP 20.4] what filters let past connections is accepted in the order of weights, before it is refused") {
    const std::string text = exception_chains(sample());
    CHECK(
        holds(text,
              "chain past_connections_outbound_v4 {\n\t\tip saddr { 10.1.0.0-10.1.0.255 } return comment \"filter 7\"\n"
              "\t\tmeta l4proto { 6 } th dport { 22 } accept comment \"filter 7\"\n\t}\n"));
    CHECK(holds(
        text,
        "chain past_connections_inbound_v6 {\n\t\tmeta l4proto { 6 } th sport { 22 } accept comment \"filter 7\"\n"));
    CHECK(exception_jumps(sample(), Point::outbound_transport) ==
          "\t\tmeta nfproto ipv4 jump past_connections_outbound_v4\n");
    CHECK(exception_jumps(sample(), Point::inbound_transport) ==
          "\t\tmeta nfproto ipv6 jump past_connections_inbound_v6\n");
    CHECK(exception_chains({}).empty());
  }

  TEST_CASE(
      "what is asked about goes to the daemon once for each policy: by the device, or by the log behind the host's "
      "input chains") {
    HostRule asks = rule(Does::ask);
    asks.protocols = {{6, 6}, {17, 17}};
    HostFilters filters;
    filters.asked_under = 9;
    filters.layers = {{Point::ale_auth_connect, Family::v4, {{asks}}},
                      {Point::ale_auth_recv_accept, Family::v6, {{asks}}}};
    const std::string text = text_of(filters);
    CHECK(
        holds(text,
              "chain filter_connect_v4_1 {\n\t\tmeta l4proto { 6, 17 } ct mark and 0x1fe00000 == 0x200000 accept\n\t\t"
              "meta l4proto { 6, 17 } goto filter_capture comment \"filter 7\"\n"));
    CHECK(holds(text, "meta l4proto { 6, 17 } goto filter_ask comment \"filter 7\"\n"));
    CHECK(holds(text, "chain filter_ask {\n\t\tct mark set ct mark or 0x1fe00000 accept\n"));
    CHECK(holds(text, "hook input priority 320; policy accept;\n\t\tiifname \"lo\" accept\n"));
    CHECK(holds(text, "log group 21328 queue-threshold 1\n"));
    CHECK(holds(text, "ct mark and 0x1fe00000 == 0x1fe00000 counter drop\n"));
    CHECK(holds(text,
                "meta mark 0x5350 ct direction original ct mark set ct mark and 0xe01fffff or 0x200000\n\t\tmeta mark "
                "0x5350 accept\n"));
    const auto back = parse_filter_plan(write_filter_plan(filters));
    REQUIRE(back);
    CHECK(*back == filters);
    CHECK_FALSE(holds(text_of(sample()), "0x1fe00000"));  // nobody asks
  }
}

TEST_SUITE("runtime/filter_plan") {
  TEST_CASE("a plan comes back as it was, and every cut of it is refused") {
    const Bytes octets = write_filter_plan(sample());
    const auto back = parse_filter_plan(octets);
    REQUIRE(back);
    CHECK(*back == sample());
    for (size_t size = 0; size < octets.size(); ++size) CHECK_FALSE(parse_filter_plan(ByteView(octets).first(size)));
    Bytes longer = octets;
    longer.push_back(0);
    CHECK_FALSE(parse_filter_plan(longer));
  }

  TEST_CASE("no flip of a bit makes a plan that the packet filter's text would be wrong for") {
    const Bytes octets = write_filter_plan(sample());
    for (size_t bit = 0; bit < octets.size() * 8; ++bit) {
      Bytes other = octets;
      other[bit / 8] = static_cast<uint8_t>(other[bit / 8] ^ (1u << (bit % 8)));
      const auto plan = parse_filter_plan(other);
      if (!plan) continue;
      for (const auto& layer : plan->layers) {
        for (const auto& sublayer : layer.sublayers) {
          for (const HostRule& each : sublayer) {
            for (const auto* ranges : {&each.local, &each.remote}) {
              for (const auto& [first, last] : *ranges) {
                CHECK(first.family() == layer.family);
                CHECK_FALSE(last < first);
              }
            }
          }
        }
      }
      CHECK_FALSE(text_of(*plan).find('\0') != std::string::npos);
    }
  }
}
