// Two whole stacks in memory: Control and Dataplane with the internal device, a key agent double, a wire between them,
// virtual time.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crypto/hash.h"
#include "crypto/key_exchange.h"
#include "crypto/psk.h"
#include "stack/control.h"
#include "stack/dataplane.h"
#include "stack/udp_demux.h"
#include "support/seeded_rng.h"

namespace sallyport::test {

// Answers at once what the key and helper processes would: secrets by credential name.
struct KeyDouble {
  std::map<std::string, std::string> secrets;
  bool untrusting = false;  // no certificate is good
  model::KeyReply answer(const model::KeyRequest& request) const {
    if (const auto* psk = std::get_if<model::PskAuth>(&request)) {
      std::map<std::string, SecretBytes> held;
      return crypto::run_psk(*psk, [&](const std::string& credential) -> const SecretBytes* {
        const auto found = secrets.find(credential);
        if (found == secrets.end()) return nullptr;
        return &held.insert_or_assign(credential, SecretBytes(as_bytes(found->second))).first->second;
      });
    }
    if (const auto* ke = std::get_if<model::KeWork>(&request)) return crypto::run_ke(*ke);
    // Signatures that anybody could make: of credentials and trust that are there.
    if (const auto* sign = std::get_if<model::Sign>(&request)) return model::AuthData{crypto::sha256(sign->octets)};
    if (const auto* peer = std::get_if<model::VerifyPeer>(&request)) {
      const bool good = !untrusting && peer->auth_data == crypto::sha256(peer->octets);
      return model::Verdict{good, good ? "" : "nobody here vouches for it", {}};
    }
    if (const auto* name = std::get_if<model::Resolve>(&request)) {
      const auto address = IpAddr::parse(name->name);
      if (!address) return model::Refused{Errc::not_found, "no such name"};
      return model::Addresses{{*address}};
    }
    return model::Refused{Errc::unsupported, "not in this test"};
  }
};

struct WirePacket {
  IpEndpoint from, to;
  bool natt = false;
  Bytes payload;                 // as on the wire, marker included; AH with the IP header before it, which it protects
  uint16_t ah_outer_octets = 0;  // of that header; 0: no AH
};

struct StackNode {
  StackNode(uint64_t seed, const char* outer, const char* inner, ike::Config config = {})
      : rng(seed),
        address(*IpAddr::parse(outer)),
        control(config, rng),
        dataplane(rng, stack::InnerHost({*IpAddr::parse(inner)})) {}

  SeededRng rng;
  IpAddr address;
  stack::Control control;
  stack::Dataplane dataplane;
  KeyDouble keys;
  std::vector<stack::Notice> notices;
  std::vector<stack::CommandResult> results;
  std::vector<policy::EngineOutput> engine_outputs;
  std::vector<WirePacket> out;
  std::vector<ike::KeyLog> key_logs;
  std::map<uint16_t, uint32_t> owners;  // accounts of sockets, by their ports
  // Whose they are, where filters ask; nobody can say it of others.
  std::map<uint16_t, std::shared_ptr<const stack::SocketOwner>> socket_owners;
  std::vector<stack::OwnerWanted> owner_questions;
  std::vector<Bytes> clear;         // left in the clear; delivered to nobody
  stack::HostFilters host_filters;  // told last

  // As after kill and start: the same rng, nothing else.
  void restart(const char* inner) {
    std::destroy_at(&dataplane);
    std::destroy_at(&control);
    std::construct_at(&control, ike::Config{}, rng);
    std::construct_at(&dataplane, rng, stack::InnerHost({*IpAddr::parse(inner)}));
  }

  void drain(TimePoint now) {
    bool more = true;
    while (more) {
      more = false;
      while (auto output = control.poll(now)) {
        more = true;
        std::visit([&](auto& o) { carry(now, o); }, *output);
      }
      while (auto event = dataplane.poll_event()) {
        more = true;
        control.handle_dataplane_event(now, std::move(*event));
      }
      for (ipsec::Outgoing& o : dataplane.take_outputs()) {
        if (o.packet.empty() || o.way == ipsec::Way::inner) continue;
        ByteView payload = o.packet.view();
        if (o.way == ipsec::Way::clear) {
          clear.push_back(to_bytes(payload));
          continue;
        }
        constexpr size_t kProtocolAt = 9;  // in an IPv4 header
        constexpr uint8_t kAh = 51;
        const bool ah = o.way == ipsec::Way::esp_native && address.is_v4() && payload[kProtocolAt] == kAh;
        if (o.way == ipsec::Way::esp_native && !ah) payload = payload.subspan(o.outer_octets);
        out.push_back({{address, o.way == ipsec::Way::esp_udp ? o.local.port : uint16_t{0}},
                       o.remote,
                       o.way == ipsec::Way::esp_udp,
                       to_bytes(payload),
                       ah ? o.outer_octets : uint16_t{0}});
      }
      dataplane.done();
    }
  }

  void receive(TimePoint now, const WirePacket& packet) {
    const bool native = packet.from.port == 0;
    const auto demuxed = stack::demux(packet.payload, packet.natt);
    if (native || demuxed.to == stack::Demuxed::To::esp) {
      ipsec::Incoming in;
      in.packet = packet.payload;
      in.outer_octets = packet.ah_outer_octets;
      if (packet.ah_outer_octets != 0) in.protocol = model::Protocol::AH;
      in.from = packet.from;
      in.to = packet.to;
      in.udp = !native;
      dataplane.handle_esp(now, {&in, 1});
    } else if (demuxed.to == stack::Demuxed::To::ike) {
      control.handle_datagram(now, {packet.to, packet.from, 0, packet.natt, to_bytes(demuxed.payload)});
    }
    drain(now);
  }

