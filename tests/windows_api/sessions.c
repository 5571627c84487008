// Sessions and transactions, notices, protection, and what is not served.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

// ---- sessions ----

static void* commit_soon(void* engine) {
  usleep(300 * 1000);
  WORKS(FwpmTransactionCommit0((HANDLE)engine));
  return NULL;
}

static HANDLE open_waiting(UINT32 milliseconds) {
  FWPM_SESSION0 session;
  HANDLE out = NULL;
  memset(&session, 0, sizeof session);
  session.displayData.name = (PWSTR)L"waits";
  session.txnWaitTimeoutInMSec = milliseconds;
  WORKS(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &out));
  return out;
}

static void check_transactions(HANDLE engine) {
  const GUID key = guid_of(400), other_key = guid_of(401);
  FWPM_FILTER0 filter = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  FWPM_FILTER0 other_filter = filter_at(&other_key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  FWPM_FILTER0* found = NULL;
  FWP_VALUE0 value;
  HANDLE other = open_waiting(100), patient = open_waiting(10000);
  pthread_t thread;
  memset(&value, 0, sizeof value);
  value.type = FWP_UINT32;

  EXPECT(FWP_E_NO_TXN_IN_PROGRESS, FwpmTransactionCommit0(engine));
  EXPECT(FWP_E_NO_TXN_IN_PROGRESS, FwpmTransactionAbort0(engine));
  EXPECT(FWP_E_INVALID_FLAGS, FwpmTransactionBegin0(engine, 0x10));
  WORKS(FwpmTransactionBegin0(engine, FWPM_TXN_READ_ONLY));
  EXPECT(FWP_E_INCOMPATIBLE_TXN, FwpmFilterAdd0(engine, &filter, NULL, NULL));
  EXPECT(FWP_E_TXN_IN_PROGRESS, FwpmTransactionBegin0(engine, 0));
  EXPECT(FWP_E_TXN_IN_PROGRESS, FwpmEngineSetOption0(engine, FWPM_ENGINE_NAME_CACHE, &value));
  WORKS(FwpmTransactionAbort0(engine));

  // Nobody else sees what is not committed, and nobody else writes meanwhile.
  WORKS(FwpmTransactionBegin0(engine, 0));
  WORKS(FwpmFilterAdd0(engine, &filter, NULL, NULL));
  WORKS(FwpmFilterGetByKey0(engine, &key, &found));
  FwpmFreeMemory0((void**)&found);
  EXPECT(FWP_E_FILTER_NOT_FOUND, FwpmFilterGetByKey0(other, &key, &found));
  EXPECT(FWP_E_TIMEOUT, FwpmTransactionBegin0(other, 0));
  EXPECT(FWP_E_TIMEOUT, FwpmFilterAdd0(other, &other_filter, NULL, NULL));
  // One call of its own waits until the writer is done.
  CHECK(pthread_create(&thread, NULL, commit_soon, engine) == 0);
  WORKS(FwpmFilterAdd0(patient, &other_filter, NULL, NULL));
  pthread_join(thread, NULL);
  WORKS(FwpmFilterGetByKey0(other, &key, &found));
  FwpmFreeMemory0((void**)&found);
  WORKS(FwpmFilterDeleteByKey0(other, &other_key));
  // A transaction that is waited for, too.
  WORKS(FwpmTransactionBegin0(engine, 0));
  WORKS(FwpmFilterDeleteByKey0(engine, &key));
  CHECK(pthread_create(&thread, NULL, commit_soon, engine) == 0);
  WORKS(FwpmTransactionBegin0(patient, 0));
  pthread_join(thread, NULL);
  EXPECT(FWP_E_FILTER_NOT_FOUND, FwpmFilterGetByKey0(patient, &key, &found));
  // Closing rolls back.
  WORKS(FwpmFilterAdd0(patient, &filter, NULL, NULL));
  WORKS(FwpmEngineClose0(patient));
  EXPECT(FWP_E_FILTER_NOT_FOUND, FwpmFilterGetByKey0(other, &key, &found));
  WORKS(FwpmEngineClose0(other));
}

static void check_dynamic(HANDLE engine) {
  const GUID key = guid_of(410), static_key = guid_of(411);
  FWPM_FILTER0 filter = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  FWPM_FILTER0 lasting = filter_at(&static_key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  FWPM_FILTER0* found = NULL;
  FWP_VALUE0 value;
  HANDLE dynamic = open_engine(FWPM_SESSION_FLAG_DYNAMIC);
  memset(&value, 0, sizeof value);
  value.type = FWP_UINT32;
  WORKS(FwpmFilterAdd0(dynamic, &filter, NULL, NULL));
  WORKS(FwpmFilterAdd0(engine, &lasting, NULL, NULL));
  EXPECT(FWP_E_WRONG_SESSION, FwpmFilterDeleteByKey0(engine, &key));
  EXPECT(FWP_E_DYNAMIC_SESSION_IN_PROGRESS, FwpmFilterDeleteByKey0(dynamic, &static_key));
  EXPECT(FWP_E_DYNAMIC_SESSION_IN_PROGRESS, FwpmEngineSetOption0(dynamic, FWPM_ENGINE_NAME_CACHE, &value));
  WORKS(FwpmEngineClose0(dynamic));
  EXPECT(FWP_E_FILTER_NOT_FOUND, FwpmFilterGetByKey0(engine, &key, &found));
  WORKS(FwpmFilterDeleteByKey0(engine, &static_key));
}

static void check_listing(HANDLE engine) {
  FWPM_SESSION0 session, **all = NULL;
  HANDLE one = NULL, twin = NULL, enumeration = NULL;
  UINT32 count = 0, i, seen = 0;
  memset(&session, 0, sizeof session);
  session.sessionKey = guid_of(420);
  session.displayData.name = (PWSTR)L"a session with a key";
  session.txnWaitTimeoutInMSec = 1234;
  WORKS(FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, &session, &one));
  EXPECT(FWP_E_ALREADY_EXISTS, FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, &session, &twin));
  session.sessionKey = guid_of(421);
  session.flags = 0x40;
  EXPECT(FWP_E_INVALID_FLAGS, FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, &session, &twin));
  CHECK(twin == NULL);
  WORKS(FwpmSessionCreateEnumHandle0(engine, NULL, &enumeration));
  WORKS(FwpmSessionEnum0(engine, enumeration, 1000, &all, &count));
  WORKS(FwpmSessionDestroyEnumHandle0(engine, enumeration));
  for (i = 0; i < count; ++i) {
    const GUID key = guid_of(420);
    if (memcmp(&all[i]->sessionKey, &key, sizeof key) != 0) continue;
    ++seen;
    CHECK(all[i]->processId == (DWORD)getpid() && all[i]->txnWaitTimeoutInMSec == 1234 && !all[i]->kernelMode);
    CHECK(all[i]->sid && all[i]->sid->SubAuthorityCount == 2 && all[i]->sid->SubAuthority[1] == getuid());
    CHECK(all[i]->username && wcslen(all[i]->username) > 0);
    CHECK(wcscmp(all[i]->displayData.name, L"a session with a key") == 0);
  }
  CHECK(seen == 1);
  FwpmFreeMemory0((void**)&all);
  WORKS(FwpmEngineClose0(one));
}

