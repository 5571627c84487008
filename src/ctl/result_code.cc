// What an error inside the daemon means to the user of the command: the stable exit codes of docs/exit-codes.md.
#include "ctl/messages.h"

namespace sallyport::ctl {

std::string_view to_string(ResultCode code) {
  switch (code) {
    case ResultCode::ok: return "ok";
    case ResultCode::failed: return "failed";
    case ResultCode::usage: return "usage";
    case ResultCode::not_found: return "not_found";
    case ResultCode::peer_refused: return "peer_refused";
    case ResultCode::timeout: return "timeout";
    case ResultCode::authentication_failed: return "authentication_failed";
    case ResultCode::unreachable: return "unreachable";
  }
  return "failed";
}

ResultCode result_code(Errc code) {
  switch (code) {
    case Errc::not_found: return ResultCode::not_found;
    case Errc::timeout: return ResultCode::timeout;
    case Errc::authentication_failed:
    case Errc::bad_certificate: return ResultCode::authentication_failed;
    case Errc::no_proposal_chosen:
    case Errc::ts_unacceptable:
    case Errc::critical_payload:
    case Errc::version:
    case Errc::bad_public_value:
    case Errc::bad_length:
    case Errc::missing_payload:
    case Errc::unexpected_payload:
    case Errc::trailing_bytes:
    case Errc::truncated: return ResultCode::peer_refused;
    case Errc::algorithm_refused:
    case Errc::bad_config:
    case Errc::bad_key:
    case Errc::bad_tag:
    case Errc::bad_value:
    case Errc::conflict:
    case Errc::io:
    case Errc::limit:
    case Errc::permission:
    case Errc::state:
    case Errc::too_many:
    case Errc::unsupported: return ResultCode::failed;
  }
  return ResultCode::failed;
}

}  // namespace sallyport::ctl
