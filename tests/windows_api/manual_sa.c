// The vendor's "manual SA" configuration: filters, a pair of SAs, enumerated back as they were, removed. And what the
// calls about SAs refuse.
#include <unistd.h>

#include "expect.h"

enum { kHere = 0xc0000201, kThere = 0xc0000202 };  // 192.0.2.1 and .2

static const GUID* const kLayers[2] = {&FWPM_LAYER_OUTBOUND_TRANSPORT_V4, &FWPM_LAYER_INBOUND_TRANSPORT_V4};
static const GUID* const kCallouts[2] = {&FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V4,
                                         &FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V4};

static UINT64 add_filter(HANDLE engine, int inbound, UINT32 number) {
  const GUID key = guid_of(number);
  FWPM_FILTER0 filter = filter_at(&key, kLayers[inbound], FWP_ACTION_CALLOUT_TERMINATING);
  FWPM_FILTER_CONDITION0 conditions[2];
  UINT64 id = 0;
  memset(conditions, 0, sizeof conditions);
  conditions[0].fieldKey = FWPM_CONDITION_IP_LOCAL_ADDRESS;
  conditions[1].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  conditions[0].conditionValue.type = conditions[1].conditionValue.type = FWP_UINT32;
  conditions[0].conditionValue.uint32 = kHere;
  conditions[1].conditionValue.uint32 = kThere;
  filter.action.calloutKey = *kCallouts[inbound];
  filter.numFilterConditions = 2;
  filter.filterCondition = conditions;
  WORKS(FwpmFilterAdd0(engine, &filter, NULL, &id));
  return id;
}

static IPSEC_TRAFFIC0 traffic_by(UINT64 filter) {
  IPSEC_TRAFFIC0 out;
  memset(&out, 0, sizeof out);
  out.localV4Address = kHere;
  out.remoteV4Address = kThere;
  out.ipsecFilterId = filter;
  return out;
}

static UINT8 auth_key[20], cipher_key[16];
static IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 esp;
static IPSEC_SA0 sa;
static IPSEC_TOKEN0 token = {IPSEC_TOKEN_TYPE_MACHINE, IPSEC_TOKEN_PRINCIPAL_PEER, IPSEC_TOKEN_MODE_MAIN, 77};
static IPSEC_ID0 identity = {(wchar_t*)L"host/peer", NULL, 1, &token, 3, 0};

static IPSEC_SA_BUNDLE0 bundle_of(IPSEC_SA_SPI spi) {
  IPSEC_SA_BUNDLE0 out;
  memset(&out, 0, sizeof out);
  memset(&esp, 0, sizeof esp);
  memset(auth_key, 0x11, sizeof auth_key);
  memset(cipher_key, 0x22, sizeof cipher_key);
  esp.saAuthInformation.authTransform.authTransformId = IPSEC_AUTH_TRANSFORM_ID_HMAC_SHA_1_96;
  esp.saAuthInformation.authKey.size = sizeof auth_key;
  esp.saAuthInformation.authKey.data = auth_key;
  esp.saCipherInformation.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_AES_128;
  esp.saCipherInformation.cipherKey.size = sizeof cipher_key;
  esp.saCipherInformation.cipherKey.data = cipher_key;
  sa.spi = spi;
  sa.saTransformType = IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;
  sa.espAuthAndCipherInformation = &esp;
  out.flags = IPSEC_SA_BUNDLE_FLAG_ND_SECURE;
  out.ipsecId = &identity;
  out.napContext = 5;
  out.qmSaId = 4711;
  out.numSAs = 1;
  out.saList = &sa;
  out.mmSaId = 12;
  return out;
}

