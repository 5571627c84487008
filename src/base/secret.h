// Secret octets: wiped when they die, move-only, never printable, compared in constant time.
#pragma once
#include "base/bytes.h"

namespace sallyport {

void wipe(MutableBytes bytes);                     // not removed by the optimiser
bool constant_time_equal(ByteView a, ByteView b);  // time depends on the lengths only

class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(size_t n) : bytes_(n) {}
  explicit SecretBytes(ByteView copy_of) : bytes_(copy_of.begin(), copy_of.end()) {}
  explicit SecretBytes(Bytes&& adopt) : bytes_(std::move(adopt)) {}
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = std::move(other.bytes_);
      other.bytes_.clear();
    }
    return *this;
  }
  ~SecretBytes() { wipe(bytes_); }

  SecretBytes clone() const { return SecretBytes(view()); }  // said out loud where a second copy is meant
  ByteView view() const { return bytes_; }
  MutableBytes writable() { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

}  // namespace sallyport
