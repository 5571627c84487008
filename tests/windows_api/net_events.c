// Net events: enumerated, chosen by templates, heard by subscribers, switched off. run.py makes a negotiation fail when
// it is told "ready", and says so by a line.
#include <pthread.h>
#include <unistd.h>

#include "expect.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int heard[3];

static void count(int version, FWPM_NET_EVENT_TYPE type, const FWPM_NET_EVENT_IKEEXT_MM_FAILURE1* failure) {
  pthread_mutex_lock(&lock);
  if (type == FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE && failure->saRole == IKEEXT_SA_ROLE_RESPONDER) ++heard[version];
  pthread_mutex_unlock(&lock);
}
static void CALLBACK on_event0(void* context, const FWPM_NET_EVENT1* event) {
  CHECK(context == &lock);
  count(0, event->type, event->ikeMmFailure);
}
static void CALLBACK on_event1(void* context, const FWPM_NET_EVENT2* event) {
  CHECK(context == &lock && event->header.addressFamily == FWP_AF_INET);
  count(1, event->type, event->ikeMmFailure);
}
static void CALLBACK on_event2(void* context, const FWPM_NET_EVENT3* event) {
  CHECK(context == &lock && event->header.enterpriseId == NULL);
  count(2, event->type, event->ikeMmFailure);
}
static int heard_by(int version) {
  int i, out = 0;
  for (i = 0; i < 100 && out == 0; ++i) {
    usleep(50 * 1000);
    pthread_mutex_lock(&lock);
    out = heard[version];
    pthread_mutex_unlock(&lock);
  }
  return out;
}

static FWPM_FILTER_CONDITION0 type_is(FWPM_NET_EVENT_TYPE type) {
  FWPM_FILTER_CONDITION0 out;
  memset(&out, 0, sizeof out);
  out.fieldKey = FWPM_CONDITION_NET_EVENT_TYPE;
  out.matchType = FWP_MATCH_EQUAL;
  out.conditionValue.type = FWP_UINT32;
  out.conditionValue.uint32 = type;
  return out;
}

static UINT32 count_events(HANDLE engine, const FWPM_NET_EVENT_ENUM_TEMPLATE0* wanted) {
  HANDLE enumeration = NULL;
  FWPM_NET_EVENT0** all = NULL;
  UINT32 count = 0;
  WORKS(FwpmNetEventCreateEnumHandle0(engine, wanted, &enumeration));
  WORKS(FwpmNetEventEnum0(engine, enumeration, 0xffffffffu, &all, &count));
  WORKS(FwpmNetEventDestroyEnumHandle0(engine, enumeration));
  FwpmFreeMemory0((void**)&all);
  return count;
}

