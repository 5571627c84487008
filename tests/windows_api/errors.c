// Every refusal of objects, filters and enumerations in its documented case.
#include "expect.h"

static DWORD add_filter(HANDLE engine, FWPM_FILTER0* filter) { return FwpmFilterAdd0(engine, filter, NULL, NULL); }

static FWPM_PROVIDER_CONTEXT0 general_context(const GUID* key, FWP_BYTE_BLOB* blob) {
  FWPM_PROVIDER_CONTEXT0 out;
  memset(&out, 0, sizeof out);
  out.providerContextKey = *key;
  out.displayData.name = (PWSTR)L"general";
  out.type = FWPM_GENERAL_CONTEXT;
  out.dataBuffer = blob;
  return out;
}

static void check_filter_errors(HANDLE engine) {
  const GUID key = guid_of(100), nothing = guid_of(199), general_key = guid_of(101);
  FWP_BYTE_BLOB blob = {1, (UINT8*)"x"};
  FWPM_PROVIDER_CONTEXT0 general = general_context(&general_key, &blob);
  FWPM_FILTER_CONDITION0 condition = unicast_here();
  FWP_V4_ADDR_AND_MASK mask = {0x0a000000, 0xff00ff00};
  FWP_RANGE0 range;
  UINT64 weight = 5;
  const FWPM_FILTER0 good = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_BLOCK);
  FWPM_FILTER0 f;

  EXPECT(FWP_E_NULL_POINTER, FwpmFilterAdd0(engine, NULL, NULL, NULL));
  f = good;
  f.displayData.name = NULL;
  EXPECT(FWP_E_NULL_DISPLAY_NAME, add_filter(engine, &f));
  f = good;
  f.layerKey = nothing;
  EXPECT(FWP_E_LAYER_NOT_FOUND, add_filter(engine, &f));
  f = good;
  f.subLayerKey = nothing;
  EXPECT(FWP_E_SUBLAYER_NOT_FOUND, add_filter(engine, &f));
  f = good;
  f.providerKey = (GUID*)&nothing;
  EXPECT(FWP_E_PROVIDER_NOT_FOUND, add_filter(engine, &f));
  f = good;
  f.flags = FWPM_FILTER_FLAG_PERSISTENT | FWPM_FILTER_FLAG_BOOTTIME;
  EXPECT(FWP_E_INVALID_FLAGS, add_filter(engine, &f));
  f.flags = 0x80000000u;
  EXPECT(FWP_E_INVALID_FLAGS, add_filter(engine, &f));
  f = good;
  f.action.type = FWP_ACTION_CONTINUE;
  EXPECT(FWP_E_INVALID_ACTION_TYPE, add_filter(engine, &f));
  f.action.type = 0x12345678;
  EXPECT(FWP_E_INVALID_ACTION_TYPE, add_filter(engine, &f));
  f.action.type = FWP_ACTION_CALLOUT_TERMINATING;
  f.action.calloutKey = nothing;
  EXPECT(FWP_E_CALLOUT_NOT_FOUND, add_filter(engine, &f));
  f.action.calloutKey = FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V6;
  EXPECT(FWP_E_INCOMPATIBLE_LAYER, add_filter(engine, &f));
  f.action.calloutKey = FWPM_CALLOUT_IPSEC_OUTBOUND_TUNNEL_V4;
  EXPECT(FWP_E_CONTEXT_INCOMPATIBLE_WITH_CALLOUT, add_filter(engine, &f));
  f.layerKey = FWPM_LAYER_IPSEC_V4;
  EXPECT(FWP_E_ACTION_INCOMPATIBLE_WITH_LAYER, add_filter(engine, &f));
  f = good;
  f.subLayerKey = FWPM_SUBLAYER_INSPECTION;
  EXPECT(FWP_E_ACTION_INCOMPATIBLE_WITH_SUBLAYER, add_filter(engine, &f));
  f = filter_at(&key, &FWPM_LAYER_INBOUND_TRANSPORT_V4, FWP_ACTION_CALLOUT_TERMINATING);
  f.action.calloutKey = FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V4;
  f.rawContext = FWPM_CONTEXT_IPSEC_INBOUND_RESERVED;
  EXPECT(FWP_E_RESERVED, add_filter(engine, &f));
  f = good;
  f.weight.type = FWP_UINT8;
  f.weight.uint8 = 16;
  EXPECT(FWP_E_INVALID_WEIGHT, add_filter(engine, &f));
  f.weight.type = FWP_UINT16;
  EXPECT(FWP_E_INVALID_WEIGHT, add_filter(engine, &f));
  f.weight.type = FWP_UINT64;
  f.weight.uint64 = NULL;
  EXPECT(FWP_E_NULL_POINTER, add_filter(engine, &f));
  f.weight.type = (FWP_DATA_TYPE)77;
  EXPECT(FWP_E_INVALID_ENUMERATOR, add_filter(engine, &f));

  // Conditions.
  f = good;
  f.numFilterConditions = 1;
  EXPECT(FWP_E_NULL_POINTER, add_filter(engine, &f));
  f.filterCondition = &condition;
  condition.fieldKey = FWPM_CONDITION_ALE_APP_ID;
  EXPECT(FWP_E_CONDITION_NOT_FOUND, add_filter(engine, &f));
  condition.fieldKey = nothing;
  EXPECT(FWP_E_CONDITION_NOT_FOUND, add_filter(engine, &f));
  condition = unicast_here();
  condition.conditionValue.type = FWP_UINT32;
  EXPECT(FWP_E_TYPE_MISMATCH, add_filter(engine, &f));
  condition = unicast_here();
  condition.matchType = FWP_MATCH_PREFIX;
  EXPECT(FWP_E_MATCH_TYPE_MISMATCH, add_filter(engine, &f));
  condition.matchType = (FWP_MATCH_TYPE)99;
  EXPECT(FWP_E_INVALID_ENUMERATOR, add_filter(engine, &f));
  condition.matchType = FWP_MATCH_EQUAL;
  condition.fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  condition.conditionValue.type = FWP_V4_ADDR_MASK;
  condition.conditionValue.v4AddrMask = &mask;
  EXPECT(FWP_E_INVALID_NET_MASK, add_filter(engine, &f));
  condition.conditionValue.v4AddrMask = NULL;
  EXPECT(FWP_E_NULL_POINTER, add_filter(engine, &f));
  memset(&range, 0, sizeof range);
  range.valueLow.type = range.valueHigh.type = FWP_UINT32;
  range.valueLow.uint32 = 2;
  range.valueHigh.uint32 = 1;
  condition.matchType = FWP_MATCH_RANGE;
  condition.conditionValue.type = FWP_RANGE_TYPE;
  condition.conditionValue.rangeValue = &range;
  EXPECT(FWP_E_INVALID_RANGE, add_filter(engine, &f));
  f = filter_at(&key, &FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4, FWP_ACTION_BLOCK);
  f.numFilterConditions = 1;
  f.filterCondition = &condition;
  memset(&condition, 0, sizeof condition);
  condition.fieldKey = FWPM_CONDITION_ALE_REMOTE_MACHINE_ID;
  condition.conditionValue.type = FWP_SECURITY_DESCRIPTOR_TYPE;
  condition.conditionValue.sd = &blob;
  EXPECT(ERROR_INVALID_SECURITY_DESCR, add_filter(engine, &f));

  // Provider contexts in the wrong place.
  WORKS(FwpmProviderContextAdd0(engine, &general, NULL, NULL));
  EXPECT(FWP_E_ALREADY_EXISTS, FwpmProviderContextAdd0(engine, &general, NULL, NULL));
  f = filter_at(&key, &FWPM_LAYER_IKEEXT_V4, FWP_ACTION_PERMIT);
  f.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
  f.providerContextKey = nothing;
  EXPECT(FWP_E_PROVIDER_CONTEXT_NOT_FOUND, add_filter(engine, &f));
  f.providerContextKey = general_key;
  EXPECT(FWP_E_PROVIDER_CONTEXT_MISMATCH, add_filter(engine, &f));
  f = filter_at(&key, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, FWP_ACTION_CALLOUT_TERMINATING);
  f.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
  f.providerContextKey = general_key;
  f.action.calloutKey = FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V4;
  EXPECT(FWP_E_CONTEXT_INCOMPATIBLE_WITH_CALLOUT, add_filter(engine, &f));

  // A persistent object may not lean on one that is not.
  f = good;
  f.flags = FWPM_FILTER_FLAG_PERSISTENT | FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
  f.providerContextKey = general_key;
  EXPECT(FWP_E_LIFETIME_MISMATCH, add_filter(engine, &f));
  WORKS(FwpmProviderContextDeleteByKey0(engine, &general_key));

  f = good;
  f.weight.type = FWP_UINT64;
  f.weight.uint64 = &weight;
  WORKS(add_filter(engine, &f));
  EXPECT(FWP_E_ALREADY_EXISTS, add_filter(engine, &f));
  WORKS(FwpmFilterDeleteByKey0(engine, &key));
  EXPECT(FWP_E_FILTER_NOT_FOUND, FwpmFilterDeleteByKey0(engine, &key));
  EXPECT(FWP_E_FILTER_NOT_FOUND, FwpmFilterDeleteById0(engine, 0x7fffffffffffull));
  EXPECT(FWP_E_NULL_POINTER, FwpmFilterDeleteByKey0(engine, NULL));
}

