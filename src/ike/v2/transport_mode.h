// Traffic selectors of transport mode: one address a side, that of the IKE SA, whatever NATs make of it. RFC 7296
// 1.3.1, 2.23.1. Pure functions.
#pragma once
#include <optional>

#include "base/ip_addr.h"
#include "model/selector.h"

namespace sallyport::ike::v2 {

// Those of the selectors that hold `address`, each cut down to it. An address that is not known ("any") is not asked
// for: then the selectors that name a single one are left.
model::Selectors at_address(const model::Selectors& selectors, const IpAddr& address);
// The one address that all of them name; nothing where there are several.
std::optional<IpAddr> only_address(const model::Selectors& selectors);
// The same protocols and ports at another address.
model::Selectors moved_to(const model::Selectors& selectors, const IpAddr& address);

// Selectors of the peer, as they are to be compared with policy. `translated`: a NAT changed that side's address, so
// the selectors name one that means nothing here and get `seen`, the address in the IKE packets, in its place.
struct SeenSelectors {
  model::Selectors selectors;      // empty: they cannot be those of a transport mode SA
  std::optional<IpAddr> original;  // as the peer wrote it, where another one took its place
};
SeenSelectors as_seen(const model::Selectors& from_peer, bool translated, const IpAddr& seen);

}  // namespace sallyport::ike::v2
