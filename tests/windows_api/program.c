// A program written against the documented interface only: what a Windows programmer would compile here. The first word
// says what it does; run.py starts the daemon beside it.
#include <unistd.h>

#include "expect.h"

int failures = 0;

GUID guid_of(UINT32 number) {
  GUID out = {0x5a11f000u, 0x1234, 0x4321, {1, 2, 3, 4, 0, 0, 0, 0}};
  memcpy(out.Data4 + 4, &number, sizeof number);
  return out;
}

HANDLE open_engine(UINT32 flags) {
  FWPM_SESSION0 session;
  HANDLE engine = NULL;
  memset(&session, 0, sizeof session);
  session.displayData.name = (PWSTR)L"test program";
  session.flags = flags;
  WORKS(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &engine));
  if (!engine) exit(1);
  return engine;
}

FWPM_FILTER0** all_filters(HANDLE engine, const FWPM_FILTER_ENUM_TEMPLATE0* wanted, UINT32* count) {
  HANDLE enumeration = NULL;
  FWPM_FILTER0** out = NULL;
  *count = 0;
  WORKS(FwpmFilterCreateEnumHandle0(engine, wanted, &enumeration));
  WORKS(FwpmFilterEnum0(engine, enumeration, 0xffffffffu, &out, count));
  WORKS(FwpmFilterDestroyEnumHandle0(engine, enumeration));
  return out;
}

UINT32 count_filters(HANDLE engine) {
  UINT32 count = 0;
  FWPM_FILTER0** all = all_filters(engine, NULL, &count);
  FwpmFreeMemory0((void**)&all);
  CHECK(all == NULL);
  return count;
}

UINT32 count_contexts(HANDLE engine) {
  HANDLE enumeration = NULL;
  FWPM_PROVIDER_CONTEXT3** all = NULL;
  UINT32 count = 0;
  WORKS(FwpmProviderContextCreateEnumHandle0(engine, NULL, &enumeration));
  WORKS(FwpmProviderContextEnum3(engine, enumeration, 0xffffffffu, &all, &count));
  WORKS(FwpmProviderContextDestroyEnumHandle0(engine, enumeration));
  FwpmFreeMemory0((void**)&all);
  return count;
}

FWPM_FILTER_CONDITION0 unicast_here(void) {
  FWPM_FILTER_CONDITION0 out;
  memset(&out, 0, sizeof out);
  out.fieldKey = FWPM_CONDITION_IP_LOCAL_ADDRESS_TYPE;
  out.matchType = FWP_MATCH_EQUAL;
  out.conditionValue.type = FWP_UINT8;
  out.conditionValue.uint8 = NlatUnicast;
  return out;
}

FWPM_FILTER_CONDITION0 protocol_is(UINT8 protocol) {
  FWPM_FILTER_CONDITION0 out;
  memset(&out, 0, sizeof out);
  out.fieldKey = FWPM_CONDITION_IP_PROTOCOL;
  out.matchType = FWP_MATCH_EQUAL;
  out.conditionValue.type = FWP_UINT8;
  out.conditionValue.uint8 = protocol;
  return out;
}

FWPM_FILTER0 filter_at(const GUID* key, const GUID* layer, UINT32 action) {
  FWPM_FILTER0 out;
  memset(&out, 0, sizeof out);
  out.filterKey = *key;
  out.displayData.name = (PWSTR)L"a filter";
  out.layerKey = *layer;
  out.action.type = action;
  return out;
}

