/* The vendor's "transport mode" configuration with IKEv2 and certificates, all TCP of IPv4 to another host and from it:
 * by_certificate LOCAL REMOTE OWN_ROOT PEERS_ROOT. The roots are common names in "O=Example". Reads its main mode policy
 * back, says "installed", and waits to be killed, which takes it all away. */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "must.h"

static UINT32 address_of(const char* text) {
  struct in_addr out;
  if (inet_pton(AF_INET, text, &out) != 1) exit(2);
  return ntohl(out.s_addr);
}

/* X.501: a relative name of one attribute, 2.5.4.LAST. All lengths here are short. */
static size_t put_attribute(UINT8* out, UINT8 last, const char* text) {
  const UINT8 n = (UINT8)strlen(text);
  const UINT8 head[] = {0x31, (UINT8)(n + 9), 0x30, (UINT8)(n + 7), 0x06, 3, 0x55, 4, last, 0x0c, n};
  memcpy(out, head, sizeof head);
  memcpy(out + sizeof head, text, n);
  return sizeof head + n;
}

static FWP_BYTE_BLOB root_name(UINT8* out, const char* common_name) {
  FWP_BYTE_BLOB blob;
  size_t n = 2 + put_attribute(out + 2, 10, "Example");
  n += put_attribute(out + n, 3, common_name);
  out[0] = 0x30;
  out[1] = (UINT8)(n - 2);
  blob.size = (UINT32)n;
  blob.data = out;
  return blob;
}

static const GUID kMainMode = {0x22222222, 0x2222, 0x4333, {0x84, 0x44, 7, 7, 7, 7, 7, 1}};
static const GUID kQuickMode = {0x22222222, 0x2222, 0x4333, {0x84, 0x44, 7, 7, 7, 7, 7, 2}};

static void add_main_mode(HANDLE engine, const char* own_root, const char* peers_root) {
  UINT8 own[128], peers[128];
  IKEEXT_CERTIFICATE_CRITERIA0 outbound, inbound;
  IKEEXT_AUTHENTICATION_METHOD2 method;
  IKEEXT_PROPOSAL0 proposal;
  IKEEXT_POLICY2 policy;
  FWPM_PROVIDER_CONTEXT2 context, *back = NULL;
  memset(&outbound, 0, sizeof outbound);
  memset(&inbound, 0, sizeof inbound);
  memset(&method, 0, sizeof method);
  memset(&proposal, 0, sizeof proposal);
  memset(&policy, 0, sizeof policy);
  memset(&context, 0, sizeof context);
  outbound.certData = root_name(own, own_root);
  inbound.certData = root_name(peers, peers_root);
  method.authenticationMethodType = IKEEXT_CERTIFICATE;
  method.certificateAuthentication.inboundConfigType = IKEEXT_CERT_CONFIG_EXPLICIT_TRUST_LIST;
  method.certificateAuthentication.inboundRootArraySize = 1;
  method.certificateAuthentication.inboundRootCriteria = &inbound;
  method.certificateAuthentication.outboundConfigType = IKEEXT_CERT_CONFIG_EXPLICIT_TRUST_LIST;
  method.certificateAuthentication.outboundRootArraySize = 1;
  method.certificateAuthentication.outboundRootCriteria = &outbound;
  proposal.cipherAlgorithm.algoIdentifier = IKEEXT_CIPHER_AES_128;
  proposal.integrityAlgorithm.algoIdentifier = IKEEXT_INTEGRITY_SHA_256;
  proposal.maxLifetimeSeconds = 8 * 60 * 60;
  proposal.dhGroup = IKEEXT_DH_ECP_256;
  policy.numAuthenticationMethods = 1;
  policy.authenticationMethods = &method;
  policy.numIkeProposals = 1;
  policy.ikeProposals = &proposal;
  context.providerContextKey = kMainMode;
  context.displayData.name = (wchar_t*)L"main mode by certificates";
  context.type = FWPM_IPSEC_IKEV2_MM_CONTEXT;
  context.ikeV2MmPolicy = &policy;
  MUST(FwpmProviderContextAdd2(engine, &context, NULL, NULL));
  MUST(FwpmProviderContextGetByKey2(engine, &kMainMode, &back));
  const IKEEXT_CERTIFICATE_AUTHENTICATION2* read = &back->ikeV2MmPolicy->authenticationMethods[0].certificateAuthentication;
  if (read->inboundRootArraySize != 1 || read->inboundRootCriteria[0].certData.size != inbound.certData.size ||
      memcmp(read->inboundRootCriteria[0].certData.data, peers, inbound.certData.size) != 0) {
    puts("the main mode policy comes back changed");
    exit(1);
  }
  FwpmFreeMemory0((void**)&back);
}

