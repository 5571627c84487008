// Providers exist for bookkeeping: who added what (FWPM_PROVIDER0). Values.
#pragma once
#include "policy/object.h"

namespace sallyport::policy {

struct Provider {
  static constexpr uint32_t kPersistent = 0x1;
  static constexpr uint32_t kDisabled = 0x10;  // output only
  ObjectHead head;
  std::string service_name;
  bool operator==(const Provider&) const = default;
};

}  // namespace sallyport::policy