// A child of this process has none of its sessions, and does not disturb them.
static void check_fork(HANDLE engine) {
  int status = 1;
  const pid_t child = fork();
  if (child == 0) {
    const int right = FwpmTransactionBegin0(engine, 0) == FWP_E_SESSION_ABORTED &&
                      FwpmEngineClose0(engine) == ERROR_SUCCESS;
    _exit(right ? 0 : 1);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
  WORKS(FwpmTransactionBegin0(engine, FWPM_TXN_READ_ONLY));
  WORKS(FwpmTransactionAbort0(engine));
}

void run_sessions(HANDLE engine) {
  check_fork(engine);
  check_transactions(engine);
  check_dynamic(engine);
  check_listing(engine);
}

// ---- notices ----

struct heard {
  pthread_mutex_t mutex;
  pthread_cond_t more;
  UINT32 added, deleted;
  UINT64 last_id;
  GUID last_key;
};

static void CALLBACK hear(void* context, const FWPM_FILTER_CHANGE0* change) {
  struct heard* at = context;
  pthread_mutex_lock(&at->mutex);
  if (change->changeType == FWPM_CHANGE_ADD) ++at->added;
  if (change->changeType == FWPM_CHANGE_DELETE) ++at->deleted;
  at->last_id = change->filterId;
  at->last_key = change->filterKey;
  pthread_cond_broadcast(&at->more);
  pthread_mutex_unlock(&at->mutex);
}

static void hear_until(struct heard* at, UINT32 added, UINT32 deleted) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 20;
  pthread_mutex_lock(&at->mutex);
  while (at->added < added || at->deleted < deleted)
    if (pthread_cond_timedwait(&at->more, &at->mutex, &end) != 0) break;
  CHECK(at->added == added && at->deleted == deleted);
  pthread_mutex_unlock(&at->mutex);
}

