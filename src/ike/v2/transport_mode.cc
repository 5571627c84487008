// Address substitution in the selectors of transport mode. RFC 7296 2.23.1.
#include "ike/v2/transport_mode.h"

namespace sallyport::ike::v2 {

model::Selectors at_address(const model::Selectors& selectors, const IpAddr& address) {
  model::Selectors out;
  for (model::Selector selector : selectors) {
    if (address.is_any()) {
      if (selector.first == selector.last) out.push_back(selector);
      continue;
    }
    if (selector.family() != address.family() || address < selector.first || selector.last < address) continue;
    selector.first = selector.last = address;
    out.push_back(selector);
  }
  return out;
}

std::optional<IpAddr> only_address(const model::Selectors& selectors) {
  if (selectors.empty()) return std::nullopt;
  for (const model::Selector& s : selectors) {
    if (s.first != s.last || s.first != selectors.front().first) return std::nullopt;
  }
  return selectors.front().first;
}

model::Selectors moved_to(const model::Selectors& selectors, const IpAddr& address) {
  model::Selectors out = selectors;
  for (model::Selector& selector : out) selector.first = selector.last = address;
  return out;
}

SeenSelectors as_seen(const model::Selectors& from_peer, bool translated, const IpAddr& seen) {
  // Without a NAT they must hold the address itself; a wider offer is narrowed to it (RFC 7296 2.9).
  if (!translated) return {at_address(from_peer, seen), {}};
  // RFC 7296 2.23.1: exactly one address, or there is nothing that could be replaced.
  const auto original = only_address(from_peer);
  if (!original) return {};
  if (seen.is_any() || *original == seen) return {from_peer, {}};
  return {moved_to(from_peer, seen), original};
}

}  // namespace sallyport::ike::v2
