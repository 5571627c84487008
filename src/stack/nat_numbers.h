// What tells the peers behind one NAT apart. Pure.
#pragma once
#include <functional>
#include <map>

#include "base/ip_addr.h"
#include "model/ids.h"

namespace sallyport::stack {

// For a peer that has come up at `remote`: the address of the NAT, and a port that no other peer of `clients` goes by,
// its own where that is so. The NAT may have given its port to another one before, which has moved or is gone and not
// missed yet. is_same: that IKE SA is of this very peer, which is there now and goes by the same port again.
IpEndpoint number_of_nat_client(const IpEndpoint& remote, const std::map<model::IkeId, IpEndpoint>& clients,
                                const std::function<bool(model::IkeId)>& is_same);

}  // namespace sallyport::stack