void run_notices(HANDLE engine) {
  struct heard heard = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, {0, 0, 0, {0}}};
  FWPM_FILTER_SUBSCRIPTION0 subscription, **all = NULL;
  FWPM_FILTER_ENUM_TEMPLATE0 wanted;
  const GUID key = guid_of(430), elsewhere = guid_of(431), own = guid_of(432);
  FWPM_FILTER0 filter = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  FWPM_FILTER0 unheard = filter_at(&elsewhere, &FWPM_LAYER_INBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  FWPM_FILTER0 own_filter = filter_at(&own, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  HANDLE changes = NULL, other = open_engine(0);
  UINT64 id = 0;
  UINT32 count = 0;
  memset(&subscription, 0, sizeof subscription);
  memset(&wanted, 0, sizeof wanted);
  wanted.layerKey = FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
  wanted.enumType = FWP_FILTER_ENUM_OVERLAPPING;
  wanted.actionMask = 0xffffffffu;
  subscription.enumTemplate = &wanted;
  subscription.flags = FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_ADD | FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_DELETE;
  EXPECT(FWP_E_NULL_POINTER, FwpmFilterSubscribeChanges0(engine, &subscription, NULL, &heard, &changes));
  WORKS(FwpmFilterSubscribeChanges0(engine, &subscription, hear, &heard, &changes));
  WORKS(FwpmFilterSubscriptionsGet0(engine, &all, &count));
  CHECK(count == 1);
  if (count == 1) {
    CHECK(all[0]->flags == subscription.flags);
    CHECK(all[0]->enumTemplate && all[0]->enumTemplate->enumType == FWP_FILTER_ENUM_OVERLAPPING);
    CHECK(memcmp(&all[0]->enumTemplate->layerKey, &wanted.layerKey, sizeof(GUID)) == 0);
  }
  FwpmFreeMemory0((void**)&all);
  // One's own changes are not told; others' are, of what was asked for.
  WORKS(FwpmFilterAdd0(engine, &own_filter, NULL, NULL));
  WORKS(FwpmFilterAdd0(other, &unheard, NULL, NULL));
  WORKS(FwpmFilterAdd0(other, &filter, NULL, &id));
  hear_until(&heard, 1, 0);
  CHECK(heard.last_id == id && memcmp(&heard.last_key, &key, sizeof key) == 0);
  WORKS(FwpmFilterDeleteByKey0(other, &key));
  hear_until(&heard, 1, 1);
  // The subscribing handle goes on working meanwhile, and hears nothing after it has unsubscribed.
  WORKS(FwpmFilterDeleteByKey0(engine, &own));
  WORKS(FwpmFilterUnsubscribeChanges0(engine, changes));
  WORKS(FwpmFilterAdd0(other, &filter, NULL, NULL));
  WORKS(FwpmFilterDeleteByKey0(other, &key));
  CHECK(heard.added == 1 && heard.deleted == 1);
  EXPECT(FWP_E_NOT_FOUND, FwpmFilterUnsubscribeChanges0(engine, changes));
  // A handle that is closed while it is subscribed.
  WORKS(FwpmFilterSubscribeChanges0(other, &subscription, hear, &heard, &changes));
  WORKS(FwpmFilterDeleteByKey0(other, &elsewhere));
  WORKS(FwpmEngineClose0(other));
}

// ---- protection ----

void run_security(HANDLE engine) {
  const GUID key = guid_of(440);
  FWPM_FILTER0 filter = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  PSECURITY_DESCRIPTOR sd = NULL;
  PSID owner = NULL, group = NULL;
  PACL dacl = NULL, sacl = NULL;
  BYTE room[64];
  ACL* acl = (ACL*)room;
  ACCESS_ALLOWED_ACE* ace = (ACCESS_ALLOWED_ACE*)(acl + 1);
  SID* sid = (SID*)&ace->SidStart;
  const DWORD parts = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;

  WORKS(FwpmEngineGetSecurityInfo0(engine, parts, &owner, &group, &dacl, &sacl, &sd));
  CHECK(owner && group && dacl && !sacl && sd);
  if (owner) CHECK(((SID*)owner)->Revision == SID_REVISION);
  if (dacl) CHECK(dacl->AceCount == 4);
  FwpmFreeMemory0(&sd);
  EXPECT(ERROR_NOT_SUPPORTED,
         FwpmEngineGetSecurityInfo0(engine, SACL_SECURITY_INFORMATION, NULL, NULL, NULL, &sacl, &sd));
  EXPECT(FWP_E_FILTER_NOT_FOUND,
         FwpmFilterGetSecurityInfoByKey0(engine, &key, parts, &owner, &group, &dacl, &sacl, &sd));

  // One filter that administrators may read and delete, and nobody may do more with.
  memset(room, 0, sizeof room);
  acl->AclRevision = ACL_REVISION;
  acl->AceCount = 1;
  ace->Header.AceType = ACCESS_ALLOWED_ACE_TYPE;
  ace->Mask = FWPM_ACTRL_READ | DELETE | READ_CONTROL;
  sid->Revision = SID_REVISION;
  sid->SubAuthorityCount = 2;
  sid->IdentifierAuthority.Value[5] = 5;
  ((DWORD*)sid->SubAuthority)[0] = 32;
  ((DWORD*)sid->SubAuthority)[1] = 544;
  ace->Header.AceSize = (WORD)(sizeof(ACE_HEADER) + sizeof(ACCESS_MASK) + 16);
  acl->AclSize = (WORD)(sizeof(ACL) + ace->Header.AceSize);
  WORKS(FwpmFilterAdd0(engine, &filter, NULL, NULL));
  WORKS(FwpmFilterSetSecurityInfoByKey0(engine, &key, DACL_SECURITY_INFORMATION, NULL, NULL, acl, NULL));
  WORKS(FwpmFilterGetSecurityInfoByKey0(engine, &key, DACL_SECURITY_INFORMATION, &owner, &group, &dacl, &sacl, &sd));
  CHECK(dacl && dacl->AceCount == 1 && !owner && !group);
  if (dacl) CHECK(memcmp(dacl, acl, acl->AclSize) == 0);
  FwpmFreeMemory0(&sd);
  EXPECT(ERROR_ACCESS_DENIED,
         FwpmFilterSetSecurityInfoByKey0(engine, &key, DACL_SECURITY_INFORMATION, NULL, NULL, acl, NULL));
  EXPECT(FWP_E_BUILTIN_OBJECT, FwpmSubLayerSetSecurityInfoByKey0(engine, &FWPM_SUBLAYER_UNIVERSAL,
                                                                 DACL_SECURITY_INFORMATION, NULL, NULL, acl, NULL));
  WORKS(FwpmTransactionBegin0(engine, 0));
  EXPECT(FWP_E_TXN_IN_PROGRESS,
         FwpmFilterSetSecurityInfoByKey0(engine, NULL, DACL_SECURITY_INFORMATION, NULL, NULL, acl, NULL));
  WORKS(FwpmTransactionAbort0(engine));
  WORKS(FwpmFilterDeleteByKey0(engine, &key));

  // An absolute descriptor with an object that is added.
  {
    SECURITY_DESCRIPTOR absolute;
    memset(&absolute, 0, sizeof absolute);
    absolute.Revision = SECURITY_DESCRIPTOR_REVISION;
    absolute.Control = SE_DACL_PRESENT;
    absolute.Dacl = acl;
    WORKS(FwpmFilterAdd0(engine, &filter, &absolute, NULL));
    WORKS(FwpmFilterGetSecurityInfoByKey0(engine, &key, DACL_SECURITY_INFORMATION, NULL, NULL, &dacl, NULL, &sd));
    if (dacl) CHECK(memcmp(dacl, acl, acl->AclSize) == 0);
    FwpmFreeMemory0(&sd);
    WORKS(FwpmFilterDeleteByKey0(engine, &key));
    absolute.Revision = 9;
    EXPECT(ERROR_INVALID_SECURITY_DESCR, FwpmFilterAdd0(engine, &filter, &absolute, NULL));
  }
}