static void check_template_errors(HANDLE engine) {
  FWPM_FILTER_ENUM_TEMPLATE0 wanted;
  FWPM_FILTER0** entries = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0;
  memset(&wanted, 0, sizeof wanted);
  wanted.actionMask = 0xffffffffu;
  EXPECT(FWP_E_LAYER_NOT_FOUND, FwpmFilterCreateEnumHandle0(engine, &wanted, &enumeration));
  wanted.layerKey = FWPM_LAYER_IPSEC_V4;
  wanted.enumType = (FWP_FILTER_ENUM_TYPE)5;
  EXPECT(FWP_E_INVALID_ENUMERATOR, FwpmFilterCreateEnumHandle0(engine, &wanted, &enumeration));
  wanted.enumType = FWP_FILTER_ENUM_FULLY_CONTAINED;
  wanted.flags = 0x4000;
  EXPECT(FWP_E_INVALID_FLAGS, FwpmFilterCreateEnumHandle0(engine, &wanted, &enumeration));
  wanted.flags = 0;
  wanted.actionMask = 0;
  EXPECT(FWP_E_NEVER_MATCH, FwpmFilterCreateEnumHandle0(engine, &wanted, &enumeration));
  wanted.actionMask = FWP_ACTION_FLAG_TERMINATING;
  wanted.calloutKey = (GUID*)&FWPM_CALLOUT_IPSEC_ALE_CONNECT_V4;
  EXPECT(FWP_E_NEVER_MATCH, FwpmFilterCreateEnumHandle0(engine, &wanted, &enumeration));
  EXPECT(FWP_E_NULL_POINTER, FwpmFilterCreateEnumHandle0(engine, NULL, NULL));
  CHECK(enumeration == NULL);
  EXPECT(FWP_E_NOT_FOUND, FwpmFilterEnum0(engine, (HANDLE)77, 1, &entries, &count));
  EXPECT(FWP_E_NOT_FOUND, FwpmFilterDestroyEnumHandle0(engine, (HANDLE)77));
  EXPECT(FWP_E_NOT_FOUND, FwpmFilterUnsubscribeChanges0(engine, (HANDLE)77));
}

