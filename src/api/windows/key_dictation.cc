// Key managers: what the daemon keeps of them. They are told keys where policy lets them, by their keyNotify; IKEv2 has
// no way to carry a dictated key, so the other two callbacks are never called.
#include "api/windows/sa_functions.h"

namespace {

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::Database;
using policy::KeyDictator;

}  // namespace

extern "C" {

DWORD WINAPI IPsecKeyManagerAddAndRegister0(HANDLE engineHandle, const IPSEC_KEY_MANAGER0* keyManager,
                                            const IPSEC_KEY_MANAGER_CALLBACKS0* keyManagerCallbacks,
                                            HANDLE* keyMgmtHandle) {
  if (!keyManager || !keyManagerCallbacks || !keyMgmtHandle) return FWP_E_NULL_POINTER;
  *keyMgmtHandle = nullptr;
  const bool dictates = keyManager->flags & IPSEC_KEY_MANAGER_FLAG_DICTATE_KEY;
  if (!keyManagerCallbacks->keyNotify) return FWP_E_NULL_POINTER;
  if (dictates && (!keyManagerCallbacks->keyDictationCheck || !keyManagerCallbacks->keyDictation))
    return FWP_E_NULL_POINTER;
  KeyDictator who;
  who.key = take(keyManager->keyManagerKey);
  auto display = take(keyManager->displayData);
  if (!display) return code(display);
  who.display = std::move(*display);
  who.flags = keyManager->flags;
  who.dictation_timeout_hint = keyManager->keyDictationTimeoutHint;
  const auto notify = keyManagerCallbacks->keyNotify;
  const auto on_keys = [notify](sallyport::ByteView octets) {
    const auto notice = policy::call::read<policy::KeysNotice>(octets);
    if (!notice) return;
    Arena arena;
    auto* const both = arena.make<IPSEC_SA_DETAILS1>(2);
    give(arena, notice->inbound, both[0]);
    give(arena, notice->outbound, both[1]);
    notify(&both[0], &both[1]);
  };
  return subscribe(engineHandle, of(SaFunction::dictator_add), policy::call::write(std::move(who)), on_keys,
                   keyMgmtHandle);
}
DWORD WINAPI IPsecKeyManagerUnregisterAndDelete0(HANDLE engineHandle, HANDLE keyMgmtHandle) {
  return unsubscribe(engineHandle, keyMgmtHandle);
}
DWORD WINAPI IPsecKeyManagersGet0(HANDLE engineHandle, IPSEC_KEY_MANAGER0*** entries, UINT32* numEntries) {
  if (!entries || !numEntries) return FWP_E_NULL_POINTER;
  *entries = nullptr;
  *numEntries = 0;
  const auto all = ask<std::vector<KeyDictator>>(engineHandle, of(SaFunction::dictators), uint8_t{0});
  if (!all) return code(all);
  Arena arena;
  auto** const list = arena.make<IPSEC_KEY_MANAGER0*>(all->size());
  for (size_t i = 0; i < all->size(); ++i) {
    const KeyDictator& from = (*all)[i];
    list[i] = arena.make<IPSEC_KEY_MANAGER0>();
    list[i]->keyManagerKey = give(from.key);
    list[i]->displayData = give(arena, from.display);
    list[i]->flags = from.flags;
    list[i]->keyDictationTimeoutHint = from.dictation_timeout_hint;
  }
  arena.release();
  *entries = list;
  *numEntries = static_cast<UINT32>(all->size());
  return ERROR_SUCCESS;
}
DWORD WINAPI IPsecKeyManagerGetSecurityInfoByKey0(HANDLE engineHandle, const void*, SECURITY_INFORMATION securityInfo,
                                                  PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                                  PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_database(Database::dictators), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI IPsecKeyManagerSetSecurityInfoByKey0(HANDLE engineHandle, const void*, SECURITY_INFORMATION securityInfo,
                                                  const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                                  const ACL* sacl) {
  return set_security(engineHandle, protected_database(Database::dictators), securityInfo, sidOwner, sidGroup, dacl,
                      sacl);
}

}  // extern "C"
