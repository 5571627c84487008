/* Arbitrates with the connections of a configuration through the filter engine's documented interface, as long as it
 * lives: arbitrate permit|block WEIGHT local|remote PORT. First it lists the filters and provider contexts in the
 * connections' sublayer or of their provider, one "filter NAME" or "context NAME" a line, and tries to delete one of
 * each. Then TCP of that port meets a filter of that weight, leaving and arriving, over IPv4. Says "there" and waits to
 * be killed. */
#include <fwpmu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_theirs(const FWPM_FILTER0* filter) {
  return filter->providerKey && memcmp(&filter->subLayerKey, &FWPM_SUBLAYER_SALLYPORT_CONNECTIONS, sizeof(GUID)) == 0;
}

static int list_filters(HANDLE engine, GUID* provider) {
  FWPM_FILTER0** filters = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0, i;
  if (FwpmFilterCreateEnumHandle0(engine, NULL, &enumeration) != ERROR_SUCCESS) return 0;
  if (FwpmFilterEnum0(engine, enumeration, 1000, &filters, &count) != ERROR_SUCCESS) return 0;
  for (i = 0; i < count; ++i) {
    if (!is_theirs(filters[i])) continue;
    *provider = *filters[i]->providerKey;
    printf("filter %ls %s\n", filters[i]->displayData.name,
           FwpmFilterDeleteByKey0(engine, &filters[i]->filterKey) == FWP_E_BUILTIN_OBJECT ? "stays" : "CAN BE DELETED");
  }
  FwpmFreeMemory0((void**)&filters);
  return FwpmFilterDestroyEnumHandle0(engine, enumeration) == ERROR_SUCCESS;
}

static int list_contexts(HANDLE engine, const GUID* provider) {
  FWPM_PROVIDER_CONTEXT2** contexts = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0, i;
  if (FwpmProviderContextCreateEnumHandle0(engine, NULL, &enumeration) != ERROR_SUCCESS) return 0;
  if (FwpmProviderContextEnum2(engine, enumeration, 1000, &contexts, &count) != ERROR_SUCCESS) return 0;
  for (i = 0; i < count; ++i) {
    if (!contexts[i]->providerKey || memcmp(contexts[i]->providerKey, provider, sizeof(GUID)) != 0) continue;
    printf("context %ls %s\n", contexts[i]->displayData.name,
           FwpmProviderContextDeleteByKey0(engine, &contexts[i]->providerContextKey) == FWP_E_BUILTIN_OBJECT
               ? "stays"
               : "CAN BE DELETED");
  }
  FwpmFreeMemory0((void**)&contexts);
  return FwpmProviderContextDestroyEnumHandle0(engine, enumeration) == ERROR_SUCCESS;
}

static int add(HANDLE engine, const GUID* layer, FWP_ACTION_TYPE action, UINT8 weight, const GUID* port_field,
               UINT16 port) {
  FWPM_FILTER_CONDITION0 conditions[2];
  FWPM_FILTER0 filter;
  memset(conditions, 0, sizeof conditions);
  conditions[0].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
  conditions[0].conditionValue.type = FWP_UINT8;
  conditions[0].conditionValue.uint8 = 6;
  conditions[1].fieldKey = *port_field;
  conditions[1].conditionValue.type = FWP_UINT16;
  conditions[1].conditionValue.uint16 = port;
  memset(&filter, 0, sizeof filter);
  filter.displayData.name = (wchar_t*)L"arbitrate";
  filter.layerKey = *layer;
  filter.subLayerKey = FWPM_SUBLAYER_SALLYPORT_CONNECTIONS;
  filter.action.type = action;
  filter.weight.type = FWP_UINT8;
  filter.weight.uint8 = weight;
  filter.numFilterConditions = 2;
  filter.filterCondition = conditions;
  return FwpmFilterAdd0(engine, &filter, NULL, NULL) == ERROR_SUCCESS;
}

int main(int argc, char** argv) {
  HANDLE engine = NULL;
  FWPM_SESSION0 session;
  GUID provider;
  memset(&session, 0, sizeof session);
  memset(&provider, 0, sizeof provider);
  session.flags = FWPM_SESSION_FLAG_DYNAMIC;
  if (argc != 5) return 2;
  const FWP_ACTION_TYPE action = strcmp(argv[1], "permit") == 0 ? FWP_ACTION_PERMIT : FWP_ACTION_BLOCK;
  const UINT8 weight = (UINT8)atoi(argv[2]);
  const GUID* field =
      strcmp(argv[3], "local") == 0 ? &FWPM_CONDITION_IP_LOCAL_PORT : &FWPM_CONDITION_IP_REMOTE_PORT;
  const UINT16 port = (UINT16)atoi(argv[4]);
  HANDLE lasting = NULL;
  if (FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &lasting) != ERROR_SUCCESS) return 1;
  if (!list_filters(lasting, &provider) || !list_contexts(lasting, &provider)) return 1;
  FwpmEngineClose0(lasting);
  if (FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &engine) != ERROR_SUCCESS) return 1;
  if (!add(engine, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, action, weight, field, port) ||
      !add(engine, &FWPM_LAYER_INBOUND_TRANSPORT_V4, action, weight, field, port))
    return 1;
  puts("there");
  fflush(stdout);
  for (;;) pause();
}