static void check_half(const IPSEC_SA_DETAILS0* half, FWP_DIRECTION direction, UINT64 filter, IPSEC_SA_SPI spi) {
  const IPSEC_SA0* one;
  CHECK(half);
  if (!half) return;
  CHECK(half->saDirection == direction && half->ipVersion == FWP_IP_VERSION_V4 && !half->udpEncapsulation);
  CHECK(half->traffic.localV4Address == kHere && half->traffic.remoteV4Address == kThere);
  CHECK(half->traffic.trafficType == IPSEC_TRAFFIC_TYPE_TRANSPORT && half->traffic.ipsecFilterId == filter);
  CHECK(half->transportFilter && half->transportFilter->filterId == filter);
  CHECK(half->transportFilter && half->transportFilter->numFilterConditions == 2);
  CHECK(half->saBundle.flags == IPSEC_SA_BUNDLE_FLAG_ND_SECURE && half->saBundle.qmSaId == 4711);
  CHECK(half->saBundle.napContext == 5 && half->saBundle.mmSaId == 12 && half->saBundle.lifetime.lifetimeSeconds == 0);
  CHECK(half->saBundle.ipsecId && wcscmp(half->saBundle.ipsecId->mmTargetName, L"host/peer") == 0);
  CHECK(half->saBundle.ipsecId && half->saBundle.ipsecId->numTokens == 1 && half->saBundle.ipsecId->tokens->token == 77);
  CHECK(half->saBundle.numSAs == 1);
  one = half->saBundle.saList;
  CHECK(one->spi == spi && one->saTransformType == IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER);
  CHECK(one->espAuthAndCipherInformation->saCipherInformation.cipherTransform.cipherTransformId.cipherConfig ==
        IPSEC_CIPHER_CONFIG_CBC_AES_128);
  // Keys go in and never come out.
  CHECK(one->espAuthAndCipherInformation->saCipherInformation.cipherKey.size == 0);
  CHECK(one->espAuthAndCipherInformation->saAuthInformation.authKey.size == 0);
}

static UINT32 count_contexts_between(HANDLE engine, UINT32 local, UINT32 mask) {
  IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 wanted;
  FWP_V4_ADDR_AND_MASK net = {local, mask};
  IPSEC_SA_CONTEXT1** found = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 99;
  memset(&wanted, 0, sizeof wanted);
  wanted.localSubNet.type = FWP_V4_ADDR_MASK;
  wanted.localSubNet.v4AddrMask = &net;
  WORKS(IPsecSaContextCreateEnumHandle0(engine, &wanted, &enumeration));
  WORKS(IPsecSaContextEnum1(engine, enumeration, 0xffffffff, &found, &count));
  FwpmFreeMemory0((void**)&found);
  WORKS(IPsecSaContextDestroyEnumHandle0(engine, enumeration));
  EXPECT(FWP_E_NOT_FOUND, IPsecSaContextDestroyEnumHandle0(engine, enumeration));
  return count;
}

static void check_directions(HANDLE engine) {
  IPSEC_SA_ENUM_TEMPLATE0 wanted = {FWP_DIRECTION_INBOUND};
  IPSEC_SA_DETAILS1** found = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0;
  WORKS(IPsecSaCreateEnumHandle0(engine, &wanted, &enumeration));
  WORKS(IPsecSaEnum1(engine, enumeration, 10, &found, &count));
  CHECK(count == 1 && found[0]->saDirection == FWP_DIRECTION_INBOUND);
  FwpmFreeMemory0((void**)&found);
  WORKS(IPsecSaDestroyEnumHandle0(engine, enumeration));
  WORKS(IPsecSaCreateEnumHandle0(engine, NULL, &enumeration));
  WORKS(IPsecSaEnum1(engine, enumeration, 1, &found, &count));
  CHECK(count == 1);
  FwpmFreeMemory0((void**)&found);
  WORKS(IPsecSaEnum1(engine, enumeration, 10, &found, &count));
  CHECK(count == 1);
  FwpmFreeMemory0((void**)&found);
  WORKS(IPsecSaEnum1(engine, enumeration, 10, &found, &count));
  CHECK(count == 0);
  FwpmFreeMemory0((void**)&found);
  WORKS(IPsecSaDestroyEnumHandle0(engine, enumeration));
}

