// AEADs by EVP with contexts that keep their key; encrypt-then-MAC composed of a cipher context and an Integ. Per
// packet a context gets its IV alone: no fetch, no key schedule, no allocation.
#include <openssl/core_names.h>
#include <openssl/params.h>

#include <array>

#include "base/secret.h"
#include "crypto/aead_parts.h"
#include "crypto/integ.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

namespace {

using model::EncrId;

constexpr int as_int(size_t n) { return static_cast<int>(n); }

// One octet that is not null, for calls with nothing to read or write.
uint8_t* somewhere() {
  static thread_local uint8_t octet;
  return &octet;
}
const uint8_t* data(ByteView v) { return v.empty() ? somewhere() : v.data(); }
uint8_t* data(MutableBytes v) { return v.empty() ? somewhere() : v.data(); }

CipherCtxPtr context_for(const char* name, bool encrypt, ByteView key, size_t nonce, size_t tag, bool ccm) {
  const int direction = encrypt ? 1 : 0;
  const CipherPtr cipher(EVP_CIPHER_fetch(nullptr, name, nullptr));
  CipherCtxPtr out(cipher ? EVP_CIPHER_CTX_new() : nullptr);
  if (!out || EVP_CipherInit_ex2(out.get(), cipher.get(), nullptr, nullptr, direction, nullptr) != 1) return nullptr;
  if (EVP_CIPHER_CTX_ctrl(out.get(), EVP_CTRL_AEAD_SET_IVLEN, as_int(nonce), nullptr) != 1) return nullptr;
  if (ccm && EVP_CIPHER_CTX_ctrl(out.get(), EVP_CTRL_AEAD_SET_TAG, as_int(tag), nullptr) != 1) return nullptr;
  if (EVP_CipherInit_ex2(out.get(), nullptr, key.data(), nullptr, direction, nullptr) != 1) return nullptr;
  return out;
}

// One context for both directions: counter modes have one key schedule, and each packet says which way it goes. Only
// CCM fixes its direction with the key (its inner loop is chosen there) and has two.
class EvpAead final : public Aead {
 public:
  EvpAead(const model::EncrInfo& row, CipherCtxPtr seal, CipherCtxPtr ccm_open, ByteView salt, bool ccm, bool mac_only)
      : Aead(shape_of(row, row.icv_octets, Provider::openssl)),
        seal_(std::move(seal)),
        ccm_open_(std::move(ccm_open)),
        salt_octets_(salt.size()),
        ccm_(ccm),
        mac_only_(mac_only) {
    std::copy(salt.begin(), salt.end(), nonce_.begin());
  }
  ~EvpAead() override { wipe(nonce_); }

