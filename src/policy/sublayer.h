// Sublayers order the filters of a layer: higher weight first (FWPM_SUBLAYER0). Values.
#pragma once
#include "policy/object.h"

namespace sallyport::policy {

struct SubLayer {
  static constexpr uint32_t kPersistent = 0x1;
  ObjectHead head;
  uint16_t weight = 0;
  bool operator==(const SubLayer&) const = default;
};

}  // namespace sallyport::policy
