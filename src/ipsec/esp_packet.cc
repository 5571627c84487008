#include "ipsec/esp_packet.h"

#include <algorithm>

#include "crypto/aead.h"
#include "ipsec/esp_encap.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kEspHeader = 8;

// What authenticates besides the packet itself, and the IV that does not travel.
struct Around {
  Around(model::Spi spi, uint64_t sequence, bool esn, bool combined) {
    aad_octets = write_aad(spi, sequence, esn && combined, aad);
    store_be32(high, static_cast<uint32_t>(sequence >> 32));
    if (esn && !combined) suffix = high;
    // RFC 8750 4: without ESN the upper half is zero, which `sequence` has then.
    store_be64(implicit_iv, sequence);
  }
  uint8_t aad[12];
  size_t aad_octets;
  uint8_t high[4];
  uint8_t implicit_iv[8];
  ByteView suffix;
};

}  // namespace

size_t esp_packet_octets(const SaOutbound& sa, size_t payload) {
  const size_t block = sa.block_octets;
  return kEspHeader + sa.iv_octets + (payload + 2 + block - 1) / block * block + sa.icv_octets;
}

bool seal_esp(Sad& sad, const SaOutbound& sa, size_t payload, uint8_t next_header, MutableBytes esp) {
  store_be32(esp.data(), sa.spi);
  store_be32(esp.data() + 4, static_cast<uint32_t>(sa.sequence));
  const MutableBytes iv = esp.subspan(kEspHeader, sa.iv_octets);
  if (sa.random_iv) {
    const ByteView drawn = sad.next_random_iv(iv.size());
    std::copy(drawn.begin(), drawn.end(), iv.begin());
  } else if (iv.size() == 8) {
    // RFC 4106 3.1, RFC 7634 2: never the same IV twice under one key; the sequence number is that by its nature (T24).
    store_be64(iv.data(), sa.sequence);
  }
  const MutableBytes text = esp.subspan(kEspHeader + iv.size(), esp.size() - kEspHeader - iv.size() - sa.icv_octets);
  // RFC 4303 2.4: padding counts 1, 2, 3 …
  const size_t pad = text.size() - payload - 2;
  for (size_t i = 0; i < pad; ++i) text[payload + i] = static_cast<uint8_t>(i + 1);
  text[text.size() - 2] = static_cast<uint8_t>(pad);
  text[text.size() - 1] = next_header;
  const Around around(sa.spi, sa.sequence, sa.esn, sa.combined);
  return sa.aead->seal({around.aad, around.aad_octets}, around.suffix,
                       sa.implicit_iv ? ByteView(around.implicit_iv) : ByteView(iv), text, text,
                       esp.last(sa.icv_octets));
}

Verdict check_esp_shape(const SaInbound& sa, size_t esp_octets) {
  const size_t around = kEspHeader + sa.iv_octets + sa.icv_octets;
  if (esp_octets < around + sa.block_octets) return Drop::runt;
  // RFC 4303 2.4: the trailer ends on a block of the cipher and on four octets.
  if ((esp_octets - around) % sa.block_octets != 0) return Drop::unaligned;
  return Verdict::pass();
}

bool open_esp(const SaInbound& sa, ByteView esp, uint64_t sequence, MutableBytes plain) {
  const ByteView iv = esp.subspan(kEspHeader, sa.iv_octets);
  const ByteView cipher = esp.subspan(kEspHeader + sa.iv_octets, plain.size());
  const Around around(sa.spi, sequence, sa.esn, sa.combined);
  return sa.aead->open({around.aad, around.aad_octets}, around.suffix,
                       sa.implicit_iv ? ByteView(around.implicit_iv) : iv, cipher, esp.last(sa.icv_octets), plain);
}

}  // namespace sallyport::ipsec
