// The vendor's configurations: installed in one transaction, read back unchanged, removed without a trace.
#include "expect.h"

// ---- policies ----

// Main mode of the "transport mode" example: AuthIP, Kerberos and then SSL with one root, two proposals without DH.
static UINT8 root_name[] = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x02, 'C', 'A'};
static IKEEXT_CERT_ROOT_CONFIG0 roots[1];
static IKEEXT_AUTHENTICATION_METHOD0 mm_methods[2];
static IKEEXT_PROPOSAL0 mm_proposals[2];
static IKEEXT_POLICY0 mm_policy;

static void make_main_mode(void) {
  memset(mm_methods, 0, sizeof mm_methods);
  memset(mm_proposals, 0, sizeof mm_proposals);
  memset(&mm_policy, 0, sizeof mm_policy);
  memset(roots, 0, sizeof roots);
  roots[0].certData.size = sizeof root_name;
  roots[0].certData.data = root_name;
  mm_methods[0].authenticationMethodType = IKEEXT_KERBEROS;
  mm_methods[1].authenticationMethodType = IKEEXT_SSL;
  mm_methods[1].sslAuthentication.inboundConfigType = IKEEXT_CERT_CONFIG_EXPLICIT_TRUST_LIST;
  mm_methods[1].sslAuthentication.inboundRootArraySize = 1;
  mm_methods[1].sslAuthentication.inboundRootArray = roots;
  mm_methods[1].sslAuthentication.outboundConfigType = IKEEXT_CERT_CONFIG_EXPLICIT_TRUST_LIST;
  mm_methods[1].sslAuthentication.outboundRootArraySize = 1;
  mm_methods[1].sslAuthentication.outboundRootArray = roots;
  mm_methods[1].sslAuthentication.flags = IKEEXT_CERT_AUTH_FLAG_DISABLE_CRL_CHECK;
  mm_proposals[0].cipherAlgorithm.algoIdentifier = IKEEXT_CIPHER_AES_128;
  mm_proposals[0].integrityAlgorithm.algoIdentifier = IKEEXT_INTEGRITY_SHA1;
  mm_proposals[0].maxLifetimeSeconds = 8 * 60 * 60;
  mm_proposals[1] = mm_proposals[0];
  mm_proposals[1].cipherAlgorithm.algoIdentifier = IKEEXT_CIPHER_3DES;
  mm_policy.numAuthenticationMethods = 2;
  mm_policy.authenticationMethods = mm_methods;
  mm_policy.numIkeProposals = 2;
  mm_policy.ikeProposals = mm_proposals;
  mm_policy.maxDynamicFilters = 10;
}

static IPSEC_AUTH_TRANSFORM0 sha1_transform;
static IPSEC_AUTH_AND_CIPHER_TRANSFORM0 sha1_aes, sha1_3des;
static IPSEC_SA_TRANSFORM0 qm_transforms[4];
static IPSEC_PROPOSAL0 qm_proposals[4];
static IKEEXT_AUTHENTICATION_METHOD0 em_methods[2];
static IKEEXT_EM_POLICY0 em_policy;
static IPSEC_TRANSPORT_POLICY0 qm_policy;

