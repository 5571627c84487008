// NAT detection. RFC 7296 2.23.
#include "ike/nat_detect.h"

#include "crypto/hash.h"

namespace sallyport::ike {

using namespace wire::ike2;

Bytes nat_hash(model::IkeSpi spi_i, model::IkeSpi spi_r, const IpEndpoint& endpoint) {
  Writer w;
  w.u64(spi_i);
  w.u64(spi_r);
  w.bytes(endpoint.addr.bytes());
  w.u16(endpoint.port);
  return crypto::sha1(w.view());
}

NatSeen nat_seen(const std::vector<Payload>& payloads, model::IkeSpi spi_i, model::IkeSpi spi_r,
                 const IpEndpoint& local, const IpEndpoint& remote) {
  bool any_source = false, source_matches = false, any_destination = false, destination_matches = false;
  const Bytes of_remote = nat_hash(spi_i, spi_r, remote);
  const Bytes of_local = nat_hash(spi_i, spi_r, local);
  for (const NotifyPayload* notify : find_all<NotifyPayload>(payloads)) {
    if (notify->type == NotifyType::NAT_DETECTION_SOURCE_IP) {
      // RFC 7296 2.23: there may be several, of a sender that does not know which address it will use.
      any_source = true;
      source_matches = source_matches || notify->content == of_remote;
    } else if (notify->type == NotifyType::NAT_DETECTION_DESTINATION_IP) {
      any_destination = true;
      destination_matches = destination_matches || notify->content == of_local;
    }
  }
  NatSeen seen;
  seen.supported = any_source && any_destination;
  if (seen.supported) {
    seen.remote = !source_matches;
    seen.local = !destination_matches;
  }
  return seen;
}

void add_nat_detection(std::vector<Payload>& payloads, model::IkeSpi spi_i, model::IkeSpi spi_r,
                       const IpEndpoint& local, const IpEndpoint& remote, bool falsify) {
  Bytes source = nat_hash(spi_i, spi_r, local);
  if (falsify) {
    for (uint8_t& octet : source) octet = static_cast<uint8_t>(~octet);
  }
  payloads.push_back(NotifyPayload{0, {}, NotifyType::NAT_DETECTION_SOURCE_IP, std::move(source)});
  payloads.push_back(NotifyPayload{0, {}, NotifyType::NAT_DETECTION_DESTINATION_IP, nat_hash(spi_i, spi_r, remote)});
}

}  // namespace sallyport::ike
