// See traffic_totals.h.
#include "ipsec/traffic_totals.h"

namespace sallyport::ipsec {

void TrafficTotals::Way::add(const model::SaSpec& sa, const UsageMeter& usage) {
  const uint64_t octets = usage.octets();
  if (sa.protocol == model::Protocol::AH) {
    authenticated_ah += octets;
  } else {
    authenticated_esp += octets;
    if (sa.encr != model::EncrId::NULL_ENCR && sa.encr != model::EncrId::NULL_AES_GMAC) encrypted += octets;
  }
  (sa.mode == model::Mode::tunnel ? tunnel : transport) += octets;
  packets += usage.packets();
}

TrafficTotals::Way& TrafficTotals::Way::operator+=(const Way& other) {
  encrypted += other.encrypted;
  authenticated_ah += other.authenticated_ah;
  authenticated_esp += other.authenticated_esp;
  transport += other.transport;
  tunnel += other.tunnel;
  packets += other.packets;
  return *this;
}

void TrafficTotals::add(const SaRecord& record) {
  in.add(record.spec, record.in->usage);
  out.add(record.spec, record.out->usage);
}

}  // namespace sallyport::ipsec
