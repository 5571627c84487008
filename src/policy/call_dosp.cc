// Calls about IPsec DoS protection: answered from a report that whoever sets the packet filter has just made.
#include "policy/call_route.h"

namespace sallyport::policy {
namespace {

bool holds(const V6AddrMask& mask, const IpAddr& address) {
  const ByteView octets = address.bytes();
  const size_t whole = mask.prefix_length / 8, rest = mask.prefix_length % 8;
  if (!std::equal(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(whole), mask.addr.begin())) return false;
  return rest == 0 || ((octets[whole] ^ mask.addr[whole]) >> (8 - rest)) == 0;
}

}  // namespace

bool CallRoute::wants_dosp(ConnectionId connection, uint32_t function) const {
  const auto wanted = static_cast<call::Function>(function);
  if (wanted != call::Function::dosp_statistics && wanted != call::Function::dosp_states) return false;
  const auto at = connected_.find(connection);
  const uint32_t right = wanted == call::Function::dosp_states ? access::kEnum | access::kRead : access::kReadStats;
  return at != connected_.end() && engine_.may(at->second.session, Database::dosp, right).has_value();
}

CallRoute::Answer CallRoute::dosp_statistics(const Connected& at) const {
  SP_CHECK(engine_.may(at.session, Database::dosp, access::kReadStats));
  if (dosp_ == nullptr) return refuse(kDospNotInstalled);
  return call::write(dosp_->statistics);
}

CallRoute::Answer CallRoute::dosp_states(Connected& at, ByteView octets) {
  SP_CHECK(engine_.may(at.session, Database::dosp, access::kEnum | access::kRead));
  const auto wanted = call::read<std::optional<DospStateTemplate>>(octets);
  if (!wanted) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  const DospStateTemplate which = wanted->value_or(DospStateTemplate{});
  if (which.public_mask.prefix_length > 128 || which.internal_mask.prefix_length > 128)
    return refuse(Fwp::INVALID_NET_MASK);
  if (dosp_ == nullptr) return refuse(kDospNotInstalled);
  Enumeration made;
  made.what = call::kEnumDospStates;
  for (const DospState& state : dosp_->states)
    if (holds(which.public_mask, state.public_host) && holds(which.internal_mask, state.internal_host))
      made.dosp_states.push_back(state);
  return keep_enumeration(at, std::move(made));
}

}  // namespace sallyport::policy
