/* Blocks what leaves for the given addresses, through the filter engine's documented interface, as long as it lives:
 * block_host IPV4 IPV6. Says "blocked" and waits to be killed. */
#include <arpa/inet.h>
#include <fwpmu.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int block(HANDLE engine, const GUID* layer, FWP_CONDITION_VALUE0 address) {
  FWPM_FILTER_CONDITION0 condition;
  FWPM_FILTER0 filter;
  memset(&condition, 0, sizeof condition);
  condition.fieldKey = FWPM_CONDITION_IP_REMOTE_ADDRESS;
  condition.matchType = FWP_MATCH_EQUAL;
  condition.conditionValue = address;
  memset(&filter, 0, sizeof filter);
  filter.displayData.name = (wchar_t*)L"block a host";
  filter.layerKey = *layer;
  filter.action.type = FWP_ACTION_BLOCK;
  filter.weight.type = FWP_EMPTY;
  filter.numFilterConditions = 1;
  filter.filterCondition = &condition;
  return FwpmFilterAdd0(engine, &filter, NULL, NULL) == ERROR_SUCCESS;
}

int main(int argc, char** argv) {
  HANDLE engine = NULL;
  FWPM_SESSION0 session;
  FWP_BYTE_ARRAY16 six;
  FWP_CONDITION_VALUE0 v4, v6;
  struct in_addr four;
  memset(&session, 0, sizeof session);
  memset(&v4, 0, sizeof v4);
  memset(&v6, 0, sizeof v6);
  session.flags = FWPM_SESSION_FLAG_DYNAMIC;
  if (argc != 3 || inet_pton(AF_INET, argv[1], &four) != 1 || inet_pton(AF_INET6, argv[2], six.byteArray16) != 1) return 2;
  v4.type = FWP_UINT32;
  v4.uint32 = ntohl(four.s_addr);
  v6.type = FWP_BYTE_ARRAY16_TYPE;
  v6.byteArray16 = &six;
  if (FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &engine) != ERROR_SUCCESS) return 1;
  if (!block(engine, &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, v4) || !block(engine, &FWPM_LAYER_OUTBOUND_TRANSPORT_V6, v6))
    return 1;
  puts("blocked");
  fflush(stdout);
  for (;;) pause();
}
