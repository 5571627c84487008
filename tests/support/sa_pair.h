// Two shards that share one SA pair of any kind: ESP or AH, tunnel or transport mode, with a forger who knows the keys.
// What travels between them is a whole IP packet, or the UDP payload with UDP encapsulation. For tests and judges.
#pragma once
#include <functional>

#include "crypto/integ.h"
#include "support/esp_pair.h"
#include "wire/ip/ext_headers.h"

namespace sallyport::support {

struct SaChoice {
  model::Protocol protocol = model::Protocol::ESP;
  model::Mode mode = model::Mode::tunnel;
  model::EncrId encr = model::EncrId::AES_GCM_16;  // ESP
  uint16_t key_bits = 128;
  model::IntegId integ = model::IntegId::NONE;
  bool esn = false;
  bool udp = false;
  bool native_too = false;  // with udp
  Family outer = Family::v4;
  Family inner = Family::v4;  // of tunnel mode; transport mode has but one
  uint32_t window = 64;
  model::PacketShape shape;

  bool ah() const { return protocol == model::Protocol::AH; }
  bool transport() const { return mode == model::Mode::transport; }
  Family carried() const { return transport() ? outer : inner; }
};

inline SaChoice ah_choice(model::IntegId integ, model::Mode mode = model::Mode::tunnel, Family outer = Family::v4) {
  SaChoice out;
  out.protocol = model::Protocol::AH;
  out.mode = mode;
  out.encr = model::EncrId::NULL_ENCR;
  out.key_bits = 0;
  out.integ = integ;
  out.outer = outer;
  return out;
}

inline IpAddr end_of(Family f, bool left) {
  if (f == Family::v4) return address(left ? "192.0.2.1" : "192.0.2.2");
  return address(left ? "2001:db8::1" : "2001:db8::2");
}

class SaPair {
 public:
  explicit SaPair(SaChoice c) : choice(c) {
    left.spd.set(policy(true));
    right.spd.set(policy(false));
    installed = left.sad.install(now, spec(true)).has_value() && right.sad.install(now, spec(false)).has_value();
    from = {end_of(choice.outer, true), 4500};
  }

  model::SaSpec spec(bool at_left) const {
    EspChoice like{choice.encr, choice.key_bits, choice.integ, choice.esn, choice.udp, choice.outer, choice.inner};
    like.window = choice.window;
    model::SaSpec sa = make_spec(like, at_left);
    sa.protocol = choice.protocol;
    sa.mode = choice.mode;
    sa.shape = choice.shape;
    sa.native_too = choice.native_too;
    if (choice.ah()) {
      sa.in.encr = {};
      sa.out.encr = {};
    }
    if (choice.transport()) {
      sa.ts_local = only(end_of(choice.outer, at_left));
      sa.ts_remote = only(end_of(choice.outer, !at_left));
    }
    return sa;
  }
  std::vector<model::SpdEntry> policy(bool at_left) const {
    EspChoice like;
    like.inner = choice.inner;
    auto entries = make_policy(like, at_left);
    if (choice.transport()) {
      entries[0].local = only(end_of(choice.outer, at_left));
      entries[0].remote = only(end_of(choice.outer, !at_left));
    }
    return entries;
  }
  IpAddr source() const { return choice.transport() ? end_of(choice.outer, true) : inner_left(choice.inner); }
  IpAddr destination() const { return choice.transport() ? end_of(choice.outer, false) : inner_right(choice.inner); }
  Bytes sample(size_t payload = 64) const { return udp_packet(source(), destination(), payload); }

  // Everything that leaves the left for this packet, in order.
  std::vector<Bytes> seal_all(ByteView packet) {
    PacketBuf buffer = PacketBuf::copy_of(packet);
    out.clear();
    ipsec::outbound(left, now, {&buffer, 1}, out);
    std::vector<Bytes> wire;
    for (const ipsec::Outgoing& slot : out.packets()) wire.push_back(to_bytes(slot.packet.view()));
    return wire;
  }
  // The one packet on the wire; nothing when it was dropped or is held.
  Bytes seal(ByteView packet) {
    const auto wire = seal_all(packet);
    return wire.size() == 1 && out.packets()[0].way != ipsec::Way::inner ? wire[0] : Bytes{};
  }
  // Into the right; the packet that comes out there, or nothing.
  Bytes open(ByteView wire, bool udp) {
    ipsec::Incoming in;
    in.packet = wire;
    in.from = from;
    in.to = {end_of(choice.outer, false), 4500};
    in.udp = udp;
    in.tos = tos;
    in.protocol = choice.protocol;
    if (!udp) {
      for (const auto& [number, protocol] :
           {std::pair{uint8_t{50}, model::Protocol::ESP}, std::pair{uint8_t{51}, model::Protocol::AH}}) {
        const auto place = wire::ip::find_header(wire, number);
        if (!place) continue;
        in.outer_octets = static_cast<uint16_t>(place->at);
        in.protocol = protocol;
        in.tos = choice.outer == Family::v4 ? wire[1] : static_cast<uint8_t>(load_be16(wire.data()) >> 4);
        break;
      }
    }
    opened.clear();
    ipsec::inbound(right, now, {&in, 1}, opened);
    return opened.packets().empty() ? Bytes{} : to_bytes(opened.packets()[0].packet.view());
  }
  Bytes open(ByteView wire) { return open(wire, choice.udp); }

