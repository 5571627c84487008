// Refusals of keying policy, and contexts of the newer versions read back whole.
#include "expect.h"

static IKEEXT_AUTHENTICATION_METHOD2 methods[2];
static IKEEXT_PROPOSAL0 proposals[1];
static IKEEXT_POLICY2 main_policy;
static IPSEC_AUTH_TRANSFORM0 auth;
static IPSEC_AUTH_AND_CIPHER_TRANSFORM0 both;
static IPSEC_SA_TRANSFORM0 transforms[2];
static IPSEC_PROPOSAL0 quick[1];
static IPSEC_TUNNEL_POLICY3 tunnel;
static IKEEXT_EM_POLICY2 extended;
static UINT8 secret[] = "secret";

static void reset(void) {
  memset(methods, 0, sizeof methods);
  memset(proposals, 0, sizeof proposals);
  memset(&main_policy, 0, sizeof main_policy);
  memset(&auth, 0, sizeof auth);
  memset(&both, 0, sizeof both);
  memset(transforms, 0, sizeof transforms);
  memset(quick, 0, sizeof quick);
  memset(&tunnel, 0, sizeof tunnel);
  memset(&extended, 0, sizeof extended);
  methods[0].authenticationMethodType = IKEEXT_PRESHARED_KEY;
  methods[0].presharedKeyAuthentication.presharedKey.size = 6;
  methods[0].presharedKeyAuthentication.presharedKey.data = secret;
  proposals[0].cipherAlgorithm.algoIdentifier = IKEEXT_CIPHER_AES_256;
  proposals[0].integrityAlgorithm.algoIdentifier = IKEEXT_INTEGRITY_SHA_256;
  proposals[0].maxLifetimeSeconds = 28800;
  proposals[0].dhGroup = IKEEXT_DH_GROUP_14;
  main_policy.numAuthenticationMethods = 1;
  main_policy.authenticationMethods = methods;
  main_policy.numIkeProposals = 1;
  main_policy.ikeProposals = proposals;
  main_policy.retransmitDurationSecs = 120;
  auth.authTransformId = IPSEC_AUTH_TRANSFORM_ID_HMAC_SHA_256_128;
  both.authTransform = auth;
  both.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_AES_256;
  transforms[0].ipsecTransformType = IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;
  transforms[0].espAuthAndCipherTransform = &both;
  quick[0].lifetime.lifetimeSeconds = 3600;
  quick[0].lifetime.lifetimeKilobytes = 100000;
  quick[0].lifetime.lifetimePackets = 0x7fffffff;
  quick[0].numSaTransforms = 1;
  quick[0].saTransforms = transforms;
  quick[0].pfsGroup = IPSEC_PFS_2048;
  tunnel.numIpsecProposals = 1;
  tunnel.ipsecProposals = quick;
  tunnel.tunnelEndpoints.ipVersion = FWP_IP_VERSION_V6;
  tunnel.tunnelEndpoints.localV6Address[15] = 1;
  tunnel.tunnelEndpoints.remoteV6Address[15] = 2;
  extended.numAuthenticationMethods = 1;
  extended.authenticationMethods = methods;
}

static FWPM_PROVIDER_CONTEXT3 context(FWPM_PROVIDER_CONTEXT_TYPE type, void* policy) {
  FWPM_PROVIDER_CONTEXT3 out;
  memset(&out, 0, sizeof out);
  out.providerContextKey = guid_of(300);
  out.displayData.name = (PWSTR)L"context";
  out.type = type;
  out.keyingPolicy = policy;
  return out;
}

static DWORD add(HANDLE engine, FWPM_PROVIDER_CONTEXT_TYPE type, void* policy) {
  const FWPM_PROVIDER_CONTEXT3 one = context(type, policy);
  const DWORD code = FwpmProviderContextAdd3(engine, &one, NULL, NULL);
  if (code == ERROR_SUCCESS) WORKS(FwpmProviderContextDeleteByKey0(engine, &one.providerContextKey));
  return code;
}

