// Encrypt-then-MAC by the jobs of Intel ipsec-mb, which works on as many packets at once as the processor has lanes.
// RFC 3602, 3686, 2410 with RFC 4303 3.2. A job covers one run of octets, so a packet takes part when associated data,
// IV, text and ICV lie one behind the other, as they do in ESP; every other one, and one that comes alone, is done by
// `single`. Whole file empty where the library is not built in.
#include "crypto/ipsec_mb.h"

#ifdef SALLYPORT_IPSEC_MB
#include <array>
#include <optional>

#include "base/secret.h"

namespace sallyport::crypto {

namespace {

using model::EncrId;
using model::IntegId;

constexpr size_t kLanes = 64;          // jobs under way at once
constexpr size_t kWorthwhile = 4;      // fewer packets are quicker one by one
constexpr size_t kLongest = 60000;     // the library counts in 16 bits
constexpr size_t kSchedule = 15 * 16;  // of AES, the longest

// What the library wants precomputed. Hashes: the states after the key blocks (RFC 2104 4).
struct alignas(64) Schedules {
  std::array<uint8_t, kSchedule> encrypt, decrypt, mac;
  std::array<uint8_t, 64> inner, outer;
  alignas(16) std::array<uint8_t, 16> mac_key2;
  alignas(16) std::array<uint8_t, 16> mac_key3;
};

std::optional<IMB_HASH_ALG> hash_of(IntegId id) {
  switch (id) {
    case IntegId::HMAC_SHA1_96: return IMB_AUTH_HMAC_SHA_1;
    case IntegId::HMAC_SHA2_256_128: return IMB_AUTH_HMAC_SHA_256;
    case IntegId::HMAC_SHA2_384_192: return IMB_AUTH_HMAC_SHA_384;
    case IntegId::HMAC_SHA2_512_256: return IMB_AUTH_HMAC_SHA_512;
    case IntegId::AES_XCBC_96: return IMB_AUTH_AES_XCBC;
    case IntegId::AES_CMAC_96: return IMB_AUTH_AES_CMAC;
    case IntegId::NONE:
    case IntegId::HMAC_MD5_96:
    case IntegId::AES_128_GMAC:
    case IntegId::AES_192_GMAC:
    case IntegId::AES_256_GMAC: break;
  }
  return std::nullopt;
}

std::optional<IMB_CIPHER_MODE> cipher_of(EncrId id) {
  if (id == EncrId::AES_CBC) return IMB_CIPHER_CBC;
  if (id == EncrId::AES_CTR) return IMB_CIPHER_CNTR;
  if (id == EncrId::NULL_ENCR) return IMB_CIPHER_NULL;
  return std::nullopt;
}

void expand_hmac(IMB_MGR* m, IntegId id, ByteView key, Schedules& out) {
  const bool wide = id == IntegId::HMAC_SHA2_384_192 || id == IntegId::HMAC_SHA2_512_256;
  const hash_one_block_t one_block = id == IntegId::HMAC_SHA1_96        ? m->sha1_one_block
                                     : id == IntegId::HMAC_SHA2_256_128 ? m->sha256_one_block
                                     : id == IntegId::HMAC_SHA2_384_192 ? m->sha384_one_block
                                                                        : m->sha512_one_block;
  for (const auto& [filler, state] : {std::pair{uint8_t{0x36}, &out.inner}, {uint8_t{0x5c}, &out.outer}}) {
    std::array<uint8_t, 128> block;
    block.fill(filler);
    for (size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
    one_block(block.data(), state->data());
    wipe(MutableBytes(block).first(wide ? 128 : 64));
  }
}

void expand_cipher(IMB_MGR* m, ByteView key, Schedules& out) {
  if (key.size() == 16) IMB_AES_KEYEXP_128(m, key.data(), out.encrypt.data(), out.decrypt.data());
  if (key.size() == 24) IMB_AES_KEYEXP_192(m, key.data(), out.encrypt.data(), out.decrypt.data());
  if (key.size() == 32) IMB_AES_KEYEXP_256(m, key.data(), out.encrypt.data(), out.decrypt.data());
}

void expand_mac(IMB_MGR* m, IntegId id, ByteView key, Schedules& out) {
  if (id == IntegId::AES_XCBC_96) {
    IMB_AES_XCBC_KEYEXP(m, key.data(), out.mac.data(), out.mac_key2.data(), out.mac_key3.data());
  } else if (id == IntegId::AES_CMAC_96) {
    std::array<uint8_t, kSchedule> unused;
    IMB_AES_KEYEXP_128(m, key.data(), out.mac.data(), unused.data());
    wipe(unused);
    IMB_AES_CMAC_SUBKEY_GEN_128(m, out.mac.data(), out.mac_key2.data(), out.mac_key3.data());
  } else {
    expand_hmac(m, id, key, out);
  }
}

class MultiBuffer final : public Aead {
 public:
  MultiBuffer(const AeadParts& parts, std::unique_ptr<Aead> single, IMB_MGR* m)
      : Aead(batching(shape_of(parts.row, single->icv_octets(), Provider::ipsec_mb))),
        single_(std::move(single)),
        cipher_(*cipher_of(parts.row.id)),
        hash_(*hash_of(parts.integ)),
        key_octets_(parts.key.size()) {
    expand_cipher(m, parts.key, keys_);
    expand_mac(m, parts.integ, parts.integ_key, keys_);
    std::copy(parts.salt.begin(), parts.salt.end(), salt_.begin());
  }
  ~MultiBuffer() override {
    wipe({reinterpret_cast<uint8_t*>(&keys_), sizeof(keys_)});
    wipe(salt_);
  }

  bool seal(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView plain, MutableBytes cipher,
            MutableBytes icv) override {
    return single_->seal(aad, aad_suffix, iv, plain, cipher, icv);
  }
  bool open(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView cipher, ByteView icv,
            MutableBytes plain) override {
    return single_->open(aad, aad_suffix, iv, cipher, icv, plain);
  }

  void seal_batch(std::span<Job> jobs) override { run(jobs, true); }
  void open_batch(std::span<Job> jobs) override { run(jobs, false); }

 private:
  static Shape batching(Shape shape) {
    shape.batches = true;
    return shape;
  }
  struct Lane {
    Job* job;
    std::array<uint8_t, 64> tag, wanted;
    std::array<uint8_t, 16> counter;
  };

  void run(std::span<Job> jobs, bool sealing) {
    IMB_MGR* m = jobs.size() >= kWorthwhile ? ipsec_mb_manager() : nullptr;
    if (m == nullptr) return one_by_one(jobs, sealing);
    std::array<Lane, kLanes> lanes;
    while (!jobs.empty()) {
      const auto now = jobs.first(std::min(jobs.size(), kLanes));
      jobs = jobs.subspan(now.size());
      for (size_t i = 0; i < now.size(); ++i) {
        if (!together(now[i], sealing)) {
          one_by_one(now.subspan(i, 1), sealing);
          continue;
        }
        if (!begin(now[i], sealing)) continue;
        submit(m, lanes[i], now[i], sealing);
      }
      while (IMB_JOB* done = IMB_FLUSH_JOB(m)) finish(*done, sealing);
    }
  }

  void one_by_one(std::span<Job> jobs, bool sealing) {
    sealing ? single_->seal_batch(jobs) : single_->open_batch(jobs);
  }

  // One run of octets: aad | iv | text | ICV, and room for the suffix in the ICV's place where there is one.
  bool together(const Job& job, bool sealing) const {
    const size_t text = job.out.size();
    const uint8_t* begin_of_text = sealing ? job.out.data() : job.in.data();
    const ByteView icv = job.icv;
    const bool suffix_fits =
        job.aad_suffix.empty() || (icv.data() == begin_of_text + text && icv.size() == icv_octets());
    return text > 0 && text + job.aad.size() <= kLongest && job.iv.size() == iv_octets() &&
           job.aad.data() + job.aad.size() + iv_octets() == begin_of_text &&
           (iv_octets() == 0 || job.aad.data() + job.aad.size() == job.iv.data()) &&
           job.aad_suffix.size() <= icv_octets() && suffix_fits;
  }

  // Sizes, and with seal the text into its place: the library hashes where it enciphers.
  bool begin(Job& job, bool sealing) const {
    job.ok = false;
    if (job.out.size() % block_octets() != 0) return false;
    if (sealing) return job.icv.size() == icv_octets() && gather(job);
    return job.in.size() == job.out.size() && job.icv_to_check.size() == icv_octets();
  }

  void submit(IMB_MGR* m, Lane& lane, Job& job, bool sealing) const {
    lane.job = &job;
    if (!sealing) std::copy(job.icv_to_check.begin(), job.icv_to_check.end(), lane.wanted.begin());
    if (!job.aad_suffix.empty()) std::copy(job.aad_suffix.begin(), job.aad_suffix.end(), job.icv.begin());
    IMB_JOB* j = IMB_GET_NEXT_JOB(m);
    const size_t front = job.aad.size() + iv_octets();
    j->user_data = &lane;
    j->cipher_mode = cipher_;
    j->hash_alg = hash_;
    j->cipher_direction = sealing ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    j->chain_order = sealing ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    j->enc_keys = keys_.encrypt.data();
    j->dec_keys = keys_.decrypt.data();
    j->key_len_in_bytes = key_octets_;
    j->src = job.aad.data();
    j->dst = job.out.data();
    j->cipher_start_src_offset_in_bytes = front;
    j->msg_len_to_cipher_in_bytes = job.out.size();
    j->hash_start_src_offset_in_bytes = 0;
    j->msg_len_to_hash_in_bytes = front + job.out.size() + job.aad_suffix.size();
    j->iv = start_of(lane, job);
    j->iv_len_in_bytes = 16;
    j->auth_tag_output = lane.tag.data();
    j->auth_tag_output_len_in_bytes = icv_octets();
    set_mac(*j);
    for (IMB_JOB* done = IMB_SUBMIT_JOB_NOCHECK(m); done != nullptr; done = IMB_GET_COMPLETED_JOB(m))
      finish(*done, sealing);
  }

  const uint8_t* start_of(Lane& lane, const Job& job) const {
    if (cipher_ != IMB_CIPHER_CNTR) return job.iv.data();
    // RFC 3686 4: nonce, IV, and a block counter that starts at one.
    lane.counter = {};
    std::copy(salt_.begin(), salt_.end(), lane.counter.begin());
    std::copy(job.iv.begin(), job.iv.end(), lane.counter.begin() + 4);
    lane.counter[15] = 1;
    return lane.counter.data();
  }

  void set_mac(IMB_JOB& j) const {
    if (hash_ == IMB_AUTH_AES_XCBC) {
      j.u.XCBC._k1_expanded = reinterpret_cast<const uint32_t*>(keys_.mac.data());
      j.u.XCBC._k2 = keys_.mac_key2.data();
      j.u.XCBC._k3 = keys_.mac_key3.data();
    } else if (hash_ == IMB_AUTH_AES_CMAC) {
      j.u.CMAC._key_expanded = keys_.mac.data();
      j.u.CMAC._skey1 = keys_.mac_key2.data();
      j.u.CMAC._skey2 = keys_.mac_key3.data();
    } else {
      j.u.HMAC._hashed_auth_key_xor_ipad = keys_.inner.data();
      j.u.HMAC._hashed_auth_key_xor_opad = keys_.outer.data();
    }
  }

  void finish(IMB_JOB& done, bool sealing) const {
    Lane& lane = *static_cast<Lane*>(done.user_data);
    Job& job = *lane.job;
    if (done.status != IMB_STATUS_COMPLETED) return;
    const MutableBytes tag = MutableBytes(lane.tag).first(icv_octets());
    if (sealing) {
      std::copy(tag.begin(), tag.end(), job.icv.begin());
      job.ok = true;
      return;
    }
    job.ok = constant_time_equal(tag, ByteView(lane.wanted).first(icv_octets()));
    if (job.ok && cipher_ == IMB_CIPHER_NULL && job.out.data() != job.in.data())
      std::memmove(job.out.data(), job.in.data(), job.in.size());
  }

  std::unique_ptr<Aead> single_;
  IMB_CIPHER_MODE cipher_;
  IMB_HASH_ALG hash_;
  size_t key_octets_;
  Schedules keys_{};
  std::array<uint8_t, 4> salt_{};
};

}  // namespace

bool multi_buffer_knows(const AeadParts& parts) { return cipher_of(parts.row.id) && hash_of(parts.integ); }

std::unique_ptr<Aead> multi_buffer_aead(const AeadParts& parts, std::unique_ptr<Aead> single) {
  IMB_MGR* m = ipsec_mb_manager();
  return m != nullptr ? std::make_unique<MultiBuffer>(parts, std::move(single), m) : nullptr;
}

}  // namespace sallyport::crypto
#endif
