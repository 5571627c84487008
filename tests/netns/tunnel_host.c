/* The vendor's "tunnel mode" configuration with IKEv2: everything between two hosts through a tunnel from point to point.
 * tunnel_host LOCAL REMOTE SECRET. Installs it in one call, reads it back, says "installed", and removes it by its key when
 * standard input ends; then nothing of it may be left. */
#include <arpa/inet.h>
#include <fwpmu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void need(DWORD code, const char* call) {
  if (code == ERROR_SUCCESS) return;
  fprintf(stderr, "%s: 0x%08x\n", call, code);
  exit(1);
}
#define NEED(call) need((call), #call)

static UINT32 address_of(const char* text) {
  struct in_addr out;
  if (inet_pton(AF_INET, text, &out) != 1) exit(2);
  return ntohl(out.s_addr);
}

static const wchar_t kName[] = L"tunnel between two hosts";

/* Those that the tunnel's call has made bear its name. */
static UINT32 filters_of_tunnel(HANDLE engine) {
  HANDLE listing = NULL;
  FWPM_FILTER0** found = NULL;
  UINT32 count = 0, at, ours = 0;
  NEED(FwpmFilterCreateEnumHandle0(engine, NULL, &listing));
  NEED(FwpmFilterEnum0(engine, listing, 10000, &found, &count));
  for (at = 0; at < count; ++at) ours += found[at]->displayData.name && wcscmp(found[at]->displayData.name, kName) == 0;
  FwpmFreeMemory0((void**)&found);
  NEED(FwpmFilterDestroyEnumHandle0(engine, listing));
  return ours;
}

int main(int argc, char** argv) {
  static const GUID kTunnel = {0x11111111, 0x2222, 0x4333, {0x84, 0x44, 5, 5, 5, 5, 5, 5}};
  static const GUID kMainMode = {0x11111111, 0x2222, 0x4333, {0x84, 0x44, 5, 5, 5, 5, 5, 6}};
  HANDLE engine = NULL;
  IKEEXT_AUTHENTICATION_METHOD1 method;
  IKEEXT_PROPOSAL0 main_proposal;
  IKEEXT_POLICY1 main_policy;
  IPSEC_AUTH_AND_CIPHER_TRANSFORM0 sha1_aes;
  IPSEC_SA_TRANSFORM0 transform;
  IPSEC_PROPOSAL0 proposal;
  IPSEC_TUNNEL_POLICY1 policy;
  FWPM_PROVIDER_CONTEXT1 main_mode, tunnel, *back = NULL;
  FWPM_FILTER_CONDITION0 conditions[2];
  char octet;
  if (argc != 4) return 2;
  memset(&method, 0, sizeof method);
  method.authenticationMethodType = IKEEXT_PRESHARED_KEY;
  method.presharedKeyAuthentication.presharedKey.size = (UINT32)strlen(argv[3]);
  method.presharedKeyAuthentication.presharedKey.data = (UINT8*)argv[3];
  memset(&main_proposal, 0, sizeof main_proposal);
  main_proposal.cipherAlgorithm.algoIdentifier = IKEEXT_CIPHER_AES_128;
  main_proposal.integrityAlgorithm.algoIdentifier = IKEEXT_INTEGRITY_SHA1;
  main_proposal.maxLifetimeSeconds = 8 * 60 * 60;
  main_proposal.dhGroup = IKEEXT_DH_GROUP_14;
  memset(&main_policy, 0, sizeof main_policy);
  main_policy.numAuthenticationMethods = 1;
  main_policy.authenticationMethods = &method;
  main_policy.numIkeProposals = 1;
  main_policy.ikeProposals = &main_proposal;
  memset(&main_mode, 0, sizeof main_mode);
  main_mode.providerContextKey = kMainMode;
  main_mode.displayData.name = (wchar_t*)L"main mode of the tunnel";
  main_mode.type = FWPM_IPSEC_IKEV2_MM_CONTEXT;
  main_mode.ikeV2MmPolicy = &main_policy;
  memset(&sha1_aes, 0, sizeof sha1_aes);
  sha1_aes.authTransform.authTransformId = IPSEC_AUTH_TRANSFORM_ID_HMAC_SHA_1_96;
  sha1_aes.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_AES_128;
  memset(&transform, 0, sizeof transform);
  transform.ipsecTransformType = IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;
  transform.espAuthAndCipherTransform = &sha1_aes;
  memset(&proposal, 0, sizeof proposal);
  proposal.lifetime.lifetimeSeconds = 3600;
  proposal.lifetime.lifetimeKilobytes = 100000;
  proposal.lifetime.lifetimePackets = 0x7fffffff;
  proposal.numSaTransforms = 1;
  proposal.saTransforms = &transform;
  memset(&policy, 0, sizeof policy);
  policy.numIpsecProposals = 1;
  policy.ipsecProposals = &proposal;
  policy.tunnelEndpoints.ipVersion = FWP_IP_VERSION_V4;
  policy.tunnelEndpoints.localV4Address = address_of(argv[1]);
  policy.tunnelEndpoints.remoteV4Address = address_of(argv[2]);
  policy.saIdleTimeout.idleTimeoutSeconds = 300;
  policy.saIdleTimeout.idleTimeoutSecondsFailOver = 60;
  memset(&tunnel, 0, sizeof tunnel);
  tunnel.providerContextKey = kTunnel;
  tunnel.displayData.name = (wchar_t*)kName;
  tunnel.type = FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT;
  tunnel.ikeV2QmTunnelPolicy = &policy;
  memset(conditions, 0, sizeof conditions);
  conditions[0].fieldKey = FWPM_CONDITION_IP_LOCAL_ADDRESS;
  conditions[0].matchType = FWP_MATCH_EQUAL;
  conditions[0].conditionValue.type = FWP_UINT32;
  conditions[0].conditionValue.uint32 = policy.tunnelEndpoints.localV4Address;
  conditions[1] = conditions[0];
  conditions[1].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  conditions[1].conditionValue.uint32 = policy.tunnelEndpoints.remoteV4Address;

  NEED(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &engine));
  NEED(FwpmIPsecTunnelAdd1(engine, FWPM_TUNNEL_FLAG_POINT_TO_POINT, &main_mode, &tunnel, 2, conditions, NULL, NULL));
  NEED(FwpmProviderContextGetByKey1(engine, &kTunnel, &back));
  if (back->type != tunnel.type || back->ikeV2QmTunnelPolicy->numIpsecProposals != 1 ||
      memcmp(&back->ikeV2QmTunnelPolicy->tunnelEndpoints, &policy.tunnelEndpoints, sizeof policy.tunnelEndpoints) != 0 ||
      back->ikeV2QmTunnelPolicy->saIdleTimeout.idleTimeoutSecondsFailOver != 60 ||
      memcmp(&back->ikeV2QmTunnelPolicy->ipsecProposals[0].lifetime, &proposal.lifetime, sizeof proposal.lifetime) != 0 ||
      wcscmp(back->displayData.name, tunnel.displayData.name) != 0) {
    fputs("the tunnel's policy comes back changed\n", stderr);
    return 1;
  }
  FwpmFreeMemory0((void**)&back);
  printf("installed %u\n", filters_of_tunnel(engine));
  fflush(stdout);
  while (read(0, &octet, 1) > 0) continue;
  NEED(FwpmIPsecTunnelDeleteByKey0(engine, &kTunnel));
  printf("left %u\n", filters_of_tunnel(engine));
  return FwpmEngineClose0(engine) == ERROR_SUCCESS ? 0 : 1;
}
