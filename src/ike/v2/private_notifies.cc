// See private_notifies.h.
//
//   EXCHANGE_INFO, in requests and answers that carry the SA payload of a Child SA:
//     Protocol ID 0, SPI Size 0, Notify Message Type 42241, then four octets of flags in network order
#include "ike/v2/private_notifies.h"

#include <algorithm>

#include "wire/ike2/message.h"

namespace sallyport::ike::v2::private_notifies {

using namespace wire::ike2;

VendorPayload vendor_id() { return VendorPayload{Bytes(kVendorId.begin(), kVendorId.end())}; }

bool announced(const std::vector<Payload>& payloads) {
  return std::any_of(payloads.begin(), payloads.end(), [](const Payload& payload) {
    const auto* vendor = std::get_if<VendorPayload>(&payload);
    return vendor && equal(vendor->content, kVendorId);
  });
}

void add(const IkeSa& sa, const ExchangeInfo& own, std::vector<Payload>& payloads) {
  if (!sa.peer_is_ours || own == ExchangeInfo{}) return;
  const uint32_t flags = (own.boundary ? ExchangeInfo::kBoundary : 0u) |
                         (own.guaranteed_encryption ? ExchangeInfo::kGuaranteedEncryption : 0u);
  Bytes content(4);
  store_be32(content.data(), flags);
  payloads.push_back(NotifyPayload{0, {}, kExchangeInfo, std::move(content)});
}

ExchangeInfo read(const IkeSa& sa, const std::vector<Payload>& payloads) {
  const NotifyPayload* said = sa.peer_is_ours ? find_notify(payloads, kExchangeInfo) : nullptr;
  if (!said || said->content.size() != 4) return {};
  const uint32_t flags = load_be32(said->content.data());
  return {(flags & ExchangeInfo::kBoundary) != 0, (flags & ExchangeInfo::kGuaranteedEncryption) != 0};
}

}  // namespace sallyport::ike::v2::private_notifies
