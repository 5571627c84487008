// Encrypted payloads. RFC 7296 3.14, RFC 5282 3 and 5.1, RFC 7383 2.5.
//
//   SK:  generic header | IV | text, padding, pad length (encrypted) | ICV
//   SKF: generic header | fragment number, total | IV | ... as above
#include "wire/ike2/sk.h"

#include <algorithm>

namespace sallyport::wire::ike2 {

namespace {

constexpr size_t kMaxFragments = 32;    // P12
constexpr size_t kMaxDatagram = 65507;  // of UDP over IPv4; keeps the 16 bit payload length right too

struct Fragment {
  uint16_t number;
  uint16_t total;
};

size_t padding(size_t text, size_t block) {
  block = std::max<size_t>(block, 1);
  return (block - (text + 1) % block) % block;
}

size_t sealed_octets(size_t text, bool fragment, const SkCipher& cipher) {
  return ike::kHeaderOctets + 4 + (fragment ? 4 : 0) + cipher.iv_octets() + text +
         padding(text, cipher.block_octets()) + 1 + cipher.icv_octets();
}

Result<Bytes> seal(IkeHeader header, PayloadType first, ByteView text, const Fragment* fragment, SkCipher& cipher) {
  header.next = fragment != nullptr ? PayloadType::SKF : PayloadType::SK;
  const size_t octets = sealed_octets(text.size(), fragment != nullptr, cipher);
  if (octets > kMaxDatagram) return fail(Errc::limit, static_cast<uint32_t>(octets));
  header.length = static_cast<uint32_t>(octets);
  Writer out;
  ike::write_header(header, out);
  out.u8(static_cast<uint8_t>(first));
  out.u8(0);
  out.u16(static_cast<uint16_t>(header.length - ike::kHeaderOctets));
  if (fragment != nullptr) {
    out.u16(fragment->number);
    out.u16(fragment->total);
  }
  const size_t aad_octets = out.size();
  Bytes plain(text.begin(), text.end());
  const size_t pad = padding(text.size(), cipher.block_octets());
  plain.resize(text.size() + pad, 0);
  plain.push_back(static_cast<uint8_t>(pad));
  out.zeros(cipher.iv_octets() + plain.size() + cipher.icv_octets());
  Bytes bytes = out.take();
  const MutableBytes all(bytes);
  const MutableBytes iv = all.subspan(aad_octets, cipher.iv_octets());
  const MutableBytes sealed = all.subspan(aad_octets + iv.size(), plain.size());
  const MutableBytes icv = all.last(cipher.icv_octets());
  cipher.next_iv(iv);
  if (!cipher.seal(all.first(aad_octets), iv, plain, sealed, icv)) return fail(Errc::algorithm_refused);
  return bytes;
}

Result<Bytes> open(ByteView datagram, size_t body_at, SkCipher& cipher) {
  const ByteView body = datagram.subspan(body_at);
  const size_t around = cipher.iv_octets() + cipher.icv_octets();
  if (body.size() < around + 1) return fail(Errc::truncated);
  const ByteView iv = body.first(cipher.iv_octets());
  const ByteView sealed = body.subspan(iv.size(), body.size() - around);
  if (sealed.size() % std::max<size_t>(cipher.block_octets(), 1) != 0) return fail(Errc::bad_length);
  Bytes plain(sealed.size());
  if (!cipher.open(datagram.first(body_at), iv, sealed, body.last(cipher.icv_octets()), plain))
    return fail(Errc::bad_tag);
  // RFC 7296 3.14: any padding octets are accepted, their number must fit.
  const size_t pad = plain.back();
  if (pad + 1 > plain.size()) return fail(Errc::bad_length, static_cast<uint32_t>(pad));
  plain.resize(plain.size() - pad - 1);
  return plain;
}

}  // namespace

Result<Bytes> seal_message(IkeHeader header, const PayloadChain& inner, SkCipher& cipher) {
  return seal(header, inner.first, inner.bytes, nullptr, cipher);
}

Result<std::vector<Bytes>> seal_fragments(const IkeHeader& header, const PayloadChain& inner, size_t max_octets,
                                          SkCipher& cipher) {
  std::vector<Bytes> out;
  if (sealed_octets(inner.bytes.size(), false, cipher) <= max_octets) {
    SP_TRY(Bytes whole, seal(header, inner.first, inner.bytes, nullptr, cipher));
    out.push_back(std::move(whole));
    return out;
  }
  const size_t around = sealed_octets(0, true, cipher) + cipher.block_octets();
  if (max_octets <= around) return fail(Errc::limit);
  const size_t piece = max_octets - around;
  const size_t total = (inner.bytes.size() + piece - 1) / piece;
  if (total > kMaxFragments) return fail(Errc::limit, static_cast<uint32_t>(total));
  for (size_t i = 0; i < total; ++i) {
    const size_t at = i * piece;
    const ByteView text = ByteView(inner.bytes).subspan(at, std::min(piece, inner.bytes.size() - at));
    const Fragment fragment{static_cast<uint16_t>(i + 1), static_cast<uint16_t>(total)};
    // RFC 7383 2.5: only the first fragment names the first payload inside.
    SP_TRY(Bytes bytes, seal(header, i == 0 ? inner.first : PayloadType::NONE, text, &fragment, cipher));
    out.push_back(std::move(bytes));
  }
  return out;
}

Result<Bytes> open_sk(ByteView datagram, const SkPayload& sk, SkCipher& cipher) {
  return open(datagram, sk.body_at, cipher);
}

Result<Bytes> open_skf(ByteView datagram, const SkfPayload& skf, SkCipher& cipher) {
  return open(datagram, skf.body_at, cipher);
}

}  // namespace sallyport::wire::ike2