static void check_refusals(HANDLE engine, UINT64 outbound, UINT64 inbound) {
  IPSEC_TRAFFIC0 traffic = traffic_by(outbound);
  IPSEC_SA_BUNDLE0 bundle = bundle_of(1000);
  IPSEC_GETSPI0 get;
  IPSEC_GETSPI1 set;
  IPSEC_SA_SPI spi = 0, other = 0;
  IPSEC_SA_CONTEXT0* nothing = NULL;
  UINT64 id = 0, second = 0;
  HANDLE dynamic = open_engine(FWPM_SESSION_FLAG_DYNAMIC);
  memset(&get, 0, sizeof get);
  memset(&set, 0, sizeof set);
  EXPECT(FWP_E_NULL_POINTER, IPsecSaContextCreate0(engine, NULL, NULL, &id));
  EXPECT(FWP_E_NULL_POINTER, IPsecSaContextCreate0(engine, &traffic, NULL, NULL));
  EXPECT(FWP_E_DYNAMIC_SESSION_IN_PROGRESS, IPsecSaContextCreate0(dynamic, &traffic, NULL, &id));
  WORKS(FwpmTransactionBegin0(engine, 0));
  EXPECT(FWP_E_TXN_IN_PROGRESS, IPsecSaContextCreate0(engine, &traffic, NULL, &id));
  EXPECT(FWP_E_TXN_IN_PROGRESS, IPsecSaContextDeleteById0(engine, 1));
  WORKS(FwpmTransactionAbort0(engine));
  traffic.ipsecFilterId = 0x7fffffffffffull;
  EXPECT(FWP_E_FILTER_NOT_FOUND, IPsecSaContextCreate0(engine, &traffic, NULL, &id));
  traffic.ipsecFilterId = inbound;
  EXPECT(FWP_E_INCOMPATIBLE_LAYER, IPsecSaContextCreate0(engine, &traffic, NULL, &id));
  traffic = traffic_by(outbound);
  traffic.remoteV4Address = kThere + 1;
  EXPECT(FWP_E_TRAFFIC_MISMATCH, IPsecSaContextCreate0(engine, &traffic, NULL, &id));
  traffic = traffic_by(outbound);
  traffic.trafficType = (IPSEC_TRAFFIC_TYPE)7;
  EXPECT(FWP_E_INVALID_ENUMERATOR, IPsecSaContextCreate0(engine, &traffic, NULL, &id));
  traffic.trafficType = IPSEC_TRAFFIC_TYPE_TUNNEL;
  traffic.tunnelPolicyId = 0x7fffffffffffull;
  EXPECT(FWP_E_PROVIDER_CONTEXT_NOT_FOUND, IPsecSaContextCreate0(engine, &traffic, NULL, &id));

  // The order is enforced at each step.
  traffic = traffic_by(outbound);
  WORKS(IPsecSaContextCreate0(engine, &traffic, NULL, &id));
  WORKS(IPsecSaContextCreate0(engine, &traffic, NULL, &second));
  WORKS(IPsecSaContextGetById0(engine, id, &nothing));
  CHECK(nothing && !nothing->inboundSa && !nothing->outboundSa);
  FwpmFreeMemory0((void**)&nothing);
  EXPECT(FWP_E_INCOMPATIBLE_SA_STATE, IPsecSaContextAddInbound0(engine, id, &bundle));
  EXPECT(FWP_E_INCOMPATIBLE_SA_STATE, IPsecSaContextAddOutbound0(engine, id, &bundle));
  EXPECT(FWP_E_INCOMPATIBLE_SA_STATE, IPsecSaContextExpire0(engine, id));
  get.inboundIpsecTraffic = traffic_by(inbound);
  EXPECT(FWP_E_NOT_FOUND, IPsecSaContextGetSpi0(engine, id + 999, &get, &spi));
  get.inboundIpsecTraffic.remoteV4Address = kThere + 1;
  EXPECT(FWP_E_TRAFFIC_MISMATCH, IPsecSaContextGetSpi0(engine, id, &get, &spi));
  get.inboundIpsecTraffic = traffic_by(outbound);
  EXPECT(FWP_E_INCOMPATIBLE_LAYER, IPsecSaContextGetSpi0(engine, id, &get, &spi));
  get.inboundIpsecTraffic = traffic_by(inbound);
  WORKS(IPsecSaContextGetSpi0(engine, id, &get, &spi));
  WORKS(IPsecSaContextGetSpi0(engine, id, &get, &other));
  CHECK(spi >= 256 && spi == other);
  set.inboundIpsecTraffic.localV4Address = kHere;
  set.inboundIpsecTraffic.remoteV4Address = kThere;
  set.inboundIpsecTraffic.ipsecFilterId = inbound;
  EXPECT(ERROR_INVALID_PARAMETER, IPsecSaContextSetSpi0(engine, second, &set, 255));
  EXPECT(FWP_E_ALREADY_EXISTS, IPsecSaContextSetSpi0(engine, second, &set, spi));
  WORKS(IPsecSaContextSetSpi0(engine, second, &set, spi == 0x12345 ? 0x12346 : 0x12345));
  EXPECT(FWP_E_INCOMPATIBLE_SA_STATE, IPsecSaContextAddOutbound0(engine, id, &bundle));

  bundle = bundle_of(spi + 1);
  EXPECT(ERROR_INVALID_PARAMETER, IPsecSaContextAddInbound0(engine, id, &bundle));
  bundle = bundle_of(spi);
  bundle.numSAs = 0;
  EXPECT(FWP_E_ZERO_LENGTH_ARRAY, IPsecSaContextAddInbound0(engine, id, &bundle));
  bundle.numSAs = 1;
  esp.saCipherInformation.cipherKey.size = 15;
  EXPECT(ERROR_INVALID_PARAMETER, IPsecSaContextAddInbound0(engine, id, &bundle));
  bundle = bundle_of(spi);
  esp.saAuthInformation.authTransform.authTransformId.authConfig = IPSEC_AUTH_CONFIG_HMAC_SHA_256_128;
  EXPECT(FWP_E_INVALID_AUTH_TRANSFORM, IPsecSaContextAddInbound0(engine, id, &bundle));
  bundle = bundle_of(spi);
  esp.saAuthInformation.authTransform.authTransformId = IPSEC_AUTH_TRANSFORM_ID_GCM_AES_128;
  EXPECT(FWP_E_INVALID_TRANSFORM_COMBINATION, IPsecSaContextAddInbound0(engine, id, &bundle));
  bundle = bundle_of(spi);
  sa.saTransformType = IPSEC_TRANSFORM_TYPE_MAX;
  EXPECT(FWP_E_INVALID_ENUMERATOR, IPsecSaContextAddInbound0(engine, id, &bundle));
  bundle = bundle_of(spi);
  bundle.flags = 0x80000000u;
  EXPECT(FWP_E_INVALID_FLAGS, IPsecSaContextAddInbound0(engine, id, &bundle));
  WORKS(IPsecSaContextDeleteById0(engine, id));
  EXPECT(FWP_E_NOT_FOUND, IPsecSaContextDeleteById0(engine, id));
  EXPECT(FWP_E_DYNAMIC_SESSION_IN_PROGRESS, IPsecSaContextDeleteById0(dynamic, second));
  WORKS(IPsecSaContextDeleteById0(engine, second));
  WORKS(FwpmEngineClose0(dynamic));
}

