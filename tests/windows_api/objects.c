// Objects of every kind and all types of values, read back as they were; enumerations in pages and by templates.
#include "expect.h"

static void check_values(HANDLE engine) {
  const GUID key = guid_of(200);
  FWP_BYTE_BLOB app = {4, (UINT8*)"a\0b\0"};
  FWP_BYTE_ARRAY16 address = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  FWP_V6_ADDR_AND_MASK net = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 32};
  FWP_RANGE0 ports;
  UINT64 luid = 0xfedcba9876543210ull, weight = 0x123456789abcdefull;
  FWPM_FILTER_CONDITION0 c[6];
  FWPM_FILTER0 filter = filter_at(&key, &FWPM_LAYER_ALE_AUTH_CONNECT_V6, FWP_ACTION_PERMIT), *found = NULL;
  UINT64 id = 0;
  memset(c, 0, sizeof c);
  memset(&ports, 0, sizeof ports);
  ports.valueLow.type = ports.valueHigh.type = FWP_UINT16;
  ports.valueLow.uint16 = 1000;
  ports.valueHigh.uint16 = 2000;
  c[0].fieldKey = FWPM_CONDITION_ALE_APP_ID;
  c[0].conditionValue.type = FWP_BYTE_BLOB_TYPE;
  c[0].conditionValue.byteBlob = &app;
  c[1].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  c[1].conditionValue.type = FWP_BYTE_ARRAY16_TYPE;
  c[1].conditionValue.byteArray16 = &address;
  c[2].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  c[2].conditionValue.type = FWP_V6_ADDR_MASK;
  c[2].conditionValue.v6AddrMask = &net;
  c[3].fieldKey = FWPM_CONDITION_IP_REMOTE_PORT;
  c[3].matchType = FWP_MATCH_RANGE;
  c[3].conditionValue.type = FWP_RANGE_TYPE;
  c[3].conditionValue.rangeValue = &ports;
  c[4].fieldKey = FWPM_CONDITION_IP_LOCAL_INTERFACE;
  c[4].matchType = FWP_MATCH_NOT_EQUAL;
  c[4].conditionValue.type = FWP_UINT64;
  c[4].conditionValue.uint64 = &luid;
  c[5].fieldKey = FWPM_CONDITION_FLAGS;
  c[5].matchType = FWP_MATCH_FLAGS_NONE_SET;
  c[5].conditionValue.type = FWP_UINT32;
  c[5].conditionValue.uint32 = FWP_CONDITION_FLAG_IS_LOOPBACK;
  filter.numFilterConditions = 6;
  filter.filterCondition = c;
  filter.weight.type = FWP_UINT64;
  filter.weight.uint64 = &weight;
  filter.providerData.size = 3;
  filter.providerData.data = (UINT8*)"\1\2\3";
  filter.rawContext = 0x1122334455667788ull;
  WORKS(FwpmFilterAdd0(engine, &filter, NULL, &id));
  WORKS(FwpmFilterGetById0(engine, id, &found));
  if (found) {
    const FWPM_FILTER_CONDITION0* f = found->filterCondition;
    CHECK(found->numFilterConditions == 6 && found->filterId == id && found->rawContext == filter.rawContext);
    CHECK(found->weight.type == FWP_UINT64 && *found->weight.uint64 == weight);
    CHECK(*found->effectiveWeight.uint64 == weight);
    CHECK(found->providerData.size == 3 && memcmp(found->providerData.data, "\1\2\3", 3) == 0);
    CHECK(f[0].conditionValue.byteBlob->size == 4 && memcmp(f[0].conditionValue.byteBlob->data, "a\0b\0", 4) == 0);
    CHECK(memcmp(f[1].conditionValue.byteArray16, &address, 16) == 0);
    CHECK(memcmp(f[2].conditionValue.v6AddrMask, &net, sizeof net) == 0);
    CHECK(f[3].conditionValue.rangeValue->valueHigh.uint16 == 2000);
    CHECK(*f[4].conditionValue.uint64 == luid && f[4].matchType == FWP_MATCH_NOT_EQUAL);
    CHECK(f[5].conditionValue.uint32 == FWP_CONDITION_FLAG_IS_LOOPBACK);
    CHECK(memcmp(&found->subLayerKey, &FWPM_SUBLAYER_UNIVERSAL, sizeof(GUID)) == 0);
  }
  FwpmFreeMemory0((void**)&found);
  WORKS(FwpmFilterDeleteById0(engine, id));
}

