// See sa_statistics.h.
#include "stack/sa_statistics.h"

#include <algorithm>

namespace sallyport::stack {
namespace {

using ipsec::Drop;
using policy::IkeStatistics;
using policy::IpsecStatistics;

uint32_t low(uint64_t v) { return static_cast<uint32_t>(v); }  // counters of 32 bits go round

IpsecStatistics::Traffic traffic_of(const ipsec::TrafficTotals::Way& way) {
  return {way.encrypted, way.authenticated_ah, way.authenticated_esp, way.transport, way.tunnel, way.packets};
}

IkeStatistics::Modes modes_of(const SaTally::Modes& tally) {
  IkeStatistics::Modes out;
  out.successful_main = tally.main_succeeded;
  out.failed_main = tally.main_failed;
  out.responder_main = tally.main_responder;
  out.successful_quick = tally.quick_succeeded;
  out.failed_quick = tally.quick_failed;
  out.acquires = tally.acquires;
  return out;
}

}  // namespace

IpsecStatistics ipsec_statistics(const Control& control, const PacketFacts& packets) {
  IpsecStatistics out;
  const auto& direct = control.direct().totals();
  const auto ids = control.direct().ids();
  out.active_sas = low(control.children().size() + ids.size());
  out.total_added = control.tally().added + direct.added;
  out.total_deleted = control.tally().deleted + direct.deleted;
  out.successful_rekeys = control.tally().rekeyed;
  for (const auto& [id, child] : control.children())
    if (child.sa.mode == model::Mode::tunnel) ++out.active_tunnels;
  for (const auto id : ids) {
    const auto context = control.direct().get(id);
    if (context && context->inbound && context->inbound->traffic.type == policy::TrafficType::TUNNEL)
      ++out.active_tunnels;
  }
  out.pending_negotiations = low(control.tables().negotiations);
  // The data plane counts ESP and AH together; AH's own reasons are known by their names.
  const ipsec::DropCounters& drops = packets.drops;
  out.esp.invalid_spi = low(drops[Drop::no_sa]);
  out.esp.decryption = low(drops[Drop::bad_padding] + drops[Drop::unaligned]);
  out.esp.authentication = low(drops[Drop::bad_icv]);
  out.esp.replay = low(drops[Drop::replay] + drops[Drop::behind_window]);
  out.ah.authentication = low(drops[Drop::malformed_ah]);
  out.udp_esp_validation = low(drops[Drop::runt]);
  out.clear_text = low(drops[Drop::clear_but_protect] + drops[Drop::not_encrypted]);
  out.over_incorrect_sa = low(drops[Drop::selector_mismatch] + drops[Drop::bundle_broken]);
  out.not_matching_filters = low(drops[Drop::filter_block]);
  out.total_drops = out.esp.invalid_spi + out.esp.decryption + out.esp.authentication + out.esp.replay +
                    out.ah.authentication + out.udp_esp_validation + out.clear_text + out.over_incorrect_sa +
                    out.not_matching_filters;
  out.inbound = traffic_of(packets.traffic.in);
  out.outbound = traffic_of(packets.traffic.out);
  return out;
}

IkeStatistics ike_statistics(const Control& control) {
  IkeStatistics out;
  out.v4 = modes_of(control.tally().v4);
  out.v6 = modes_of(control.tally().v6);
  const auto of = [&](const IpAddr& address) -> IkeStatistics::Modes& { return address.is_v4() ? out.v4 : out.v6; };
  for (const auto& [id, child] : control.children()) ++of(child.sa.remote.addr).active_quick;
  for (IkeStatistics::Modes* modes : {&out.v4, &out.v6}) {
    modes->started_main = modes->successful_main + modes->failed_main;
    modes->started_quick = modes->successful_quick + modes->failed_quick;
  }
  for (const ike::IkeSaStatus& sa : control.ike_sas()) {
    IkeStatistics::Modes& modes = of(sa.remote.addr);
    if (sa.established != TimePoint{}) {
      ++modes.active_main;
      continue;
    }
    ++modes.started_main;
    if (!sa.initiator) ++modes.new_responder_main;
  }
  out.errors.assign(control.tally().errors.begin(), control.tally().errors.end());
  const ike::Counters& ike = control.ike_counters();
  out.packets_received = low(ike.datagrams);
  out.invalid_packets_received = low(ike.malformed + ike.bad_integrity + ike.bad_version);
  return out;
}

}  // namespace sallyport::stack