static void check_statistics(HANDLE engine, UINT32 added, UINT32 active) {
  IPSEC_STATISTICS0 old;
  IPSEC_STATISTICS1 now;
  IKEEXT_STATISTICS0 ike_old;
  IKEEXT_STATISTICS1 ike;
  WORKS(IPsecGetStatistics0(engine, &old));
  WORKS(IPsecGetStatistics1(engine, &now));
  CHECK(now.aggregateSaStatistics.activeSas == active && now.aggregateSaStatistics.totalSasAdded == added);
  CHECK(now.aggregateSaStatistics.totalSasDeleted == added - active);
  CHECK(memcmp(&old.aggregateSaStatistics, &now.aggregateSaStatistics, sizeof old.aggregateSaStatistics) == 0);
  WORKS(IkeextGetStatistics0(engine, &ike_old));
  WORKS(IkeextGetStatistics1(engine, &ike));
  CHECK(ike.ikeV2Statistics.v4Statistics.currentActiveMainModes == 0);
  EXPECT(FWP_E_NULL_POINTER, IPsecGetStatistics1(engine, NULL));
}

// Nothing is negotiated here: the database of IKE SAs is empty, and says so.
static void check_ike(HANDLE engine) {
  IKEEXT_SA_ENUM_TEMPLATE0 wanted;
  IKEEXT_SA_DETAILS2** found = NULL;
  IKEEXT_SA_DETAILS0* one = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 9;
  memset(&wanted, 0, sizeof wanted);
  wanted.localSubNet.type = FWP_UINT32;
  wanted.localSubNet.uint32 = kHere;
  WORKS(IkeextSaCreateEnumHandle0(engine, &wanted, &enumeration));
  WORKS(IkeextSaEnum2(engine, enumeration, 5, &found, &count));
  CHECK(count == 0);
  FwpmFreeMemory0((void**)&found);
  WORKS(IkeextSaDestroyEnumHandle0(engine, enumeration));
  wanted.localSubNet.type = FWP_UINT16;
  EXPECT(FWP_E_TYPE_MISMATCH, IkeextSaCreateEnumHandle0(engine, &wanted, &enumeration));
  EXPECT(FWP_E_NOT_FOUND, IkeextSaGetById0(engine, 1, &one));
  EXPECT(FWP_E_NOT_FOUND, IkeextSaDeleteById0(engine, 1));
  EXPECT(ERROR_INVALID_HANDLE, IkeextSaDeleteById0((HANDLE)5, 1));
}

