// See nat_numbers.h.
#include "stack/nat_numbers.h"

#include <set>

namespace sallyport::stack {

IpEndpoint number_of_nat_client(const IpEndpoint& remote, const std::map<model::IkeId, IpEndpoint>& clients,
                                const std::function<bool(model::IkeId)>& is_same) {
  constexpr size_t kPorts = 65536;
  std::set<uint16_t> taken;
  for (const auto& [id, number] : clients) {
    if (number.addr != remote.addr) continue;
    if (number.port == remote.port && is_same(id)) return number;
    taken.insert(number.port);
  }
  IpEndpoint out = remote;
  while (taken.contains(out.port) && taken.size() < kPorts) ++out.port;
  return out;
}

}  // namespace sallyport::stack
