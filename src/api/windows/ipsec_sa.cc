// IPsecSa…: contexts and SAs, enumerated, changed and made by hand.
#include "api/windows/sa_functions.h"

namespace {

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::Database;

Outcome<policy::SubNets> subnets(const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0& from) {
  return take_subnets(from.localSubNet, from.remoteSubNet);
}

Outcome<uint8_t> direction(const IPSEC_SA_ENUM_TEMPLATE0& from) {
  if (raw(from.saDirection) >= FWP_DIRECTION_MAX) return refuse(Fwp::INVALID_ENUMERATOR);
  return static_cast<uint8_t>(from.saDirection == FWP_DIRECTION_INBOUND);
}

template <class Traffic>
DWORD create(HANDLE engine, const Traffic* outbound, const IPSEC_VIRTUAL_IF_TUNNEL_INFO0* tunnel,
             UINT64* inbound_filter, UINT64* id) {
  if (!outbound || !id) return FWP_E_NULL_POINTER;
  auto traffic = take_traffic(*outbound);
  if (!traffic) return code(traffic);
  policy::call::SaCreate wanted{std::move(*traffic), 0, 0};
  if (tunnel) {
    wanted.virtual_if_tunnel_id = tunnel->virtualIfTunnelId;
    wanted.traffic_selector_id = tunnel->trafficSelectorId;
  }
  const auto made = ask<policy::call::SaCreated>(engine, of(SaFunction::create), std::move(wanted));
  if (!made) return code(made);
  *id = made->id;
  if (inbound_filter) *inbound_filter = made->inbound_filter;
  return ERROR_SUCCESS;
}

template <class GetSpi>
DWORD settle_spi(HANDLE engine, UINT64 id, const GetSpi* get, IPSEC_SA_SPI wanted, IPSEC_SA_SPI* out) {
  if (!get) return FWP_E_NULL_POINTER;
  auto traffic = take_traffic(get->inboundIpsecTraffic);
  if (!traffic) return code(traffic);
  policy::call::SaSpi ask_for{id, std::move(*traffic), {}, wanted};
  if (raw(get->ipVersion) == FWP_IP_VERSION_V4)
    ask_for.udp = take(static_cast<const IPSEC_V4_UDP_ENCAPSULATION0*>(get->inboundUdpEncapsulation));
  const auto spi = ask<uint32_t>(engine, of(SaFunction::set_spi), std::move(ask_for));
  if (spi && out) *out = *spi;
  return code(spi);
}

template <class Bundle>
DWORD add(HANDLE engine, SaFunction function, UINT64 id, const Bundle* bundle) {
  if (!bundle) return FWP_E_NULL_POINTER;
  auto taken = take_bundle(*bundle);
  if (!taken) return code(taken);
  return code(tell(engine, of(function), policy::call::SaAdd{id, std::move(*taken)}));
}

}  // namespace