// Adds a context, a sublayer and a filter that refers to both.
static void add_some(HANDLE engine, UINT32 number, UINT32 context_flags, UINT32 sublayer_flags, UINT32 filter_flags) {
  FWP_BYTE_BLOB blob = {3, (UINT8*)"abc"};
  FWPM_PROVIDER_CONTEXT0 context;
  FWPM_SUBLAYER0 sublayer;
  FWPM_FILTER0 filter;
  memset(&context, 0, sizeof context);
  memset(&sublayer, 0, sizeof sublayer);
  context.providerContextKey = guid_of(number);
  context.displayData.name = (PWSTR)L"a context";
  context.type = FWPM_GENERAL_CONTEXT;
  context.dataBuffer = &blob;
  context.flags = context_flags;
  WORKS(FwpmProviderContextAdd0(engine, &context, NULL, NULL));
  sublayer.subLayerKey = guid_of(number + 1);
  sublayer.displayData.name = (PWSTR)L"a sublayer";
  sublayer.flags = sublayer_flags;
  sublayer.weight = 77;
  WORKS(FwpmSubLayerAdd0(engine, &sublayer, NULL));
  {
    const GUID key = guid_of(number + 2);
    filter = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  }
  filter.subLayerKey = sublayer.subLayerKey;
  filter.flags = filter_flags;
  WORKS(FwpmFilterAdd0(engine, &filter, NULL, NULL));
}

static int is_there(HANDLE engine, UINT32 number) {
  const GUID context_key = guid_of(number), sublayer_key = guid_of(number + 1), filter_key = guid_of(number + 2);
  FWPM_PROVIDER_CONTEXT0* context = NULL;
  FWPM_SUBLAYER0* sublayer = NULL;
  FWPM_FILTER0* filter = NULL;
  const int found = (FwpmProviderContextGetByKey0(engine, &context_key, &context) == ERROR_SUCCESS) +
                    (FwpmSubLayerGetByKey0(engine, &sublayer_key, &sublayer) == ERROR_SUCCESS) +
                    (FwpmFilterGetByKey0(engine, &filter_key, &filter) == ERROR_SUCCESS);
  if (context) CHECK(context->dataBuffer->size == 3 && memcmp(context->dataBuffer->data, "abc", 3) == 0);
  if (sublayer) CHECK(sublayer->weight == 77);
  if (filter) CHECK(memcmp(&filter->subLayerKey, &sublayer_key, sizeof(GUID)) == 0);
  FwpmFreeMemory0((void**)&context);
  FwpmFreeMemory0((void**)&sublayer);
  FwpmFreeMemory0((void**)&filter);
  return found;
}

static void run_refused(void) {
  // Everybody may open; nothing more.
  HANDLE engine = open_engine(0);
  HANDLE handle = NULL;
  FWPM_FILTER0* filter = NULL;
  FWP_VALUE0 value;
  PSECURITY_DESCRIPTOR sd = NULL;
  FWPM_FILTER_SUBSCRIPTION0 subscription;
  const GUID key = guid_of(900);
  FWPM_FILTER0 wanted = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  memset(&value, 0, sizeof value);
  value.type = FWP_UINT32;
  memset(&subscription, 0, sizeof subscription);
  EXPECT(ERROR_ACCESS_DENIED, FwpmFilterAdd0(engine, &wanted, NULL, NULL));
  EXPECT(ERROR_ACCESS_DENIED, FwpmTransactionBegin0(engine, 0));
  EXPECT(ERROR_ACCESS_DENIED, FwpmTransactionBegin0(engine, FWPM_TXN_READ_ONLY));
  EXPECT(ERROR_ACCESS_DENIED, FwpmFilterCreateEnumHandle0(engine, NULL, &handle));
  EXPECT(ERROR_ACCESS_DENIED, FwpmSessionCreateEnumHandle0(engine, NULL, &handle));
  EXPECT(ERROR_ACCESS_DENIED, FwpmEngineSetOption0(engine, FWPM_ENGINE_COLLECT_NET_EVENTS, &value));
  EXPECT(ERROR_ACCESS_DENIED,
         FwpmEngineGetSecurityInfo0(engine, OWNER_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &sd));
  EXPECT(ERROR_ACCESS_DENIED,
         FwpmSubLayerDeleteByKey0(engine, &FWPM_SUBLAYER_UNIVERSAL) == FWP_E_BUILTIN_OBJECT ? ERROR_ACCESS_DENIED : 0);
  EXPECT(ERROR_ACCESS_DENIED,
         FwpmFilterSubscribeChanges0(engine, &subscription, (FWPM_FILTER_CHANGE_CALLBACK0)abort, NULL, &handle));
  EXPECT(FWP_E_FILTER_NOT_FOUND, FwpmFilterGetByKey0(engine, &key, &filter));
  WORKS(FwpmEngineClose0(engine));
}

