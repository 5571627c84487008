// Two shards that share one Child SA, inner packets to send through it, and a forger who knows the keys: for tests,
// fuzzing and benches of the data plane.
#pragma once
#include <memory>

#include "base/rng.h"
#include "crypto/aead.h"
#include "ipsec/inbound.h"
#include "ipsec/outbound.h"
#include "model/algorithms.h"
#include "wire/ip/checksum.h"

namespace sallyport::support {

// Not random at all, and never the same octets twice in a row.
class StepRng : public Rng {
 public:
  void fill(MutableBytes out) override {
    for (uint8_t& octet : out)
      octet = static_cast<uint8_t>((state_ = state_ * 6364136223846793005u + 1442695040888963407u) >> 56);
  }

 private:
  uint64_t state_ = 1;
};

struct EspChoice {
  model::EncrId encr = model::EncrId::AES_GCM_16;
  uint16_t key_bits = 128;
  model::IntegId integ = model::IntegId::NONE;
  bool esn = false;
  bool udp = false;
  Family outer = Family::v4;
  Family inner = Family::v4;
  uint32_t window = 64;
};

constexpr model::Spi kLeftSpi = 0x1000AAAA;   // inbound at the left
constexpr model::Spi kRightSpi = 0x2000BBBB;  // inbound at the right
constexpr model::ChildId kChild = 7;
constexpr uint32_t kReqid = 3;
inline const TimePoint kStart{seconds(1000)};

inline IpAddr address(std::string_view text) { return *IpAddr::parse(text); }
inline IpAddr inner_left(Family f) { return address(f == Family::v4 ? "10.1.0.1" : "fd01::1"); }
inline IpAddr inner_right(Family f) { return address(f == Family::v4 ? "10.2.0.1" : "fd02::1"); }
inline model::Selectors inner_net(Family f, bool left) {
  const char* text = f == Family::v4 ? (left ? "10.1.0.0/24" : "10.2.0.0/24") : (left ? "fd01::/64" : "fd02::/64");
  return {model::Selector::from_prefix(*IpPrefix::parse(text))};
}

SecretBytes key_of(const EspChoice& choice, uint8_t start);
model::SaSpec make_spec(const EspChoice& choice, bool left, model::ChildId child = kChild, model::Spi offset = 0);
std::vector<model::SpdEntry> make_policy(const EspChoice& choice, bool left);

// Whole IP packets with right checksums where the header has one.
Bytes udp_packet(const IpAddr& from, const IpAddr& to, size_t payload_octets, uint16_t from_port = 4000,
                 uint16_t to_port = 5000);
Bytes ip_packet(const IpAddr& from, const IpAddr& to, uint8_t protocol, ByteView payload);

struct EspPair {
  explicit EspPair(EspChoice choice);

  // Through the left's pipeline; the ESP packet without outer header, or nothing when it was dropped.
  Bytes seal(ByteView inner);
  // Into the right's pipeline; the inner packet, or nothing.
  Bytes open(ByteView esp);
  // A packet of the left's SA with any sequence number and any plaintext (trailer included), properly sealed.
  Bytes forge(ByteView plain, uint64_t sequence);
  Bytes forge_inner(ByteView inner, uint64_t sequence);  // with padding and next header as they should be
  Bytes sample(size_t payload = 64) const {
    return udp_packet(inner_left(choice.inner), inner_right(choice.inner), payload);
  }
  ipsec::SaOutbound& left_sa();
  ipsec::SaInbound& right_sa() { return *right.sad.find_inbound(kRightSpi); }

