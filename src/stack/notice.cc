// Names of notices, as `sallyport watch --json` prints them.
#include "stack/notice.h"

namespace sallyport::stack {

std::string_view to_string(Notice::Kind kind) {
  switch (kind) {
    case Notice::Kind::ike_up: return "ike_up";
    case Notice::Kind::ike_down: return "ike_down";
    case Notice::Kind::ike_rekeyed: return "ike_rekeyed";
    case Notice::Kind::child_up: return "child_up";
    case Notice::Kind::child_down: return "child_down";
    case Notice::Kind::child_rekeyed: return "child_rekeyed";
    case Notice::Kind::attempt_failed: return "attempt_failed";
    case Notice::Kind::remote_moved: return "remote_moved";
    case Notice::Kind::acquire: return "acquire";
    case Notice::Kind::reloaded: return "reloaded";
    case Notice::Kind::ike_state: return "ike_state";
  }
  return "unknown";
}

}  // namespace sallyport::stack