// More than one page of the daemon's; the snapshot is that of the moment the enumeration began.
static void check_pages(HANDLE engine) {
  enum { kCount = 300 };
  UINT8* const bulk = calloc(1, 20000);
  HANDLE enumeration = NULL;
  FWPM_FILTER0** some = NULL;
  UINT32 i, returned = 0, total = 0;
  const UINT32 before = count_filters(engine);
  WORKS(FwpmTransactionBegin0(engine, 0));
  for (i = 0; i < kCount; ++i) {
    const GUID key = guid_of(2000 + i);
    FWPM_FILTER0 filter = filter_at(&key, &FWPM_LAYER_IPFORWARD_V4, FWP_ACTION_BLOCK);
    filter.providerData.size = 20000;
    filter.providerData.data = bulk;
    WORKS(FwpmFilterAdd0(engine, &filter, NULL, NULL));
  }
  WORKS(FwpmTransactionCommit0(engine));
  CHECK(count_filters(engine) == before + kCount);
  WORKS(FwpmFilterCreateEnumHandle0(engine, NULL, &enumeration));
  WORKS(FwpmTransactionBegin0(engine, 0));
  for (i = 0; i < kCount; ++i) {
    const GUID key = guid_of(2000 + i);
    WORKS(FwpmFilterDeleteByKey0(engine, &key));
  }
  WORKS(FwpmTransactionCommit0(engine));
  do {
    WORKS(FwpmFilterEnum0(engine, enumeration, 70, &some, &returned));
    total += returned;
    FwpmFreeMemory0((void**)&some);
  } while (returned == 70);
  CHECK(total == before + kCount);
  WORKS(FwpmFilterEnum0(engine, enumeration, 70, &some, &returned));
  CHECK(returned == 0);
  FwpmFreeMemory0((void**)&some);
  WORKS(FwpmFilterDestroyEnumHandle0(engine, enumeration));
  CHECK(count_filters(engine) == before);
  free(bulk);
}

static void check_layers(HANDLE engine) {
  FWPM_LAYER0 *layer = NULL, **all = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0, i, ports = 0;
  WORKS(FwpmLayerGetByKey0(engine, &FWPM_LAYER_IPSEC_V4, &layer));
  if (layer) {
    CHECK(layer->layerId == 95 && !(layer->flags & FWPM_LAYER_FLAG_KERNEL) && layer->flags & FWPM_LAYER_FLAG_BUILTIN);
    CHECK(memcmp(&layer->defaultSubLayerKey, &FWPM_SUBLAYER_UNIVERSAL, sizeof(GUID)) == 0);
    for (i = 0; i < layer->numFields; ++i)
      if (memcmp(layer->field[i].fieldKey, &FWPM_CONDITION_IP_LOCAL_PORT, sizeof(GUID)) == 0) {
        ++ports;
        CHECK(layer->field[i].dataType == FWP_UINT16);
      }
    CHECK(ports == 1);
  }
  FwpmFreeMemory0((void**)&layer);
  WORKS(FwpmLayerGetById0(engine, 16, &layer));
  if (layer) CHECK(memcmp(&layer->layerKey, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, sizeof(GUID)) == 0);
  FwpmFreeMemory0((void**)&layer);
  WORKS(FwpmLayerCreateEnumHandle0(engine, NULL, &enumeration));
  WORKS(FwpmLayerEnum0(engine, enumeration, 0xffffffffu, &all, &count));
  CHECK(count == 17);
  FwpmFreeMemory0((void**)&all);
  WORKS(FwpmLayerDestroyEnumHandle0(engine, enumeration));
}

static void check_callouts(HANDLE engine) {
  FWPM_CALLOUT_ENUM_TEMPLATE0 wanted;
  FWPM_CALLOUT0 **all = NULL, *one = NULL;
  FWPM_SUBLAYER0** sublayers = NULL;
  FWPM_PROVIDER0** providers = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0;
  memset(&wanted, 0, sizeof wanted);
  wanted.layerKey = FWPM_LAYER_ALE_AUTH_CONNECT_V4;
  WORKS(FwpmCalloutCreateEnumHandle0(engine, &wanted, &enumeration));
  WORKS(FwpmCalloutEnum0(engine, enumeration, 100, &all, &count));
  CHECK(count == 2);
  if (count) {
    CHECK(all[0]->flags & FWPM_CALLOUT_FLAG_REGISTERED);
    WORKS(FwpmCalloutGetById0(engine, all[0]->calloutId, &one));
    if (one) CHECK(memcmp(&one->calloutKey, &all[0]->calloutKey, sizeof(GUID)) == 0);
  }
  FwpmFreeMemory0((void**)&one);
  FwpmFreeMemory0((void**)&all);
  WORKS(FwpmCalloutDestroyEnumHandle0(engine, enumeration));
  WORKS(FwpmSubLayerCreateEnumHandle0(engine, NULL, &enumeration));
  WORKS(FwpmSubLayerEnum0(engine, enumeration, 100, &sublayers, &count));
  CHECK(count >= 12);
  FwpmFreeMemory0((void**)&sublayers);
  WORKS(FwpmSubLayerDestroyEnumHandle0(engine, enumeration));
  WORKS(FwpmProviderCreateEnumHandle0(engine, NULL, &enumeration));
  WORKS(FwpmProviderEnum0(engine, enumeration, 100, &providers, &count));
  CHECK(count >= 2);
  FwpmFreeMemory0((void**)&providers);
  WORKS(FwpmProviderDestroyEnumHandle0(engine, enumeration));
}