  std::optional<TimePoint> next_deadline() const {
    const auto a = control.next_deadline(), b = dataplane.next_deadline();
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
  }

 private:
  void carry(TimePoint, ike::Datagram& d) {
    Bytes payload;
    if (d.natt) payload.assign(4, 0);
    append(payload, d.payload);
    out.push_back({{address, d.local.port}, d.remote, d.natt, std::move(payload)});
  }
  void carry(TimePoint now, ike::Request& r) { control.handle_reply(now, r.id, keys.answer(r.work)); }
  void carry(TimePoint, ike::KeyLog& k) { key_logs.push_back(std::move(k)); }
  void carry(TimePoint now, stack::DataplaneCommand& c) { dataplane.handle_command(now, std::move(c)); }
  void carry(TimePoint, stack::NatKeepalive& k) { out.push_back({k.local, k.remote, true, {0xFF}}); }
  void carry(TimePoint, stack::Notice& n) { notices.push_back(std::move(n)); }
  void carry(TimePoint, stack::CommandResult& r) { results.push_back(std::move(r)); }
  void carry(TimePoint, stack::HostFilters& rules) { host_filters = std::move(rules); }
  void carry(TimePoint now, stack::EndpointWanted& wanted) {
    if (!wanted.for_user) return control.release_held(wanted.held_as, false);
    const auto owner = owners.find(wanted.flow.local_port);
    control.place_user(now, wanted, owner == owners.end() ? std::nullopt : std::optional(owner->second));
  }
  void carry(TimePoint, stack::OwnerWanted& wanted) {
    owner_questions.push_back(wanted);
    const auto owner = socket_owners.find(wanted.flow.local_port);
    control.place_owner(wanted.flow, owner == socket_owners.end() ? nullptr : owner->second);
  }
  void carry(TimePoint, stack::PolicySecrets& s) {
    for (const auto& [name, secret] : s.secrets) keys.secrets[name] = std::string(as_text(secret.view()));
  }
  void carry(TimePoint, policy::EngineOutput& o) { engine_outputs.push_back(std::move(o)); }
};

struct StackPair {
  explicit StackPair(uint64_t seed = 1, ike::Config config = {})
      : east(seed, "192.0.2.1", "10.1.0.1", config), west(seed + 1000, "192.0.2.2", "10.2.0.1", config) {}

  TimePoint now{seconds(1000)};
  StackNode east, west;
  std::vector<WirePacket> wire_log;

  // Delivers everything at once, without loss; advances virtual time by deadlines until `until`.
  void run(Duration how_long) {
    const TimePoint until = now + how_long;
    while (true) {
      settle();
      const auto a = east.next_deadline(), b = west.next_deadline();
      TimePoint next = until;
      if (a) next = std::min(next, *a);
      if (b) next = std::min(next, *b);
      if (next >= until) break;
      now = std::max(next, now + microseconds(1));
      for (StackNode* node : {&east, &west}) {
        node->control.handle_deadline(now);
        node->dataplane.handle_deadline(now);
      }
    }
    now = until;
  }

  void settle() {
    for (int round = 0; round < 10000; ++round) {
      east.drain(now);
      west.drain(now);
      if (east.out.empty() && west.out.empty()) return;
      for (StackNode* node : {&east, &west}) {
        std::vector<WirePacket> batch = std::move(node->out);
        node->out.clear();
        for (const WirePacket& packet : batch) {
          wire_log.push_back(packet);
          for (StackNode* target : {&east, &west}) {
            if (target->address == packet.to.addr) target->receive(now, packet);
          }
        }
      }
    }
  }
};

// A connection as the configuration would make it; `swap` gives the other end's view.
inline std::shared_ptr<model::IkePolicySet> psk_policy(
    bool swap, const char* ike = "aes128gcm16-prfsha256-x25519", const char* esp = "aes128gcm16",
    model::ChildPolicy::Start start = model::ChildPolicy::Start::none) {
  model::ConnectionPolicy c;
  c.name = "site";
  c.local_addrs = {swap ? "192.0.2.2" : "192.0.2.1"};
  c.remote_addrs = {swap ? "192.0.2.1" : "192.0.2.2"};
  c.local_id = *model::Identity::parse(swap ? "west.example" : "east.example");
  c.remote_id = *model::Identity::parse(swap ? "east.example" : "west.example");
  c.local_auth.credential = c.remote_auth.credential = "site-psk";
  c.ike_proposals = {*model::parse_proposal(model::Protocol::IKE, ike)};
  model::ChildPolicy child;
  child.name = "net";
  child.reqid = 1;
  child.local = {*model::parse_selector(swap ? "10.2.0.0/24" : "10.1.0.0/24")};
  child.remote = {*model::parse_selector(swap ? "10.1.0.0/24" : "10.2.0.0/24")};
  child.proposals = {*model::parse_proposal(model::Protocol::ESP, esp)};
  child.start = start;
  c.children = {child};
  auto out = std::make_shared<model::IkePolicySet>();
  out->connections = {c};
  out->credentials = {{"site-psk", model::AuthPolicy::Kind::psk, {}, model::KeyType::none}};
  return out;
}

}  // namespace sallyport::test
