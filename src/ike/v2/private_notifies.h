// Private-use notifies that two daemons of this project exchange and nobody else sees: docs/private-notifies.md. Each
// side announces itself by a vendor ID in IKE_SA_INIT (RFC 7296 3.12); what the other did not announce is neither sent
// nor heard. They carry for IKEv2 what MS-IKEE 3.7 has the older protocols say about negotiation discovery. Pure.
#pragma once
#include <array>

#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2::private_notifies {

// The first 16 octets of the SHA-256 of "sallyport private notifies 1".
inline constexpr std::array<uint8_t, 16> kVendorId{0x52, 0x87, 0x11, 0x1c, 0xd2, 0x8f, 0x41, 0x87,
                                                   0xe5, 0xa7, 0x2e, 0x61, 0x18, 0x21, 0x52, 0x2d};
// RFC 7296 3.10.1: status types from 40960 on are for private use.
inline constexpr auto kExchangeInfo = static_cast<wire::ike2::NotifyType>(42241);

wire::ike2::VendorPayload vendor_id();
bool announced(const std::vector<wire::ike2::Payload>& payloads);

// What one side says of a Child SA that it asks for or grants.
struct ExchangeInfo {
  static constexpr uint32_t kBoundary = 0x1;              // its host takes clear packets, too
  static constexpr uint32_t kGuaranteedEncryption = 0x2;  // the flow must be encrypted
  bool boundary = false;
  bool guaranteed_encryption = false;
  bool operator==(const ExchangeInfo&) const = default;
};
// Appends EXCHANGE_INFO where there is something to say and the peer understands it.
void add(const IkeSa& sa, const ExchangeInfo& own, std::vector<wire::ike2::Payload>& payloads);
// Nothing said, a peer that has not announced itself, or content that is not four octets: neither. Bits that are not
// known here are left alone.
ExchangeInfo read(const IkeSa& sa, const std::vector<wire::ike2::Payload>& payloads);

}  // namespace sallyport::ike::v2::private_notifies
