// IPsecGetStatistics and IkeextGetStatistics. What this daemon has no counter for is 0: IKEv1, AuthIP, extended mode,
// offload, negotiation times.
#include <algorithm>

#include "api/windows/sa_functions.h"

namespace {

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;

template <class D>
void give_drops(const policy::IpsecStatistics& from, D& out) {
  out.invalidSpisOnInbound = from.esp.invalid_spi + from.ah.invalid_spi;
  out.decryptionFailuresOnInbound = from.esp.decryption;
  out.authenticationFailuresOnInbound = from.esp.authentication + from.ah.authentication;
  out.udpEspValidationFailuresOnInbound = from.udp_esp_validation;
  out.replayCheckFailuresOnInbound = from.esp.replay + from.ah.replay;
  out.invalidClearTextInbound = from.clear_text;
  out.saNotInitializedOnInbound = from.esp.not_initialized + from.ah.not_initialized;
  out.receiveOverIncorrectSaInbound = from.over_incorrect_sa;
  out.secureReceivesNotMatchingFilters = from.not_matching_filters;
  if constexpr (requires { out.totalDropPacketsInbound; }) out.totalDropPacketsInbound = from.total_drops;
}

template <class T>
void give_traffic_counts(const policy::IpsecStatistics::Traffic& from, T& out) {
  out.encryptedByteCount = from.encrypted;
  out.authenticatedAHByteCount = from.authenticated_ah;
  out.authenticatedESPByteCount = from.authenticated_esp;
  out.transportByteCount = from.transport;
  out.tunnelByteCount = from.tunnel;
  if constexpr (requires { out.totalSuccessfulPackets; }) out.totalSuccessfulPackets = from.packets;
}

template <class S>
DWORD ipsec(HANDLE engine, S* out) {
  if (!out) return FWP_E_NULL_POINTER;
  const auto found = ask<policy::IpsecStatistics>(engine, of(SaFunction::ipsec_statistics), uint8_t{0});
  if (!found) return code(found);
  *out = S{};
  out->aggregateSaStatistics = {found->active_sas,
                                found->pending_negotiations,
                                found->total_added,
                                found->total_deleted,
                                found->successful_rekeys,
                                found->active_tunnels,
                                0};
  out->espDropPacketStatistics = {found->esp.invalid_spi, found->esp.decryption, found->esp.authentication,
                                  found->esp.replay, found->esp.not_initialized};
  out->ahDropPacketStatistics = {found->ah.invalid_spi, found->ah.authentication, found->ah.replay,
                                 found->ah.not_initialized};
  give_drops(*found, out->aggregateDropPacketStatistics);
  give_traffic_counts(found->inbound, out->inboundTrafficStatistics);
  give_traffic_counts(found->outbound, out->outboundTrafficStatistics);
  return ERROR_SUCCESS;
}

template <class M>
void give_modes(const policy::IkeStatistics::Modes& from, M& out) {
  out.currentActiveMainModes = from.active_main;
  out.totalMainModesStarted = from.started_main;
  out.totalSuccessfulMainModes = from.successful_main;
  out.totalFailedMainModes = from.failed_main;
  out.totalResponderMainModes = from.responder_main;
  out.currentNewResponderMainModes = from.new_responder_main;
  out.currentActiveQuickModes = from.active_quick;
  out.totalQuickModesStarted = from.started_quick;
  out.totalSuccessfulQuickModes = from.successful_quick;
  out.totalFailedQuickModes = from.failed_quick;
  out.totalAcquires = from.acquires;
}

// Version 0 knows no IKEv2, and all that is negotiated here is: there it has only what is common.
template <class S>
DWORD ikeext(HANDLE engine, S* out) {
  if (!out) return FWP_E_NULL_POINTER;
  const auto found = ask<policy::IkeStatistics>(engine, of(SaFunction::ike_statistics), uint8_t{0});
  if (!found) return code(found);
  *out = S{};
  if constexpr (requires { out->ikeV2Statistics; }) {
    give_modes(found->v4, out->ikeV2Statistics.v4Statistics);
    give_modes(found->v6, out->ikeV2Statistics.v6Statistics);
    auto& errors = out->ikeV2Statistics.errorFrequencyTable;
    std::copy_n(found->errors.begin(), std::min(found->errors.size(), std::size(errors)), errors);
  }
  out->commonStatistics.totalPacketsReceived = found->packets_received;
  out->commonStatistics.totalInvalidPacketsReceived = found->invalid_packets_received;
  return ERROR_SUCCESS;
}

}  // namespace

extern "C" {

DWORD WINAPI IPsecGetStatistics0(HANDLE engineHandle, IPSEC_STATISTICS0* ipsecStatistics) {
  return ipsec(engineHandle, ipsecStatistics);
}
DWORD WINAPI IPsecGetStatistics1(HANDLE engineHandle, IPSEC_STATISTICS1* ipsecStatistics) {
  return ipsec(engineHandle, ipsecStatistics);
}
DWORD WINAPI IkeextGetStatistics0(HANDLE engineHandle, IKEEXT_STATISTICS0* ikeextStatistics) {
  return ikeext(engineHandle, ikeextStatistics);
}
DWORD WINAPI IkeextGetStatistics1(HANDLE engineHandle, IKEEXT_STATISTICS1* ikeextStatistics) {
  return ikeext(engineHandle, ikeextStatistics);
}

}  // extern "C"
