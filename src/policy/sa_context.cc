// See sa_context.h: which addresses a template means.
#include "policy/sa_context.h"

#include <bit>

namespace sallyport::policy {
namespace {

Outcome<> check_subnet(const ConditionValue& subnet) {
  if (const auto* value = std::get_if<Value>(&subnet.held)) {
    const bool fits = value->is_empty() || value->as<uint32_t>() || value->as<ByteArray16>();
    return fits ? Outcome<>{} : Outcome<>(refuse(Fwp::TYPE_MISMATCH));
  }
  if (const auto* v4 = std::get_if<V4AddrMask>(&subnet.held)) {
    // A mask is ones and then zeros.
    if (std::countl_one(v4->mask) + std::countr_zero(v4->mask) < 32) return refuse(Fwp::INVALID_NET_MASK);
    return {};
  }
  if (const auto* v6 = std::get_if<V6AddrMask>(&subnet.held))
    return v6->prefix_length <= 128 ? Outcome<>{} : Outcome<>(refuse(Fwp::INVALID_NET_MASK));
  return refuse(Fwp::TYPE_MISMATCH);
}

bool within(const ConditionValue& subnet, const IpAddr& address) {
  if (const auto* value = std::get_if<Value>(&subnet.held)) {
    if (const auto* one = value->as<uint32_t>()) return address == IpAddr::v4(*one);
    if (const auto* one = value->as<ByteArray16>()) return address == IpAddr::v6(*one);
    return value->is_empty();
  }
  if (const auto* v4 = std::get_if<V4AddrMask>(&subnet.held))
    return address.is_v4() && (load_be32(address.bytes().data()) & v4->mask) == (v4->addr & v4->mask);
  if (const auto* v6 = std::get_if<V6AddrMask>(&subnet.held))
    return address.is_v6() && address.in_prefix(IpAddr::v6(v6->addr), v6->prefix_length);
  return false;
}

}  // namespace

Outcome<> check_subnets(const SubNets& subnets) {
  SP_CHECK(check_subnet(subnets.local));
  return check_subnet(subnets.remote);
}

bool within(const SubNets& subnets, const IpAddr& local, const IpAddr& remote) {
  return within(subnets.local, local) && within(subnets.remote, remote);
}

}  // namespace sallyport::policy
