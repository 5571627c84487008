// HMAC, CMAC and GMAC by EVP_MAC; AES-XCBC-MAC composed of AES-CBC (RFC 3566 4), which OpenSSL does not offer.
#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>

#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

namespace {

constexpr size_t kMaxMac = 64;
constexpr size_t kBlock = 16;

// One context holds the key; init without a key starts over with it.
class EvpMac final : public Mac {
 public:
  EvpMac(MacCtxPtr context, size_t octets) : context_(std::move(context)), octets_(octets) {}

  size_t octets() const override { return octets_; }

  using Mac::compute;
  bool compute(ByteView iv, std::span<const ByteView> data, MutableBytes out) override {
    if (!iv.empty()) return false;
    if (EVP_MAC_init(context_.get(), nullptr, 0, nullptr) != 1) return false;
    for (const ByteView part : data) {
      if (!part.empty() && EVP_MAC_update(context_.get(), part.data(), part.size()) != 1) return false;
    }
    std::array<uint8_t, kMaxMac> whole;
    size_t n = 0;
    if (EVP_MAC_final(context_.get(), whole.data(), &n, whole.size()) != 1 || n < out.size()) return false;
    std::memcpy(out.data(), whole.data(), out.size());
    return true;
  }

 private:
  MacCtxPtr context_;
  size_t octets_;
};

// RFC 4543 3.2: the nonce is salt | IV; a fresh one for every message.
class Gmac final : public Mac {
 public:
  static Result<std::unique_ptr<Mac>> create(ByteView key_and_salt) {
    const ByteView key = key_and_salt.first(key_and_salt.size() - kSalt);
    const char* name = key.size() == 16 ? "AES-128-GCM" : key.size() == 24 ? "AES-192-GCM" : "AES-256-GCM";
    const CipherPtr cipher(EVP_CIPHER_fetch(nullptr, name, nullptr));
    auto out = std::make_unique<Gmac>();
    out->context_.reset(cipher ? EVP_CIPHER_CTX_new() : nullptr);
    if (!out->context_ || EVP_EncryptInit_ex2(out->context_.get(), cipher.get(), key.data(), nullptr, nullptr) != 1)
      return fail(Errc::algorithm_refused);
    std::memcpy(out->nonce_.data(), key_and_salt.last(kSalt).data(), kSalt);
    return std::unique_ptr<Mac>(std::move(out));
  }
  ~Gmac() override { wipe(nonce_); }

  size_t octets() const override { return kBlock; }

  using Mac::compute;
  bool compute(ByteView iv, std::span<const ByteView> data, MutableBytes out) override {
    if (iv.size() != kIv || out.size() > kBlock) return false;
    std::memcpy(nonce_.data() + kSalt, iv.data(), kIv);
    EVP_CIPHER_CTX* c = context_.get();
    if (EVP_EncryptInit_ex2(c, nullptr, nullptr, nonce_.data(), nullptr) != 1) return false;
    int n = 0;
    for (const ByteView part : data) {
      if (!part.empty() && EVP_EncryptUpdate(c, nullptr, &n, part.data(), static_cast<int>(part.size())) != 1)
        return false;
    }
    std::array<uint8_t, kBlock> whole;
    if (EVP_EncryptFinal_ex(c, whole.data(), &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kBlock, whole.data()) != 1)
      return false;
    std::memcpy(out.data(), whole.data(), out.size());
    return true;
  }

  static constexpr size_t kSalt = 4, kIv = 8;

 private:
  CipherCtxPtr context_;
  std::array<uint8_t, kSalt + kIv> nonce_{};
};

class AesBlock {
 public:
  static bool init(AesBlock& out, ByteView key) {
    out.context_.reset(EVP_CIPHER_CTX_new());
    const bool ok =
        out.context_ && EVP_EncryptInit_ex2(out.context_.get(), EVP_aes_128_ecb(), key.data(), nullptr, nullptr);
    return ok && EVP_CIPHER_CTX_set_padding(out.context_.get(), 0) == 1;
  }
  bool encrypt(const uint8_t* in, uint8_t* out) {
    int n = 0;
    return EVP_EncryptUpdate(context_.get(), out, &n, in, kBlock) == 1 && n == kBlock;
  }

