/* SAs made by hand through the documented interface, between this host and another one:
 *   direct_sa LOCAL REMOTE esp|gcm|ah|both NUMBER
 * Adds the transport layer filters (in a session that takes them with it), makes an SA context, says "spi N", reads the
 * peer's SPI, completes the context, says "ready" and does what it is told line by line: "expire", "delete", "end" (the
 * filters' session ends). NUMBER: of the pair, the same at both ends; keys are made of it. */
#include <arpa/inet.h>
#include <fwpmu.h>
#include <nldef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

struct end {
  int v6;
  UINT32 four;
  FWP_BYTE_ARRAY16 six;
};

static struct end end_of(const char* text) {
  struct end out;
  struct in_addr four;
  memset(&out, 0, sizeof out);
  out.v6 = strchr(text, ':') != NULL;
  if (out.v6 ? inet_pton(AF_INET6, text, out.six.byteArray16) != 1 : inet_pton(AF_INET, text, &four) != 1) exit(2);
  if (!out.v6) out.four = ntohl(four.s_addr);
  return out;
}

static FWPM_FILTER_CONDITION0 address_is(const GUID* field, struct end* end) {
  FWPM_FILTER_CONDITION0 out;
  memset(&out, 0, sizeof out);
  out.fieldKey = *field;
  out.conditionValue.type = end->v6 ? FWP_BYTE_ARRAY16_TYPE : FWP_UINT32;
  if (end->v6)
    out.conditionValue.byteArray16 = &end->six;
  else
    out.conditionValue.uint32 = end->four;
  return out;
}

static UINT64 add_filter(HANDLE engine, const GUID* layer, const GUID* callout, struct end* local, struct end* remote) {
  FWPM_FILTER_CONDITION0 conditions[3];
  FWPM_FILTER0 filter;
  UINT64 id = 0;
  memset(&filter, 0, sizeof filter);
  memset(conditions, 0, sizeof conditions);
  conditions[0] = address_is(&FWPM_CONDITION_IP_LOCAL_ADDRESS, local);
  conditions[1] = address_is(&FWPM_CONDITION_IP_REMOTE_ADDRESS, remote);
  conditions[2].fieldKey = FWPM_CONDITION_IP_PROTOCOL;
  conditions[2].conditionValue.type = FWP_UINT8;
  conditions[2].conditionValue.uint8 = local->v6 ? 58 : 1;
  filter.displayData.name = (wchar_t*)(callout ? L"manual SA" : L"ICMP is exempt");
  filter.layerKey = *layer;
  filter.numFilterConditions = callout ? 2 : 3;
  filter.filterCondition = conditions;
  filter.action.type = callout ? FWP_ACTION_CALLOUT_TERMINATING : FWP_ACTION_PERMIT;
  if (callout) filter.action.calloutKey = *callout;
  filter.weight.type = FWP_EMPTY;
  if (!callout) {
    filter.weight.type = FWP_UINT8;
    filter.weight.uint8 = FWPM_WEIGHT_RANGE_IKE_EXEMPTIONS;
  }
  MUST(FwpmFilterAdd0(engine, &filter, NULL, &id));
  return id;
}

static void fill_key(UINT8* key, size_t octets, UINT32 number, IPSEC_SA_SPI spi) {
  size_t i;
  for (i = 0; i < octets; ++i) key[i] = (UINT8)(number * 31 + spi * (i + 7) + (spi >> (i % 24)));
}

static UINT8 auth_key[32], cipher_key[36];
static IPSEC_SA_AUTH_INFORMATION0 ah;
static IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 esp;
static IPSEC_SA0 sa[2];

/* Of the direction whose SPI this is; with both, AH's is the next one to it. All lifetimes are 0, as in the vendor's example. */
static IPSEC_SA_BUNDLE0 bundle_of(const char* kind, UINT32 number, IPSEC_SA_SPI spi) {
  IPSEC_SA_BUNDLE0 out;
  memset(&out, 0, sizeof out);
  memset(&ah, 0, sizeof ah);
  memset(&esp, 0, sizeof esp);
  memset(sa, 0, sizeof sa);
  fill_key(auth_key, sizeof auth_key, number, spi);
  fill_key(cipher_key, sizeof cipher_key, number + 1, spi);
  ah.authTransform.authTransformId = IPSEC_AUTH_TRANSFORM_ID_HMAC_SHA_256_128;
  ah.authKey.size = 32;
  ah.authKey.data = auth_key;
  out.numSAs = strcmp(kind, "both") == 0 ? 2 : 1;
  sa[0].spi = spi;
  sa[1].spi = spi ^ 1;
  sa[1].saTransformType = IPSEC_TRANSFORM_AH;
  sa[1].ahInformation = &ah;
  if (strcmp(kind, "ah") == 0) {
    sa[0].saTransformType = IPSEC_TRANSFORM_AH;
    sa[0].ahInformation = &ah;
  } else {
    const int gcm = strcmp(kind, "gcm") == 0;
    esp.saAuthInformation.authTransform.authTransformId =
        gcm ? IPSEC_AUTH_TRANSFORM_ID_GCM_AES_256 : IPSEC_AUTH_TRANSFORM_ID_HMAC_SHA_1_96;
    esp.saAuthInformation.authKey.size = gcm ? 36 : 20;
    esp.saAuthInformation.authKey.data = gcm ? cipher_key : auth_key;
    esp.saCipherInformation.cipherTransform.cipherTransformId =
        gcm ? IPSEC_CIPHER_TRANSFORM_ID_GCM_AES_256 : IPSEC_CIPHER_TRANSFORM_ID_AES_128;
    esp.saCipherInformation.cipherKey.size = gcm ? 36 : 16;
    esp.saCipherInformation.cipherKey.data = cipher_key;
    sa[0].saTransformType = IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;
    sa[0].espAuthAndCipherInformation = &esp;
  }
  out.qmSaId = number;
  out.saList = sa;
  return out;
}