static void check_others(HANDLE engine) {
  const GUID nothing = guid_of(199), key = guid_of(120);
  FWPM_PROVIDER0 provider, *found_provider = NULL;
  FWPM_SUBLAYER0 sublayer, *found_sublayer = NULL;
  FWPM_CALLOUT0 callout, *found_callout = NULL;
  FWPM_LAYER0* layer = NULL;
  FWP_VALUE0 value, *option = NULL;
  UINT32 id = 0;

  EXPECT(FWP_E_PROVIDER_NOT_FOUND, FwpmProviderGetByKey0(engine, &nothing, &found_provider));
  EXPECT(FWP_E_SUBLAYER_NOT_FOUND, FwpmSubLayerGetByKey0(engine, &nothing, &found_sublayer));
  EXPECT(FWP_E_CALLOUT_NOT_FOUND, FwpmCalloutGetByKey0(engine, &nothing, &found_callout));
  EXPECT(FWP_E_CALLOUT_NOT_FOUND, FwpmCalloutGetById0(engine, 0x7fffffff, &found_callout));
  EXPECT(FWP_E_LAYER_NOT_FOUND, FwpmLayerGetByKey0(engine, &nothing, &layer));
  EXPECT(FWP_E_LAYER_NOT_FOUND, FwpmLayerGetById0(engine, 0xfff0, &layer));
  EXPECT(FWP_E_BUILTIN_OBJECT, FwpmSubLayerDeleteByKey0(engine, &FWPM_SUBLAYER_UNIVERSAL));
  EXPECT(FWP_E_BUILTIN_OBJECT, FwpmCalloutDeleteByKey0(engine, &FWPM_CALLOUT_IPSEC_ALE_CONNECT_V4));
  CHECK(!found_provider && !found_sublayer && !found_callout && !layer);

  memset(&provider, 0, sizeof provider);
  provider.providerKey = key;
  provider.displayData.name = (PWSTR)L"provider";
  provider.serviceName = (PWSTR)L"service";
  WORKS(FwpmProviderAdd0(engine, &provider, NULL));
  memset(&sublayer, 0, sizeof sublayer);
  sublayer.subLayerKey = key;  // keys are unique for each kind of object only
  sublayer.displayData.name = (PWSTR)L"sublayer";
  sublayer.providerKey = (GUID*)&key;
  WORKS(FwpmSubLayerAdd0(engine, &sublayer, NULL));
  EXPECT(FWP_E_IN_USE, FwpmProviderDeleteByKey0(engine, &key));
  WORKS(FwpmSubLayerDeleteByKey0(engine, &key));
  WORKS(FwpmProviderGetByKey0(engine, &key, &found_provider));
  if (found_provider) CHECK(wcscmp(found_provider->serviceName, L"service") == 0);
  FwpmFreeMemory0((void**)&found_provider);
  WORKS(FwpmProviderDeleteByKey0(engine, &key));
  memset(&callout, 0, sizeof callout);
  callout.displayData.name = (PWSTR)L"callout";
  callout.applicableLayer = nothing;
  EXPECT(FWP_E_LAYER_NOT_FOUND, FwpmCalloutAdd0(engine, &callout, NULL, NULL));
  callout.applicableLayer = FWPM_LAYER_IPFORWARD_V4;
  WORKS(FwpmCalloutAdd0(engine, &callout, NULL, &id));
  CHECK(id != 0);
  WORKS(FwpmCalloutDeleteById0(engine, id));

  memset(&value, 0, sizeof value);
  value.type = FWP_UINT64;
  EXPECT(FWP_E_NULL_POINTER, FwpmEngineSetOption0(engine, FWPM_ENGINE_NAME_CACHE, &value));
  value.type = FWP_UINT8;
  EXPECT(FWP_E_TYPE_MISMATCH, FwpmEngineSetOption0(engine, FWPM_ENGINE_NAME_CACHE, &value));
  value.type = FWP_UINT32;
  value.uint32 = 0x20;
  EXPECT(FWP_E_INVALID_FLAGS, FwpmEngineSetOption0(engine, FWPM_ENGINE_PACKET_QUEUING, &value));
  EXPECT(FWP_E_INVALID_ENUMERATOR, FwpmEngineSetOption0(engine, (FWPM_ENGINE_OPTION)50, &value));
  value.uint32 = 1;
  WORKS(FwpmEngineSetOption0(engine, FWPM_ENGINE_NAME_CACHE, &value));
  WORKS(FwpmEngineGetOption0(engine, FWPM_ENGINE_NAME_CACHE, &option));
  if (option) CHECK(option->type == FWP_UINT32 && option->uint32 == 1);
  FwpmFreeMemory0((void**)&option);

  EXPECT(ERROR_INVALID_HANDLE, FwpmTransactionBegin0((HANDLE)3, 0));
  EXPECT(ERROR_INVALID_HANDLE, FwpmEngineClose0((HANDLE)3));
  WORKS(FwpmEngineClose0(NULL));
  {
    HANDLE other = NULL;
    EXPECT(ERROR_NOT_SUPPORTED, FwpmEngineOpen0(L"elsewhere", RPC_C_AUTHN_WINNT, NULL, NULL, &other));
    EXPECT(FWP_E_NULL_POINTER, FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, NULL));
  }
}

void run_errors(HANDLE engine) {
  const UINT32 filters_before = count_filters(engine), contexts_before = count_contexts(engine);
  check_filter_errors(engine);
  check_template_errors(engine);
  check_others(engine);
  CHECK(count_filters(engine) == filters_before && count_contexts(engine) == contexts_before);
}