extern "C" {

DWORD WINAPI IPsecSaContextCreate0(HANDLE engineHandle, const IPSEC_TRAFFIC0* outboundTraffic, UINT64* inboundFilterId,
                                   UINT64* id) {
  return create(engineHandle, outboundTraffic, nullptr, inboundFilterId, id);
}
DWORD WINAPI IPsecSaContextCreate1(HANDLE engineHandle, const IPSEC_TRAFFIC1* outboundTraffic,
                                   const IPSEC_VIRTUAL_IF_TUNNEL_INFO0* virtualIfTunnelInfo, UINT64* inboundFilterId,
                                   UINT64* id) {
  return create(engineHandle, outboundTraffic, virtualIfTunnelInfo, inboundFilterId, id);
}
DWORD WINAPI IPsecSaContextGetSpi0(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI0* getSpi,
                                   IPSEC_SA_SPI* inboundSpi) {
  return inboundSpi ? settle_spi(engineHandle, id, getSpi, 0, inboundSpi) : FWP_E_NULL_POINTER;
}
DWORD WINAPI IPsecSaContextGetSpi1(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI1* getSpi,
                                   IPSEC_SA_SPI* inboundSpi) {
  return inboundSpi ? settle_spi(engineHandle, id, getSpi, 0, inboundSpi) : FWP_E_NULL_POINTER;
}
DWORD WINAPI IPsecSaContextSetSpi0(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI1* getSpi,
                                   IPSEC_SA_SPI inboundSpi) {
  return inboundSpi != 0 ? settle_spi(engineHandle, id, getSpi, inboundSpi, nullptr) : ERROR_INVALID_PARAMETER;
}
DWORD WINAPI IPsecSaContextAddInbound0(HANDLE engineHandle, UINT64 id, const IPSEC_SA_BUNDLE0* inboundBundle) {
  return add(engineHandle, SaFunction::add_inbound, id, inboundBundle);
}
DWORD WINAPI IPsecSaContextAddOutbound0(HANDLE engineHandle, UINT64 id, const IPSEC_SA_BUNDLE0* outboundBundle) {
  return add(engineHandle, SaFunction::add_outbound, id, outboundBundle);
}
DWORD WINAPI IPsecSaContextAddInbound1(HANDLE engineHandle, UINT64 id, const IPSEC_SA_BUNDLE1* inboundBundle) {
  return add(engineHandle, SaFunction::add_inbound, id, inboundBundle);
}
DWORD WINAPI IPsecSaContextAddOutbound1(HANDLE engineHandle, UINT64 id, const IPSEC_SA_BUNDLE1* outboundBundle) {
  return add(engineHandle, SaFunction::add_outbound, id, outboundBundle);
}
DWORD WINAPI IPsecSaContextExpire0(HANDLE engineHandle, UINT64 id) {
  return code(tell(engineHandle, of(SaFunction::context_expire), id));
}
DWORD WINAPI IPsecSaContextDeleteById0(HANDLE engineHandle, UINT64 id) {
  return code(tell(engineHandle, of(SaFunction::context_delete), id));
}
DWORD WINAPI IPsecSaContextUpdate0(HANDLE engineHandle, UINT64 flags, const IPSEC_SA_CONTEXT1* newValues) {
  if (!newValues) return FWP_E_NULL_POINTER;
  policy::call::SaUpdate update{newValues->saContextId, flags, {}};
  update.to.id = newValues->saContextId;
  auto inbound = take_details(newValues->inboundSa);
  if (!inbound) return code(inbound);
  auto outbound = take_details(newValues->outboundSa);
  if (!outbound) return code(outbound);
  update.to.inbound = std::move(*inbound);
  update.to.outbound = std::move(*outbound);
  return code(tell(engineHandle, of(SaFunction::update), std::move(update)));
}

DWORD WINAPI IPsecSaContextGetById0(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT0** saContext) {
  return get_by_id<policy::SaContext>(engineHandle, SaFunction::context_get, id, saContext);
}
DWORD WINAPI IPsecSaContextGetById1(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT1** saContext) {
  return get_by_id<policy::SaContext>(engineHandle, SaFunction::context_get, id, saContext);
}
DWORD WINAPI IPsecSaContextCreateEnumHandle0(HANDLE engineHandle, const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0* enumTemplate,
                                             HANDLE* enumHandle) {
  return create_sa_enumeration(engineHandle, SaFunction::enum_contexts, optional_template(enumTemplate, subnets),
                               enumHandle);
}
DWORD WINAPI IPsecSaContextEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT0*** entries, UINT32* numEntriesReturned) {
  return next_entries<policy::SaContext>(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI IPsecSaContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT1*** entries, UINT32* numEntriesReturned) {
  return next_entries<policy::SaContext>(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI IPsecSaContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI IPsecSaContextSubscribe0(HANDLE engineHandle, const IPSEC_SA_CONTEXT_SUBSCRIPTION0* subscription,
                                      IPSEC_SA_CONTEXT_CALLBACK0 callback, void* context, HANDLE* eventsHandle) {
  if (!subscription || !callback) return FWP_E_NULL_POINTER;
  if (subscription->flags != 0) return FWP_E_INVALID_FLAGS;
  auto wanted =
      optional_template(static_cast<const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0*>(subscription->enumTemplate), subnets);
  if (!wanted) return code(wanted);
  policy::call::Subscribe ask_for{policy::call::kSubscribeSas, 0, {}, {}, policy::call::write(std::move(*wanted))};
  const auto tell_change = [callback, context](const policy::call::Notice& notice) {
    const IPSEC_SA_CONTEXT_CHANGE0 change{static_cast<IPSEC_SA_CONTEXT_EVENT_TYPE0>(notice.change), notice.id};
    callback(context, &change);
  };
  return subscribe(engineHandle, std::move(ask_for), tell_change, eventsHandle);
}
DWORD WINAPI IPsecSaContextUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle) {
  return unsubscribe(engineHandle, eventsHandle);
}
DWORD WINAPI IPsecSaContextSubscriptionsGet0(HANDLE engineHandle, IPSEC_SA_CONTEXT_SUBSCRIPTION0*** entries,
                                             UINT32* numEntries) {
  if (!entries || !numEntries) return FWP_E_NULL_POINTER;
  *entries = nullptr;
  *numEntries = 0;
  const auto all =
      ask<std::vector<policy::call::Subscribe>>(engineHandle, Function::subscriptions, policy::call::kSubscribeSas);
  if (!all) return code(all);
  Arena arena;
  auto** const list = arena.make<IPSEC_SA_CONTEXT_SUBSCRIPTION0*>(all->size());
  for (size_t i = 0; i < all->size(); ++i) {
    list[i] = arena.make<IPSEC_SA_CONTEXT_SUBSCRIPTION0>();
    const auto wanted = policy::call::read<std::optional<policy::SubNets>>((*all)[i].detail);
    if (!wanted || !*wanted) continue;
    list[i]->enumTemplate = arena.make<IPSEC_SA_CONTEXT_ENUM_TEMPLATE0>();
    list[i]->enumTemplate->localSubNet = give(arena, (*wanted)->local);
    list[i]->enumTemplate->remoteSubNet = give(arena, (*wanted)->remote);
  }
  arena.release();
  *entries = list;
  *numEntries = static_cast<UINT32>(all->size());
  return ERROR_SUCCESS;
}

DWORD WINAPI IPsecSaCreateEnumHandle0(HANDLE engineHandle, const IPSEC_SA_ENUM_TEMPLATE0* enumTemplate,
                                      HANDLE* enumHandle) {
  return create_sa_enumeration(engineHandle, SaFunction::enum_sas, optional_template(enumTemplate, direction),
                               enumHandle);
}
DWORD WINAPI IPsecSaEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                          IPSEC_SA_DETAILS0*** entries, UINT32* numEntriesReturned) {
  return next_entries<policy::SaDetails>(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI IPsecSaEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                          IPSEC_SA_DETAILS1*** entries, UINT32* numEntriesReturned) {
  return next_entries<policy::SaDetails>(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI IPsecSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI IPsecSaDbGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                       PSID* sidGroup, PACL* dacl, PACL* sacl,
                                       PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_database(Database::ipsec_sas), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI IPsecSaDbSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                       const SID* sidGroup, const ACL* dacl, const ACL* sacl) {
  return set_security(engineHandle, protected_database(Database::ipsec_sas), securityInfo, sidOwner, sidGroup, dacl,
                      sacl);
}

}  // extern "C"