static IPSEC_TRAFFIC0 traffic_of(const struct end* local, const struct end* remote, UINT64 filter) {
  IPSEC_TRAFFIC0 out;
  memset(&out, 0, sizeof out);
  out.ipVersion = local->v6 ? FWP_IP_VERSION_V6 : FWP_IP_VERSION_V4;
  if (local->v6) {
    memcpy(out.localV6Address, local->six.byteArray16, 16);
    memcpy(out.remoteV6Address, remote->six.byteArray16, 16);
  } else {
    out.localV4Address = local->four;
    out.remoteV4Address = remote->four;
  }
  out.trafficType = IPSEC_TRAFFIC_TYPE_TRANSPORT;
  out.ipsecFilterId = filter;
  return out;
}

int main(int argc, char** argv) {
  HANDLE filters = NULL, engine = NULL;
  FWPM_SESSION0 session;
  struct end local, remote;
  UINT64 outbound = 0, inbound = 0, matched = 0, context = 0;
  IPSEC_TRAFFIC0 traffic;
  IPSEC_GETSPI0 get_spi;
  IPSEC_SA_BUNDLE0 bundle;
  IPSEC_SA_SPI ours = 0, theirs = 0;
  char line[64];
  int v6;
  if (argc != 5) return 2;
  local = end_of(argv[1]);
  remote = end_of(argv[2]);
  v6 = local.v6;
  memset(&session, 0, sizeof session);
  session.flags = FWPM_SESSION_FLAG_DYNAMIC;
  MUST(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &filters));
  MUST(FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &engine));
  MUST(FwpmTransactionBegin0(filters, 0));
  add_filter(filters, v6 ? &FWPM_LAYER_OUTBOUND_TRANSPORT_V6 : &FWPM_LAYER_OUTBOUND_TRANSPORT_V4, NULL, &local, &remote);
  add_filter(filters, v6 ? &FWPM_LAYER_INBOUND_TRANSPORT_V6 : &FWPM_LAYER_INBOUND_TRANSPORT_V4, NULL, &local, &remote);
  inbound = add_filter(filters, v6 ? &FWPM_LAYER_INBOUND_TRANSPORT_V6 : &FWPM_LAYER_INBOUND_TRANSPORT_V4,
                       v6 ? &FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V6 : &FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V4, &local,
                       &remote);
  outbound = add_filter(filters, v6 ? &FWPM_LAYER_OUTBOUND_TRANSPORT_V6 : &FWPM_LAYER_OUTBOUND_TRANSPORT_V4,
                        v6 ? &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V6 : &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V4,
                        &local, &remote);
  MUST(FwpmTransactionCommit0(filters));

  traffic = traffic_of(&local, &remote, outbound);
  MUST(IPsecSaContextCreate0(engine, &traffic, &matched, &context));
  if (matched != inbound) {
    printf("the inbound filter is %llu and not %llu\n", (unsigned long long)matched, (unsigned long long)inbound);
    return 1;
  }
  memset(&get_spi, 0, sizeof get_spi);
  get_spi.inboundIpsecTraffic = traffic_of(&local, &remote, inbound);
  get_spi.ipVersion = get_spi.inboundIpsecTraffic.ipVersion;
  MUST(IPsecSaContextGetSpi0(engine, context, &get_spi, &ours));
  bundle = bundle_of(argv[3], (UINT32)atoi(argv[4]), ours);
  MUST(IPsecSaContextAddInbound0(engine, context, &bundle));
  printf("spi %u\n", ours);
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin)) return 1;
  theirs = (IPSEC_SA_SPI)strtoul(line, NULL, 10);
  bundle = bundle_of(argv[3], (UINT32)atoi(argv[4]), theirs);
  MUST(IPsecSaContextAddOutbound0(engine, context, &bundle));
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "expire\n") == 0) {
      MUST(IPsecSaContextExpire0(engine, context));
    } else if (strcmp(line, "delete\n") == 0) {
      MUST(IPsecSaContextDeleteById0(engine, context));
    } else if (strcmp(line, "end\n") == 0) {
      MUST(FwpmEngineClose0(filters));
      if (IPsecSaContextDeleteById0(engine, context) != FWP_E_NOT_FOUND) {
        puts("the context outlives its filters");
        return 1;
      }
    }
    puts("done");
    fflush(stdout);
  }
  return 0;
}
