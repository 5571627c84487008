// See user_lookup.h.
#include "runtime/user_lookup.h"

#include <netinet/in.h>

namespace sallyport::runtime {

UserLookup::UserLookup(Loop& loop, Driver& driver, Fd lookup)
    : loop_(loop), driver_(driver), lookup_(std::move(lookup)) {
  driver_.on_user_wanted = [this](const stack::EndpointWanted& wanted) {
    // Later: the driver is in the middle of its outputs.
    loop_.post([this, wanted, uid = owner_of(wanted.flow)] { driver_.place_user(wanted, uid); });
  };
}

UserLookup::~UserLookup() { driver_.on_user_wanted = nullptr; }

std::optional<uint32_t> UserLookup::owner_of(const stack::HostFlow& flow) {
  constexpr uint8_t kTimeWait = 6, kClosed = 7;
  if (flow.protocol != IPPROTO_TCP || !flow.ports_known) return std::nullopt;
  const auto found = lookup_.find(flow.protocol, {flow.local, flow.local_port}, {flow.remote, flow.remote_port});
  if (!found || found->state == kTimeWait || found->state == kClosed) return std::nullopt;
  return found->uid;
}

}  // namespace sallyport::runtime
