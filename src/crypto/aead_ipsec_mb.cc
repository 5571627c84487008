// AES-GCM, AES-GMAC and ChaCha20-Poly1305 by Intel ipsec-mb: one packet a call, key data expanded once. RFC 4106, 4543,
// 7634. Whole file empty where the library is not built in.
#include "crypto/aead_parts.h"

#ifdef SALLYPORT_IPSEC_MB
#include <array>

#include "base/secret.h"
#include "crypto/ipsec_mb.h"

namespace sallyport::crypto {

namespace {

using model::EncrId;

constexpr size_t kNonce = 12;
constexpr size_t kTag = 16;

struct FreeMbMgr {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using ManagerPtr = std::unique_ptr<IMB_MGR, FreeMbMgr>;

ManagerPtr make_manager() {
  ManagerPtr out(alloc_mb_mgr(0));
  if (!out) return nullptr;
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(out.get(), &arch);
  // Without AES instructions it would work by tables, which leak by time.
  const bool good = imb_get_errno(out.get()) == 0 && arch != IMB_ARCH_NONE && arch != IMB_ARCH_NOAESNI;
  return good ? std::move(out) : nullptr;
}

// salt | IV, the nonce of all three.
class Nonce {
 public:
  explicit Nonce(ByteView salt) { std::memcpy(octets_.data(), salt.data(), kSalt); }
  ~Nonce() { wipe(octets_); }
  const uint8_t* with(ByteView iv) {
    std::memcpy(octets_.data() + kSalt, iv.data(), kNonce - kSalt);
    return octets_.data();
  }
  static constexpr size_t kSalt = 4;

 private:
  std::array<uint8_t, kNonce> octets_{};
};

class MbGcm final : public Aead {
 public:
  MbGcm(const AeadParts& parts, IMB_MGR* m)
      : Aead(shape_of(parts.row, parts.row.icv_octets, Provider::ipsec_mb)), nonce_(parts.salt) {
    switch (parts.key_bits) {
      case 128:
        IMB_AES128_GCM_PRE(m, parts.key.data(), &key_);
        encrypt_ = m->gcm128_enc;
        decrypt_ = m->gcm128_dec;
        break;
      case 192:
        IMB_AES192_GCM_PRE(m, parts.key.data(), &key_);
        encrypt_ = m->gcm192_enc;
        decrypt_ = m->gcm192_dec;
        break;
      default:
        IMB_AES256_GCM_PRE(m, parts.key.data(), &key_);
        encrypt_ = m->gcm256_enc;
        decrypt_ = m->gcm256_dec;
        break;
    }
  }
  ~MbGcm() override { wipe({reinterpret_cast<uint8_t*>(&key_), sizeof(key_)}); }

  bool seal(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView plain, MutableBytes cipher,
            MutableBytes icv) override {
    if (!aad_suffix.empty() || iv.size() != iv_input_octets() || plain.size() != cipher.size() ||
        icv.size() != icv_octets())
      return false;
    gcm_context_data running;
    encrypt_(&key_, &running, cipher.data(), plain.data(), plain.size(), nonce_.with(iv), aad.data(), aad.size(),
             icv.data(), icv.size());
    return true;
  }

  bool open(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView cipher, ByteView icv,
            MutableBytes plain) override {
    if (!aad_suffix.empty() || iv.size() != iv_input_octets() || plain.size() != cipher.size() ||
        icv.size() != icv_octets())
      return false;
    gcm_context_data running;
    std::array<uint8_t, kTag> tag;
    decrypt_(&key_, &running, plain.data(), cipher.data(), cipher.size(), nonce_.with(iv), aad.data(), aad.size(),
             tag.data(), icv.size());
    return constant_time_equal(ByteView(tag).first(icv.size()), icv);
  }

 private:
  alignas(64) gcm_key_data key_;
  aes_gcm_enc_dec_t encrypt_, decrypt_;
  Nonce nonce_;
};

// RFC 4543 3.3: the associated data, the IV and the text are authenticated, the text stays as it is.
class MbGmac final : public Aead {
 public:
  MbGmac(const AeadParts& parts, IMB_MGR* m)
      : Aead(shape_of(parts.row, parts.row.icv_octets, Provider::ipsec_mb)), nonce_(parts.salt) {
    switch (parts.key_bits) {
      case 128:
        IMB_AES128_GCM_PRE(m, parts.key.data(), &key_);
        steps_ = {m->gmac128_init, m->gmac128_update, m->gmac128_finalize};
        break;
      case 192:
        IMB_AES192_GCM_PRE(m, parts.key.data(), &key_);
        steps_ = {m->gmac192_init, m->gmac192_update, m->gmac192_finalize};
        break;
      default:
        IMB_AES256_GCM_PRE(m, parts.key.data(), &key_);
        steps_ = {m->gmac256_init, m->gmac256_update, m->gmac256_finalize};
        break;
    }
  }
  ~MbGmac() override { wipe({reinterpret_cast<uint8_t*>(&key_), sizeof(key_)}); }

  bool seal(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView plain, MutableBytes cipher,
            MutableBytes icv) override {
    if (plain.size() != cipher.size() || icv.size() != icv_octets() || !tag(aad, aad_suffix, iv, plain, icv))
      return false;
    if (!plain.empty()) std::memmove(cipher.data(), plain.data(), plain.size());
    return true;
  }