static void check_main_mode(HANDLE engine) {
  reset();
  WORKS(add(engine, FWPM_IPSEC_IKEV2_MM_CONTEXT, &main_policy));
  EXPECT(FWP_E_NULL_POINTER, add(engine, FWPM_IPSEC_IKEV2_MM_CONTEXT, NULL));
  EXPECT(FWP_E_INVALID_ENUMERATOR, add(engine, (FWPM_PROVIDER_CONTEXT_TYPE)40, &main_policy));
  main_policy.numAuthenticationMethods = 0;
  EXPECT(FWP_E_ZERO_LENGTH_ARRAY, add(engine, FWPM_IPSEC_IKEV2_MM_CONTEXT, &main_policy));
  reset();
  main_policy.numIkeProposals = 0;
  EXPECT(FWP_E_ZERO_LENGTH_ARRAY, add(engine, FWPM_IPSEC_IKE_MM_CONTEXT, &main_policy));
  reset();
  methods[0].authenticationMethodType = IKEEXT_NTLM_V2;
  EXPECT(FWP_E_INCOMPATIBLE_AUTH_METHOD, add(engine, FWPM_IPSEC_IKE_MM_CONTEXT, &main_policy));
  methods[0].authenticationMethodType = (IKEEXT_AUTHENTICATION_METHOD_TYPE)55;
  EXPECT(FWP_E_INVALID_ENUMERATOR, add(engine, FWPM_IPSEC_IKE_MM_CONTEXT, &main_policy));
  reset();
  methods[1] = methods[0];
  main_policy.numAuthenticationMethods = 2;
  EXPECT(FWP_E_DUPLICATE_AUTH_METHOD, add(engine, FWPM_IPSEC_IKE_MM_CONTEXT, &main_policy));
  reset();
  memset(&methods[0], 0, sizeof methods[0]);
  methods[0].authenticationMethodType = IKEEXT_IPV6_CGA;
  EXPECT(ERROR_NOT_SUPPORTED, add(engine, FWPM_IPSEC_IKE_MM_CONTEXT, &main_policy));
  reset();
  proposals[0].dhGroup = IKEEXT_DH_GROUP_NONE;
  EXPECT(FWP_E_INCOMPATIBLE_DH_GROUP, add(engine, FWPM_IPSEC_IKE_MM_CONTEXT, &main_policy));
  reset();
  proposals[0].maxLifetimeSeconds = 0;
  EXPECT(FWP_E_OUT_OF_BOUNDS, add(engine, FWPM_IPSEC_IKE_MM_CONTEXT, &main_policy));
  reset();
  main_policy.flags = 0x8000;
  EXPECT(FWP_E_INVALID_FLAGS, add(engine, FWPM_IPSEC_IKEV2_MM_CONTEXT, &main_policy));
  reset();
  main_policy.softExpirationTime = 1;
  EXPECT(FWP_E_INVALID_PARAMETER, add(engine, FWPM_IPSEC_IKEV2_MM_CONTEXT, &main_policy));
}