static void make_quick_mode(UINT32 proposals, UINT32 flags, int extended) {
  UINT32 i;
  memset(&sha1_transform, 0, sizeof sha1_transform);
  memset(&sha1_aes, 0, sizeof sha1_aes);
  memset(&sha1_3des, 0, sizeof sha1_3des);
  memset(qm_transforms, 0, sizeof qm_transforms);
  memset(qm_proposals, 0, sizeof qm_proposals);
  memset(em_methods, 0, sizeof em_methods);
  memset(&em_policy, 0, sizeof em_policy);
  memset(&qm_policy, 0, sizeof qm_policy);
  sha1_transform.authTransformId = IPSEC_AUTH_TRANSFORM_ID_HMAC_SHA_1_96;
  sha1_aes.authTransform = sha1_transform;
  sha1_aes.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_AES_128;
  sha1_3des.authTransform = sha1_transform;
  sha1_3des.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_CBC_3DES;
  qm_transforms[0].ipsecTransformType = IPSEC_TRANSFORM_AH;
  qm_transforms[0].ahTransform = &sha1_transform;
  qm_transforms[1].ipsecTransformType = IPSEC_TRANSFORM_ESP_AUTH;
  qm_transforms[1].espAuthTranform = &sha1_transform;
  qm_transforms[2].ipsecTransformType = IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;
  qm_transforms[2].espAuthAndCipherTransform = &sha1_aes;
  qm_transforms[3].ipsecTransformType = IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;
  qm_transforms[3].espAuthAndCipherTransform = &sha1_3des;
  for (i = 0; i < proposals; ++i) {
    qm_proposals[i].lifetime.lifetimeSeconds = 3600;
    qm_proposals[i].lifetime.lifetimeKilobytes = 100000;
    qm_proposals[i].lifetime.lifetimePackets = 0x7fffffff;
    qm_proposals[i].numSaTransforms = 1;
    qm_proposals[i].saTransforms = &qm_transforms[i];
  }
  em_methods[0].authenticationMethodType = IKEEXT_KERBEROS;
  em_methods[1].authenticationMethodType = IKEEXT_NTLM_V2;
  em_policy.numAuthenticationMethods = 2;
  em_policy.authenticationMethods = em_methods;
  em_policy.initiatorImpersonationType = IKEEXT_IMPERSONATION_SOCKET_PRINCIPAL;
  qm_policy.numIpsecProposals = proposals;
  qm_policy.ipsecProposals = qm_proposals;
  qm_policy.flags = flags;
  qm_policy.ndAllowClearTimeoutSeconds = 10;
  qm_policy.saIdleTimeout.idleTimeoutSeconds = 300;
  qm_policy.saIdleTimeout.idleTimeoutSecondsFailOver = 60;
  qm_policy.emPolicy = extended ? &em_policy : NULL;
}

static FWPM_PROVIDER_CONTEXT0 main_mode_context(const GUID* key) {
  FWPM_PROVIDER_CONTEXT0 out;
  memset(&out, 0, sizeof out);
  out.providerContextKey = *key;
  out.displayData.name = (PWSTR)L"main mode";
  out.displayData.description = (PWSTR)L"Kerberos, then SSL; Gr\u00fc\u00dfe \U0001f511";
  out.type = FWPM_IPSEC_AUTHIP_MM_CONTEXT;
  out.authIpMmPolicy = &mm_policy;
  return out;
}

static FWPM_PROVIDER_CONTEXT0 quick_mode_context(const GUID* key) {
  FWPM_PROVIDER_CONTEXT0 out;
  memset(&out, 0, sizeof out);
  out.providerContextKey = *key;
  out.displayData.name = (PWSTR)L"quick mode";
  out.type = FWPM_IPSEC_AUTHIP_QM_TRANSPORT_CONTEXT;
  out.authipQmTransportPolicy = &qm_policy;
  return out;
}

// ---- comparing what was read back ----

static int same_text(const wchar_t* a, const wchar_t* b) { return a && b ? wcscmp(a, b) == 0 : a == b; }
static int same_blob(const FWP_BYTE_BLOB* a, const FWP_BYTE_BLOB* b) {
  return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}
static int same_guid(const GUID* a, const GUID* b) { return memcmp(a, b, sizeof(GUID)) == 0; }

static int same_method(const IKEEXT_AUTHENTICATION_METHOD0* a, const IKEEXT_AUTHENTICATION_METHOD0* b) {
  if (a->authenticationMethodType != b->authenticationMethodType) return 0;
  switch (a->authenticationMethodType) {
    case IKEEXT_PRESHARED_KEY:
      return same_blob(&a->presharedKeyAuthentication.presharedKey, &b->presharedKeyAuthentication.presharedKey);
    case IKEEXT_KERBEROS: return a->kerberosAuthentication.flags == b->kerberosAuthentication.flags;
    case IKEEXT_NTLM_V2: return a->ntlmV2Authentication.flags == b->ntlmV2Authentication.flags;
    case IKEEXT_SSL: {
      const IKEEXT_CERTIFICATE_AUTHENTICATION0 *x = &a->sslAuthentication, *y = &b->sslAuthentication;
      return x->inboundConfigType == y->inboundConfigType && x->outboundConfigType == y->outboundConfigType &&
             x->inboundRootArraySize == 1 && y->inboundRootArraySize == 1 && x->outboundRootArraySize == 1 &&
             same_blob(&x->inboundRootArray->certData, &y->inboundRootArray->certData) &&
             same_blob(&x->outboundRootArray->certData, &y->outboundRootArray->certData) && x->flags == y->flags;
    }
    default: return 0;
  }
}