 private:
  CipherCtxPtr context_;
};

// RFC 3566 4: K1, K2, K3 are the encryptions of the blocks 0x01.., 0x02.., 0x03..; the last block is xored with K2 when
// whole, else padded with 0x80 00.. and xored with K3. What stands before is CBC under K1 of which only the chaining
// value is kept.
class Xcbc final : public Mac {
 public:
  static Result<std::unique_ptr<Mac>> create(ByteView key) {
    auto out = std::make_unique<Xcbc>();
    AesBlock master;
    std::array<uint8_t, kBlock> k1;
    bool ok = AesBlock::init(master, key);
    for (auto [constant, target] : {std::pair{1, k1.data()}, {2, out->k2_.data()}, {3, out->k3_.data()}}) {
      std::array<uint8_t, kBlock> block;
      block.fill(static_cast<uint8_t>(constant));
      ok = ok && master.encrypt(block.data(), target);
    }
    out->cbc_.reset(EVP_CIPHER_CTX_new());
    EVP_CIPHER_CTX* c = out->cbc_.get();
    const CipherPtr cipher(EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr));
    ok = ok && c != nullptr && cipher && EVP_EncryptInit_ex2(c, cipher.get(), k1.data(), nullptr, nullptr) == 1 &&
         EVP_CIPHER_CTX_set_padding(c, 0) == 1;
    wipe(k1);
    if (!ok) return fail(Errc::algorithm_refused);
    return std::unique_ptr<Mac>(std::move(out));
  }
  ~Xcbc() override {
    wipe(k2_);
    wipe(k3_);
  }

  size_t octets() const override { return kBlock; }

  using Mac::compute;
  bool compute(ByteView iv, std::span<const ByteView> data, MutableBytes out) override {
    static constexpr uint8_t kZero[kBlock] = {};
    if (!iv.empty() || out.size() > kBlock || EVP_EncryptInit_ex2(cbc_.get(), nullptr, nullptr, kZero, nullptr) != 1)
      return false;
    std::array<uint8_t, kBlock> pending{};
    size_t n = 0;
    for (ByteView part : data) {
      while (!part.empty()) {
        // A full block is chained only when more follows: the last one is treated apart.
        if (n == kBlock) {
          if (!chain(pending)) return false;
          n = 0;
        }
        const size_t whole = n == 0 ? (part.size() - 1) / kBlock * kBlock : 0;
        if (!chain(part.first(whole))) return false;
        part = part.subspan(whole);
        const size_t some = std::min(kBlock - n, part.size());
        std::memcpy(pending.data() + n, part.data(), some);
        n += some;
        part = part.subspan(some);
      }
    }
    const auto& mask = n == kBlock ? k2_ : k3_;
    if (n < kBlock) {
      pending[n] = 0x80;
      std::fill(pending.begin() + static_cast<std::ptrdiff_t>(n) + 1, pending.end(), uint8_t{0});
    }
    for (size_t i = 0; i < kBlock; ++i) pending[i] ^= mask[i];
    if (!chain(pending)) return false;
    std::memcpy(out.data(), last_.data(), out.size());
    return true;
  }

 private:
  // Whole blocks; the last one of the cipher text stays in last_.
  bool chain(ByteView blocks) {
    std::array<uint8_t, 32 * kBlock> cipher;
    while (!blocks.empty()) {
      const ByteView now = blocks.first(std::min(blocks.size(), cipher.size()));
      int n = 0;
      if (EVP_EncryptUpdate(cbc_.get(), cipher.data(), &n, now.data(), static_cast<int>(now.size())) != 1) return false;
      std::memcpy(last_.data(), cipher.data() + now.size() - kBlock, kBlock);
      blocks = blocks.subspan(now.size());
    }
    return true;
  }