static void check_quick_mode(HANDLE engine) {
  GUID modules[2];
  IPSEC_KEYING_POLICY1 keying;
  reset();
  WORKS(add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  tunnel.emPolicy = &extended;
  EXPECT(FWP_E_EM_NOT_SUPPORTED, add(engine, FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT, &tunnel));
  reset();
  both.authTransform.authTransformId.authConfig = IPSEC_AUTH_CONFIG_HMAC_MD5_96;
  EXPECT(FWP_E_INVALID_AUTH_TRANSFORM, add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  reset();
  both.cipherTransform.cipherTransformId.cipherConfig = IPSEC_CIPHER_CONFIG_CBC_DES;
  EXPECT(FWP_E_INVALID_CIPHER_TRANSFORM, add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  reset();
  both.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_GCM_AES_256;
  EXPECT(FWP_E_INVALID_TRANSFORM_COMBINATION, add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  reset();
  transforms[0].ipsecTransformType = IPSEC_TRANSFORM_ESP_CIPHER;
  transforms[0].espCipherTransform = &both.cipherTransform;
  both.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_GCM_AES_128;
  EXPECT(FWP_E_INCOMPATIBLE_CIPHER_TRANSFORM, add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  reset();
  transforms[0].espAuthAndCipherTransform = NULL;
  EXPECT(FWP_E_NULL_POINTER, add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  reset();
  quick[0].numSaTransforms = 0;
  EXPECT(FWP_E_ZERO_LENGTH_ARRAY, add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  reset();
  {
    IPSEC_TUNNEL_ENDPOINT0 other;
    memset(&other, 0, sizeof other);
    other.ipVersion = FWP_IP_VERSION_V4;
    other.v4Address = 0x0a000001;
    tunnel.tunnelEndpoints.numAddresses = 1;
    tunnel.tunnelEndpoints.remoteAddresses = &other;
    EXPECT(FWP_E_INVALID_TUNNEL_ENDPOINT, add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  }
  reset();
  {
    wchar_t name[300];
    size_t i;
    for (i = 0; i < 299; ++i) name[i] = L'a';
    name[299] = 0;
    tunnel.tunnelEndpoints.remoteFqdn = name;
    EXPECT(FWP_E_INVALID_DNS_NAME, add(engine, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel));
  }
  memset(&keying, 0, sizeof keying);
  EXPECT(FWP_E_ZERO_LENGTH_ARRAY, add(engine, FWPM_IPSEC_KEYING_CONTEXT, &keying));
  modules[0] = modules[1] = FWPM_KEYING_MODULE_IKEV2;
  keying.numKeyMods = 2;
  keying.keyModKeys = modules;
  EXPECT(FWP_E_DUPLICATE_KEYMOD, add(engine, FWPM_IPSEC_KEYING_CONTEXT, &keying));
  modules[1] = FWPM_KEYING_MODULE_IKE;
  keying.flags = IPSEC_KEYING_POLICY_FLAG_TERMINATING_MATCH;
  WORKS(add(engine, FWPM_IPSEC_KEYING_CONTEXT, &keying));
}

// What only the newest version can say comes back with it; an older one leaves it out, or gives no policy at all.
static void check_versions(HANDLE engine) {
  IPSEC_TRAFFIC_SELECTOR0 selector;
  IPSEC_TRAFFIC_SELECTOR_POLICY0 selectors;
  FWPM_PROVIDER_CONTEXT3 newest, *third = NULL;
  FWPM_PROVIDER_CONTEXT2* second = NULL;
  FWPM_PROVIDER_CONTEXT1* first = NULL;
  FWPM_PROVIDER_CONTEXT0* oldest = NULL;
  UINT64 id = 0;
  reset();
  memset(&selector, 0, sizeof selector);
  selector.protocolId = 6;
  selector.portStart = 80;
  selector.portEnd = 90;
  selector.ipVersion = FWP_IP_VERSION_V6;
  selector.endV6Address[15] = 9;
  memset(&selectors, 0, sizeof selectors);
  selectors.numLocalTrafficSelectors = 1;
  selectors.localTrafficSelectors = &selector;
  tunnel.numTrafficSelectorPolicy = 1;
  tunnel.trafficSelectorPolicies = &selectors;
  tunnel.compartmentId = 4;
  tunnel.fwdPathSaLifetime = 900;
  tunnel.tunnelEndpoints.localIfLuid = 0x123456789abcull;
  newest = context(FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, &tunnel);
  WORKS(FwpmProviderContextAdd3(engine, &newest, NULL, &id));
  WORKS(FwpmProviderContextGetByKey3(engine, &newest.providerContextKey, &third));
  WORKS(FwpmProviderContextGetById2(engine, id, &second));
  WORKS(FwpmProviderContextGetById1(engine, id, &first));
  WORKS(FwpmProviderContextGetById0(engine, id, &oldest));
  if (third && second && first && oldest) {
    const IPSEC_TUNNEL_POLICY3* p = third->ikeV2QmTunnelPolicy;
    CHECK(p->compartmentId == 4 && p->fwdPathSaLifetime == 900 && p->numTrafficSelectorPolicy == 1);
    CHECK(p->tunnelEndpoints.localIfLuid == 0x123456789abcull && p->tunnelEndpoints.ipVersion == FWP_IP_VERSION_V6);
    CHECK(memcmp(p->tunnelEndpoints.remoteV6Address, tunnel.tunnelEndpoints.remoteV6Address, 16) == 0);
    CHECK(p->trafficSelectorPolicies->localTrafficSelectors->portEnd == 90);
    CHECK(p->trafficSelectorPolicies->localTrafficSelectors->endV6Address[15] == 9);
    CHECK(p->trafficSelectorPolicies->remoteTrafficSelectors == NULL);
    CHECK(p->ipsecProposals->pfsGroup == IPSEC_PFS_2048);
    CHECK(second->ikeV2QmTunnelPolicy->fwdPathSaLifetime == 900);
    CHECK(first->ikeV2QmTunnelPolicy->tunnelEndpoints.localIfLuid == 0x123456789abcull);
    CHECK(oldest->type == FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT && oldest->ikeQmTunnelPolicy == NULL);
  }
  FwpmFreeMemory0((void**)&third);
  FwpmFreeMemory0((void**)&second);
  FwpmFreeMemory0((void**)&first);
  FwpmFreeMemory0((void**)&oldest);
  WORKS(FwpmProviderContextDeleteById0(engine, id));
  EXPECT(FWP_E_PROVIDER_CONTEXT_NOT_FOUND, FwpmProviderContextGetById0(engine, id, &oldest));
}

void run_context_errors(HANDLE engine) {
  check_main_mode(engine);
  check_quick_mode(engine);
  check_versions(engine);
}
