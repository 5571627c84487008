// Net events: the functions of their group.
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"
#include "api/windows/net_events.h"
#include "policy/net_event_call.h"

namespace sallyport::api::windows {
namespace {

constexpr policy::call::Protected kEvents{policy::call::kProtectNetEvents, {}};

Outcome<policy::NetEventTemplate> taken(const FWPM_NET_EVENT_ENUM_TEMPLATE0* from) {
  if (!from) return policy::NetEventTemplate{};
  return take(*from);
}

template <class C>
DWORD next_events(HANDLE engine, HANDLE enumeration, UINT32 requested, C*** entries, UINT32* returned) {
  return next_entries<policy::NetEvent>(engine, enumeration, requested, entries, returned);
}

// Event is what the version of the callback gets. It is gone when the callback has returned.
template <class Event, class Callback>
DWORD watch(HANDLE engine, const FWPM_NET_EVENT_SUBSCRIPTION0* subscription, Callback callback, void* context,
            HANDLE* out) {
  if (!subscription || !callback) return FWP_E_NULL_POINTER;
  if (subscription->flags != 0) return FWP_E_INVALID_FLAGS;
  auto wanted = taken(subscription->enumTemplate);
  if (!wanted) return code(wanted);
  const auto on_event = [callback, context](ByteView octets) {
    const auto event = policy::call::read<policy::NetEvent>(octets);
    if (!event) return;
    Arena arena;
    Event* const given = arena.make<Event>();
    give(arena, *event, *given);
    callback(context, given);
  };
  return subscribe(engine, Function::subscribe_events, policy::call::write(std::move(*wanted)), on_event, out);
}

}  // namespace
}  // namespace sallyport::api::windows

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::call::Function;

extern "C" {

DWORD WINAPI FwpmNetEventCreateEnumHandle0(HANDLE engineHandle, const FWPM_NET_EVENT_ENUM_TEMPLATE0* enumTemplate,
                                           HANDLE* enumHandle) {
  if (!enumHandle) return FWP_E_NULL_POINTER;
  *enumHandle = nullptr;
  auto wanted = taken(enumTemplate);
  if (!wanted) return code(wanted);
  const auto handle = ask<uint64_t>(engineHandle, Function::enumerate_events, std::move(*wanted));
  if (handle) *enumHandle = reinterpret_cast<HANDLE>(static_cast<uintptr_t>(*handle));
  return code(handle);
}
DWORD WINAPI FwpmNetEventEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT0*** entries, UINT32* numEntriesReturned) {
  return next_events(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI FwpmNetEventEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT1*** entries, UINT32* numEntriesReturned) {
  return next_events(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI FwpmNetEventEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT2*** entries, UINT32* numEntriesReturned) {
  return next_events(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI FwpmNetEventEnum3(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT3*** entries, UINT32* numEntriesReturned) {
  return next_events(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI FwpmNetEventDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI FwpmNetEventsGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                           PSID* sidGroup, PACL* dacl, PACL* sacl,
                                           PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, kEvents, securityInfo, {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmNetEventsSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                           const SID* sidGroup, const ACL* dacl, const ACL* sacl) {
  return set_security(engineHandle, kEvents, securityInfo, sidOwner, sidGroup, dacl, sacl);
}

DWORD WINAPI FwpmNetEventSubscribe0(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0* subscription,
                                    FWPM_NET_EVENT_CALLBACK0 callback, void* context, HANDLE* eventsHandle) {
  return watch<FWPM_NET_EVENT1>(engineHandle, subscription, callback, context, eventsHandle);
}
DWORD WINAPI FwpmNetEventSubscribe1(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0* subscription,
                                    FWPM_NET_EVENT_CALLBACK1 callback, void* context, HANDLE* eventsHandle) {
  return watch<FWPM_NET_EVENT2>(engineHandle, subscription, callback, context, eventsHandle);
}
DWORD WINAPI FwpmNetEventSubscribe2(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0* subscription,
                                    FWPM_NET_EVENT_CALLBACK2 callback, void* context, HANDLE* eventsHandle) {
  return watch<FWPM_NET_EVENT3>(engineHandle, subscription, callback, context, eventsHandle);
}
DWORD WINAPI FwpmNetEventUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle) {
  return unsubscribe(engineHandle, eventsHandle);
}
DWORD WINAPI FwpmNetEventSubscriptionsGet0(HANDLE engineHandle, FWPM_NET_EVENT_SUBSCRIPTION0*** entries,
                                           UINT32* numEntries) {
  if (!entries || !numEntries) return FWP_E_NULL_POINTER;
  *entries = nullptr;
  *numEntries = 0;
  const auto all = ask<std::vector<policy::NetEventTemplate>>(engineHandle, Function::event_subscriptions, uint8_t{0});
  if (!all) return code(all);
  Arena arena;
  auto** const list = arena.make<FWPM_NET_EVENT_SUBSCRIPTION0*>(all->size());
  for (size_t i = 0; i < all->size(); ++i) {
    list[i] = arena.make<FWPM_NET_EVENT_SUBSCRIPTION0>();
    list[i]->enumTemplate = arena.make<FWPM_NET_EVENT_ENUM_TEMPLATE0>();
    give(arena, (*all)[i], *list[i]->enumTemplate);
  }
  arena.release();
  *entries = list;
  *numEntries = static_cast<UINT32>(all->size());
  return ERROR_SUCCESS;
}

}  // extern "C"