  bool open(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView cipher, ByteView icv,
            MutableBytes plain) override {
    std::array<uint8_t, kTag> expected;
    if (plain.size() != cipher.size() || icv.size() != icv_octets() || !tag(aad, aad_suffix, iv, cipher, expected) ||
        !constant_time_equal(expected, icv))
      return false;
    if (!cipher.empty()) std::memmove(plain.data(), cipher.data(), cipher.size());
    return true;
  }

 private:
  bool tag(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView text, MutableBytes out) {
    if (!aad_suffix.empty() || iv.size() != iv_input_octets()) return false;
    gcm_context_data running;
    steps_.init(&key_, &running, nonce_.with(iv), kNonce);
    for (const ByteView part : {aad, iv, text}) {
      if (!part.empty()) steps_.update(&key_, &running, part.data(), part.size());
    }
    steps_.finalize(&key_, &running, out.data(), out.size());
    return true;
  }

  alignas(64) gcm_key_data key_;
  struct Steps {
    aes_gmac_init_t init;
    aes_gmac_update_t update;
    aes_gmac_finalize_t finalize;
  } steps_{};
  Nonce nonce_;
};

// By the job interface, whose one job is done when it was submitted; the calls for pieces are slower.
class MbChaCha final : public Aead {
 public:
  explicit MbChaCha(const AeadParts& parts)
      : Aead(shape_of(parts.row, parts.row.icv_octets, Provider::ipsec_mb)), nonce_(parts.salt) {
    std::memcpy(key_.data(), parts.key.data(), key_.size());
  }
  ~MbChaCha() override { wipe(key_); }

  bool seal(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView plain, MutableBytes cipher,
            MutableBytes icv) override {
    if (!aad_suffix.empty() || icv.size() != icv_octets()) return false;
    return run(IMB_DIR_ENCRYPT, aad, iv, plain, cipher, icv.data());
  }

  bool open(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView cipher, ByteView icv,
            MutableBytes plain) override {
    std::array<uint8_t, kTag> tag;
    return aad_suffix.empty() && icv.size() == icv_octets() &&
           run(IMB_DIR_DECRYPT, aad, iv, cipher, plain, tag.data()) && constant_time_equal(tag, icv);
  }

 private:
  bool run(IMB_CIPHER_DIRECTION direction, ByteView aad, ByteView iv, ByteView in, MutableBytes out, uint8_t* tag) {
    if (iv.size() != iv_input_octets() || in.size() != out.size()) return false;
    static constexpr uint8_t kNothing = 0;
    uint8_t nowhere = 0;
    IMB_MGR* m = ipsec_mb_manager();
    IMB_JOB* job = m != nullptr ? IMB_GET_NEXT_JOB(m) : nullptr;
    if (job == nullptr) return false;
    job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
    job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
    job->cipher_direction = direction;
    job->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    job->enc_keys = key_.data();
    job->dec_keys = key_.data();
    job->key_len_in_bytes = key_.size();
    job->src = in.empty() ? &kNothing : in.data();
    job->dst = out.empty() ? &nowhere : out.data();
    job->cipher_start_src_offset_in_bytes = 0;
    job->msg_len_to_cipher_in_bytes = in.size();
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = in.size();
    job->iv = nonce_.with(iv);
    job->iv_len_in_bytes = kNonce;
    job->auth_tag_output = tag;
    job->auth_tag_output_len_in_bytes = kTag;
    job->u.CHACHA20_POLY1305.aad = aad.empty() ? &kNothing : aad.data();
    job->u.CHACHA20_POLY1305.aad_len_in_bytes = aad.size();
    const IMB_JOB* done = IMB_SUBMIT_JOB_NOCHECK(m);
    return done == job && done->status == IMB_STATUS_COMPLETED;
  }

  std::array<uint8_t, 32> key_;
  Nonce nonce_;
};

}  // namespace

IMB_MGR* ipsec_mb_manager() {
  static thread_local const ManagerPtr manager = make_manager();
  return manager.get();
}

std::unique_ptr<Aead> ipsec_mb_aead(const AeadParts& parts) {
  IMB_MGR* m = ipsec_mb_manager();
  if (m == nullptr) return nullptr;
  switch (parts.row.id) {
    case EncrId::AES_GCM_8:
    case EncrId::AES_GCM_12:
    case EncrId::AES_GCM_16:
    case EncrId::AES_GCM_16_IIV: return std::make_unique<MbGcm>(parts, m);
    case EncrId::NULL_AES_GMAC: return std::make_unique<MbGmac>(parts, m);
    case EncrId::CHACHA20_POLY1305:
    case EncrId::CHACHA20_POLY1305_IIV: return std::make_unique<MbChaCha>(parts);
    case EncrId::AES_CBC:
    case EncrId::AES_CTR:
    case EncrId::NULL_ENCR: break;
    case EncrId::AES_CCM_8:
    case EncrId::AES_CCM_12:
    case EncrId::AES_CCM_16:
    case EncrId::AES_CCM_8_IIV:
    case EncrId::DES3: return nullptr;
  }
  if (!multi_buffer_knows(parts)) return nullptr;
  auto single = openssl_aead(parts);
  return single ? multi_buffer_aead(parts, std::move(*single)) : nullptr;
}

}  // namespace sallyport::crypto

#else

namespace sallyport::crypto {

std::unique_ptr<Aead> ipsec_mb_aead(const AeadParts&) { return nullptr; }

}  // namespace sallyport::crypto

#endif
