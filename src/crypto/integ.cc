// Integrity algorithms.
#include "crypto/integ.h"

#include "base/secret.h"
#include "crypto/mac.h"

namespace sallyport::crypto {

static std::optional<MacKind> kind_of(model::IntegId id) {
  switch (id) {
    case model::IntegId::HMAC_MD5_96: return MacKind::HMAC_MD5;
    case model::IntegId::HMAC_SHA1_96: return MacKind::HMAC_SHA1;
    case model::IntegId::AES_XCBC_96: return MacKind::AES_XCBC;
    case model::IntegId::AES_CMAC_96: return MacKind::AES_CMAC;
    case model::IntegId::HMAC_SHA2_256_128: return MacKind::HMAC_SHA2_256;
    case model::IntegId::HMAC_SHA2_384_192: return MacKind::HMAC_SHA2_384;
    case model::IntegId::HMAC_SHA2_512_256: return MacKind::HMAC_SHA2_512;
    case model::IntegId::AES_128_GMAC:
    case model::IntegId::AES_192_GMAC:
    case model::IntegId::AES_256_GMAC: return MacKind::AES_GMAC;
    case model::IntegId::NONE: break;
  }
  return std::nullopt;
}

Integ::Integ(std::unique_ptr<Mac> mac, const model::IntegInfo& row)
    : mac_(std::move(mac)), icv_octets_(row.icv_octets), iv_octets_(row.iv_octets) {}
Integ::~Integ() = default;

Result<std::unique_ptr<Integ>> Integ::create(model::IntegId id, ByteView key) {
  const auto row = model::info(id);
  const auto kind = kind_of(id);
  if (!row || !kind) return fail(Errc::algorithm_refused, static_cast<uint32_t>(id));
  if (key.size() != row->key_octets) return fail(Errc::bad_key, static_cast<uint32_t>(key.size()));
  SP_TRY(auto mac, Mac::create(*kind, key));
  return std::unique_ptr<Integ>(new Integ(std::move(mac), *row));
}

bool Integ::compute(ByteView iv, std::span<const ByteView> data, MutableBytes icv) {
  return icv.size() == icv_octets_ && mac_->compute(iv, data, icv);
}

bool Integ::verify(ByteView iv, std::span<const ByteView> data, ByteView icv) {
  std::array<uint8_t, 64> expected;
  const MutableBytes cut = MutableBytes(expected).first(icv_octets_);
  return icv.size() == icv_octets_ && mac_->compute(iv, data, cut) && constant_time_equal(cut, icv);
}

bool Integ::compute(std::initializer_list<ByteView> data, MutableBytes icv) {
  return compute({}, std::span(data.begin(), data.size()), icv);
}

bool Integ::verify(std::initializer_list<ByteView> data, ByteView icv) {
  return verify({}, std::span(data.begin(), data.size()), icv);
}

}  // namespace sallyport::crypto
