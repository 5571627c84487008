//   forwarded, public to internal ─┬─ filter: block ── dropped;  exempt ── its class
//                                  ├─ ICMPv6 ── its class
//                                  ├─ ESP, AH, IKE of the keying that is on ─┬─ state entry ── authenticated
//                                  │                                         └─ none ── unauthenticated
//                                  └─ the rest ── dropped, or the class exempt from the default block
//   internal to public ────────────┬─ ESP, AH ── makes or keeps a state entry
//                                  └─ IKE, ICMPv6 ── passes;  the rest ── as above, without limits
// A class: over its limit ── dropped; its mark; counted ── passes. A state entry is two addresses. Only what the
// internal host sends makes and keeps it, and never IKE: whoever begins an exchange is answered by IKE, and what comes
// in a public host's name may be anybody's.
// Three sets for each setting have the state entries: `state` counts what passes in both directions, `sent` what
// leaves, `since` is not refreshed and so knows how old an entry is. A lookup that finds nothing counts nothing; those
// for choosing a class are therefore inverted, and one more counts what passes.
#include "runtime/dosp_rules.h"

#include <algorithm>

#include "runtime/dosp_counters.h"

namespace sallyport::runtime {
namespace {

using policy::DospRate;
using policy::V6AddrMask;
using stack::DospSetting;

// Beyond one second's worth, so that a low rate still lets a whole packet through.
constexpr const char* kBurst = " burst 1500 bytes ";

// AuthIP is IKE version 1 with exchange types of its own (MS-AIPS 2.2.1).
constexpr const char* kVersion1 = "0x10-0x1f";
constexpr const char* kVersion2 = "0x20-0x2f";
constexpr const char* kAuthipExchanges = "0xf3-0xf6";

std::string interfaces(const char* which, const std::vector<std::string>& names, const std::vector<uint64_t>& luids) {
  std::string out = std::string(which) + (names.empty() ? " { " : "name { ");
  bool first = true;
  const auto add = [&](const std::string& each) {
    out += (first ? "" : ", ") + each;
    first = false;
  };
  for (const std::string& name : names) add("\"" + name + "\"");
  if (names.empty())
    for (const uint64_t luid : luids) add(std::to_string(luid));
  return out + " } ";
}

IpAddr network_of(const V6AddrMask& mask) {
  policy::ByteArray16 octets = mask.addr;
  for (size_t i = 0; i < octets.size(); ++i) {
    const size_t bits = std::min<size_t>(8, mask.prefix_length > i * 8 ? mask.prefix_length - i * 8 : 0);
    octets[i] = static_cast<uint8_t>(octets[i] & (0xff00u >> bits));
  }
  return IpAddr::v6(octets);
}

std::string prefix(const char* which, const V6AddrMask& mask) {
  if (mask.prefix_length == 0) return {};
  return std::string("ip6 ") + which + " " + network_of(mask).to_string() + "/" + std::to_string(mask.prefix_length) +
         " ";
}

std::string count(const char* counter) { return std::string("counter name ") + counter + " "; }

// The chains and sets of one setting.
class Setting {
 public:
  Setting(std::string& text, const DospSetting& setting, size_t number)
      : text_(text), setting_(setting), options_(setting.options), number_(std::to_string(number)) {}

  void write() {
    if (setting_.v6) {
      write_sets();
      write_classes();
      write_ipsec();
      write_keying();
      write_inbound();
      write_outbound();
    }
    if (of_ipv4()) write_ipv4();
  }

  // Of the base chain.
  std::string jumps() const {
    const auto pair = [&](const char* from, const char* to) {
      return interfaces(from, setting_.public_names, options_.public_interfaces) +
             interfaces(to, setting_.internal_names, options_.internal_interfaces);
    };
    std::string out;
    if (setting_.v6)
      out += "\t\tmeta nfproto ipv6 " + pair("iif", "oif") + prefix("saddr", options_.public_mask) +
             prefix("daddr", options_.internal_mask) + "goto " + chain("inbound") + "\n\t\tmeta nfproto ipv6 " +
             pair("oif", "iif") + prefix("daddr", options_.public_mask) + prefix("saddr", options_.internal_mask) +
             "goto " + chain("outbound") + "\n";
    if (of_ipv4()) out += "\t\tmeta nfproto ipv4 " + pair("iif", "oif") + "goto " + chain("ipv4") + "\n";
    if (of_ipv4() && default_block())
      out += "\t\tmeta nfproto ipv4 " + pair("oif", "iif") + count("outbound_discarded") + "drop\n";
    return out;
  }

 private:
  bool has(uint32_t flag) const { return options_.flags & flag; }
  bool default_block() const { return !has(DospSetting::kDisableDefaultBlock); }
  // An IPv4 address is in no IPv6 prefix but the one of all.
  bool of_ipv4() const {
    return setting_.v4 && options_.public_mask.prefix_length == 0 && options_.internal_mask.prefix_length == 0;
  }
  std::string chain(const char* name) const { return "d" + number_ + "_" + name; }
  std::string set(const char* name) const { return "@" + std::string(name) + "_" + number_; }
  void begin(const char* name) { text_ += "\tchain " + chain(name) + " {\n"; }
  void rule(const std::string& rule) { text_ += "\t\t" + rule + "\n"; }
  void end() { text_ += "\t}\n"; }