static int same_main_mode(const IKEEXT_POLICY0* a, const IKEEXT_POLICY0* b) {
  UINT32 i;
  if (a->numAuthenticationMethods != b->numAuthenticationMethods || a->numIkeProposals != b->numIkeProposals ||
      a->flags != b->flags || a->maxDynamicFilters != b->maxDynamicFilters ||
      a->initiatorImpersonationType != b->initiatorImpersonationType)
    return 0;
  for (i = 0; i < a->numAuthenticationMethods; ++i)
    if (!same_method(&a->authenticationMethods[i], &b->authenticationMethods[i])) return 0;
  return memcmp(a->ikeProposals, b->ikeProposals, a->numIkeProposals * sizeof(IKEEXT_PROPOSAL0)) == 0;
}

static int same_auth(const IPSEC_AUTH_TRANSFORM0* a, const IPSEC_AUTH_TRANSFORM0* b) {
  return a->authTransformId.authType == b->authTransformId.authType &&
         a->authTransformId.authConfig == b->authTransformId.authConfig && !a->cryptoModuleId && !b->cryptoModuleId;
}

static int same_proposals(const IPSEC_PROPOSAL0* a, const IPSEC_PROPOSAL0* b, UINT32 count) {
  UINT32 i;
  for (i = 0; i < count; ++i) {
    const IPSEC_SA_TRANSFORM0 *x = a[i].saTransforms, *y = b[i].saTransforms;
    if (memcmp(&a[i].lifetime, &b[i].lifetime, sizeof a[i].lifetime) != 0 || a[i].pfsGroup != b[i].pfsGroup ||
        a[i].numSaTransforms != 1 || b[i].numSaTransforms != 1 || x->ipsecTransformType != y->ipsecTransformType)
      return 0;
    if (x->ipsecTransformType == IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER) {
      const IPSEC_CIPHER_TRANSFORM_ID0 *m = &x->espAuthAndCipherTransform->cipherTransform.cipherTransformId,
                                       *n = &y->espAuthAndCipherTransform->cipherTransform.cipherTransformId;
      if (!same_auth(&x->espAuthAndCipherTransform->authTransform, &y->espAuthAndCipherTransform->authTransform) ||
          m->cipherType != n->cipherType || m->cipherConfig != n->cipherConfig)
        return 0;
    } else if (!same_auth(x->ahTransform, y->ahTransform)) {
      return 0;
    }
  }
  return 1;
}

static int same_transport(const IPSEC_TRANSPORT_POLICY0* a, const IPSEC_TRANSPORT_POLICY0* b) {
  UINT32 i;
  if (a->numIpsecProposals != b->numIpsecProposals || a->flags != b->flags ||
      a->ndAllowClearTimeoutSeconds != b->ndAllowClearTimeoutSeconds ||
      memcmp(&a->saIdleTimeout, &b->saIdleTimeout, sizeof a->saIdleTimeout) != 0 || !a->emPolicy != !b->emPolicy)
    return 0;
  if (a->emPolicy) {
    if (a->emPolicy->numAuthenticationMethods != b->emPolicy->numAuthenticationMethods ||
        a->emPolicy->initiatorImpersonationType != b->emPolicy->initiatorImpersonationType)
      return 0;
    for (i = 0; i < a->emPolicy->numAuthenticationMethods; ++i)
      if (!same_method(&a->emPolicy->authenticationMethods[i], &b->emPolicy->authenticationMethods[i])) return 0;
  }
  return same_proposals(a->ipsecProposals, b->ipsecProposals, a->numIpsecProposals);
}

