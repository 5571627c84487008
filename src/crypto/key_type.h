// What kind of key an OpenSSL key is, in our words. Included by .cc files of this room only.
#pragma once
#include <openssl/evp.h>

#include "model/ike_policy.h"

namespace sallyport::crypto {

model::KeyType key_type_of(EVP_PKEY* key);  // none: a kind or a curve that no AUTH method of ours uses

}  // namespace sallyport::crypto