  CipherCtxPtr cbc_;
  std::array<uint8_t, kBlock> k2_{}, k3_{}, last_{};
};

// A context without a key. Looking an algorithm up in the library costs more than a short MAC, so each is looked up
// once.
MacCtxPtr prototype(const char* mac_name, const char* parameter, const char* value) {
  const MacPtr mac(EVP_MAC_fetch(nullptr, mac_name, nullptr));
  MacCtxPtr context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(parameter, const_cast<char*>(value), 0),
                               OSSL_PARAM_construct_end()};
  if (!context || EVP_MAC_CTX_set_params(context.get(), params) != 1) return nullptr;
  return context;
}

MacCtxPtr copy_of(const MacCtxPtr& context) { return MacCtxPtr(context ? EVP_MAC_CTX_dup(context.get()) : nullptr); }

Result<std::unique_ptr<Mac>> keyed(MacCtxPtr context, ByteView key, size_t octets) {
  // An empty key is a key for HMAC (prf with an empty secret); a null pointer would mean "keep the old one".
  static constexpr uint8_t kNoKey = 0;
  const uint8_t* octets_of_key = key.empty() ? &kNoKey : key.data();
  if (!context || EVP_MAC_init(context.get(), octets_of_key, key.size(), nullptr) != 1)
    return fail(Errc::algorithm_refused);
  return std::unique_ptr<Mac>(std::make_unique<EvpMac>(std::move(context), octets));
}

const MacCtxPtr& hmac_prototype(MacKind kind) {
  static const auto hmac = [](const char* digest) { return prototype("HMAC", OSSL_MAC_PARAM_DIGEST, digest); };
  static const MacCtxPtr md5 = hmac("MD5"), sha1 = hmac("SHA1"), sha256 = hmac("SHA2-256"), sha384 = hmac("SHA2-384"),
                         sha512 = hmac("SHA2-512");
  switch (kind) {
    case MacKind::HMAC_MD5: return md5;
    case MacKind::HMAC_SHA1: return sha1;
    case MacKind::HMAC_SHA2_384: return sha384;
    case MacKind::HMAC_SHA2_512: return sha512;
    case MacKind::HMAC_SHA2_256:
    case MacKind::AES_XCBC:
    case MacKind::AES_CMAC:
    case MacKind::AES_GMAC: break;
  }
  return sha256;
}

}  // namespace

Result<std::unique_ptr<Mac>> Mac::create(MacKind kind, ByteView key) {
  const auto hmac = [&](size_t octets) { return keyed(copy_of(hmac_prototype(kind)), key, octets); };
  switch (kind) {
    case MacKind::HMAC_MD5: return hmac(16);
    case MacKind::HMAC_SHA1: return hmac(20);
    case MacKind::HMAC_SHA2_256: return hmac(32);
    case MacKind::HMAC_SHA2_384: return hmac(48);
    case MacKind::HMAC_SHA2_512: return hmac(64);
    case MacKind::AES_XCBC:
      if (key.size() != kBlock) return fail(Errc::bad_key, static_cast<uint32_t>(key.size()));
      return Xcbc::create(key);
    case MacKind::AES_CMAC:
      if (key.size() != kBlock) return fail(Errc::bad_key, static_cast<uint32_t>(key.size()));
      // A CMAC context without a key cannot be copied.
      return keyed(prototype("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC"), key, kBlock);
    case MacKind::AES_GMAC:
      if (key.size() != 20 && key.size() != 28 && key.size() != 36)
        return fail(Errc::bad_key, static_cast<uint32_t>(key.size()));
      return Gmac::create(key);
  }
  return fail(Errc::algorithm_refused);
}

}  // namespace sallyport::crypto
