// Who makes an Aead, and what all of them share.
#include "crypto/aead.h"

#include "crypto/aead_parts.h"

namespace sallyport::crypto {

Aead::Shape Aead::shape_of(const model::EncrInfo& row, size_t icv_octets, Provider provider) {
  const bool random_iv = row.iv_octets > 0 && row.iv_octets == row.block_octets;
  return {row.iv_octets, icv_octets, row.block_octets, row.aead, row.implicit_iv, random_iv, provider, false};
}

bool Aead::gather(Job& job) {
  if (job.out.size() != job.head.size() + job.in.size() + job.tail.size()) return false;
  uint8_t* to = job.out.data();
  for (const ByteView part : {job.head, job.in, job.tail}) {
    if (!part.empty() && part.data() != to) std::memmove(to, part.data(), part.size());
    to += part.size();
  }
  return true;
}

void Aead::seal_batch(std::span<Job> jobs) {
  for (Job& job : jobs) {
    if (job.head.empty() && job.tail.empty()) {
      job.ok = seal(job.aad, job.aad_suffix, job.iv, job.in, job.out, job.icv);
    } else {
      job.ok = gather(job) && seal(job.aad, job.aad_suffix, job.iv, job.out, job.out, job.icv);
    }
  }
}

void Aead::open_batch(std::span<Job> jobs) {
  for (Job& job : jobs) job.ok = open(job.aad, job.aad_suffix, job.iv, job.in, job.icv_to_check, job.out);
}

Result<std::unique_ptr<Aead>> Aead::create(model::EncrId id, ByteView key_and_salt, uint16_t key_bits,
                                           model::IntegId integ, ByteView integ_key, Provider provider) {
  const auto row = model::info(id);
  if (!row) return fail(Errc::algorithm_refused, static_cast<uint32_t>(id));
  if (row->variable_key && key_bits != 128 && key_bits != 192 && key_bits != 256) return fail(Errc::bad_key, key_bits);
  if (key_and_salt.size() != model::key_material_octets(id, key_bits))
    return fail(Errc::bad_key, static_cast<uint32_t>(key_and_salt.size()));
  if (row->aead && integ != model::IntegId::NONE) return fail(Errc::conflict);
  if (!row->aead) {
    const auto integ_row = model::info(integ);
    // RFC 4543 5.2: AUTH_AES_*_GMAC is for AH; no cipher of ESP stands beside it.
    if (!integ_row || integ_row->ah_only) return fail(Errc::algorithm_refused, static_cast<uint32_t>(integ));
    if (integ_key.size() != integ_row->key_octets) return fail(Errc::bad_key, static_cast<uint32_t>(integ_key.size()));
  }
  const ByteView salt = key_and_salt.last(row->salt_octets);
  const AeadParts parts{*row, key_and_salt.first(key_and_salt.size() - salt.size()), salt, key_bits, integ, integ_key};
  if (provider == Provider::ipsec_mb) {
    if (auto made = ipsec_mb_aead(parts)) return made;
  }
  return openssl_aead(parts);
}

}  // namespace sallyport::crypto
