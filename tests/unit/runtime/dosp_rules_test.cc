// IPsec DoS protection as the packet filter's text, and back.
#include "runtime/dosp_rules.h"

#include <doctest/doctest.h>

#include "runtime/filter_plan.h"

using namespace sallyport;
using namespace sallyport::runtime;
using stack::DospSetting;

namespace {

bool holds(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

DospSetting setting() {
  DospSetting out;
  out.v4 = out.v6 = true;
  out.options.public_interfaces = {2};
  out.options.internal_interfaces = {3, 4};
  out.options.state_idle_timeout_seconds = 360;
  out.options.rate_limit_queue_idle_timeout_seconds = 60;
  out.options.max_state_entries = 75000;
  out.options.max_per_ip_queues = 500;
  return out;
}

std::string rules(const DospSetting& one) { return dosp_rules(dosp_in_force({one}), {}); }

// What stands in a chain.
std::string chain(const std::string& text, const std::string& name) {
  const size_t at = text.find("\tchain " + name + " {\n");
  return at == std::string::npos ? std::string() : text.substr(at, text.find("\n\t}", at) - at);
}

constexpr const char* kListing =
    "\tset state_1 {\n\t\ttype ipv6_addr . ipv6_addr\n\t\tsize 9\n\t\tflags dynamic,timeout\n\t\tcounter\n"
    "\t\ttimeout 6m\n\t\telements = { 2001:db8:f::1 . 2001:db8:1::1 counter packets 7 bytes 700 expires 5m59s996ms,\n"
    "\t\t\t     2001:db8:f::2 . 2001:db8:1::1 counter packets 3 bytes 312 expires 5m }\n\t}\n"
    "\tset sent_1 {\n\t\telements = { 2001:db8:f::1 . 2001:db8:1::1 counter packets 4 bytes 400 expires 1m }\n\t}\n"
    "\tset since_1 {\n\t\ttimeout 1d\n\t\telements = { 2001:db8:f::1 . 2001:db8:1::1 expires 23h58m20s1ms }\n\t}\n"
    "\tset queues_1 {\n\t\telements = { 2001:db8:1::1 limit rate over 10 kbytes/second burst 1500 bytes expires 9s,\n"
    "\t\t\t     2001:db8:1::2 limit rate over 10 kbytes/second burst 1500 bytes expires 9s }\n\t}\n";

// As nft lists them: each on lines of its own.
std::string listed(const policy::DospStatistics& counters, const std::string& sets) {
  std::string out = dosp_rules({}, counters);
  out = out.substr(out.rfind("table inet"));
  for (size_t at = 0; (at = out.find(" { packets ", at)) != std::string::npos;) out.replace(at, 3, " {\n\t\t");
  for (size_t at = 0; (at = out.find(" bytes 0 }", at)) != std::string::npos;) out.replace(at, 10, " bytes 0\n\t}");
  return out + sets;
}

}  // namespace

TEST_SUITE("runtime/dosp_rules") {
  TEST_CASE("[WFP 19] what is forwarded from public to internal interfaces falls under a setting, and the way back") {
    DospSetting one = setting();
    one.options.public_mask = {{0x20, 0x01, 0x0d, 0xb8, 0, 0x0f, 0xff}, 48};
    one.options.internal_mask = {{0x20, 0x01, 0x0d, 0xb8, 0, 0x01}, 44};
    const std::string base = chain(rules(one), "forwarded");
    CHECK(holds(base, "hook forward priority -10; policy accept"));
    CHECK(holds(base,
                "meta nfproto ipv6 iif { 2 } oif { 3, 4 } ip6 saddr 2001:db8:f::/48 ip6 daddr 2001:db8::/44 goto "
                "d1_inbound"));
    CHECK(holds(base,
                "meta nfproto ipv6 oif { 2 } iif { 3, 4 } ip6 daddr 2001:db8:f::/48 ip6 saddr 2001:db8::/44 goto "
                "d1_outbound"));
    CHECK_FALSE(holds(base, "ipv4"));  // in no IPv6 prefix
    CHECK(holds(chain(rules(setting()), "forwarded"), "meta nfproto ipv4 iif { 2 } oif { 3, 4 } goto d1_ipv4"));
    DospSetting named = setting();
    named.public_names = {"wan0"};
    named.internal_names = {"lan0", "lan1"};
    CHECK(holds(rules(named), "iifname { \"wan0\" } oifname { \"lan0\", \"lan1\" } goto d1_inbound"));
  }

  TEST_CASE(
      "[WFP 19] a setting without interfaces on both sides has no effect, and the most specific one comes first") {
    DospSetting none = setting();
    none.options.internal_interfaces = {0, uint64_t{1} << 40};
    CHECK(dosp_in_force({none}).empty());
    DospSetting specific = setting();
    specific.options.internal_mask.prefix_length = 128;
    const auto both = dosp_in_force({setting(), specific});
    REQUIRE(both.size() == 2);
    CHECK(both.front() == specific);
  }

  TEST_CASE("[WFP 19] IPsec without a state entry is limited for each internal address and in all") {
    DospSetting one = setting();
    one.options.ipsec_unauth = {10, 4000};
    one.options.ipsec_unauth_per_ip_bytes_per_second = 1000;
    const std::string text = chain(rules(one), "d1_unauthenticated");
    const size_t each = text.find(
        "update @queues_1 { ip6 daddr limit rate over 1000 bytes/second burst 1500 bytes } counter name "
        "unauth_per_ip_limited drop");
    const size_t full = text.find("ip6 daddr != @queues_1 counter name unauth_discarded drop");
    const size_t all = text.find("limit rate over 4000 bytes/second burst 1500 bytes counter name unauth_limited drop");
    const size_t mark = text.find("ip6 dscp set 10"), passes = text.find("counter name unauth_allowed accept");
    REQUIRE(passes != std::string::npos);
    CHECK(each < full);
    CHECK(full < all);
    CHECK(all < mark);
    CHECK(mark < passes);
    CHECK(holds(rules(one), "\tset queues_1 {\n\t\ttype ipv6_addr\n\t\tsize 500\n"));
    CHECK(holds(rules(one), "\t\ttimeout 60s\n"));
    // 0 and 0xff switch off.
    CHECK_FALSE(holds(rules(setting()), "limit rate"));
    CHECK_FALSE(holds(rules(setting()), "dscp"));
    CHECK_FALSE(holds(rules(setting()), "queues"));
  }

  TEST_CASE("[WFP 19] a state entry is made by ESP and AH of the internal host, never by its IKE messages") {
    const std::string text = rules(setting());
    CHECK(holds(text, "\tset state_1 {\n\t\ttype ipv6_addr . ipv6_addr\n\t\tsize 75000\n"));
    const std::string out = chain(text, "d1_outbound");
    CHECK(holds(out, "meta l4proto { 50, 51 } goto d1_protected"));
    CHECK(holds(out, "udp sport 4500 @th,64,32 != 0 goto d1_protected"));
    CHECK(holds(out, "udp sport { 500, 4500 } accept"));
    CHECK(holds(chain(text, "d1_remember"), "add @state_1 { ip6 daddr . ip6 saddr } counter name states_created"));
    CHECK(holds(chain(text, "d1_ipsec"), "ip6 saddr . ip6 daddr != @state_1 goto d1_unauthenticated"));
    DospSetting huge = setting();
    huge.options.max_state_entries = UINT32_MAX;
    CHECK(holds(rules(huge), "size 131072\n"));
  }

  TEST_CASE("[WFP 19] AuthIP alone may pass by default; flags let IKE through and AuthIP not") {
    const std::string text = chain(rules(setting()), "d1_port500");
    CHECK(holds(text, "@th,200,8 0x10-0x1f @th,208,8 0xf3-0xf6 goto d1_ipsec"));
    CHECK(holds(text, "@th,200,8 0x10-0x1f goto d1_refused"));
    CHECK(holds(text, "@th,200,8 0x20-0x2f goto d1_refused"));
    DospSetting one = setting();
    one.options.flags = DospSetting::kEnableIkev1 | DospSetting::kEnableIkev2 | DospSetting::kDisableAuthip;
    const std::string other = chain(rules(one), "d1_port4500");
    CHECK(holds(other, "@th,232,8 0x10-0x1f @th,240,8 0xf3-0xf6 goto d1_refused"));
    CHECK(holds(other, "@th,232,8 0x10-0x1f goto d1_ipsec"));
    CHECK(holds(other, "@th,232,8 0x20-0x2f goto d1_ipsec"));
    CHECK(holds(other, "@th,64,32 != 0 goto d1_ipsec"));
  }

  TEST_CASE("[WFP 19] all else is blocked, but where a flag says otherwise") {
    CHECK(holds(chain(rules(setting()), "d1_inbound"), "counter name default_blocked drop"));
    CHECK(holds(chain(rules(setting()), "d1_outbound"), "counter name outbound_discarded drop"));
    CHECK(holds(chain(rules(setting()), "d1_ipv4"), "counter name default_blocked drop"));
    CHECK(holds(chain(rules(setting()), "d1_inbound"), "meta l4proto 58 goto d1_icmpv6"));
    DospSetting one = setting();
    one.options.flags = DospSetting::kDisableDefaultBlock;
    one.options.default_block_exempt = {8, 5000};
    CHECK(holds(chain(rules(one), "d1_rest"),
                "limit rate over 5000 bytes/second burst 1500 bytes counter name default_block_exempt_limited drop"));
    CHECK(holds(chain(rules(one), "d1_ipv4"), "ip dscp set 8"));
    CHECK_FALSE(holds(rules(one), "counter name default_blocked drop"));
    one.options.flags = DospSetting::kFilterBlock;
    CHECK(chain(rules(one), "d1_inbound") == "\tchain d1_inbound {\n\t\tcounter name filter_blocked drop");
    one.options.flags = DospSetting::kFilterExempt;
    CHECK(chain(rules(one), "d1_inbound") == "\tchain d1_inbound {\n\t\tgoto d1_exempt");
  }

  TEST_CASE("[WFP 19] replacing the table loses no count, and a table says which settings it is of") {
    policy::DospStatistics before;
    before.icmpv6_allowed = 12;
    const std::string text = dosp_rules(dosp_in_force({setting()}), before);
    CHECK(text.starts_with("add table inet sallyport_dosp\ndelete table inet sallyport_dosp\n"));
    CHECK(holds(text, "counter icmpv6_allowed { packets 12 bytes 0 }"));
    CHECK(holds(text, "\tchain " + dosp_plan_chain({setting()}) + " {\n"));
    DospSetting other = setting();
    other.options.icmpv6.dscp = 1;
    CHECK(dosp_plan_chain({other}) != dosp_plan_chain({setting()}));
  }

  TEST_CASE("[WFP 19] statistics and state entries are read from what nft lists, or not at all") {
    policy::DospStatistics counters;
    counters.unauth_allowed = 5;
    counters.outbound_discarded = 6;
    const std::string text = listed(counters, kListing);
    const auto report = parse_dosp_listing(text);
    REQUIRE(report);
    CHECK(report->statistics.unauth_allowed == 5);
    CHECK(report->statistics.outbound_discarded == 6);
    CHECK(report->statistics.current_state_entries == 2);
    CHECK(report->statistics.current_per_ip_queues == 2);
    REQUIRE(report->states.size() == 2);
    const policy::DospState first{*IpAddr::parse("2001:db8:f::1"), *IpAddr::parse("2001:db8:1::1"), 3, 4, 99};
    CHECK(report->states[0] == first);
    CHECK(report->states[1].inbound_packets == 3);
    CHECK(report->states[1].duration_seconds == 0);
    CHECK_FALSE(parse_dosp_listing(""));
    CHECK_FALSE(parse_dosp_listing("Error: No such file or directory"));
    CHECK_FALSE(parse_dosp_listing(listed(counters, "\tset state_1 {\n\t}\n")));  // the other sets are missing
    std::string strange = text;
    strange.replace(strange.find("2001:db8:f::2"), 13, "example.org:x");
    CHECK_FALSE(parse_dosp_listing(strange));
    // Cut anywhere, it is read or refused; never past its end.
    for (size_t i = 0; i < text.size(); i += 3) (void)parse_dosp_listing(std::string_view(text).substr(0, i));
  }

  TEST_CASE("[WFP 19] settings travel to the privileged process, and what cannot be enforced is refused on the way") {
    stack::HostFilters filters;
    filters.dosp = {setting()};
    const Bytes plan = write_filter_plan(filters);
    const auto back = parse_filter_plan(plan);
    REQUIRE(back);
    CHECK(*back == filters);
    for (size_t i = 0; i < plan.size(); ++i) CHECK_FALSE(parse_filter_plan(ByteView(plan).first(i)));
    filters.dosp.front().options.icmpv6.dscp = 64;
    CHECK_FALSE(parse_filter_plan(write_filter_plan(filters)));
  }
}