static void check_security_info(HANDLE engine) {
  PSECURITY_DESCRIPTOR sd = NULL;
  PSID owner = NULL;
  WORKS(IPsecSaDbGetSecurityInfo0(engine, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &sd));
  CHECK(owner && sd);
  WORKS(IPsecSaDbSetSecurityInfo0(engine, OWNER_SECURITY_INFORMATION, owner, NULL, NULL, NULL));
  FwpmFreeMemory0(&sd);
  WORKS(IkeextSaDbGetSecurityInfo0(engine, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &sd));
  WORKS(IkeextSaDbSetSecurityInfo0(engine, OWNER_SECURITY_INFORMATION, owner, NULL, NULL, NULL));
  FwpmFreeMemory0(&sd);
}

static DWORD CALLBACK dictate(IPSEC_SA_DETAILS1* inbound, IPSEC_SA_DETAILS1* outbound, BOOL* changed) {
  (void)inbound, (void)outbound, (void)changed;
  return ERROR_SUCCESS;
}
static void CALLBACK will_dictate(const IKEEXT_TRAFFIC0* traffic, BOOL* will, UINT32* weight) {
  (void)traffic, (void)will, (void)weight;
}

static void CALLBACK notify(const IPSEC_SA_DETAILS1* inbound, const IPSEC_SA_DETAILS1* outbound) {
  (void)inbound, (void)outbound;
}

static void check_dictators(HANDLE engine) {
  IPSEC_KEY_MANAGER0 who, **found = NULL;
  IPSEC_KEY_MANAGER_CALLBACKS0 callbacks;
  PSECURITY_DESCRIPTOR sd = NULL;
  HANDLE first = NULL, second = NULL, other = open_engine(0);
  UINT32 count = 9;
  memset(&who, 0, sizeof who);
  memset(&callbacks, 0, sizeof callbacks);
  who.keyManagerKey = guid_of(3100);
  who.displayData.name = (PWSTR)L"a dictator";
  who.flags = IPSEC_KEY_MANAGER_FLAG_DICTATE_KEY;
  who.keyDictationTimeoutHint = 5;
  EXPECT(FWP_E_NULL_POINTER, IPsecKeyManagerAddAndRegister0(engine, &who, &callbacks, &first));
  callbacks.keyDictationCheck = will_dictate;
  callbacks.keyDictation = dictate;
  EXPECT(FWP_E_NULL_POINTER, IPsecKeyManagerAddAndRegister0(engine, &who, &callbacks, &first));
  callbacks.keyNotify = notify;
  who.keyDictationTimeoutHint = 11;  // more than 10 seconds
  EXPECT(FWP_E_INVALID_INTERVAL, IPsecKeyManagerAddAndRegister0(engine, &who, &callbacks, &first));
  who.keyDictationTimeoutHint = 5;
  WORKS(FwpmTransactionBegin0(engine, 0));
  EXPECT(FWP_E_TXN_IN_PROGRESS, IPsecKeyManagerAddAndRegister0(engine, &who, &callbacks, &first));
  WORKS(FwpmTransactionAbort0(engine));
  WORKS(IPsecKeyManagerAddAndRegister0(engine, &who, &callbacks, &first));
  EXPECT(FWP_E_ALREADY_EXISTS, IPsecKeyManagerAddAndRegister0(other, &who, &callbacks, &second));
  who.keyManagerKey = guid_of(3101);
  EXPECT(FWP_E_KEY_DICTATOR_ALREADY_REGISTERED, IPsecKeyManagerAddAndRegister0(other, &who, &callbacks, &second));
  who.flags = 0;
  WORKS(IPsecKeyManagerAddAndRegister0(other, &who, &callbacks, &second));
  WORKS(IPsecKeyManagersGet0(engine, &found, &count));
  CHECK(count == 2 && wcscmp(found[0]->displayData.name, L"a dictator") == 0 && found[0]->keyDictationTimeoutHint == 5);
  FwpmFreeMemory0((void**)&found);
  EXPECT(FWP_E_NOT_FOUND, IPsecKeyManagerUnregisterAndDelete0(engine, second));
  WORKS(FwpmEngineClose0(other));  // its own goes with it
  WORKS(IPsecKeyManagersGet0(engine, &found, &count));
  CHECK(count == 1);
  FwpmFreeMemory0((void**)&found);
  WORKS(IPsecKeyManagerUnregisterAndDelete0(engine, first));
  WORKS(IPsecKeyManagerGetSecurityInfoByKey0(engine, NULL, DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &sd));
  FwpmFreeMemory0(&sd);
}