  // What stands in front of ESP or AH on the wire.
  size_t head() const { return choice.udp ? 0 : choice.outer == Family::v4 ? 20 : 40; }
  ipsec::SaOutbound& left_sa() {
    model::FlowKey flow;
    flow.source = source();
    flow.destination = destination();
    bool none = false;
    return *left.sad.pick_outbound(kReqid, flow, none);
  }
  ipsec::SaInbound& right_sa() { return *right.sad.find_inbound(kRightSpi); }

  // A packet on the wire from the left with any number and any plain text (ESP: trailer included), properly protected.
  Bytes forge(ByteView plain, uint64_t sequence, uint8_t next_header = 0) const {
    return choice.ah() ? forge_ah(plain, sequence, next_header) : forge_esp(plain, sequence);
  }
  // The same with an inner packet or payload as it should be.
  Bytes forge_inner(ByteView inside, uint64_t sequence, uint8_t next_header) const {
    if (choice.ah()) return forge_ah(inside, sequence, next_header);
    Bytes plain = to_bytes(inside);
    const size_t block = std::max<size_t>(model::info(choice.encr)->block_octets, 4);
    uint8_t pad = 0;
    while ((plain.size() + 2) % block != 0) plain.push_back(++pad);
    plain.push_back(pad);
    plain.push_back(next_header);
    return forge_esp(plain, sequence);
  }

  SaChoice choice;
  StepRng rng;
  ipsec::Shard left{rng};
  ipsec::Shard right{rng};
  ipsec::Outputs out;     // of the last seal()
  ipsec::Outputs opened;  // of the last open()
  TimePoint now = kStart;
  IpEndpoint from;
  uint8_t tos = 0;  // UDP: what the socket says
  bool installed = false;

 private:
  static model::Selectors only(const IpAddr& host) {
    return {model::Selector::from_prefix({host, host.is_v4() ? 32u : 128u})};
  }
  Bytes outer(uint8_t protocol, ByteView payload) const {
    return ip_packet(end_of(choice.outer, true), end_of(choice.outer, false), protocol, payload);
  }
  Bytes forge_esp(ByteView plain, uint64_t sequence) const {
    const model::SaSpec sa = spec(true);
    auto aead = *crypto::Aead::create(sa.encr, sa.out.encr.view(), sa.key_bits, sa.integ, sa.out.integ.view());
    Bytes esp(8 + aead->iv_octets() + plain.size() + aead->icv_octets(), 0);
    store_be32(esp.data(), sa.spi_out);
    store_be32(esp.data() + 4, static_cast<uint32_t>(sequence));
    const MutableBytes all(esp);
    const MutableBytes iv = all.subspan(8, aead->iv_octets());
    for (size_t i = 0; i < iv.size(); ++i) iv[i] = static_cast<uint8_t>(0xC0 + i);
    Bytes implicit(8);
    store_be64(implicit.data(), sequence);
    Bytes aad(esp.begin(), esp.begin() + 8);
    Bytes high(4);
    store_be32(high.data(), static_cast<uint32_t>(sequence >> 32));
    if (choice.esn && aead->is_aead()) aad.insert(aad.begin() + 4, high.begin(), high.end());
    const ByteView suffix = choice.esn && !aead->is_aead() ? ByteView(high) : ByteView();
    (void)aead->seal(aad, suffix, aead->implicit_iv() ? ByteView(implicit) : ByteView(iv), plain,
                     all.subspan(8 + iv.size(), plain.size()), all.last(aead->icv_octets()));
    return choice.udp ? esp : outer(50, esp);
  }
  // By hand, from RFC 4302 3.3.3 for headers without options.
  Bytes forge_ah(ByteView payload, uint64_t sequence, uint8_t next_header) const {
    const model::SaSpec sa = spec(true);
    auto integ = *crypto::Integ::create(sa.integ, sa.out.integ.view());
    const size_t field = integ->iv_octets() + integ->icv_octets();
    const size_t align = choice.outer == Family::v4 ? 4 : 8;
    Bytes ah((12 + field + align - 1) / align * align, 0);
    ah[0] = next_header;
    ah[1] = static_cast<uint8_t>(ah.size() / 4 - 2);
    store_be32(&ah[4], sa.spi_out);
    store_be32(&ah[8], static_cast<uint32_t>(sequence));
    append(ah, payload);
    Bytes packet = outer(51, ah);
    Bytes muted = packet;
    if (choice.outer == Family::v4) {
      for (const size_t at : {1u, 6u, 7u, 8u, 10u, 11u}) muted[at] = 0;
    } else {
      muted[0] = 0x60;
      muted[1] = muted[2] = muted[3] = muted[7] = 0;
    }
    Bytes iv(integ->iv_octets(), 0xC0);
    Bytes icv(integ->icv_octets());
    Bytes high(4);
    store_be32(high.data(), static_cast<uint32_t>(sequence >> 32));
    const ByteView covered[] = {muted, choice.esn ? ByteView(high) : ByteView()};
    (void)integ->compute(iv, covered, icv);
    const size_t at = head() + 12;
    std::copy(iv.begin(), iv.end(), packet.begin() + static_cast<std::ptrdiff_t>(at));
    std::copy(icv.begin(), icv.end(), packet.begin() + static_cast<std::ptrdiff_t>(at + iv.size()));
    return packet;
  }
};

}  // namespace sallyport::support