  EspChoice choice;
  StepRng rng;
  ipsec::Shard left{rng};
  ipsec::Shard right{rng};
  ipsec::Outputs out;  // of the last call
  TimePoint now = kStart;
  IpEndpoint from{address("192.0.2.1"), 4500};
  uint8_t tos = 0;
};

template <class E>
const E* find_event(const ipsec::Outputs& out) {
  for (const ipsec::Event& event : out.events()) {
    if (const E* e = std::get_if<E>(&event)) return e;
  }
  return nullptr;
}

inline SecretBytes key_of(const EspChoice& choice, uint8_t start) {
  SecretBytes key(model::key_material_octets(choice.encr, choice.key_bits));
  for (uint8_t& octet : key.writable()) octet = start++;
  return key;
}

inline SecretBytes integ_key_of(const EspChoice& choice, uint8_t start) {
  SecretBytes key(choice.integ == model::IntegId::NONE ? 0 : model::info(choice.integ)->key_octets);
  for (uint8_t& octet : key.writable()) octet = start++;
  return key;
}

inline model::SaSpec make_spec(const EspChoice& choice, bool left, model::ChildId child, model::Spi offset) {
  model::SaSpec spec;
  spec.child_id = child;
  spec.connection = "pair";
  spec.child = "net";
  spec.reqid = kReqid;
  spec.spi_in = (left ? kLeftSpi : kRightSpi) + offset;
  spec.spi_out = (left ? kRightSpi : kLeftSpi) + offset;
  const bool v4 = choice.outer == Family::v4;
  const IpEndpoint left_end{address(v4 ? "192.0.2.1" : "2001:db8::1"), 4500};
  const IpEndpoint right_end{address(v4 ? "192.0.2.2" : "2001:db8::2"), 4500};
  spec.local = left ? left_end : right_end;
  spec.remote = left ? right_end : left_end;
  spec.udp_encap = choice.udp;
  spec.encr = choice.encr;
  spec.key_bits = choice.key_bits;
  spec.integ = choice.integ;
  spec.esn = choice.esn;
  spec.replay_window = choice.window;
  const uint8_t in = left ? 0x40 : 0x80;
  const uint8_t out = left ? 0x80 : 0x40;
  spec.in.encr = key_of(choice, in);
  spec.in.integ = integ_key_of(choice, in);
  spec.out.encr = key_of(choice, out);
  spec.out.integ = integ_key_of(choice, out);
  spec.ts_local = inner_net(choice.inner, left);
  spec.ts_remote = inner_net(choice.inner, !left);
  return spec;
}

inline std::vector<model::SpdEntry> make_policy(const EspChoice& choice, bool left) {
  model::SpdEntry entry;
  entry.connection = "pair";
  entry.child = "net";
  entry.action = model::Action::PROTECT;
  entry.local = inner_net(choice.inner, left);
  entry.remote = inner_net(choice.inner, !left);
  entry.reqid = kReqid;
  entry.priority = 100;
  return {entry};
}

inline Bytes ip_packet(const IpAddr& from, const IpAddr& to, uint8_t protocol, ByteView payload) {
  Writer w;
  if (from.is_v4()) {
    w.u16(0x4500);
    w.u16(static_cast<uint16_t>(20 + payload.size()));
    w.u32(0x12344000);  // DF
    w.u8(64);
    w.u8(protocol);
    w.u16(0);
    w.bytes(from.bytes());
    w.bytes(to.bytes());
    w.patch_u16(10, wire::ip::checksum(w.view()));
  } else {
    w.u32(0x60000000);
    w.u16(static_cast<uint16_t>(payload.size()));
    w.u8(protocol);
    w.u8(64);
    w.bytes(from.bytes());
    w.bytes(to.bytes());
  }
  w.bytes(payload);
  return w.take();
}

inline Bytes udp_packet(const IpAddr& from, const IpAddr& to, size_t payload_octets, uint16_t from_port,
                        uint16_t to_port) {
  Writer w;
  w.u16(from_port);
  w.u16(to_port);
  w.u16(static_cast<uint16_t>(8 + payload_octets));
  w.u16(0);
  for (size_t i = 0; i < payload_octets; ++i) w.u8(static_cast<uint8_t>(i));
  w.patch_u16(6, wire::ip::transport_checksum(from, to, 17, w.view()));
  return ip_packet(from, to, 17, w.view());
}

inline EspPair::EspPair(EspChoice c) : choice(c) {
  left.spd.set(make_policy(choice, true));
  right.spd.set(make_policy(choice, false));
  (void)left.sad.install(now, make_spec(choice, true));
  (void)right.sad.install(now, make_spec(choice, false));
  from.addr = make_spec(choice, true).local.addr;
}

inline Bytes EspPair::seal(ByteView inner) {
  out.clear();
  PacketBuf packet = PacketBuf::copy_of(inner);
  ipsec::outbound(left, now, {&packet, 1}, out);
  if (out.packets().empty() || out.packets()[0].way == ipsec::Way::inner) return {};
  const ipsec::Outgoing& sent = out.packets()[0];
  return to_bytes(sent.packet.view().subspan(sent.outer_octets));
}

inline Bytes EspPair::open(ByteView esp) {
  out.clear();
  ipsec::Incoming in;
  in.packet = esp;
  in.from = from;
  in.to = make_spec(choice, false).local;
  in.tos = tos;
  in.udp = choice.udp;
  ipsec::inbound(right, now, {&in, 1}, out);
  return out.packets().empty() ? Bytes{} : to_bytes(out.packets()[0].packet.view());
}

inline Bytes EspPair::forge(ByteView plain, uint64_t sequence) {
  const model::SaSpec spec = make_spec(choice, true);
  auto aead = *crypto::Aead::create(spec.encr, spec.out.encr.view(), spec.key_bits, spec.integ, spec.out.integ.view());
  Bytes esp(8 + aead->iv_octets() + plain.size() + aead->icv_octets(), 0);
  store_be32(esp.data(), spec.spi_out);
  store_be32(esp.data() + 4, static_cast<uint32_t>(sequence));
  const MutableBytes all(esp);
  const MutableBytes iv = all.subspan(8, aead->iv_octets());
  for (size_t i = 0; i < iv.size(); ++i) iv[i] = static_cast<uint8_t>(0xC0 + i);
  Bytes aad(esp.begin(), esp.begin() + 8);
  Bytes high(4);
  store_be32(high.data(), static_cast<uint32_t>(sequence >> 32));
  if (choice.esn && aead->is_aead()) aad.insert(aad.begin() + 4, high.begin(), high.end());
  const ByteView suffix = choice.esn && !aead->is_aead() ? ByteView(high) : ByteView();
  (void)aead->seal(aad, suffix, iv, plain, all.subspan(8 + iv.size(), plain.size()), all.last(aead->icv_octets()));
  return esp;
}

inline Bytes EspPair::forge_inner(ByteView inner, uint64_t sequence) {
  Bytes plain = to_bytes(inner);
  const size_t block = std::max<size_t>(model::info(choice.encr)->block_octets, 4);
  uint8_t pad = 0;
  while ((plain.size() + 2) % block != 0) plain.push_back(++pad);
  plain.push_back(pad);
  plain.push_back(choice.inner == Family::v4 ? 4 : 41);
  return forge(plain, sequence);
}

inline ipsec::SaOutbound& EspPair::left_sa() {
  model::FlowKey flow;
  flow.source = inner_left(choice.inner);
  flow.destination = inner_right(choice.inner);
  bool none = false;
  return *left.sad.pick_outbound(kReqid, flow, none);
}

}  // namespace sallyport::support