// Where no setting is in force; tests/netns/dos_protect.c is for where one is.
static void check_dosp(HANDLE engine) {
  IPSEC_DOSP_STATISTICS0 statistics;
  IPSEC_DOSP_STATE_ENUM_TEMPLATE0 which;
  IPSEC_DOSP_STATE0** states = NULL;
  PSECURITY_DESCRIPTOR sd = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0;
  WORKS(IPsecDospGetSecurityInfo0(engine, DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &sd));
  FwpmFreeMemory0(&sd);
  EXPECT(FWP_E_NULL_POINTER, IPsecDospGetStatistics0(engine, NULL));
  EXPECT(ERROR_INVALID_HANDLE, IPsecDospGetStatistics0(NULL, &statistics));
  EXPECT(ERROR_IPSEC_DOSP_NOT_INSTALLED, IPsecDospGetStatistics0(engine, &statistics));
  EXPECT(FWP_E_NULL_POINTER, IPsecDospStateCreateEnumHandle0(engine, NULL, NULL));
  EXPECT(ERROR_IPSEC_DOSP_NOT_INSTALLED, IPsecDospStateCreateEnumHandle0(engine, NULL, &enumeration));
  memset(&which, 0, sizeof which);
  which.internalV6AddrMask.prefixLength = 129;
  EXPECT(FWP_E_INVALID_NET_MASK, IPsecDospStateCreateEnumHandle0(engine, &which, &enumeration));
  CHECK(!enumeration);
  EXPECT(FWP_E_NULL_POINTER, IPsecDospStateEnum0(engine, (HANDLE)77, 1, NULL, &count));
  EXPECT(FWP_E_NOT_FOUND, IPsecDospStateEnum0(engine, (HANDLE)77, 1, &states, &count));
  EXPECT(FWP_E_NOT_FOUND, IPsecDospStateDestroyEnumHandle0(engine, (HANDLE)77));
}

static UINT64 last_added, last_deleted;
static void CALLBACK heard(void* context, const IPSEC_SA_CONTEXT_CHANGE0* change) {
  (void)context;
  if (change->changeType == IPSEC_SA_CONTEXT_EVENT_ADD) last_added = change->saContextId;
  if (change->changeType == IPSEC_SA_CONTEXT_EVENT_DELETE) last_deleted = change->saContextId;
}

