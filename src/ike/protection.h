// Seals and opens the messages of one IKE SA: SK payloads (RFC 7296 3.14) and their fragments SKF (RFC 7383 2.5).
// One direction's key seals, the other's opens. Pure; one thread.
#pragma once
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "model/proposal.h"
#include "wire/ike2/message.h"

namespace sallyport::ike {

struct ProtectionKeys {
  ByteView encr_out, integ_out, encr_in, integ_in;  // encr: key, then salt; integ: empty with an AEAD
};

class Protection {
 public:
  // algorithm_refused: the library does not have it, or the keys do not fit.
  static Result<std::unique_ptr<Protection>> create(const model::ChosenIke& chosen, const ProtectionKeys& keys,
                                                    Rng& rng);
  ~Protection();
  Protection(const Protection&) = delete;
  Protection& operator=(const Protection&) = delete;

  // The whole message as datagrams. fragment_octets: the largest datagram allowed; 0: one datagram whatever its size.
  Result<std::vector<Bytes>> seal(const wire::ike::IkeHeader& header, const std::vector<wire::ike2::Payload>& payloads,
                                  size_t fragment_octets);
  // The inner payloads, not yet parsed. bad_tag: forged or damaged.
  Result<wire::ike2::PayloadChain> open(ByteView datagram, const wire::ike2::SkPayload& sk);
  Result<wire::ike2::PayloadChain> open_fragment(ByteView datagram, const wire::ike2::SkfPayload& skf);

 private:
  class Cipher;
  Protection();
  std::unique_ptr<Cipher> out_;
  std::unique_ptr<Cipher> in_;
};

}  // namespace sallyport::ike
