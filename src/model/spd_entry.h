// One row of the Security Policy Database. RFC 4301 4.4.1. Values.
#pragma once
#include <string>

#include "model/selector.h"

namespace sallyport::model {

enum class Action : uint8_t { BYPASS, DISCARD, PROTECT };

struct SpdEntry {
  std::string connection;  // empty for a BYPASS or DISCARD of the host's own
  std::string child;
  Action action = Action::DISCARD;
  Selectors local;
  Selectors remote;
  uint32_t reqid = 0;
  uint32_t priority = 0;  // lower is looked at first; equal ones in the order given
  bool operator==(const SpdEntry&) const = default;
};

}  // namespace sallyport::model