static int same_filter(const FWPM_FILTER0* a, const FWPM_FILTER0* b) {
  UINT32 i;
  if (!same_guid(&a->filterKey, &b->filterKey) || !same_text(a->displayData.name, b->displayData.name) ||
      a->flags != b->flags || !same_guid(&a->layerKey, &b->layerKey) || a->weight.type != b->weight.type ||
      (a->weight.type == FWP_UINT8 && a->weight.uint8 != b->weight.uint8) || a->action.type != b->action.type ||
      ((a->action.type & FWP_ACTION_FLAG_CALLOUT) && !same_guid(&a->action.calloutKey, &b->action.calloutKey)) ||
      a->numFilterConditions != b->numFilterConditions)
    return 0;
  if (a->flags & FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT) {
    if (!same_guid(&a->providerContextKey, &b->providerContextKey)) return 0;
  } else if (a->rawContext != b->rawContext) {
    return 0;
  }
  for (i = 0; i < a->numFilterConditions; ++i) {
    const FWPM_FILTER_CONDITION0 *x = &a->filterCondition[i], *y = &b->filterCondition[i];
    if (!same_guid(&x->fieldKey, &y->fieldKey) || x->matchType != y->matchType || x->conditionValue.type != FWP_UINT8 ||
        y->conditionValue.type != FWP_UINT8 || x->conditionValue.uint8 != y->conditionValue.uint8)
      return 0;
  }
  return b->filterId != 0 && b->effectiveWeight.type == FWP_UINT64;
}

// ---- a configuration as a list of filters ----

enum { kMostParts = 40 };
static FWPM_FILTER0 parts[kMostParts];
static FWPM_FILTER_CONDITION0 conditions[kMostParts][3];
static UINT32 part_count;

static FWPM_FILTER0* part(const GUID* layer, UINT32 action, UINT32 number_of_conditions) {
  const GUID key = guid_of(1000 + part_count);
  FWPM_FILTER0* out = &parts[part_count];
  *out = filter_at(&key, layer, action);
  conditions[part_count][0] = unicast_here();
  out->numFilterConditions = number_of_conditions;
  out->filterCondition = number_of_conditions ? conditions[part_count] : NULL;
  ++part_count;
  return out;
}

static void carry(const GUID* layer, const GUID* context) {
  FWPM_FILTER0* filter = part(layer, FWP_ACTION_PERMIT, 0);
  filter->flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
  filter->providerContextKey = *context;
}

static void ask(const GUID* layer, const GUID* callout, UINT64 raw_context) {
  FWPM_FILTER0* filter = part(layer, FWP_ACTION_CALLOUT_TERMINATING, 1);
  filter->action.calloutKey = *callout;
  filter->rawContext = raw_context;
}

static void let_icmp(const GUID* layer, UINT8 protocol) {
  FWPM_FILTER0* filter = part(layer, FWP_ACTION_PERMIT, 2);
  conditions[part_count - 1][1] = protocol_is(protocol);
  filter->weight.type = FWP_UINT8;
  filter->weight.uint8 = FWPM_WEIGHT_RANGE_IKE_EXEMPTIONS;
}

// "Require inbound, request outbound": negotiation discovery, which both examples are built on.
static void make_parts(const GUID* main_mode, const GUID* quick_mode, UINT64 accept_context) {
  part_count = 0;
  carry(&FWPM_LAYER_IKEEXT_V4, main_mode);
  carry(&FWPM_LAYER_IKEEXT_V6, main_mode);
  carry(&FWPM_LAYER_IPSEC_V4, quick_mode);
  carry(&FWPM_LAYER_IPSEC_V6, quick_mode);
  ask(&FWPM_LAYER_INBOUND_TRANSPORT_V4, &FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V4,
      FWPM_CONTEXT_IPSEC_INBOUND_PERSIST_CONNECTION_SECURITY);
  ask(&FWPM_LAYER_INBOUND_TRANSPORT_V6, &FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V6,
      FWPM_CONTEXT_IPSEC_INBOUND_PERSIST_CONNECTION_SECURITY);
  ask(&FWPM_LAYER_OUTBOUND_TRANSPORT_V4, &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V4,
      FWPM_CONTEXT_IPSEC_OUTBOUND_NEGOTIATE_DISCOVER);
  ask(&FWPM_LAYER_OUTBOUND_TRANSPORT_V6, &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V6,
      FWPM_CONTEXT_IPSEC_OUTBOUND_NEGOTIATE_DISCOVER);
  ask(&FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4, &FWPM_CALLOUT_IPSEC_INBOUND_INITIATE_SECURE_V4, accept_context);
  ask(&FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6, &FWPM_CALLOUT_IPSEC_INBOUND_INITIATE_SECURE_V6, accept_context);
  let_icmp(&FWPM_LAYER_INBOUND_TRANSPORT_V4, 1);
  let_icmp(&FWPM_LAYER_INBOUND_TRANSPORT_V6, 58);
  let_icmp(&FWPM_LAYER_OUTBOUND_TRANSPORT_V4, 1);
  let_icmp(&FWPM_LAYER_OUTBOUND_TRANSPORT_V6, 58);
  let_icmp(&FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4, 1);
  let_icmp(&FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6, 58);
}