  void write_set(const char* name, const char* key, uint32_t size, const std::string& timeout, const char* each) {
    text_ += "\tset " + std::string(name) + "_" + number_ + " {\n\t\ttype " + key + "\n\t\tsize " +
             std::to_string(std::min<size_t>(size, policy::kMostDospEntries)) + "\n\t\tflags dynamic,timeout\n" + each +
             "\t\ttimeout " + timeout + "\n\t}\n";
  }
  void write_sets() {
    constexpr const char* kPair = "ipv6_addr . ipv6_addr";
    const std::string idle = std::to_string(options_.state_idle_timeout_seconds) + "s";
    write_set("state", kPair, options_.max_state_entries, idle, "\t\tcounter\n");
    write_set("sent", kPair, options_.max_state_entries, idle, "\t\tcounter\n");
    write_set("since", kPair, options_.max_state_entries, "1d", "");
    if (options_.ipsec_unauth_per_ip_bytes_per_second != 0)
      write_set("queues", "ipv6_addr", options_.max_per_ip_queues,
                std::to_string(options_.rate_limit_queue_idle_timeout_seconds) + "s", "");
  }

  void limit(uint32_t rate, const char* counter) {
    if (rate != 0) rule("limit rate over " + std::to_string(rate) + " bytes/second" + kBurst + count(counter) + "drop");
  }
  void mark(uint8_t dscp, const char* family = "ip6") {
    if (dscp <= 63) rule(std::string(family) + " dscp set " + std::to_string(dscp));
  }
  void write_class(const char* name, const DospRate& rate, const std::string& counter) {
    begin(name);
    limit(rate.bytes_per_second, (counter + "_limited").c_str());
    mark(rate.dscp);
    rule(count((counter + "_allowed").c_str()) + "accept");
    end();
  }
  void write_classes() {
    begin("unauthenticated");
    if (const uint32_t each = options_.ipsec_unauth_per_ip_bytes_per_second) {
      rule("update " + set("queues") + " { ip6 daddr limit rate over " + std::to_string(each) + " bytes/second" +
           kBurst + "} " + count("unauth_per_ip_limited") + "drop");
      rule("ip6 daddr != " + set("queues") + " " + count("unauth_discarded") + "drop");  // no room for one more
    }
    limit(options_.ipsec_unauth.bytes_per_second, "unauth_limited");
    mark(options_.ipsec_unauth.dscp);
    rule(count("unauth_allowed") + "accept");
    end();
    begin("authenticated");
    limit(options_.ipsec_auth.bytes_per_second, "auth_limited");
    mark(options_.ipsec_auth.dscp);
    rule(count("auth_allowed"));
    rule("ip6 saddr . ip6 daddr " + set("state") + " accept");  // counts
    rule("accept");
    end();
    write_class("icmpv6", options_.icmpv6, "icmpv6");
    if (has(DospSetting::kFilterExempt)) write_class("exempt", options_.filter_exempt, "filter_exempt");
    if (!default_block()) write_class("rest", options_.default_block_exempt, "default_block_exempt");
  }

  void write_ipsec() {
    begin("ipsec");
    rule("ip6 daddr ff00::/8 " + count("unauth_discarded") + "drop");
    rule("ip6 saddr . ip6 daddr != " + set("state") + " goto " + chain("unauthenticated"));
    rule("goto " + chain("authenticated"));
    end();
    // Keying that is off, or what is no IKE message.
    begin("refused");
    rule("ip6 saddr . ip6 daddr != " + set("state") + " " + count("unauth_discarded") + "drop");
    rule(count("auth_discarded") + "drop");
    end();
  }

  // RFC 7296 3.1: version and exchange type are octets 17 and 18 of the IKE header.
  void keying(const std::string& version, const std::string& exchange) {
    const auto to = [&](bool on) { return "goto " + chain(on ? "ipsec" : "refused"); };
    rule(version + kVersion1 + " " + exchange + kAuthipExchanges + " " + to(!has(DospSetting::kDisableAuthip)));
    rule(version + kVersion1 + " " + to(has(DospSetting::kEnableIkev1)));
    rule(version + kVersion2 + " " + to(has(DospSetting::kEnableIkev2)));
    rule("goto " + chain("refused"));
  }
  void write_keying() {
    begin("port500");
    keying("@th,200,8 ", "@th,208,8 ");
    end();
    begin("port4500");
    rule("udp length 9 @th,64,8 0xff goto " + chain("ipsec"));  // RFC 3948 2.3: keeps a mapping alive
    rule("@th,64,32 != 0 goto " + chain("ipsec"));              // RFC 3948 2.1: an SPI
    keying("@th,232,8 ", "@th,240,8 ");
    end();
  }

