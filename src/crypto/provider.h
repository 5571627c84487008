// Who does the cryptography of the data plane. A value; any thread.
#pragma once
#include <cstdint>
#include <string_view>

namespace sallyport::crypto {

enum class Provider : uint8_t { openssl, ipsec_mb };
std::string_view to_string(Provider provider);

}  // namespace sallyport::crypto
