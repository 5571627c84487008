// Integrity algorithms of ESP and IKE: a Mac cut to its ICV. RFC 2404, 3566, 4494, 4868. Not for several threads at
// once.
#pragma once
#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "model/algorithms.h"

namespace sallyport::crypto {

class Mac;

class Integ {
 public:
  // bad_key: not the length the algorithm fixes.
  static Result<std::unique_ptr<Integ>> create(model::IntegId id, ByteView key);
  ~Integ();
  size_t icv_octets() const { return icv_octets_; }
  bool compute(std::initializer_list<ByteView> data, MutableBytes icv);  // Requires: icv.size() == icv_octets()
  bool verify(std::initializer_list<ByteView> data, ByteView icv);       // constant-time

 private:
  Integ(std::unique_ptr<Mac> mac, size_t icv_octets);
  std::unique_ptr<Mac> mac_;
  size_t icv_octets_;
};

}  // namespace sallyport::crypto