void run_manual_sa(HANDLE engine) {
  const UINT64 outbound = add_filter(engine, 0, 3000), inbound = add_filter(engine, 1, 3001);
  IPSEC_TRAFFIC0 traffic = traffic_by(outbound);
  IPSEC_GETSPI0 get;
  IPSEC_SA_BUNDLE0 bundle;
  IPSEC_SA_SPI spi = 0;
  IPSEC_SA_CONTEXT0* context = NULL;
  IPSEC_SA_CONTEXT1* newer = NULL;
  UINT64 id = 0, matched = 0;
  IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 here;
  IPSEC_SA_CONTEXT_SUBSCRIPTION0 wanted, **subscriptions = NULL;
  HANDLE subscription = NULL, elsewhere = NULL;
  UINT32 count = 0, tries;
  memset(&here, 0, sizeof here);
  memset(&wanted, 0, sizeof wanted);
  here.localSubNet.type = FWP_UINT32;
  here.localSubNet.uint32 = kHere;
  wanted.enumTemplate = &here;
  WORKS(IPsecSaContextSubscribe0(engine, &wanted, heard, NULL, &subscription));
  here.localSubNet.uint32 = kThere;
  WORKS(IPsecSaContextSubscribe0(engine, &wanted, (IPSEC_SA_CONTEXT_CALLBACK0)abort, NULL, &elsewhere));
  WORKS(IPsecSaContextSubscriptionsGet0(engine, &subscriptions, &count));
  CHECK(count == 2 && subscriptions[0]->enumTemplate->localSubNet.uint32 == kHere);
  FwpmFreeMemory0((void**)&subscriptions);
  check_dictators(engine);
  check_dosp(engine);
  check_refusals(engine, outbound, inbound);
  check_statistics(engine, 0, 0);
  WORKS(IPsecSaContextCreate0(engine, &traffic, &matched, &id));
  CHECK(matched == inbound);
  memset(&get, 0, sizeof get);
  get.inboundIpsecTraffic = traffic_by(inbound);
  WORKS(IPsecSaContextGetSpi0(engine, id, &get, &spi));
  bundle = bundle_of(spi);
  WORKS(IPsecSaContextAddInbound0(engine, id, &bundle));
  bundle = bundle_of(5000);
  bundle.qmSaId = 4712;
  EXPECT(ERROR_INVALID_PARAMETER, IPsecSaContextAddOutbound0(engine, id, &bundle));
  bundle.qmSaId = 4711;
  WORKS(IPsecSaContextAddOutbound0(engine, id, &bundle));
  EXPECT(FWP_E_INCOMPATIBLE_SA_STATE, IPsecSaContextGetSpi0(engine, id, &get, &spi));
  WORKS(IPsecSaContextGetById0(engine, id, &context));
  if (context) {
    CHECK(context->saContextId == id);
    check_half(context->inboundSa, FWP_DIRECTION_INBOUND, inbound, spi);
    check_half(context->outboundSa, FWP_DIRECTION_OUTBOUND, outbound, 5000);
  }
  FwpmFreeMemory0((void**)&context);
  CHECK(count_contexts_between(engine, kHere, 0xffffffff) == 1);
  CHECK(count_contexts_between(engine, 0xc0000200, 0xffffff00) == 1);
  CHECK(count_contexts_between(engine, kThere, 0xffffffff) == 0);
  check_directions(engine);
  check_statistics(engine, 1, 1);
  check_ike(engine);
  check_security_info(engine);

  // Get, change, update.
  WORKS(IPsecSaContextGetById1(engine, id, &newer));
  newer->inboundSa->saBundle.mmSaId = newer->outboundSa->saBundle.mmSaId = 99;
  EXPECT(FWP_E_INVALID_FLAGS, IPsecSaContextUpdate0(engine, 0x80, newer));
  WORKS(IPsecSaContextUpdate0(engine, IPSEC_SA_BUNDLE_UPDATE_MM_SA_ID, newer));
  FwpmFreeMemory0((void**)&newer);
  WORKS(IPsecSaContextGetById1(engine, id, &newer));
  CHECK(newer->outboundSa->saBundle.mmSaId == 99 && newer->outboundSa->saBundle.napContext == 5);
  FwpmFreeMemory0((void**)&newer);

  // Expired: the outbound SA goes at once, the inbound one lingers.
  WORKS(IPsecSaContextExpire0(engine, id));
  EXPECT(FWP_E_INCOMPATIBLE_SA_STATE, IPsecSaContextExpire0(engine, id));
  WORKS(IPsecSaContextGetById0(engine, id, &context));
  CHECK(context && context->inboundSa && !context->outboundSa);
  FwpmFreeMemory0((void**)&context);
  WORKS(IPsecSaContextDeleteById0(engine, id));
  EXPECT(FWP_E_NOT_FOUND, IPsecSaContextGetById0(engine, id, &context));
  for (tries = 0; tries < 1000 && last_deleted != id; ++tries) usleep(5000);
  CHECK(last_added == id && last_deleted == id);
  WORKS(IPsecSaContextUnsubscribe0(engine, subscription));
  WORKS(IPsecSaContextUnsubscribe0(engine, elsewhere));
  WORKS(FwpmFilterDeleteById0(engine, outbound));
  WORKS(FwpmFilterDeleteById0(engine, inbound));
  check_statistics(engine, 1, 0);
}
