// Known answers asked of the libraries before anything else is: a broken or restricted provider is found at start, by
// name, and not by a peer (S8). FIPS 180-4, RFC 4231, 7748, 3566, 4493, NIST SP 800-38D; AEADs by a round trip; where
// there is ipsec-mb, what it seals OpenSSL opens. Any thread.
#pragma once
#include <string_view>

#include "base/result.h"

namespace sallyport::crypto {

// algorithm_refused: an algorithm of the default proposals is missing or answers wrongly; detail is the number of the
// step, in the order of self_test.cc.
Result<> self_test();

// The library's name and version, as it runs now.
std::string_view library_version();

}  // namespace sallyport::crypto
