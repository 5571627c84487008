// The text of the packet filter. That nft takes it, and what it then does to packets, is seen in tests/netns.
#include "runtime/guard_rules.h"

#include <doctest/doctest.h>

#include "runtime/guard_report.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {

model::Selectors selectors(std::initializer_list<const char*> texts) {
  model::Selectors out;
  for (const char* text : texts) out.push_back(*model::parse_selector(text));
  return out;
}

std::string rules(std::initializer_list<const char*> local, std::initializer_list<const char*> remote) {
  GuardPlan plan;
  plan.device = "sallyport0";
  plan.protection.entries.push_back(
      {"west", "net", model::Action::PROTECT, selectors(local), selectors(remote), 1, 100});
  return guard_rules(plan, {});
}

bool holds(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE(text);
  return false;
}

}  // namespace

TEST_SUITE("runtime/guard_rules") {
  TEST_CASE("the table is replaced whole, and counts go on") {
    const std::string text = guard_rules({}, {3, 4, 5});
    CHECK(text.starts_with("add table inet sallyport\ndelete table inet sallyport\ntable inet sallyport {\n"));
    CHECK(holds(text, "counter clear_in { packets 3 bytes 0 }"));
    CHECK(holds(text, "counter clear_out { packets 4 bytes 0 }"));
    CHECK(holds(text, "counter other_family_out { packets 5 bytes 0 }"));
  }

  TEST_CASE("no packet has to pass a chain that would refuse nothing") {
    GuardPlan plan;
    plan.device = "sallyport0";
    plan.secure_sockets = true;
    const std::string sockets_alone = guard_rules(plan, {});
    CHECK(sockets_alone.find("chain arriving") == std::string::npos);
    CHECK(sockets_alone.find("chain leaving") == std::string::npos);
    CHECK(holds(sockets_alone, "chain filters_arriving"));
    plan.protection.refused_families = {Family::v6};
    const std::string one_family = guard_rules(plan, {});
    CHECK(one_family.find("chain arriving") == std::string::npos);
    CHECK(holds(one_family, "chain leaving {"));
    CHECK(holds(one_family, "chain leaving_translated {"));
    CHECK(holds(rules({"10.1.0.0/24"}, {"10.2.0.0/24"}), "chain arriving {"));
  }

  TEST_CASE("[RFC4301 5.2] a clear packet is refused in both directions by the same selectors") {
    const std::string text = rules({"10.1.0.0/24"}, {"10.2.0.0/24"});
    CHECK(holds(text, "ip saddr { 10.2.0.0-10.2.0.255 } ip daddr { 10.1.0.0-10.1.0.255 } counter name clear_in drop"));
    CHECK(holds(text, "ip saddr { 10.1.0.0-10.1.0.255 } ip daddr { 10.2.0.0-10.2.0.255 } counter name clear_out drop"));
    CHECK(holds(text, "iifname { \"lo\", \"sallyport0\" } accept"));
    CHECK(holds(text, "ip saddr { 10.2.0.0-10.2.0.255 } jump refuse_arriving"));
    CHECK(holds(text, "ip daddr { 10.2.0.0-10.2.0.255 } jump refuse_leaving"));
  }

  TEST_CASE("overlapping ranges are joined, since nft takes no overlap in a set") {
    CHECK(holds(rules({"10.1.0.0/24"}, {"10.2.0.0/25", "10.2.0.64/26", "10.2.0.200/32"}),
                "ip saddr { 10.2.0.0-10.2.0.127, 10.2.0.200 } ip daddr { 10.1.0.0-10.1.0.255 }"));
  }

  TEST_CASE("a range of everything names the family only") {
    const std::string text = rules({"fd00::1/128"}, {"::/0"});
    CHECK(holds(text, "meta nfproto ipv6 ip6 daddr { fd00::1 } counter name clear_in drop"));
    CHECK(holds(text, "ip6 saddr { fd00::1 } ip6 daddr { fd00::1 } return"));
  }

  TEST_CASE("protocol and ports follow the direction of the packet") {
    const std::string text = rules({"192.0.2.1/32[tcp/22]"}, {"192.0.2.2/32[tcp/1024-65535]"});
    CHECK(holds(text,
                "ip saddr { 192.0.2.2 } ip daddr { 192.0.2.1 } meta l4proto 6 th sport 1024-65535 th dport 22 "
                "counter name clear_in drop"));
    CHECK(holds(text,
                "ip saddr { 192.0.2.1 } ip daddr { 192.0.2.2 } meta l4proto 6 th sport 22 th dport 1024-65535 "
                "counter name clear_out drop"));
  }

  TEST_CASE("[RFC4301 4.4.1.1] type and code of ICMP, OPAQUE and protocols without ports") {
    CHECK(holds(rules({"192.0.2.1/32[icmp/2048]"}, {"192.0.2.2/32[icmp/2048]"}),
                "meta l4proto 1 @th,0,16 2048 @th,0,16 2048 counter name clear_in drop"));
    CHECK(holds(rules({"192.0.2.1/32[udp/opaque]"}, {"192.0.2.2/32[udp/opaque]"}),
                "meta l4proto 17 ip frag-off & 0x1fff != 0 counter name clear_out drop"));
    CHECK(holds(rules({"192.0.2.1/32[47/5]"}, {"192.0.2.2/32[47]"}), "meta l4proto 47 counter name clear_in drop"));
    const std::string any = rules({"192.0.2.1/32[any/80]"}, {"192.0.2.2/32"});
    CHECK(holds(any, "meta l4proto { 6, 17, 132 } th dport 80 counter name clear_in drop"));
    CHECK(holds(any, "meta l4proto { 1, 58 } @th,0,16 80 counter name clear_in drop"));
  }

  TEST_CASE("[RFC4301 6.2] an error of ICMP that quotes a protected packet does not leave beside the SA") {
    CHECK(holds(rules({"192.0.2.1/32[tcp/22]"}, {"192.0.2.2/32[tcp/1024-65535]"}),
                "ip daddr { 192.0.2.2 } icmp type { destination-unreachable, time-exceeded, parameter-problem } "
                "@th,136,8 6 @th,224,16 1024-65535 @th,240,16 22 counter name clear_out drop"));
    CHECK(holds(rules({"2001:db8::1/128[udp]"}, {"2001:db8::2/128[udp/53]"}),
                "@th,112,8 17 @th,384,16 53 counter name clear_out drop"));
  }

  TEST_CASE("selectors of two protocols or families make no rule") {
    const std::string text = rules({"192.0.2.1/32[tcp]"}, {"192.0.2.2/32[udp]", "2001:db8::2/128"});
    CHECK(text.find("counter name clear_in drop") == std::string::npos);
  }

  TEST_CASE("own packets pass by mark and kind together; ports alone only where sockets cannot be matched") {
    GuardPlan plan;
    plan.ike_port = 1500;
    plan.natt_port = 14500;
    plan.protection.entries.push_back(
        {"west", "net", model::Action::PROTECT, selectors({"10.1.0.0/24"}), selectors({"10.2.0.0/24"}), 1, 100});
    CHECK(holds(guard_rules(plan, {}), "udp dport { 1500, 14500 } socket mark 0x5350 accept"));
    CHECK(holds(guard_rules(plan, {}), "meta mark 0x5350 udp sport { 1500, 14500 } accept"));
    CHECK(holds(guard_rules(plan, {}), "meta mark 0x5350 meta l4proto { 50, 51 } accept"));
    CHECK(holds(guard_rules(plan, {}), "meta mark 0x5350 frag nexthdr { 50, 51 } accept"));
    CHECK_FALSE(holds(guard_rules(plan, {}), "\t\tfrag nexthdr { 50, 51 } accept"));
    // RFC 8200 4.5: later fragments are joined with any first one, whatever they say.
    CHECK(guard_rules(plan, {}).find("frag frag-off != 0 goto later_fragments") <
          guard_rules(plan, {}).find("\t\tmeta l4proto { 50, 51 } accept"));
    plan.protection.whole_packets_from = {*model::parse_selector("2001:db8::2/128")};
    CHECK(holds(guard_rules(plan, {}), "ip6 saddr { 2001:db8::2 } frag nexthdr { 50, 51 } accept"));
    plan.device = "sallyport0";
    plan.filters.layers = {{stack::Point::inbound_transport, Family::v4, {}}};
    CHECK(holds(guard_rules(plan, {}), "iifname != \"sallyport0\" udp dport 14500 socket mark 0x5350 accept"));
    plan.match_sockets = false;
    CHECK(holds(guard_rules(plan, {}), "udp dport { 1500, 14500 } accept"));
    // That could be somebody else's that the host passes on.
    CHECK(guard_rules(plan, {}).find("iifname != \"sallyport0\" udp") == std::string::npos);
  }

  TEST_CASE("[RFC7359 4] the other family leaves only within the link") {
    GuardPlan plan;
    plan.protection.refused_families = {Family::v6};
    CHECK(holds(guard_rules(plan, {}), "ip6 daddr != { fe80::/10, ff00::/8 } counter name other_family_out drop"));
    CHECK(guard_rules(plan, {}).find("ip daddr !=") == std::string::npos);
  }

  TEST_CASE("counters are read from nft's listing, and cross between processes as they were") {
    const auto read = parse_guard_counters(
        "table inet sallyport {\n\tcounter clear_in {\n\t\tpackets 12 bytes 900\n\t}\n"
        "\tcounter clear_out {\n\t\tpackets 0 bytes 0\n\t}\n\tcounter other_family_out {\n\t\tpackets 7 bytes "
        "1\n\t}\n}\n");
    CHECK(read == GuardCounters{12, 0, 7});
    CHECK(parse_guard_counters("") == GuardCounters{});
    GuardReport said;
    said.enforced = true;
    said.sentence = "all is well";
    said.counters = read;
    said.dosp.emplace().icmpv6_allowed = 9;
    said.dosp_lost = true;
    const auto report = parse_guard_report(write_guard_report(said));
    REQUIRE(report);
    CHECK(report->enforced);
    CHECK(report->counters == read);
    CHECK(report->sentence == "all is well");
    CHECK(report->dosp == said.dosp);
    CHECK(report->dosp_lost);
    CHECK_FALSE(parse_guard_report(ByteView()));
  }
}
