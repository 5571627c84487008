// Authenticated encryption for ESP and SK payloads: AEADs as they are, other ciphers as encrypt-then-MAC, one
// interface. RFC 4106, 4309, 4543, 7634; RFC 3602, 3686, 2410 with RFC 4303 3.2. Contexts and key schedules are made
// once; no call allocates. One object serves one direction of one SA. Not for several threads at once.
#pragma once
#include <memory>
#include <span>

#include "base/bytes.h"
#include "model/algorithms.h"

namespace sallyport::crypto {

class Aead {
 public:
  // key_and_salt: model::key_material_octets(id, key_bits). integ and its key with ciphers that are no AEADs.
  // bad_key: lengths do not fit. algorithm_refused: unknown here or refused by the library.
  static Result<std::unique_ptr<Aead>> create(model::EncrId id, ByteView key_and_salt, uint16_t key_bits,
                                              model::IntegId integ = model::IntegId::NONE, ByteView integ_key = {});
  virtual ~Aead() = default;

  size_t iv_octets() const { return iv_octets_; }
  size_t icv_octets() const { return icv_octets_; }
  size_t block_octets() const { return block_octets_; }
  bool is_aead() const { return is_aead_; }

  // Source to destination. An AEAD authenticates `aad` (with ESN the caller gives SPI, both halves); encrypt-then-MAC
  // covers aad | iv | cipher | aad_suffix, the suffix being the high half of the ESN (RFC 4303 2.2.1), which an AEAD
  // must find empty. plain.size() == cipher.size(), a multiple of block_octets(). False: refused; the outputs are then
  // not to be used.
  virtual bool seal(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView plain, MutableBytes cipher,
                    MutableBytes icv) = 0;
  // False: not authentic. Nothing of `plain` may be used then.
  virtual bool open(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView cipher, ByteView icv,
                    MutableBytes plain) = 0;

  struct Job {
    ByteView aad, aad_suffix, iv, in;
    MutableBytes out;
    MutableBytes icv;       // written by seal
    ByteView icv_to_check;  // read by open
    bool ok = false;
  };
  // Batches, for providers that work on several buffers at once; here one after the other.
  virtual void seal_batch(std::span<Job> jobs);
  virtual void open_batch(std::span<Job> jobs);

 protected:
  Aead(size_t iv, size_t icv, size_t block, bool aead)
      : iv_octets_(iv), icv_octets_(icv), block_octets_(block), is_aead_(aead) {}

 private:
  size_t iv_octets_, icv_octets_, block_octets_;
  bool is_aead_;
};

}  // namespace sallyport::crypto
