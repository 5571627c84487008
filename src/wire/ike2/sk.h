// Encrypted payloads: SK (RFC 7296 3.14) and SKF (RFC 7383 2.5). The cipher is handed in; wire knows none.
// Pure; one thread.
#pragma once
#include "wire/ike2/message.h"

namespace sallyport::wire::ike2 {

// One direction of an IKE SA's protection. With an AEAD `aad` is authenticated beside the text (RFC 5282 5.1);
// otherwise the integrity algorithm covers aad | iv | text (RFC 7296 3.14: the message from its first octet to the
// padding).
class SkCipher {
 public:
  virtual ~SkCipher() = default;
  virtual size_t iv_octets() const = 0;
  virtual size_t icv_octets() const = 0;
  virtual size_t block_octets() const = 0;  // padding unit, at least 1
  virtual void next_iv(MutableBytes iv) = 0;
  virtual bool seal(ByteView aad, ByteView iv, ByteView plain, MutableBytes cipher, MutableBytes icv) = 0;
  virtual bool open(ByteView aad, ByteView iv, ByteView cipher, ByteView icv, MutableBytes plain) = 0;
};

// algorithm_refused: the cipher fails. limit: longer than a UDP datagram may be.
Result<Bytes> seal_message(IkeHeader header, const PayloadChain& inner, SkCipher& cipher);

// Splits when one message would be longer than `max_octets`; numbers from 1. limit: more than 32 fragments would be
// needed.
Result<std::vector<Bytes>> seal_fragments(const IkeHeader& header, const PayloadChain& inner, size_t max_octets,
                                          SkCipher& cipher);

// bad_tag: not authentic. bad_length, bad_value: authentic, but the padding is wrong.
Result<Bytes> open_sk(ByteView datagram, const SkPayload& sk, SkCipher& cipher);
Result<Bytes> open_skf(ByteView datagram, const SkfPayload& skf, SkCipher& cipher);

}  // namespace sallyport::wire::ike2
