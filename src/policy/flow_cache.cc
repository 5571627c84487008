// The hash of a flow.
#include "policy/flow_cache.h"

namespace sallyport::policy {
namespace {

uint64_t address_hash(const IpAddr& address) {
  const ByteView b = address.bytes();
  if (b.size() == 4) return load_be32(b.data());
  return load_be64(b.data()) * 0x9e3779b97f4a7c15u ^ load_be64(b.data() + 8);
}

}  // namespace

FlowCache::FlowCache(size_t slots) : slots_(slots) {}

void FlowCache::forget() {
  for (Slot& slot : slots_) slot = {};
}

uint64_t FlowCache::hash(const FlowCacheKey& key) {
  const model::FlowKey& flow = key.flow;
  const uint64_t ports = uint64_t{flow.protocol} << 48 | uint64_t{flow.source_port} << 16 | flow.destination_port;
  const uint64_t rest =
      uint64_t{key.flags} << 16 ^ static_cast<uint64_t>(key.layer) ^ key.interface_luid << 24 ^ key.variant << 40;
  return mix64(address_hash(flow.source) * 0xd6e8feb86659fd93u ^ address_hash(flow.destination) ^
               ports * 0x9e3779b97f4a7c15u ^ rest * 0xca5a826395121157u);
}

}  // namespace sallyport::policy
