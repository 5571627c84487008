// See psk.h.
#include "crypto/psk.h"

#include "crypto/prf.h"

namespace sallyport::crypto {
namespace {

Result<SecretBytes> auth_of(model::PrfId prf, const std::string& credential, ByteView octets,
                            const SecretOf& secret_of) {
  const SecretBytes* secret = secret_of(credential);
  if (!secret) return fail(Errc::bad_key);
  SP_TRY(const SecretBytes padded, crypto::prf(prf, secret->view(), {as_bytes("Key Pad for IKEv2")}));
  return crypto::prf(prf, padded.view(), {octets});
}

model::KeyReply refused(const Error& error, const std::string& credential) {
  const bool absent = error.code == Errc::bad_key;
  return model::Refused{error.code, absent ? "there is no usable secret " + credential : "the PRF is refused"};
}

}  // namespace

model::KeyReply run_psk(const model::PskAuth& work, const SecretOf& secret_of) {
  if (work.claim) {
    const auto wanted = auth_of(work.prf, work.claim->credential, work.claim->octets, secret_of);
    if (!wanted) return refused(wanted.error(), work.claim->credential);
    if (!constant_time_equal(wanted->view(), work.claim->auth_data)) {
      return model::Verdict{false, "its AUTH does not verify with our pre-shared key", {}};
    }
  }
  const auto auth = auth_of(work.prf, work.credential, work.octets, secret_of);
  if (!auth) return refused(auth.error(), work.credential);
  return model::AuthData{to_bytes(auth->view())};
}

}  // namespace sallyport::crypto
