// What the daemon tells people: one value per thing that happened, for `sallyport watch`, the log and waiting commands.
// Values.
#pragma once
#include <string>
#include <string_view>

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
    ike_state,  // for tracing: an IKE SA moved, or took a row of an exchange
  };
  Kind kind;
  std::string connection;
  std::string child;
  Errc code = Errc::state;  // meaningful for ike_down and attempt_failed
  std::string sentence;     // for people; printable
  std::string ours;         // proposals or identities, where the two sides did not agree
  std::string peers;
  // Of ike_state: the IKE SA, the transition row's story and the states.
  model::IkeId ike_id = 0;
  std::string_view row{}, from{}, to{};
};

std::string_view to_string(Notice::Kind kind);

}  // namespace sallyport::stack
