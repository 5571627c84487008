// FwpmConnection…: the IPsec connections of this host, seen and watched.
#include "api/windows/sa_functions.h"

namespace {

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::ConnectionTemplate;

constexpr policy::call::Protected kConnections = {
    policy::call::kProtectDatabase + static_cast<uint32_t>(policy::Database::connections), {}};

ConnectionTemplate taken(const FWPM_CONNECTION_ENUM_TEMPLATE0* from) {
  return from ? ConnectionTemplate{from->connectionId, from->flags} : ConnectionTemplate{};
}

}  // namespace

extern "C" {

DWORD WINAPI FwpmConnectionGetById0(HANDLE engineHandle, UINT64 id, FWPM_CONNECTION0** connection) {
  return get_by_id<policy::IpsecConnection>(engineHandle, SaFunction::connection_get, id, connection);
}
DWORD WINAPI FwpmConnectionCreateEnumHandle0(HANDLE engineHandle, const FWPM_CONNECTION_ENUM_TEMPLATE0* enumTemplate,
                                             HANDLE* enumHandle) {
  if (!enumHandle) return FWP_E_NULL_POINTER;
  *enumHandle = nullptr;
  const auto handle = ask<uint64_t>(engineHandle, of(SaFunction::enum_connections), taken(enumTemplate));
  if (handle) *enumHandle = reinterpret_cast<HANDLE>(static_cast<uintptr_t>(*handle));
  return code(handle);
}
DWORD WINAPI FwpmConnectionEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 FWPM_CONNECTION0*** entries, UINT32* numEntriesReturned) {
  return next_entries<policy::IpsecConnection>(engineHandle, enumHandle, numEntriesRequested, entries,
                                               numEntriesReturned);
}
DWORD WINAPI FwpmConnectionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI FwpmConnectionGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                            PSID* sidGroup, PACL* dacl, PACL* sacl,
                                            PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, kConnections, securityInfo, {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmConnectionSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                            const SID* sidGroup, const ACL* dacl, const ACL* sacl) {
  return set_security(engineHandle, kConnections, securityInfo, sidOwner, sidGroup, dacl, sacl);
}

DWORD WINAPI FwpmConnectionSubscribe0(HANDLE engineHandle, const FWPM_CONNECTION_SUBSCRIPTION0* subscription,
                                      FWPM_CONNECTION_CALLBACK0 callback, void* context, HANDLE* eventsHandle) {
  if (!subscription || !callback) return FWP_E_NULL_POINTER;
  if (subscription->flags != 0) return FWP_E_INVALID_FLAGS;
  policy::call::Subscribe wanted{policy::call::kSubscribeConnections, 0, {}, {}};
  wanted.detail = policy::call::write(taken(subscription->enumTemplate));
  const auto on_event = [callback, context](sallyport::ByteView octets) {
    const auto notice = policy::call::read<policy::ConnectionNotice>(octets);
    if (!notice) return;
    Arena arena;
    auto* const connection = arena.make<FWPM_CONNECTION0>();
    give(arena, notice->connection, *connection);
    callback(context, notice->gone ? FWPM_CONNECTION_EVENT_DELETE : FWPM_CONNECTION_EVENT_ADD, connection);
  };
  return subscribe(engineHandle, Function::subscribe, policy::call::write(std::move(wanted)), on_event, eventsHandle);
}
DWORD WINAPI FwpmConnectionUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle) {
  return unsubscribe(engineHandle, eventsHandle);
}
DWORD WINAPI FwpmConnectionSubscriptionsGet0(HANDLE engineHandle, FWPM_CONNECTION_SUBSCRIPTION0*** entries,
                                             UINT32* numEntries) {
  if (!entries || !numEntries) return FWP_E_NULL_POINTER;
  *entries = nullptr;
  *numEntries = 0;
  const auto all = ask<std::vector<policy::call::Subscribe>>(engineHandle, Function::subscriptions,
                                                             policy::call::kSubscribeConnections);
  if (!all) return code(all);
  Arena arena;
  auto** const list = arena.make<FWPM_CONNECTION_SUBSCRIPTION0*>(all->size());
  for (size_t i = 0; i < all->size(); ++i) {
    const auto wanted = policy::call::read<ConnectionTemplate>((*all)[i].detail);
    list[i] = arena.make<FWPM_CONNECTION_SUBSCRIPTION0>();
    list[i]->enumTemplate = arena.make<FWPM_CONNECTION_ENUM_TEMPLATE0>();
    if (wanted) *list[i]->enumTemplate = {wanted->id, wanted->flags};
  }
  arena.release();
  *entries = list;
  *numEntries = static_cast<UINT32>(all->size());
  return ERROR_SUCCESS;
}

}  // extern "C"