static void add_quick_mode(HANDLE engine) {
  IPSEC_AUTH_AND_CIPHER_TRANSFORM0 aes;
  IPSEC_SA_TRANSFORM0 transform;
  IPSEC_PROPOSAL0 proposal;
  IPSEC_TRANSPORT_POLICY2 policy;
  FWPM_PROVIDER_CONTEXT2 context;
  memset(&aes, 0, sizeof aes);
  memset(&transform, 0, sizeof transform);
  memset(&proposal, 0, sizeof proposal);
  memset(&policy, 0, sizeof policy);
  memset(&context, 0, sizeof context);
  aes.authTransform.authTransformId = IPSEC_AUTH_TRANSFORM_ID_HMAC_SHA_256_128;
  aes.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_AES_128;
  transform.ipsecTransformType = IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;
  transform.espAuthAndCipherTransform = &aes;
  proposal.lifetime.lifetimeSeconds = 3600;
  proposal.lifetime.lifetimeKilobytes = 100000;
  proposal.lifetime.lifetimePackets = 0x7fffffff;
  proposal.numSaTransforms = 1;
  proposal.saTransforms = &transform;
  policy.numIpsecProposals = 1;
  policy.ipsecProposals = &proposal;
  policy.saIdleTimeout.idleTimeoutSeconds = 300;
  policy.saIdleTimeout.idleTimeoutSecondsFailOver = 60;
  context.providerContextKey = kQuickMode;
  context.displayData.name = (wchar_t*)L"quick mode";
  context.type = FWPM_IPSEC_IKEV2_QM_TRANSPORT_CONTEXT;
  context.ikeV2QmTransportPolicy = &policy;
  MUST(FwpmProviderContextAdd2(engine, &context, NULL, NULL));
}

static void add_filter(HANDLE engine, const GUID* layer, const GUID* context, const GUID* callout, UINT32 local,
                       UINT32 remote) {
  FWPM_FILTER_CONDITION0 conditions[3];
  FWPM_FILTER0 filter;
  memset(conditions, 0, sizeof conditions);
  memset(&filter, 0, sizeof filter);
  conditions[0].fieldKey = FWPM_CONDITION_IP_LOCAL_ADDRESS;
  conditions[0].conditionValue.type = FWP_UINT32;
  conditions[0].conditionValue.uint32 = local;
  conditions[1] = conditions[0];
  conditions[1].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  conditions[1].conditionValue.uint32 = remote;
  conditions[2].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
  conditions[2].conditionValue.type = FWP_UINT8;
  conditions[2].conditionValue.uint8 = 6;
  filter.displayData.name = (wchar_t*)L"by certificate";
  filter.layerKey = *layer;
  filter.numFilterConditions = callout ? 3 : 2;
  filter.filterCondition = conditions;
  filter.action.type = callout ? FWP_ACTION_CALLOUT_TERMINATING : FWP_ACTION_PERMIT;
  if (callout) filter.action.calloutKey = *callout;
  if (context) {
    filter.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    filter.providerContextKey = *context;
  }
  MUST(FwpmFilterAdd0(engine, &filter, NULL, NULL));
}

int main(int argc, char** argv) {
  HANDLE engine = NULL;
  FWPM_SESSION0 session;
  memset(&session, 0, sizeof session);
  session.flags = FWPM_SESSION_FLAG_DYNAMIC;
  if (argc != 5) return 2;
  const UINT32 local = address_of(argv[1]), remote = address_of(argv[2]);
  MUST(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &engine));
  MUST(FwpmTransactionBegin0(engine, 0));
  add_main_mode(engine, argv[3], argv[4]);
  add_quick_mode(engine);
  add_filter(engine, &FWPM_LAYER_IKEEXT_V4, &kMainMode, NULL, local, remote);
  add_filter(engine, &FWPM_LAYER_IPSEC_V4, &kQuickMode, NULL, local, remote);
  add_filter(engine, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, NULL, &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V4, local, remote);
  add_filter(engine, &FWPM_LAYER_INBOUND_TRANSPORT_V4, NULL, &FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V4, local, remote);
  MUST(FwpmTransactionCommit0(engine));
  puts("installed");
  fflush(stdout);
  for (;;) pause();
}