static void check_versions(HANDLE engine) {
  HANDLE enumeration = NULL;
  FWPM_NET_EVENT0** zero = NULL;
  FWPM_NET_EVENT1** one = NULL;
  FWPM_NET_EVENT2** two = NULL;
  FWPM_NET_EVENT3** three = NULL;
  UINT32 count = 0;
#define FIRST(version, list)                                                        \
  WORKS(FwpmNetEventCreateEnumHandle0(engine, NULL, &enumeration));                 \
  WORKS(FwpmNetEventEnum##version(engine, enumeration, 1, &list, &count));          \
  WORKS(FwpmNetEventDestroyEnumHandle0(engine, enumeration));                       \
  CHECK(count == 1 && list[0]->type == FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE);      \
  if (count == 1) {                                                                 \
    CHECK(list[0]->ikeMmFailure->failureErrorCode == ERROR_IPSEC_IKE_POLICY_MATCH); \
    CHECK(list[0]->ikeMmFailure->failurePoint == IPSEC_FAILURE_ME);                 \
    CHECK(list[0]->ikeMmFailure->keyingModuleType == IKEEXT_KEY_MODULE_IKEV2);      \
    CHECK(list[0]->ikeMmFailure->saRole == IKEEXT_SA_ROLE_RESPONDER);               \
    CHECK(list[0]->header.flags& FWPM_NET_EVENT_FLAG_REMOTE_ADDR_SET);              \
    CHECK(list[0]->header.ipVersion == FWP_IP_VERSION_V4);                          \
    CHECK(list[0]->header.remoteAddrV4 == 0x7f000001u);                             \
    CHECK(list[0]->header.timeStamp.dwHighDateTime != 0);                           \
  }                                                                                 \
  FwpmFreeMemory0((void**)&list)
  FIRST(0, zero);
  FIRST(1, one);
  FIRST(2, two);
  FIRST(3, three);
}

static void check_templates(HANDLE engine) {
  FWPM_FILTER_CONDITION0 condition = type_is(FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE);
  FWPM_NET_EVENT_ENUM_TEMPLATE0 wanted;
  HANDLE handle = NULL;
  memset(&wanted, 0, sizeof wanted);
  wanted.numFilterConditions = 1;
  wanted.filterCondition = &condition;
  CHECK(count_events(engine, &wanted) >= 1);
  condition = type_is(FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP);
  CHECK(count_events(engine, &wanted) == 0);
  condition.fieldKey = FWPM_CONDITION_FLAGS;
  EXPECT(FWP_E_CONDITION_NOT_FOUND, FwpmNetEventCreateEnumHandle0(engine, &wanted, &handle));
  wanted.numFilterConditions = 0;
  wanted.startTime.dwHighDateTime = 2;
  wanted.endTime.dwHighDateTime = 1;
  EXPECT(FWP_E_INVALID_INTERVAL, FwpmNetEventCreateEnumHandle0(engine, &wanted, &handle));
  wanted.startTime.dwHighDateTime = 0;  // long before
  CHECK(count_events(engine, &wanted) == 0);
  EXPECT(FWP_E_NULL_POINTER, FwpmNetEventCreateEnumHandle0(engine, NULL, NULL));
  EXPECT(ERROR_INVALID_HANDLE, FwpmNetEventCreateEnumHandle0((HANDLE)5, NULL, &handle));
}

static void check_off(HANDLE engine) {
  HANDLE handle = NULL;
  FWPM_NET_EVENT_SUBSCRIPTION0 subscription;
  FWP_VALUE0 value;
  memset(&subscription, 0, sizeof subscription);
  memset(&value, 0, sizeof value);
  value.type = FWP_UINT32;
  WORKS(FwpmEngineSetOption0(engine, FWPM_ENGINE_COLLECT_NET_EVENTS, &value));
  EXPECT(FWP_E_NET_EVENTS_DISABLED, FwpmNetEventCreateEnumHandle0(engine, NULL, &handle));
  EXPECT(FWP_E_NET_EVENTS_DISABLED, FwpmNetEventSubscribe0(engine, &subscription, on_event0, NULL, &handle));
  value.uint32 = 1;
  WORKS(FwpmEngineSetOption0(engine, FWPM_ENGINE_COLLECT_NET_EVENTS, &value));
  CHECK(count_events(engine, NULL) == 0);
}

void run_net_events(HANDLE engine) {
  FWPM_FILTER_CONDITION0 condition = type_is(FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE);
  FWPM_NET_EVENT_ENUM_TEMPLATE0 wanted;
  FWPM_NET_EVENT_SUBSCRIPTION0 subscription;
  FWPM_NET_EVENT_SUBSCRIPTION0** all = NULL;
  PSECURITY_DESCRIPTOR descriptor = NULL;
  PSID owner = NULL;
  HANDLE handles[3] = {NULL, NULL, NULL};
  UINT32 count = 0;
  int version;
  memset(&wanted, 0, sizeof wanted);
  memset(&subscription, 0, sizeof subscription);
  wanted.numFilterConditions = 1;
  wanted.filterCondition = &condition;
  subscription.enumTemplate = &wanted;
  EXPECT(FWP_E_NULL_POINTER, FwpmNetEventSubscribe0(engine, NULL, on_event0, &lock, &handles[0]));
  EXPECT(FWP_E_NULL_POINTER, FwpmNetEventSubscribe0(engine, &subscription, NULL, &lock, &handles[0]));
  WORKS(FwpmNetEventSubscribe0(engine, &subscription, on_event0, &lock, &handles[0]));
  WORKS(FwpmNetEventSubscribe1(engine, &subscription, on_event1, &lock, &handles[1]));
  WORKS(FwpmNetEventSubscribe2(engine, &subscription, on_event2, &lock, &handles[2]));
  WORKS(FwpmNetEventSubscriptionsGet0(engine, &all, &count));
  CHECK(count == 3 && all[0]->enumTemplate->numFilterConditions == 1);
  FwpmFreeMemory0((void**)&all);
  puts("ready");
  fflush(stdout);
  (void)getchar();  // a negotiation fails meanwhile
  for (version = 0; version < 3; ++version) CHECK(heard_by(version) >= 1);
  for (version = 0; version < 3; ++version) WORKS(FwpmNetEventUnsubscribe0(engine, handles[version]));
  EXPECT(FWP_E_NOT_FOUND, FwpmNetEventUnsubscribe0(engine, handles[0]));
  check_versions(engine);
  check_templates(engine);
  WORKS(FwpmNetEventsGetSecurityInfo0(engine, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &descriptor));
  FwpmFreeMemory0((void**)&descriptor);
  EXPECT(ERROR_NOT_SUPPORTED, FwpmNetEventsSetSecurityInfo0(engine, SACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL));
  check_off(engine);
}