static void check_parts_are_there(HANDLE engine) {
  UINT32 count = 0, i, j, seen = 0;
  FWPM_FILTER0** all = all_filters(engine, NULL, &count);
  for (i = 0; i < part_count; ++i)
    for (j = 0; j < count; ++j)
      if (same_guid(&parts[i].filterKey, &all[j]->filterKey)) {
        CHECK(same_filter(&parts[i], all[j]));
        ++seen;
      }
  CHECK(seen == part_count);
  FwpmFreeMemory0((void**)&all);
}

static void install_and_remove(HANDLE engine) {
  const UINT32 filters_before = count_filters(engine), contexts_before = count_contexts(engine);
  const GUID main_key = guid_of(1), quick_key = guid_of(2);
  FWPM_PROVIDER_CONTEXT0 main_mode = main_mode_context(&main_key), quick_mode = quick_mode_context(&quick_key);
  FWPM_PROVIDER_CONTEXT0* found = NULL;
  UINT64 main_id = 0, filter_id = 0;
  UINT32 i;

  WORKS(FwpmTransactionBegin0(engine, 0));
  WORKS(FwpmProviderContextAdd0(engine, &main_mode, NULL, &main_id));
  WORKS(FwpmProviderContextAdd0(engine, &quick_mode, NULL, NULL));
  for (i = 0; i < part_count; ++i) WORKS(FwpmFilterAdd0(engine, &parts[i], NULL, i == 0 ? &filter_id : NULL));
  WORKS(FwpmTransactionCommit0(engine));
  CHECK(main_id != 0 && filter_id != 0);

  WORKS(FwpmProviderContextGetById0(engine, main_id, &found));
  if (found) {
    CHECK(same_guid(&found->providerContextKey, &main_key) && found->providerContextId == main_id);
    CHECK(same_text(found->displayData.name, main_mode.displayData.name));
    CHECK(same_text(found->displayData.description, main_mode.displayData.description));
    CHECK(found->type == main_mode.type && found->flags == 0 && found->providerKey == NULL);
    CHECK(same_main_mode(&mm_policy, found->authIpMmPolicy));
  }
  FwpmFreeMemory0((void**)&found);
  WORKS(FwpmProviderContextGetByKey0(engine, &quick_key, &found));
  if (found) CHECK(same_transport(&qm_policy, found->authipQmTransportPolicy));
  FwpmFreeMemory0((void**)&found);
  check_parts_are_there(engine);
  // Main mode policy brings the engine's own permits for IKE.
  CHECK(count_filters(engine) == filters_before + part_count + 8);

  WORKS(FwpmTransactionBegin0(engine, 0));
  EXPECT(FWP_E_IN_USE, FwpmProviderContextDeleteByKey0(engine, &main_key));
  for (i = 0; i < part_count; ++i) WORKS(FwpmFilterDeleteByKey0(engine, &parts[i].filterKey));
  WORKS(FwpmProviderContextDeleteById0(engine, main_id));
  WORKS(FwpmProviderContextDeleteByKey0(engine, &quick_key));
  WORKS(FwpmTransactionCommit0(engine));
  CHECK(count_filters(engine) == filters_before && count_contexts(engine) == contexts_before);
}

void run_transport(HANDLE engine) {
  const GUID main_key = guid_of(1), quick_key = guid_of(2);
  make_main_mode();
  make_quick_mode(4, IPSEC_POLICY_FLAG_ND_SECURE, 1);
  make_parts(&main_key, &quick_key, FWPM_CONTEXT_ALE_SET_CONNECTION_REQUIRE_IPSEC_SECURITY);
  install_and_remove(engine);
}

// Kerberos main mode, AH with SHA-1, negotiation discovery for all traffic, IPsec required inbound.
void run_isolation(HANDLE engine) {
  const GUID main_key = guid_of(1), quick_key = guid_of(2);
  make_main_mode();
  mm_policy.numAuthenticationMethods = 1;
  make_quick_mode(1, IPSEC_POLICY_FLAG_ND_SECURE, 0);
  make_parts(&main_key, &quick_key, 0);
  install_and_remove(engine);
}

