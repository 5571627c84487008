// NAT detection by hashes of SPIs, address and port. RFC 7296 2.23. Pure functions.
#pragma once
#include <vector>

#include "base/ip_addr.h"
#include "model/ids.h"
#include "wire/ike2/message.h"

namespace sallyport::ike {

// SHA-1(SPIi | SPIr | address | port)
Bytes nat_hash(model::IkeSpi spi_i, model::IkeSpi spi_r, const IpEndpoint& endpoint);

struct NatSeen {
  bool supported = false;  // both notifies were there
  bool local = false;      // we are behind a NAT: no destination hash is of our address
  bool remote = false;     // the peer is: no source hash is of the address its message came from
};
NatSeen nat_seen(const std::vector<wire::ike2::Payload>& payloads, model::IkeSpi spi_i, model::IkeSpi spi_r,
                 const IpEndpoint& local, const IpEndpoint& remote);

// The two notifies we send. falsify: the source hash is made to match nothing, so that the peer believes in a NAT and
// ESP travels in UDP.
void add_nat_detection(std::vector<wire::ike2::Payload>& payloads, model::IkeSpi spi_i, model::IkeSpi spi_r,
                       const IpEndpoint& local, const IpEndpoint& remote, bool falsify);

}  // namespace sallyport::ike
