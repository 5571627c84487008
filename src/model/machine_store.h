// What stands for Windows' machine stores here: the certificates of the configuration that policy of programs may
// choose among, and the authorities that it may trust. How those two are named among credentials and trust sets, and
// how the name of a part of a trust set says which part. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sallyport::model {

inline constexpr std::string_view kMachineStore = "machine-store";  // its trust set
inline constexpr size_t kMostMachineCertificates = 16;

// "machine-store/01" and so on, in the order of choice.
std::string machine_credential(size_t index);
bool is_machine_credential(std::string_view name);

// Those anchors of a trust set whose keys have one of these digests (SHA-1 of SubjectPublicKeyInfo):
// "SET#digest,digest".
std::string narrowed_trust(std::string_view set, const std::vector<Bytes>& key_ids);
struct NarrowedTrust {
  std::string set;
  std::vector<Bytes> key_ids;
};
std::optional<NarrowedTrust> read_narrowed_trust(std::string_view name);  // nothing: a whole set's name, or none

}  // namespace sallyport::model
