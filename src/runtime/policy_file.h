// The file that keeps persistent policy: written whole beside the old one and renamed over it, the one before kept. Who
// reads it decides whether it is good; the octets are policy/store.h's. For whoever may touch files. One thread.
#pragma once
#include <string>
#include <vector>

#include "base/bytes.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

constexpr size_t kMaxPolicyOctets = 64 * 1024 * 1024;

// What was there at the start. An absent file is empty; one that cannot be read is a complaint.
struct StoredPolicy {
  bool kept = false;  // there is a place for persistent objects, and it can be written
  Bytes newest;
  Bytes previous;
  std::vector<std::string> complaints;
};

class PolicyFile {
 public:
  explicit PolicyFile(std::string path) : path_(std::move(path)) {}  // empty: nothing is kept
  StoredPolicy load() const;                                         // makes the folder where it is missing
  // The newest becomes the previous one. Of mode 0600: it holds pre-shared keys.
  Result<> save(ByteView octets) const;
  // The newest was found to be damaged: it is set aside under another name and is never the previous one.
  void set_aside() const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What the sentence of a refused save says.
std::string explain_policy_file(const std::string& path, const Error& error);

}  // namespace sallyport::runtime
