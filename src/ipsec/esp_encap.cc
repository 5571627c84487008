#include "ipsec/esp_encap.h"

#include <algorithm>

#include "crypto/aead.h"
#include "ipsec/pmtu.h"
#include "wire/ip/checksum.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kEspHeader = 8;
constexpr uint8_t kProtocolEsp = 50;
constexpr uint8_t kOuterTtl = 64;
constexpr size_t kLargestIp = 65535;

void copy_to(ByteView from, MutableBytes to) { std::copy(from.begin(), from.end(), to.begin()); }

void append_trailer(PacketBuf& inner, Family family, size_t block) {
  const size_t pad = (block - (inner.size() + 2) % block) % block;
  const MutableBytes trailer = inner.append(pad + 2);
  // RFC 4303 2.4: padding counts 1, 2, 3 …
  for (size_t i = 0; i < pad; ++i) trailer[i] = static_cast<uint8_t>(i + 1);
  trailer[pad] = static_cast<uint8_t>(pad);
  trailer[pad + 1] = family == Family::v4 ? 4 : 41;
}

void write_ipv4(const SaOutbound& sa, const Outgoing& out, MutableBytes header, size_t total) {
  std::fill(header.begin(), header.end(), uint8_t{0});
  header[0] = 0x45;
  header[1] = out.tos;
  store_be16(header.data() + 2, static_cast<uint16_t>(total));
  // RFC 6864 4.1: an identification is needed only where somebody may fragment.
  if (!out.dont_fragment) store_be16(header.data() + 4, static_cast<uint16_t>(sa.sequence));
  if (out.dont_fragment) header[6] = 0x40;
  header[8] = kOuterTtl;
  header[9] = kProtocolEsp;
  copy_to(sa.local.addr.bytes(), header.subspan(12));
  copy_to(sa.remote.addr.bytes(), header.subspan(16));
  store_be16(header.data() + 10, wire::ip::checksum(header));
}

void write_ipv6(const SaOutbound& sa, const Outgoing& out, MutableBytes header, size_t payload) {
  store_be32(header.data(), (uint32_t{6} << 28) | (uint32_t{out.tos} << 20));
  store_be16(header.data() + 4, static_cast<uint16_t>(payload));
  header[6] = kProtocolEsp;
  header[7] = kOuterTtl;
  copy_to(sa.local.addr.bytes(), header.subspan(8));
  copy_to(sa.remote.addr.bytes(), header.subspan(24));
}

}  // namespace

Verdict esp_encap(Sad& sad, const SaOutbound& sa, PacketBuf& inner, Family inner_family, Outgoing& out) {
  const size_t inner_octets = inner.size();
  if (outer_octets(sa) + esp_octets(sa, inner_octets) > kLargestIp) return Drop::no_room;
  append_trailer(inner, inner_family, sa.block_octets);

  const MutableBytes header = out.packet.append(kEspHeader);
  store_be32(header.data(), sa.spi);
  store_be32(header.data() + 4, static_cast<uint32_t>(sa.sequence));
  const MutableBytes iv = out.packet.append(sa.iv_octets);
  if (sa.random_iv) {
    copy_to(sad.next_random_iv(iv.size()), iv);
  } else if (iv.size() == 8) {
    // RFC 4106 3.1, RFC 7634 2: never the same IV twice under one key; the sequence number is that by its nature (T24).
    store_be64(iv.data(), sa.sequence);
  }
  const MutableBytes cipher = out.packet.append(inner.size());
  const MutableBytes icv = out.packet.append(sa.icv_octets);

  uint8_t aad[12];
  const size_t aad_octets = write_aad(sa.spi, sa.sequence, sa.esn && sa.combined, aad);
  uint8_t high[4];
  store_be32(high, static_cast<uint32_t>(sa.sequence >> 32));
  const ByteView suffix = sa.esn && !sa.combined ? ByteView(high) : ByteView();
  const bool sealed = sa.aead->seal({aad, aad_octets}, suffix, iv, inner.view(), cipher, icv);
  inner.trim_back(inner.size() - inner_octets);
  return sealed ? Verdict::pass() : Verdict(Drop::seal_refused);
}

size_t write_aad(model::Spi spi, uint64_t sequence, bool whole_sequence, MutableBytes aad) {
  store_be32(aad.data(), spi);
  if (!whole_sequence) {
    store_be32(aad.data() + 4, static_cast<uint32_t>(sequence));
    return 8;
  }
  store_be64(aad.data() + 4, sequence);
  return 12;
}

Verdict write_outer_header(const SaOutbound& sa, Outgoing& out) {
  const size_t esp = out.packet.size();
  if (sa.local.addr.is_v4()) {
    if (esp + 20 > kLargestIp) return Drop::no_room;
    write_ipv4(sa, out, out.packet.prepend(20), esp + 20);
  } else {
    write_ipv6(sa, out, out.packet.prepend(40), esp);
  }
  out.outer_octets = static_cast<uint16_t>(out.packet.size() - esp);
  return Verdict::pass();
}

}  // namespace sallyport::ipsec