  void write_inbound() {
    begin("inbound");
    if (has(DospSetting::kFilterBlock)) {
      rule(count("filter_blocked") + "drop");
    } else if (has(DospSetting::kFilterExempt)) {
      rule("goto " + chain("exempt"));
    } else {
      rule("meta l4proto 58 goto " + chain("icmpv6"));
      rule("meta l4proto { 50, 51 } goto " + chain("ipsec"));
      // Later fragments: nobody joins them without a first one, which has ports.
      rule("meta l4proto 17 frag frag-off != 0 goto " + chain("ipsec"));
      rule("udp dport 500 goto " + chain("port500"));
      rule("udp dport 4500 goto " + chain("port4500"));
      rule(default_block() ? count("default_blocked") + "drop" : "goto " + chain("rest"));
    }
    end();
  }

  void write_outbound() {
    const std::string pair = "{ ip6 daddr . ip6 saddr } ";
    begin("remember");
    rule("delete " + set("since") + " " + pair);
    rule("add " + set("state") + " " + pair + count("states_created"));
    rule("ip6 daddr . ip6 saddr != " + set("state") + " accept");  // no room for one more: it stays unauthenticated
    rule("add " + set("since") + " " + pair);
    rule("update " + set("sent") + " " + pair + "accept");
    rule("accept");
    end();
    begin("protected");
    rule("ip6 daddr . ip6 saddr != " + set("state") + " goto " + chain("remember"));
    rule("update " + set("sent") + " " + pair);
    rule("add " + set("since") + " " + pair);
    rule("update " + set("state") + " " + pair);
    rule("accept");
    end();
    begin("outbound");
    if (has(DospSetting::kFilterBlock)) {
      rule(count("outbound_discarded") + "drop");
    } else if (!has(DospSetting::kFilterExempt)) {
      rule("meta l4proto { 50, 51 } goto " + chain("protected"));
      rule("udp sport 4500 @th,64,32 != 0 goto " + chain("protected"));
      rule("udp sport { 500, 4500 } accept");
      rule("meta l4proto 17 frag frag-off != 0 accept");
      rule("meta l4proto 58 accept");
      if (default_block()) rule(count("outbound_discarded") + "drop");
    }
    end();
  }

  void write_ipv4() {
    begin("ipv4");
    if (default_block()) {
      rule(count("default_blocked") + "drop");
    } else {
      limit(options_.default_block_exempt.bytes_per_second, "default_block_exempt_limited");
      mark(options_.default_block_exempt.dscp, "ip");
      rule(count("default_block_exempt_allowed") + "accept");
    }
    end();
  }

  std::string& text_;
  const DospSetting& setting_;
  const policy::DospOptions& options_;
  std::string number_;
};

std::string write_chains(const std::vector<DospSetting>& settings) {
  std::string text, jumps;
  for (size_t i = 0; i < settings.size(); ++i) {
    Setting setting(text, settings[i], i + 1);
    setting.write();
    jumps += setting.jumps();
  }
  // Before the host's own filters, which are spared the flood.
  return text + "\tchain forwarded {\n\t\ttype filter hook forward priority -10; policy accept;\n" + jumps + "\t}\n";
}

std::string chain_of(std::string_view chains) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : chains) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  std::string out = "plan_";
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(hash >> shift) & 15];
  return out;
}

}  // namespace

std::vector<DospSetting> dosp_in_force(std::vector<DospSetting> settings) {
  // Indexes that are none name no interface.
  const auto drop_strange = [](std::vector<uint64_t>& luids) {
    std::erase_if(luids, [](uint64_t luid) { return luid == 0 || luid > INT32_MAX; });
    std::sort(luids.begin(), luids.end());
    luids.erase(std::unique(luids.begin(), luids.end()), luids.end());
  };
  for (DospSetting& each : settings) {
    drop_strange(each.options.public_interfaces);
    drop_strange(each.options.internal_interfaces);
  }
  std::erase_if(settings, [](const DospSetting& each) { return !each.operational(); });
  const auto length = [](const DospSetting& each) {
    return each.options.public_mask.prefix_length + each.options.internal_mask.prefix_length;
  };
  std::stable_sort(settings.begin(), settings.end(),
                   [&](const DospSetting& a, const DospSetting& b) { return length(a) > length(b); });
  return settings;
}

std::string dosp_plan_chain(const std::vector<DospSetting>& settings) { return chain_of(write_chains(settings)); }

std::string dosp_rules(const std::vector<DospSetting>& settings, const policy::DospStatistics& counters) {
  const std::string table = std::string("table inet ") + kDospTable;
  const std::string chains = write_chains(settings);
  // Added first, so that deleting it is no error; all in one transaction.
  std::string text = "add " + table + "\ndelete " + table + "\n" + table + " {\n";
  for (const DospCounter& each : kDospCounters)
    text +=
        std::string("\tcounter ") + each.name + " { packets " + std::to_string(counters.*each.value) + " bytes 0 }\n";
  return text + "\tchain " + chain_of(chains) + " {\n\t}\n" + chains + "}\n";
}

}  // namespace sallyport::runtime
