// Two of our IKE endpoints negotiate in memory; what they send becomes a capture, their keys a key table.
//   ike_tool FOLDER [v6] [ike=PROPOSAL] [SIDE.KEY=VALUE]…        SIDE: a (starts) or b
// KEY: esp, ah (proposals), mode (tunnel, transport), accept_tunnel, hosts (the hosts' own addresses as selectors),
// no_tfc, non_first, resources. Afterwards the Child SA is rekeyed and then deleted by a. Writes wire.pcap and
// ikev2_decryption_table (Wireshark's format) into FOLDER; prints the sentence of every refusal.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "support/two_endpoints.h"

namespace sallyport::test {
namespace {

constexpr uint32_t kRawIp = 101;  // link type of the capture

class CaptureFile {
 public:
  explicit CaptureFile(const std::string& path) : out_(path, std::ios::binary) {
    Writer head;
    head.u32(0xa1b2c3d4);
    head.u16(2);
    head.u16(4);
    head.u32(0);
    head.u32(0);
    head.u32(65535);
    head.u32(kRawIp);
    put(head.view());
  }

  void add(const ike::Datagram& d) {
    Writer udp;
    udp.u16(d.local.port);
    udp.u16(d.remote.port);
    udp.u16(static_cast<uint16_t>(8 + (d.natt ? 4 : 0) + d.payload.size()));
    udp.u16(0);
    if (d.natt) udp.u32(0);
    udp.bytes(d.payload);
    Writer ip;
    if (d.local.addr.is_v4()) {
      ip.u16(0x4500);
      ip.u16(static_cast<uint16_t>(20 + udp.size()));
      ip.u32(0);
      ip.u8(64);
      ip.u8(17);
      ip.u16(0);
    } else {
      ip.u32(0x60000000);
      ip.u16(static_cast<uint16_t>(udp.size()));
      ip.u8(17);
      ip.u8(64);
    }
    for (const IpAddr& address : {d.local.addr, d.remote.addr}) ip.bytes(address.bytes());
    ip.bytes(udp.view());
    Writer record;
    record.u32(++seconds_);
    record.u32(0);
    record.u32(static_cast<uint32_t>(ip.size()));
    record.u32(static_cast<uint32_t>(ip.size()));
    record.bytes(ip.view());
    put(record.view());
  }

 private:
  void put(ByteView bytes) {
    out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  std::ofstream out_;
  uint32_t seconds_ = 0;
};

std::string hex(uint64_t spi) {
  Bytes octets(8);
  store_be64(octets.data(), spi);
  return to_hex(octets);
}

std::string table_row(const ike::KeyLog::Ike& k) {
  const std::string bits = std::to_string(k.key_bits);
  const bool gcm = k.encr == model::EncrId::AES_GCM_16;
  return hex(k.spi_i) + "," + hex(k.spi_r) + "," + to_hex(k.sk_ei.view()) + "," + to_hex(k.sk_er.view()) + ",\"" +
         (gcm ? "AES-GCM-" + bits + " with 16 octet ICV [RFC5282]" : "AES-CBC-" + bits + " [RFC3602]") + "\"," +
         to_hex(k.sk_ai.view()) + "," + to_hex(k.sk_ar.view()) + ",\"" +
         (gcm ? "NONE [RFC4306]" : "HMAC_SHA2_256_128 [RFC4868]") + "\"";
}

struct Table : TwoEndpoints {
  using TwoEndpoints::TwoEndpoints;

  model::ConnectionPolicy& policy(bool first) { return (first ? policy_a : policy_b).connections[0]; }
  model::ChildPolicy& child(bool first) { return policy(first).children[0]; }

  void outside_v6() {
    for (const bool first : {true, false}) {
      policy(first).local_addrs = {first ? "2001:db8::1" : "2001:db8::2"};
      policy(first).remote_addrs = {first ? "2001:db8::2" : "2001:db8::1"};
    }
  }
  void hosts(bool first) {
    child(first).local = {*model::parse_selector(policy(first).local_addrs[0])};
    child(first).remote = {*model::parse_selector(policy(first).remote_addrs[0])};
  }
  bool set(bool first, const std::string& key, const std::string& value) {
    model::ChildPolicy& c = child(first);
    if (key == "esp" || key == "ah") {
      c.protocol = key == "ah" ? model::Protocol::AH : model::Protocol::ESP;
      const auto proposal = model::parse_proposal(c.protocol, value);
      if (!proposal) return false;
      c.proposals = {*proposal};
    } else if (key == "mode") {
      c.mode = value == "transport" ? model::Mode::transport : model::Mode::tunnel;
      if (c.mode == model::Mode::transport) hosts(first);
    } else if (key == "hosts") {
      hosts(first);
    } else if (key == "accept_tunnel") {
      c.accept_tunnel = true;
    } else if (key == "no_tfc") {
      c.accept_tfc = false;
    } else if (key == "non_first") {
      c.non_first_fragments = true;
    } else if (key == "resources") {
      c.resources = static_cast<uint32_t>(std::atoi(value.c_str()));
    } else {
      return false;
    }
    return true;
  }
  void carry(CaptureFile& wire) {
    for (int i = 0; i < 500 && !(a.sent.empty() && b.sent.empty()); ++i) {
      OneEnd& from = a.sent.empty() ? b : a;
      wire.add(from.sent.front());
      deliver(from);
    }
  }
  void command(CaptureFile& wire, ike::Command what) {
    a.endpoint.handle_command(now, std::move(what));
    a.drain(now);
    carry(wire);
  }
};

int run(const std::vector<std::string>& words) {
  ike::Config config;
  config.key_log = true;
  Table t(config);
  for (const std::string& word : words) {
    if (word == "v6") t.outside_v6();
  }
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string key = words[i].substr(0, words[i].find('=')),
                      value = words[i].substr(key.size() + 1 > words[i].size() ? key.size() : key.size() + 1);
    if (key == "v6") continue;
    if (key == "ike") {
      for (const bool first : {true, false}) {
        t.policy(first).ike_proposals = {*model::parse_proposal(model::Protocol::IKE, value)};
      }
      continue;
    }
    if (key.size() < 3 || !t.set(key[0] == 'a', key.substr(2), value)) {
      std::cerr << "ike_tool: " << words[i] << " is not known\n";
      return 2;
    }
  }
  CaptureFile wire(words[0] + "/wire.pcap");
  t.initiate();
  t.carry(wire);
  t.command(wire, ike::RekeyChild{"tunnel", "net", {}});
  t.command(wire, ike::Terminate{"tunnel", "net", {}});
  std::ofstream table(words[0] + "/ikev2_decryption_table");
  for (const auto& event : t.a.events) {
    const auto* log = std::get_if<ike::KeyLog>(&event);
    if (const auto* keys = log ? std::get_if<ike::KeyLog::Ike>(&log->keys) : nullptr) table << table_row(*keys) << "\n";
  }
  for (const OneEnd* end : {&t.a, &t.b}) {
    for (const auto& event : end->events) {
      const auto* failed = std::get_if<ike::AttemptFailed>(&event);
      if (failed) std::cout << (end == &t.a ? "a: " : "b: ") << failed->sentence << "\n";
    }
  }
  return 0;
}

}  // namespace
}  // namespace sallyport::test

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: ike_tool FOLDER [v6] [ike=PROPOSAL] [SIDE.KEY=VALUE]...\n";
    return 2;
  }
  return sallyport::test::run(std::vector<std::string>(argv + 1, argv + argc));
}
