// Providers and their names.
#include "crypto/provider.h"

namespace sallyport::crypto {

std::string_view to_string(Provider provider) {
  switch (provider) {
    case Provider::openssl: return "OpenSSL";
    case Provider::ipsec_mb: return "ipsec-mb";
  }
  return "unknown";
}

}  // namespace sallyport::crypto
