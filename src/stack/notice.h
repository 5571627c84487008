// What the daemon tells people: one value per thing that happened, for `sallyport watch`, the log and waiting commands.
// Values.
#pragma once
#include <string>

#include "base/result.h"
#include "model/ids.h"

namespace sallyport::stack {

struct Notice {
  enum class Kind : uint8_t {
    ike_up,
    ike_down,
    ike_rekeyed,
    child_up,
    child_down,
    child_rekeyed,
    attempt_failed,
    remote_moved,
    acquire,
    reloaded,
  };
  Kind kind;
  std::string connection;
  std::string child;
  Errc code = Errc::state;  // meaningful for ike_down and attempt_failed
  std::string sentence;     // for people; printable
  std::string ours;         // proposals or identities, where the two sides did not agree
  std::string peers;
};

std::string_view to_string(Notice::Kind kind);

}  // namespace sallyport::stack