// One call makes all of a tunnel, another takes it away.
void run_tunnel(HANDLE engine) {
  const UINT32 filters_before = count_filters(engine), contexts_before = count_contexts(engine);
  const GUID main_key = guid_of(21), tunnel_key = guid_of(22);
  UINT8 secret[] = "a pre-shared key";
  IKEEXT_AUTHENTICATION_METHOD0 psk;
  IKEEXT_PROPOSAL0 proposal;
  IKEEXT_POLICY0 main_policy;
  IPSEC_TUNNEL_POLICY0 tunnel_policy;
  FWPM_PROVIDER_CONTEXT0 main_mode, tunnel, *found = NULL;
  FWPM_FILTER_CONDITION0 inner[2];
  FWPM_FILTER_ENUM_TEMPLATE0 wanted;
  FWPM_FILTER0** filters = NULL;
  UINT32 count = 0;

  memset(&psk, 0, sizeof psk);
  psk.authenticationMethodType = IKEEXT_PRESHARED_KEY;
  psk.presharedKeyAuthentication.presharedKey.size = sizeof secret - 1;
  psk.presharedKeyAuthentication.presharedKey.data = secret;
  memset(&proposal, 0, sizeof proposal);
  proposal.cipherAlgorithm.algoIdentifier = IKEEXT_CIPHER_AES_128;
  proposal.integrityAlgorithm.algoIdentifier = IKEEXT_INTEGRITY_SHA1;
  proposal.maxLifetimeSeconds = 8 * 60 * 60;
  proposal.dhGroup = IKEEXT_DH_GROUP_2;
  memset(&main_policy, 0, sizeof main_policy);
  main_policy.numAuthenticationMethods = 1;
  main_policy.authenticationMethods = &psk;
  main_policy.numIkeProposals = 1;
  main_policy.ikeProposals = &proposal;
  make_quick_mode(4, 0, 0);
  memset(&tunnel_policy, 0, sizeof tunnel_policy);
  tunnel_policy.numIpsecProposals = 1;
  tunnel_policy.ipsecProposals = &qm_proposals[2];
  tunnel_policy.saIdleTimeout.idleTimeoutSeconds = 300;
  tunnel_policy.saIdleTimeout.idleTimeoutSecondsFailOver = 60;
  tunnel_policy.tunnelEndpoints.ipVersion = FWP_IP_VERSION_V4;
  tunnel_policy.tunnelEndpoints.localV4Address = 0xc0000201;
  tunnel_policy.tunnelEndpoints.remoteV4Address = 0xc0000202;
  memset(&main_mode, 0, sizeof main_mode);
  main_mode.providerContextKey = main_key;
  main_mode.displayData.name = (PWSTR)L"tunnel, main mode";
  main_mode.type = FWPM_IPSEC_IKE_MM_CONTEXT;
  main_mode.authIpMmPolicy = &main_policy;  // as the vendor's example has it: every member of the union is one pointer
  memset(&tunnel, 0, sizeof tunnel);
  tunnel.providerContextKey = tunnel_key;
  tunnel.displayData.name = (PWSTR)L"tunnel";
  tunnel.type = FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT;
  tunnel.ikeQmTunnelPolicy = &tunnel_policy;
  memset(inner, 0, sizeof inner);
  inner[0].fieldKey = FWPM_CONDITION_IP_LOCAL_ADDRESS;
  inner[0].conditionValue.type = FWP_UINT32;
  inner[0].conditionValue.uint32 = 0xc0000201;
  inner[1].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  inner[1].conditionValue.type = FWP_UINT32;
  inner[1].conditionValue.uint32 = 0xc0000202;

  WORKS(FwpmIPsecTunnelAdd0(engine, FWPM_TUNNEL_FLAG_POINT_TO_POINT, &main_mode, &tunnel, 2, inner, NULL));
  WORKS(FwpmProviderContextGetByKey0(engine, &tunnel_key, &found));
  if (found) {
    const IPSEC_TUNNEL_POLICY0* p = found->ikeQmTunnelPolicy;
    CHECK(found->type == FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT && p->numIpsecProposals == 1);
    CHECK(same_proposals(p->ipsecProposals, tunnel_policy.ipsecProposals, 1));
    CHECK(memcmp(&p->tunnelEndpoints, &tunnel_policy.tunnelEndpoints, 8) == 0);
    CHECK(p->tunnelEndpoints.remoteV4Address == 0xc0000202);
    CHECK(memcmp(&p->saIdleTimeout, &tunnel_policy.saIdleTimeout, sizeof p->saIdleTimeout) == 0);
  }
  FwpmFreeMemory0((void**)&found);
  WORKS(FwpmProviderContextGetByKey0(engine, &main_key, &found));
  if (found) CHECK(same_main_mode(&main_policy, found->ikeMmPolicy));
  FwpmFreeMemory0((void**)&found);
  // The filter that sends packets into the tunnel, found by its callout.
  memset(&wanted, 0, sizeof wanted);
  wanted.layerKey = FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
  wanted.enumType = FWP_FILTER_ENUM_OVERLAPPING;
  wanted.actionMask = 0xffffffffu;
  wanted.calloutKey = (GUID*)&FWPM_CALLOUT_IPSEC_OUTBOUND_TUNNEL_V4;
  filters = all_filters(engine, &wanted, &count);
  CHECK(count == 1);
  if (count == 1) {
    CHECK(same_guid(&filters[0]->providerContextKey, &tunnel_key));
    CHECK(same_guid(&filters[0]->subLayerKey, &FWPM_SUBLAYER_IPSEC_TUNNEL));
    CHECK(filters[0]->numFilterConditions == 2);
  }
  FwpmFreeMemory0((void**)&filters);
  EXPECT(FWP_E_ALREADY_EXISTS,
         FwpmIPsecTunnelAdd0(engine, FWPM_TUNNEL_FLAG_POINT_TO_POINT, &main_mode, &tunnel, 2, inner, NULL));
  EXPECT(FWP_E_IN_USE, FwpmProviderContextDeleteByKey0(engine, &tunnel_key));
  WORKS(FwpmIPsecTunnelDeleteByKey0(engine, &tunnel_key));
  EXPECT(FWP_E_PROVIDER_CONTEXT_NOT_FOUND, FwpmIPsecTunnelDeleteByKey0(engine, &tunnel_key));
  CHECK(count_filters(engine) == filters_before && count_contexts(engine) == contexts_before);

  // Between networks: through the hosts behind it too, and only addresses say what is inside.
  WORKS(FwpmIPsecTunnelAdd0(engine, 0, &main_mode, &tunnel, 2, inner, NULL));
  wanted.layerKey = FWPM_LAYER_IPFORWARD_V4;
  wanted.calloutKey = NULL;
  filters = all_filters(engine, &wanted, &count);
  CHECK(count == 2);
  FwpmFreeMemory0((void**)&filters);
  WORKS(FwpmIPsecTunnelDeleteByKey0(engine, &tunnel_key));
  inner[1] = protocol_is(6);
  EXPECT(FWP_E_INVALID_PARAMETER, FwpmIPsecTunnelAdd0(engine, 0, &main_mode, &tunnel, 2, inner, NULL));
  EXPECT(FWP_E_INVALID_FLAGS, FwpmIPsecTunnelAdd0(engine, 0x80, &main_mode, &tunnel, 1, inner, NULL));
  EXPECT(FWP_E_INVALID_PARAMETER, FwpmIPsecTunnelAdd0(engine, 0, &main_mode, &main_mode, 1, inner, NULL));
  EXPECT(FWP_E_NULL_POINTER, FwpmIPsecTunnelAdd0(engine, 0, &main_mode, NULL, 1, inner, NULL));
  // A refused tunnel leaves nothing, in a transaction of the caller's either.
  WORKS(FwpmTransactionBegin0(engine, 0));
  inner[1].conditionValue.type = FWP_UINT16;
  EXPECT(FWP_E_TYPE_MISMATCH,
         FwpmIPsecTunnelAdd0(engine, FWPM_TUNNEL_FLAG_POINT_TO_POINT, &main_mode, &tunnel, 2, inner, NULL));
  WORKS(FwpmTransactionCommit0(engine));
  CHECK(count_filters(engine) == filters_before && count_contexts(engine) == contexts_before);
}