int main(int count, char** words) {
  const char* what = count > 1 ? words[1] : "";
  HANDLE engine = NULL;
  if (strcmp(what, "refused") == 0) {
    run_refused();
    return failures != 0;
  }
  if (strcmp(what, "no-daemon") == 0) {
    EXPECT(RPC_S_SERVER_UNAVAILABLE, FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, NULL, &engine));
    CHECK(engine == NULL);
    return failures != 0;
  }
  if (strcmp(what, "no-socket-rights") == 0) {
    EXPECT(ERROR_ACCESS_DENIED, FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, NULL, &engine));
    return failures != 0;
  }
  engine = open_engine(strcmp(what, "dynamic") == 0 ? FWPM_SESSION_FLAG_DYNAMIC : 0);
  if (strcmp(what, "dynamic") == 0) {
    add_some(engine, 500, 0, 0, 0);
    CHECK(is_there(engine, 500) == 3);
    puts(failures ? "failed" : "ready");
    fflush(stdout);
    for (;;) pause();  // until it is killed
  }
  if (strcmp(what, "orphan") == 0) {
    puts("ready");
    fflush(stdout);
    (void)getchar();  // the daemon ends meanwhile
    EXPECT(FWP_E_SESSION_ABORTED, FwpmTransactionBegin0(engine, 0));
    EXPECT(FWP_E_SESSION_ABORTED, FwpmTransactionBegin0(engine, 0));
  } else if (strcmp(what, "count") == 0) {
    printf("%u %u %d %d\n", count_filters(engine), count_contexts(engine), is_there(engine, 500),
           is_there(engine, 600));
  } else if (strcmp(what, "persist") == 0) {
    add_some(engine, 600, FWPM_PROVIDER_CONTEXT_FLAG_PERSISTENT, FWPM_SUBLAYER_FLAG_PERSISTENT,
             FWPM_FILTER_FLAG_PERSISTENT);
  } else if (strcmp(what, "persist-more") == 0) {
    add_some(engine, 700, FWPM_PROVIDER_CONTEXT_FLAG_PERSISTENT, FWPM_SUBLAYER_FLAG_PERSISTENT,
             FWPM_FILTER_FLAG_PERSISTENT);
  } else if (strcmp(what, "more-there") == 0) {
    printf("%d\n", is_there(engine, 700));
  } else if (strcmp(what, "not-kept") == 0) {
    const GUID key = guid_of(800);
    FWPM_FILTER0 filter = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
    filter.flags = FWPM_FILTER_FLAG_PERSISTENT;
    EXPECT(ERROR_NOT_SUPPORTED, FwpmFilterAdd0(engine, &filter, NULL, NULL));
  } else if (strcmp(what, "transport") == 0) {
    run_transport(engine);
  } else if (strcmp(what, "tunnel") == 0) {
    run_tunnel(engine);
  } else if (strcmp(what, "isolation") == 0) {
    run_isolation(engine);
  } else if (strcmp(what, "manual-sa") == 0) {
    run_manual_sa(engine);
  } else if (strcmp(what, "objects") == 0) {
    run_objects(engine);
  } else if (strcmp(what, "errors") == 0) {
    run_errors(engine);
    run_context_errors(engine);
  } else if (strcmp(what, "sessions") == 0) {
    run_sessions(engine);
  } else if (strcmp(what, "notices") == 0) {
    run_notices(engine);
  } else if (strcmp(what, "security") == 0) {
    run_security(engine);
  } else if (strcmp(what, "net-events") == 0) {
    run_net_events(engine);
  } else if (strcmp(what, "watchers") == 0) {
    run_watchers(engine);
  } else if (strcmp(what, "settings") == 0) {
    set_settings(engine);
  } else if (strcmp(what, "settings-kept") == 0) {
    printf("%d\n", settings_kept(engine));
  } else {
    fprintf(stderr, "no such case: %s\n", what);
    return 2;
  }
  WORKS(FwpmEngineClose0(engine));
  return failures != 0;
}
