// Authenticated encryption for ESP and SK payloads: AEADs as they are, other ciphers as encrypt-then-MAC, one
// interface. RFC 4106, 4309, 4543, 7634, 8750; RFC 3602, 3686, 2410 with RFC 4303 3.2. Contexts and key schedules are
// made once; no call allocates. One object serves one direction of one SA. Not for several threads at once.
#pragma once
#include <memory>
#include <span>

#include "base/bytes.h"
#include "crypto/provider.h"
#include "model/algorithms.h"

namespace sallyport::crypto {

class Aead {
 public:
  // key_and_salt: model::key_material_octets(id, key_bits). integ and its key with ciphers that are no AEADs.
  // provider: who is to do it; where that one is not here or does not know the suite OpenSSL does (see provider()).
  // bad_key: lengths do not fit. algorithm_refused: unknown here or refused by the library. conflict: an AEAD with an
  // integrity algorithm.
  static Result<std::unique_ptr<Aead>> create(model::EncrId id, ByteView key_and_salt, uint16_t key_bits,
                                              model::IntegId integ = model::IntegId::NONE, ByteView integ_key = {},
                                              Provider provider = Provider::openssl);
  virtual ~Aead() = default;

  size_t iv_octets() const { return shape_.iv_octets; }  // on the wire; 0 where the IV is implicit
  // What seal and open take as `iv`: iv_octets(), but with implicit_iv() the eight octets of RFC 8750 4, which are the
  // sequence number: 0 and 32 bits, or with ESN 64 bits.
  size_t iv_input_octets() const { return shape_.implicit_iv ? kImplicitIvOctets : shape_.iv_octets; }
  bool implicit_iv() const { return shape_.implicit_iv; }
  bool random_iv() const { return shape_.random_iv; }  // CBC: nobody may predict it; the others: never twice
  size_t icv_octets() const { return shape_.icv_octets; }
  size_t block_octets() const { return shape_.block_octets; }
  bool is_aead() const { return shape_.aead; }
  Provider provider() const { return shape_.provider; }
  // Several packets are done faster by one seal_batch() or open_batch() than by a call for each.
  bool batches() const { return shape_.batches; }

  // Source to destination, or in place: plain and cipher are the same octets or do not overlap. An AEAD authenticates
  // `aad` (with ESN the caller gives SPI, both halves); encrypt-then-MAC covers aad | iv | cipher | aad_suffix, the
  // suffix being the high half of the ESN (RFC 4303 2.2.1), which an AEAD must find empty. plain.size() ==
  // cipher.size(), a multiple of block_octets(). False: refused; the outputs are then not to be used.
  virtual bool seal(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView plain, MutableBytes cipher,
                    MutableBytes icv) = 0;
  // False: not authentic. Nothing of `plain` may be used then.
  virtual bool open(ByteView aad, ByteView aad_suffix, ByteView iv, ByteView cipher, ByteView icv,
                    MutableBytes plain) = 0;

  // Asks the memory for what every packet needs first, for a caller that has other packets to do before.
  void prefetch() const {
    constexpr size_t kOctets = 1024;
    for (size_t line = 0; line < kOctets; line += 64) __builtin_prefetch(reinterpret_cast<const uint8_t*>(this) + line);
  }

  // One packet of a batch. Seal: the plain text is head | in | tail, which is never put together in memory by the
  // caller: head is what stands in front of a segment's payload (inner headers), tail the ESP trailer. out.size() is
  // the sum. Open: `in` alone.
  struct Job {
    ByteView aad, aad_suffix, iv;
    ByteView head, in, tail;
    MutableBytes out;
    MutableBytes icv;       // written by seal; open uses its place as scratch where it is given and follows `in`
    ByteView icv_to_check;  // read by open
    bool ok = false;
  };
  // Batches, for providers that work on several packets at once: fastest where aad | iv | out (seal) or in (open) | icv
  // lie one behind the other, as in an ESP packet. Every job's ok is set.
  virtual void seal_batch(std::span<Job> jobs);
  virtual void open_batch(std::span<Job> jobs);

 protected:
  struct Shape {
    size_t iv_octets, icv_octets, block_octets;
    bool aead, implicit_iv, random_iv;
    Provider provider;
    bool batches = false;
  };
  static constexpr size_t kImplicitIvOctets = 8;
  static Shape shape_of(const model::EncrInfo& row, size_t icv_octets, Provider provider);

  explicit Aead(const Shape& shape) : shape_(shape) {}
  static bool gather(Job& job);  // head | in | tail to out; false where the sizes differ

 private:
  Shape shape_;
};

}  // namespace sallyport::crypto
