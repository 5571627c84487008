/* What secures a connection, found as a program finds it that has nothing but the documented interface:
 *   show_sas LOCAL REMOTE PROTOCOL LOCAL_PORT REMOTE_PORT
 * The transport layer filter of the connection, the SA context of that filter, its IKE SA. Prints one line of words. */
#include <arpa/inet.h>
#include <fwpmu.h>
#include <limits.h>
#include <nldef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static DWORD fail(const char* what, DWORD code) {
  printf("%s: 0x%08x\n", what, code);
  return 1;
}

static int same(const GUID* a, const GUID* b) { return memcmp(a, b, sizeof(GUID)) == 0; }

static DWORD show(HANDLE engine, const IPSEC_SA_DETAILS0* sa, UINT32 contexts) {
  IKEEXT_SA_DETAILS0* ike = NULL;
  const IPSEC_SA0* one = &sa->saBundle.saList[0];
  const IKEEXT_CREDENTIAL0* local;
  const DWORD code = IkeextSaGetById0(engine, sa->saBundle.mmSaId, &ike);
  if (code != ERROR_SUCCESS) return fail("IkeextSaGetById0", code);
  local = &ike->ikeCredentials.credentials[0].localCredentials;
  printf("contexts=%u transform=%d cipher=%d hash=%d method=%d mmcipher=%d group=%d module=%d name=%u peer=%u spi=%u\n",
         contexts, one->saTransformType,
         one->saTransformType == IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER
             ? (int)one->espAuthAndCipherInformation->saCipherInformation.cipherTransform.cipherTransformId.cipherConfig
             : -1,
         one->saTransformType == IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER
             ? (int)one->espAuthAndCipherInformation->saAuthInformation.authTransform.authTransformId.authConfig
             : (int)one->ahInformation->authTransform.authTransformId.authConfig,
         local->authenticationMethodType, ike->ikeProposal.cipherAlgorithm.algoIdentifier, ike->ikeProposal.dhGroup,
         ike->keyModuleType, local->authenticationMethodType == IKEEXT_PRESHARED_KEY ? 0 : local->certificate->subjectName.size,
         ike->ikeCredentials.credentials[0].peerCredentials.authenticationMethodType, one->spi);
  FwpmFreeMemory0((void**)&ike);
  return 0;
}

int main(int argc, char** argv) {
  HANDLE engine = NULL, filters = NULL, contexts = NULL;
  FWPM_FILTER_CONDITION0 c[6];
  FWPM_FILTER_ENUM_TEMPLATE0 wanted;
  FWPM_FILTER0** found = NULL;
  IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 subnets;
  IPSEC_SA_CONTEXT0** list = NULL;
  FWP_BYTE_ARRAY16 local, remote;
  struct in_addr local4, remote4;
  UINT32 count = 0, i;
  UINT16 port;
  DWORD code;
  int v6;
  if (argc != 6) return 2;
  v6 = strchr(argv[1], ':') != NULL;
  if (v6 ? inet_pton(AF_INET6, argv[1], local.byteArray16) != 1 || inet_pton(AF_INET6, argv[2], remote.byteArray16) != 1
         : inet_pton(AF_INET, argv[1], &local4) != 1 || inet_pton(AF_INET, argv[2], &remote4) != 1)
    return 2;
  port = (UINT16)atoi(argv[5]);
  memset(c, 0, sizeof c);
  c[0].fieldKey = FWPM_CONDITION_IP_LOCAL_ADDRESS;
  c[1].fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  c[0].conditionValue.type = c[1].conditionValue.type = v6 ? FWP_BYTE_ARRAY16_TYPE : FWP_UINT32;
  if (v6) {
    c[0].conditionValue.byteArray16 = &local;
    c[1].conditionValue.byteArray16 = &remote;
  } else {
    c[0].conditionValue.uint32 = ntohl(local4.s_addr);
    c[1].conditionValue.uint32 = ntohl(remote4.s_addr);
  }
  c[2].fieldKey = FWPM_CONDITION_IP_LOCAL_PORT;
  c[2].conditionValue.type = FWP_UINT16;
  c[2].conditionValue.uint16 = (UINT16)atoi(argv[4]);
  c[3].fieldKey = FWPM_CONDITION_IP_REMOTE_PORT;
  c[3].conditionValue.type = FWP_UINT16;
  c[3].conditionValue.uint16 = port;
  c[4].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
  c[4].conditionValue.type = FWP_UINT8;
  c[4].conditionValue.uint8 = (UINT8)atoi(argv[3]);
  c[5].fieldKey = FWPM_CONDITION_IP_LOCAL_ADDRESS_TYPE;
  c[5].conditionValue.type = FWP_UINT8;
  c[5].conditionValue.uint8 = NlatUnicast;
  memset(&wanted, 0, sizeof wanted);
  wanted.layerKey = v6 ? FWPM_LAYER_OUTBOUND_TRANSPORT_V6 : FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
  wanted.enumType = FWP_FILTER_ENUM_FULLY_CONTAINED;
  wanted.flags = FWP_FILTER_ENUM_FLAG_BEST_TERMINATING_MATCH;
  wanted.numFilterConditions = 6;
  wanted.filterCondition = c;
  wanted.actionMask = FWP_ACTION_FLAG_TERMINATING;

  code = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &engine);
  if (code != ERROR_SUCCESS) return fail("FwpmEngineOpen0", code);
  code = FwpmFilterCreateEnumHandle0(engine, &wanted, &filters);
  if (code != ERROR_SUCCESS) return fail("FwpmFilterCreateEnumHandle0", code);
  code = FwpmFilterEnum0(engine, filters, 1, &found, &count);
  if (code != ERROR_SUCCESS || count != 1) return fail("FwpmFilterEnum0", code != ERROR_SUCCESS ? code : count);
  if (!same(&found[0]->action.calloutKey, v6 ? &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V6
                                             : &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V4))
    return fail("the filter is no IPsec callout's", found[0]->action.type);
  memset(&subnets, 0, sizeof subnets);
  subnets.localSubNet = c[0].conditionValue;
  subnets.remoteSubNet = c[1].conditionValue;
  code = IPsecSaContextCreateEnumHandle0(engine, &subnets, &contexts);
  if (code != ERROR_SUCCESS) return fail("IPsecSaContextCreateEnumHandle0", code);
  code = IPsecSaContextEnum0(engine, contexts, UINT_MAX, &list, &count);
  if (code != ERROR_SUCCESS) return fail("IPsecSaContextEnum0", code);
  for (i = 0; i < count; ++i) {
    const IPSEC_SA_DETAILS0* sa = list[i]->outboundSa;
    if (!sa || sa->transportFilter->filterId != found[0]->filterId) continue;
    if (sa->traffic.remotePort != 0 && sa->traffic.remotePort != port) continue;
    break;
  }
  code = i < count ? show(engine, list[i]->outboundSa, count) : fail("no context is the filter's, of so many", count);
  FwpmFreeMemory0((void**)&list);
  FwpmFreeMemory0((void**)&found);
  IPsecSaContextDestroyEnumHandle0(engine, contexts);
  FwpmFilterDestroyEnumHandle0(engine, filters);
  FwpmEngineClose0(engine);
  return (int)code;
}