static void check_app_id(void) {
  FWP_BYTE_BLOB* id = NULL;
  WORKS(FwpmGetAppIdFromFileName0(L"/proc/self/exe", &id));
  if (id) CHECK(id->size > 4 && id->size % 2 == 0 && id->data[0] == '/' && id->data[1] == 0);
  FwpmFreeMemory0((void**)&id);
  EXPECT(ERROR_FILE_NOT_FOUND, FwpmGetAppIdFromFileName0(L"/no/such/program", &id));
  EXPECT(FWP_E_NULL_POINTER, FwpmGetAppIdFromFileName0(NULL, &id));
}

// A lookup as the vendor's sample does it: which filter decides for this flow?
static void check_lookup(HANDLE engine) {
  const GUID wide_key = guid_of(210), exact_key = guid_of(211);
  FWPM_FILTER0 wide = filter_at(&wide_key, &FWPM_LAYER_IPSEC_V4, FWP_ACTION_PERMIT);
  FWPM_FILTER0 exact = filter_at(&exact_key, &FWPM_LAYER_IPSEC_V4, FWP_ACTION_PERMIT);
  FWPM_FILTER_CONDITION0 c[2], asked[3];
  FWPM_FILTER_ENUM_TEMPLATE0 wanted;
  FWPM_FILTER0** found = NULL;
  UINT32 count = 0;
  memset(c, 0, sizeof c);
  c[0] = protocol_is(6);
  c[1].fieldKey = FWPM_CONDITION_IP_REMOTE_PORT;
  c[1].conditionValue.type = FWP_UINT16;
  c[1].conditionValue.uint16 = 443;
  exact.numFilterConditions = 2;
  exact.filterCondition = c;
  WORKS(FwpmFilterAdd0(engine, &wide, NULL, NULL));
  WORKS(FwpmFilterAdd0(engine, &exact, NULL, NULL));
  asked[0] = c[0];
  asked[1] = c[1];
  memset(&asked[2], 0, sizeof asked[2]);
  asked[2].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  asked[2].conditionValue.type = FWP_UINT32;
  asked[2].conditionValue.uint32 = 0x0a000001;
  memset(&wanted, 0, sizeof wanted);
  wanted.layerKey = FWPM_LAYER_IPSEC_V4;
  wanted.enumType = FWP_FILTER_ENUM_FULLY_CONTAINED;
  wanted.flags = FWP_FILTER_ENUM_FLAG_BEST_TERMINATING_MATCH;
  wanted.actionMask = FWP_ACTION_FLAG_TERMINATING;
  wanted.numFilterConditions = 3;
  wanted.filterCondition = asked;
  found = all_filters(engine, &wanted, &count);
  CHECK(count == 1);
  if (count == 1) CHECK(memcmp(&found[0]->filterKey, &exact_key, sizeof(GUID)) == 0);
  FwpmFreeMemory0((void**)&found);
  asked[1].conditionValue.uint16 = 80;
  found = all_filters(engine, &wanted, &count);
  CHECK(count == 1);
  if (count == 1) CHECK(memcmp(&found[0]->filterKey, &wide_key, sizeof(GUID)) == 0);
  FwpmFreeMemory0((void**)&found);
  WORKS(FwpmFilterDeleteByKey0(engine, &wide_key));
  WORKS(FwpmFilterDeleteByKey0(engine, &exact_key));
}

void run_objects(HANDLE engine) {
  check_values(engine);
  check_pages(engine);
  check_layers(engine);
  check_callouts(engine);
  check_lookup(engine);
  check_app_id();
}
