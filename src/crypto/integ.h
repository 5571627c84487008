// Integrity algorithms of ESP, AH and IKE: a Mac cut to its ICV (RFC 2404, 3566, 4494, 4868), and GMAC for AH (RFC 4543
// 4), which takes an IV. Not for several threads at once.
#pragma once
#include <initializer_list>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "model/algorithms.h"

namespace sallyport::crypto {

class Mac;

class Integ {
 public:
  // GMAC: key, then salt. bad_key: not the length the algorithm fixes. algorithm_refused: unknown.
  static Result<std::unique_ptr<Integ>> create(model::IntegId id, ByteView key);
  ~Integ();
  size_t icv_octets() const { return icv_octets_; }
  // GMAC: eight octets that must never repeat under a key, on the wire in front of the ICV; 0 with all others.
  size_t iv_octets() const { return iv_octets_; }

  // data: covered in this order, as if it were one. iv: iv_octets(). False: refused; icv is then not to be used.
  // Requires: icv.size() == icv_octets()
  bool compute(ByteView iv, std::span<const ByteView> data, MutableBytes icv);
  bool verify(ByteView iv, std::span<const ByteView> data, ByteView icv);  // constant-time

  // The same for algorithms without an IV.
  bool compute(std::initializer_list<ByteView> data, MutableBytes icv);
  bool verify(std::initializer_list<ByteView> data, ByteView icv);

 private:
  Integ(std::unique_ptr<Mac> mac, const model::IntegInfo& row);
  std::unique_ptr<Mac> mac_;
  size_t icv_octets_, iv_octets_;
};

}  // namespace sallyport::crypto
