// The ipsec-mb library as this room uses it. Its manager holds the jobs of one thread and no state between two calls of
// ours, for every batch is flushed. Included by .cc files of this room only.
#pragma once
#ifdef SALLYPORT_IPSEC_MB
// Without it the header makes macros of DES3 and other names of ours.
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>

#include "crypto/aead_parts.h"

namespace sallyport::crypto {

// Of the calling thread, made by its first call. Null: the processor lacks what the library needs (AES, at least SSE).
IMB_MGR* ipsec_mb_manager();

// AES-CBC, AES-CTR and NULL with a MAC, many packets at once. single: the same suite, for what comes alone.
std::unique_ptr<Aead> multi_buffer_aead(const AeadParts& parts, std::unique_ptr<Aead> single);
bool multi_buffer_knows(const AeadParts& parts);

}  // namespace sallyport::crypto
#endif
