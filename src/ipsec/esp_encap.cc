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

void copy_to(ByteView from, MutableBytes to) { std::copy(from.begin(), from.end(), to.begin()); }

// RFC 4303 2.4: padding counts 1, 2, 3 …
void write_trailer(MutableBytes trailer, uint8_t next_header) {
  const size_t pad = trailer.size() - 2;
  for (size_t i = 0; i < pad; ++i) trailer[i] = static_cast<uint8_t>(i + 1);
  trailer[pad] = static_cast<uint8_t>(pad);
  trailer[pad + 1] = next_header;
}

void write_ipv4(const SaOutbound& sa, uint8_t tos, bool dont_fragment, MutableBytes header, size_t total) {
  std::fill(header.begin(), header.end(), uint8_t{0});
  header[0] = 0x45;
  header[1] = tos;
  store_be16(header.data() + 2, static_cast<uint16_t>(total));
  // RFC 6864 4.1: an identification is needed only where somebody may fragment.
  if (!dont_fragment) store_be16(header.data() + 4, static_cast<uint16_t>(sa.sequence));
  if (dont_fragment) header[6] = 0x40;
  header[8] = kOuterTtl;
  header[9] = kProtocolEsp;
  copy_to(sa.local.addr.bytes(), header.subspan(12));
  copy_to(sa.remote.addr.bytes(), header.subspan(16));
  store_be16(header.data() + 10, wire::ip::checksum(header));
}

void write_ipv6(const SaOutbound& sa, uint8_t tos, MutableBytes header, size_t payload) {
  store_be32(header.data(), (uint32_t{6} << 28) | (uint32_t{tos} << 20));
  store_be16(header.data() + 4, static_cast<uint16_t>(payload));
  header[6] = kProtocolEsp;
  header[7] = kOuterTtl;
  copy_to(sa.local.addr.bytes(), header.subspan(8));
  copy_to(sa.remote.addr.bytes(), header.subspan(24));
}

size_t pad_of(const SaOutbound& sa, size_t inner_octets) {
  return (sa.block_octets - (inner_octets + 2) % sa.block_octets) % sa.block_octets;
}

// Header and IV of the next packet, and where the rest belongs.
EspLayout begin_esp(Sad& sad, const SaOutbound& sa, MutableBytes esp) {
  const EspLayout out{esp.first(kEspHeader), esp.subspan(kEspHeader, sa.iv_octets),
                      esp.subspan(kEspHeader + sa.iv_octets, esp.size() - kEspHeader - sa.iv_octets - sa.icv_octets),
                      esp.last(sa.icv_octets)};
  store_be32(out.header.data(), sa.spi);
  store_be32(out.header.data() + 4, static_cast<uint32_t>(sa.sequence));
  if (sa.random_iv) {
    copy_to(sad.next_random_iv(out.iv.size()), out.iv);
  } else if (out.iv.size() == 8) {
    // RFC 4106 3.1, RFC 7634 2: never the same IV twice under one key; the sequence number is that by its nature (T24).
    store_be64(out.iv.data(), sa.sequence);
  }
  return out;
}

// `plain` is the payload with its trailer.
bool seal_into(Sad& sad, const SaOutbound& sa, ByteView plain, MutableBytes esp) {
  const EspLayout to = begin_esp(sad, sa, esp);
  uint8_t aad[12];
  const size_t aad_octets = write_aad(sa.spi, sa.sequence, sa.esn && sa.combined, aad);
  uint8_t high[4];
  store_be32(high, static_cast<uint32_t>(sa.sequence >> 32));
  const ByteView suffix = sa.esn && !sa.combined ? ByteView(high) : ByteView();
  return sa.aead->seal({aad, aad_octets}, suffix, to.iv, plain, to.text, to.icv);
}

}  // namespace

Verdict esp_encap(Sad& sad, const SaOutbound& sa, const EspPayload& payload, PacketBuf& out) {
  const MutableBytes trailer = payload.room.subspan(payload.octets, pad_of(sa, payload.octets) + 2);
  uint8_t there[kTrailerRoom];
  copy_to(trailer, there);
  write_trailer(trailer, payload.next_header);
  const ByteView plain = payload.room.first(payload.octets + trailer.size());
  const MutableBytes esp = out.append(kEspHeader + sa.iv_octets + plain.size() + sa.icv_octets);
  const bool sealed = seal_into(sad, sa, plain, esp);
  copy_to({there, trailer.size()}, trailer);
  if (sealed) return Verdict::pass();
  out.trim_back(esp.size());
  return Drop::seal_refused;
}

EspLayout lay_out_esp(Sad& sad, const SaOutbound& sa, const EspPayload& payload, PacketBuf& out) {
  const size_t text = payload.octets + pad_of(sa, payload.octets) + 2;
  const EspLayout to = begin_esp(sad, sa, out.append(kEspHeader + sa.iv_octets + text + sa.icv_octets));
  copy_to(payload.view(), to.text);
  write_trailer(to.text.subspan(payload.octets), payload.next_header);
  return to;
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

size_t append_outer_header(const SaOutbound& sa, uint8_t tos, bool dont_fragment, size_t esp_octets, PacketBuf& out) {
  const size_t octets = sa.local.addr.is_v4() ? 20 : 40;
  const MutableBytes header = out.append(octets);
  if (octets == 20) {
    write_ipv4(sa, tos, dont_fragment, header, esp_octets + 20);
  } else {
    write_ipv6(sa, tos, header, esp_octets);
  }
  return octets;
}

}  // namespace sallyport::ipsec
