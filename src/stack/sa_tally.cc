// See sa_tally.h.
#include "stack/sa_tally.h"

namespace sallyport::stack {

uint32_t ipsec_error(Errc code) {
  switch (code) {
    case Errc::authentication_failed: return 13801;  // IKE_AUTH_FAIL
    case Errc::timeout: return 13805;                // IKE_TIMED_OUT
    case Errc::state: return 13807;                  // IKE_SA_DELETED
    case Errc::bad_certificate: return 13819;        // IKE_INVALID_CERT_TYPE
    case Errc::bad_key: return 13820;                // IKE_NO_PRIVATE_KEY
    case Errc::version: return 13824;                // IKE_INVALID_HEADER
    case Errc::not_found:
    case Errc::unsupported: return 13825;       // IKE_NO_POLICY
    case Errc::bad_public_value: return 13833;  // IKE_PROCESS_ERR_KE
    case Errc::bad_length:
    case Errc::bad_value:
    case Errc::critical_payload:
    case Errc::missing_payload:
    case Errc::trailing_bytes:
    case Errc::truncated:
    case Errc::unexpected_payload: return 13843;  // IKE_INVALID_PAYLOAD
    case Errc::ts_unacceptable: return 13858;     // IKE_INVALID_FILTER
    case Errc::no_proposal_chosen: return 13868;  // IKE_POLICY_MATCH
    case Errc::bad_tag: return 13870;             // IKE_INVALID_HASH
    case Errc::algorithm_refused: return 13873;   // IKE_INVALID_ENCRYPT_ALG
    case Errc::limit:
    case Errc::too_many: return 13882;  // IKE_MM_LIMIT
    case Errc::bad_config:
    case Errc::conflict:
    case Errc::io:
    case Errc::permission: break;
  }
  return 13804;  // IKE_GENERAL_PROCESSING_ERROR
}

void SaTally::count_failure(Family family, bool main_mode, Errc why) {
  Modes& modes = of(family);
  ++(main_mode ? modes.main_failed : modes.quick_failed);
  ++errors[ipsec_error(why) - kFirstError];
}

}  // namespace sallyport::stack