  bool seal(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView plain, MutableBytes cipher,
            MutableBytes icv) override {
    if (!fits(aad_suffix, iv, plain, cipher) || icv.size() != icv_octets()) return false;
    EVP_CIPHER_CTX* c = seal_.get();
    if (EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce_.data(), 1) != 1) return false;
    int n = 0;
    if (!associate(c, aad, iv, plain)) return false;
    if (mac_only_) {
      std::copy(plain.begin(), plain.end(), cipher.begin());
    } else if ((ccm_ || !plain.empty()) &&
               EVP_EncryptUpdate(c, data(cipher), &n, data(plain), as_int(plain.size())) != 1) {
      return false;
    }
    if (EVP_EncryptFinal_ex(c, somewhere(), &n) != 1) return false;
    OSSL_PARAM tag[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, icv.data(), icv.size()),
                        OSSL_PARAM_construct_end()};
    return EVP_CIPHER_CTX_get_params(c, tag) == 1;
  }

  bool open(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView cipher, ByteView icv,
            MutableBytes plain) override {
    if (!fits(aad_suffix, iv, cipher, plain) || icv.size() != icv_octets()) return false;
    EVP_CIPHER_CTX* c = ccm_ ? ccm_open_.get() : seal_.get();
    // CCM must know the tag before the key stream starts; the others before they finish.
    if (EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce_.data(), 0) != 1) return false;
    const OSSL_PARAM tag[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, const_cast<uint8_t*>(icv.data()), icv.size()),
        OSSL_PARAM_construct_end()};
    if (EVP_CIPHER_CTX_set_params(c, tag) != 1) return false;
    if (!associate(c, aad, iv, cipher)) return false;
    int n = 0;
    if (mac_only_) {
      if (EVP_DecryptFinal_ex(c, somewhere(), &n) != 1) return false;
      std::copy(cipher.begin(), cipher.end(), plain.begin());
      return true;
    }
    if ((ccm_ || !cipher.empty()) && EVP_DecryptUpdate(c, data(plain), &n, data(cipher), as_int(cipher.size())) != 1)
      return false;
    return ccm_ || EVP_DecryptFinal_ex(c, somewhere(), &n) == 1;
  }

 private:
  bool fits(ByteView aad_suffix, ByteView iv, ByteView in, MutableBytes out) {
    if (!aad_suffix.empty() || iv.size() != iv_input_octets() || in.size() != out.size()) return false;
    std::memcpy(nonce_.data() + salt_octets_, iv.data(), iv.size());
    return true;
  }

  // RFC 4543 3: GMAC authenticates the IV and the text as associated data too.
  bool associate(EVP_CIPHER_CTX* c, ByteView aad, ByteView iv, ByteView text) {
    int n = 0;
    if (ccm_ && EVP_CipherUpdate(c, nullptr, &n, nullptr, as_int(text.size())) != 1) return false;
    if (!aad.empty() && EVP_CipherUpdate(c, nullptr, &n, aad.data(), as_int(aad.size())) != 1) return false;
    if (!mac_only_) return true;
    return EVP_CipherUpdate(c, nullptr, &n, iv.data(), as_int(iv.size())) == 1 &&
           (text.empty() || EVP_CipherUpdate(c, nullptr, &n, text.data(), as_int(text.size())) == 1);
  }

  CipherCtxPtr seal_, ccm_open_;
  std::array<uint8_t, 16> nonce_{};
  size_t salt_octets_;
  bool ccm_;
  bool mac_only_;
};

// RFC 3602 (CBC), RFC 3686 (CTR), RFC 2410 (NULL), RFC 2451 (3DES), each with a MAC over what was encrypted.
class EncryptThenMac final : public Aead {
 public:
  EncryptThenMac(const model::EncrInfo& row, CipherCtxPtr seal, CipherCtxPtr open, std::unique_ptr<Integ> integ,
                 ByteView salt)
      : Aead(shape_of(row, integ->icv_octets(), Provider::openssl)),
        seal_(std::move(seal)),
        open_(std::move(open)),
        integ_(std::move(integ)),
        ctr_(row.id == EncrId::AES_CTR) {
    std::copy(salt.begin(), salt.end(), counter_block_.begin());
    counter_block_[15] = 1;  // RFC 3686 4: the block counter starts at one
  }
  ~EncryptThenMac() override { wipe(counter_block_); }

  bool seal(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView plain, MutableBytes cipher,
            MutableBytes icv) override {
    if (icv.size() != icv_octets() || !crypt(seal_.get(), iv, plain, cipher)) return false;
    return integ_->compute({aad, iv, cipher, aad_suffix}, icv);
  }

  bool open(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView cipher, ByteView icv,
            MutableBytes plain) override {
    if (!integ_->verify({aad, iv, cipher, aad_suffix}, icv)) return false;
    return crypt(open_ ? open_.get() : seal_.get(), iv, cipher, plain);
  }

 private:
  bool crypt(EVP_CIPHER_CTX* c, ByteView iv, ByteView in, MutableBytes out) {
    if (iv.size() != iv_octets() || in.size() != out.size() || in.size() % block_octets() != 0) return false;
    if (c == nullptr) {
      std::copy(in.begin(), in.end(), out.begin());
      return true;
    }
    const uint8_t* start = iv.data();
    if (ctr_) {
      std::memcpy(counter_block_.data() + 4, iv.data(), iv.size());
      start = counter_block_.data();
    }
    int n = 0;
    if (EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, start, -1) != 1) return false;
    if (in.empty()) return true;
    return EVP_CipherUpdate(c, out.data(), &n, in.data(), as_int(in.size())) == 1 && n == as_int(in.size());
  }

  CipherCtxPtr seal_, open_;  // CTR: seal_ alone, the same both ways; NULL: neither
  std::unique_ptr<Integ> integ_;
  std::array<uint8_t, 16> counter_block_{};
  bool ctr_;
};

