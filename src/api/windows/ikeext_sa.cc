// IkeextSa…: IKE SAs, enumerated and deleted.
#include "api/windows/sa_functions.h"

namespace {

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::Database;

// What ties a socket's query to an SA is not asked about: every administrator may see every SA.
template <class C>
DWORD get(HANDLE engine, UINT64 id, C** sa) {
  return get_by_id<policy::IkeSaDetails>(engine, SaFunction::ike_get, id, sa);
}
template <class C>
DWORD next(HANDLE engine, HANDLE enumeration, UINT32 requested, C*** entries, UINT32* returned) {
  return next_entries<policy::IkeSaDetails>(engine, enumeration, requested, entries, returned);
}
Outcome<policy::IkeSaTemplate> wanted(const IKEEXT_SA_ENUM_TEMPLATE0& from) { return take(from); }

}  // namespace

extern "C" {

DWORD WINAPI IkeextSaDeleteById0(HANDLE engineHandle, UINT64 id) {
  return code(tell(engineHandle, of(SaFunction::ike_delete), id));
}
DWORD WINAPI IkeextSaGetById0(HANDLE engineHandle, UINT64 id, IKEEXT_SA_DETAILS0** sa) {
  return get(engineHandle, id, sa);
}
DWORD WINAPI IkeextSaGetById1(HANDLE engineHandle, UINT64 id, GUID*, IKEEXT_SA_DETAILS1** sa) {
  return get(engineHandle, id, sa);
}
DWORD WINAPI IkeextSaGetById2(HANDLE engineHandle, UINT64 id, GUID*, IKEEXT_SA_DETAILS2** sa) {
  return get(engineHandle, id, sa);
}
DWORD WINAPI IkeextSaCreateEnumHandle0(HANDLE engineHandle, const IKEEXT_SA_ENUM_TEMPLATE0* enumTemplate,
                                       HANDLE* enumHandle) {
  return create_sa_enumeration(engineHandle, SaFunction::enum_ike, optional_template(enumTemplate, wanted), enumHandle);
}
DWORD WINAPI IkeextSaEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS0*** entries, UINT32* numEntriesReturned) {
  return next(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI IkeextSaEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS1*** entries, UINT32* numEntriesReturned) {
  return next(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI IkeextSaEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS2*** entries, UINT32* numEntriesReturned) {
  return next(engineHandle, enumHandle, numEntriesRequested, entries, numEntriesReturned);
}
DWORD WINAPI IkeextSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}
DWORD WINAPI IkeextSaDbGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                        PSID* sidGroup, PACL* dacl, PACL* sacl,
                                        PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_database(Database::ike_sas), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI IkeextSaDbSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                        const SID* sidGroup, const ACL* dacl, const ACL* sacl) {
  return set_security(engineHandle, protected_database(Database::ike_sas), securityInfo, sidOwner, sidGroup, dacl,
                      sacl);
}

}  // extern "C"
