/* Lets one program, or one account, of this host use a port of UDP and TCP, through the filter engine's documented
 * interface, as long as it lives: owner_filters connect|accept PORT PROGRAM UID. Everybody else is blocked there. Says
 * "there" and waits to be killed. */
#include <fwpmu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static HANDLE engine;

static int add(const GUID* layer, const wchar_t* name, FWP_ACTION_TYPE action, UINT8 weight,
               FWPM_FILTER_CONDITION0* conditions, UINT32 count) {
  FWPM_FILTER0 filter;
  memset(&filter, 0, sizeof filter);
  filter.displayData.name = (wchar_t*)name;
  filter.layerKey = *layer;
  filter.action.type = action;
  filter.weight.type = FWP_UINT8;
  filter.weight.uint8 = weight;
  filter.numFilterConditions = count;
  filter.filterCondition = conditions;
  return FwpmFilterAdd0(engine, &filter, NULL, NULL) == ERROR_SUCCESS;
}

/* A self-relative descriptor whose one entry grants FWP_ACTRL_MATCH_FILTER to S-1-22-1-UID. */
static void let_match(UINT8 (*out)[52], unsigned long uid) {
  static const UINT8 kFixed[52] = {1, 0, 4,  0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 20, 0, 0, 0, 2, 0, 32, 0, 1, 0,
                                   0, 0, 0,  0,    24, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0};
  int at;
  memcpy(*out, kFixed, sizeof kFixed);
  for (at = 0; at < 4; ++at) (*out)[48 + at] = (UINT8)(uid >> (8 * at));
}

int main(int argc, char** argv) {
  static wchar_t program[4096];
  UINT8 descriptor[52];
  FWP_BYTE_BLOB owner, *app = NULL;
  FWPM_FILTER_CONDITION0 condition[2];
  FWPM_SESSION0 session;
  const GUID* layers[2];
  int i, connect;
  if (argc != 5) return 2;
  connect = strcmp(argv[1], "connect") == 0;
  layers[0] = connect ? &FWPM_LAYER_ALE_AUTH_CONNECT_V4 : &FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V4;
  layers[1] = connect ? &FWPM_LAYER_ALE_AUTH_CONNECT_V6 : &FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6;
  if (mbstowcs(program, argv[3], sizeof program / sizeof *program - 1) == (size_t)-1) return 2;
  if (FwpmGetAppIdFromFileName0(program, &app) != ERROR_SUCCESS) return 1;
  let_match(&descriptor, strtoul(argv[4], NULL, 10));
  owner.size = sizeof descriptor;
  owner.data = descriptor;
  memset(&session, 0, sizeof session);
  session.flags = FWPM_SESSION_FLAG_DYNAMIC;
  if (FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &engine) != ERROR_SUCCESS) return 1;
  memset(condition, 0, sizeof condition);
  condition[0].fieldKey = connect ? FWPM_CONDITION_IP_REMOTE_PORT : FWPM_CONDITION_IP_LOCAL_PORT;
  condition[0].matchType = FWP_MATCH_EQUAL;
  condition[0].conditionValue.type = FWP_UINT16;
  condition[0].conditionValue.uint16 = (UINT16)atoi(argv[2]);
  condition[1].matchType = FWP_MATCH_EQUAL;
  for (i = 0; i < 2; ++i) {
    if (!add(layers[i], L"everybody", FWP_ACTION_BLOCK, 2, condition, 1)) return 1;
    condition[1].fieldKey = FWPM_CONDITION_ALE_APP_ID;
    condition[1].conditionValue.type = FWP_BYTE_BLOB_TYPE;
    condition[1].conditionValue.byteBlob = app;
    if (!add(layers[i], L"one program", FWP_ACTION_PERMIT, 8, condition, 2)) return 1;
    condition[1].fieldKey = FWPM_CONDITION_ALE_USER_ID;
    condition[1].conditionValue.type = FWP_SECURITY_DESCRIPTOR_TYPE;
    condition[1].conditionValue.sd = &owner;
    if (!add(layers[i], L"one account", FWP_ACTION_PERMIT, 8, condition, 2)) return 1;
  }
  puts("there");
  fflush(stdout);
  for (;;) pause();
}