const char* cipher_name(EncrId id, uint16_t bits) {
  const auto pick = [&](const char* a, const char* b, const char* c) { return bits == 128 ? a : bits == 192 ? b : c; };
  switch (id) {
    case EncrId::AES_GCM_8:
    case EncrId::AES_GCM_12:
    case EncrId::AES_GCM_16:
    case EncrId::AES_GCM_16_IIV:
    case EncrId::NULL_AES_GMAC: return pick("AES-128-GCM", "AES-192-GCM", "AES-256-GCM");
    case EncrId::AES_CCM_8:
    case EncrId::AES_CCM_12:
    case EncrId::AES_CCM_16:
    case EncrId::AES_CCM_8_IIV: return pick("AES-128-CCM", "AES-192-CCM", "AES-256-CCM");
    case EncrId::CHACHA20_POLY1305:
    case EncrId::CHACHA20_POLY1305_IIV: return "ChaCha20-Poly1305";
    case EncrId::AES_CBC: return pick("AES-128-CBC", "AES-192-CBC", "AES-256-CBC");
    case EncrId::AES_CTR: return pick("AES-128-CTR", "AES-192-CTR", "AES-256-CTR");
    case EncrId::DES3: return "DES-EDE3-CBC";
    case EncrId::NULL_ENCR: return nullptr;
  }
  return nullptr;
}

bool is_ccm(EncrId id) {
  return id == EncrId::AES_CCM_8 || id == EncrId::AES_CCM_12 || id == EncrId::AES_CCM_16 || id == EncrId::AES_CCM_8_IIV;
}

CipherCtxPtr plain_context(const char* name, bool encrypt, ByteView key) {
  const CipherPtr cipher(EVP_CIPHER_fetch(nullptr, name, nullptr));
  CipherCtxPtr out(cipher ? EVP_CIPHER_CTX_new() : nullptr);
  if (!out || EVP_CipherInit_ex2(out.get(), cipher.get(), key.data(), nullptr, encrypt ? 1 : 0, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(out.get(), 0) != 1)
    return nullptr;
  return out;
}

}  // namespace

Result<std::unique_ptr<Aead>> openssl_aead(const AeadParts& parts) {
  const model::EncrInfo& row = parts.row;
  const auto refused = [&] { return fail(Errc::algorithm_refused, static_cast<uint32_t>(row.id)); };
  const char* name = cipher_name(row.id, parts.key_bits);
  if (row.aead) {
    const bool ccm = is_ccm(row.id);
    constexpr size_t kIv = 8;  // of every AEAD here, whether it travels or not
    const size_t nonce = parts.salt.size() + kIv;
    CipherCtxPtr seal = context_for(name, true, parts.key, nonce, row.icv_octets, ccm), open;
    if (ccm) open = context_for(name, false, parts.key, nonce, row.icv_octets, ccm);
    if (!seal || (ccm && !open)) return refused();
    return std::unique_ptr<Aead>(std::make_unique<EvpAead>(row, std::move(seal), std::move(open), parts.salt, ccm,
                                                           row.id == EncrId::NULL_AES_GMAC));
  }
  SP_TRY(auto mac, Integ::create(parts.integ, parts.integ_key));
  CipherCtxPtr seal, open;
  if (name != nullptr) {
    seal = plain_context(name, true, parts.key);
    if (row.id != EncrId::AES_CTR) open = plain_context(name, false, parts.key);
    if (!seal || (!open && row.id != EncrId::AES_CTR)) return refused();
  }
  return std::unique_ptr<Aead>(
      std::make_unique<EncryptThenMac>(row, std::move(seal), std::move(open), std::move(mac), parts.salt));
}

}  // namespace sallyport::crypto
