// prf and prf+.
#include "crypto/prf.h"

#include <algorithm>

#include "crypto/mac.h"

namespace sallyport::crypto {

namespace {

std::optional<MacKind> kind_of(model::PrfId id) {
  switch (id) {
    case model::PrfId::HMAC_MD5: return MacKind::HMAC_MD5;
    case model::PrfId::HMAC_SHA1: return MacKind::HMAC_SHA1;
    case model::PrfId::HMAC_SHA2_256: return MacKind::HMAC_SHA2_256;
    case model::PrfId::HMAC_SHA2_384: return MacKind::HMAC_SHA2_384;
    case model::PrfId::HMAC_SHA2_512: return MacKind::HMAC_SHA2_512;
    case model::PrfId::AES128_XCBC: return MacKind::AES_XCBC;
    case model::PrfId::AES128_CMAC: return MacKind::AES_CMAC;
  }
  return std::nullopt;
}

Result<SecretBytes> run(Mac& mac, std::initializer_list<ByteView> data) {
  SecretBytes out(mac.octets());
  if (!mac.compute(data, out.writable())) return fail(Errc::algorithm_refused);
  return out;
}

// RFC 4434 2 and RFC 4615 3: a key of another length than 16 octets is padded with zeros or hashed under the zero key.
Result<SecretBytes> block_cipher_key(MacKind kind, ByteView key) {
  if (key.size() == 16) return SecretBytes(key);
  if (kind == MacKind::AES_XCBC && key.size() < 16) {
    SecretBytes out(16);
    std::copy(key.begin(), key.end(), out.writable().begin());
    return out;
  }
  const std::array<uint8_t, 16> zero{};
  SP_TRY(auto mac, Mac::create(kind, zero));
  return run(*mac, {key});
}

Result<std::unique_ptr<Mac>> keyed(model::PrfId id, ByteView key) {
  const auto kind = kind_of(id);
  if (!kind) return fail(Errc::algorithm_refused, static_cast<uint32_t>(id));
  if (*kind != MacKind::AES_XCBC && *kind != MacKind::AES_CMAC) return Mac::create(*kind, key);
  SP_TRY(const SecretBytes fitted, block_cipher_key(*kind, key));
  return Mac::create(*kind, fitted.view());
}

}  // namespace

Result<SecretBytes> prf(model::PrfId id, ByteView key, std::initializer_list<ByteView> data) {
  SP_TRY(auto mac, keyed(id, key));
  return run(*mac, data);
}

Result<SecretBytes> prf_plus(model::PrfId id, ByteView key, ByteView seed, size_t octets) {
  SP_TRY(auto mac, keyed(id, key));
  if (octets > 255 * mac->octets()) return fail(Errc::limit);
  SecretBytes out(octets);
  SecretBytes block;
  for (size_t at = 0, counter = 1; at < octets; ++counter) {
    const uint8_t number[] = {static_cast<uint8_t>(counter)};
    SP_TRY(block, run(*mac, {block.view(), seed, number}));
    const size_t n = std::min(block.size(), octets - at);
    std::copy_n(block.view().begin(), n, out.writable().begin() + static_cast<std::ptrdiff_t>(at));
    at += n;
  }
  return out;
}

}  // namespace sallyport::crypto
