/* IPsec DoS protection through the filter engine's documented interface.
 * dos_protect show: what it has done and for whom it keeps state, one "NAME NUMBER" or "state PUBLIC INTERNAL IN OUT
 * SECONDS" a line.
 * dos_protect block PUBLIC-INTERFACE INTERNAL-INTERFACE INTERNAL-ADDRESS: as long as it lives, nothing passes between
 * these interfaces to that address. Says "there" and waits to be killed. */
#include <arpa/inet.h>
#include <fwpmu.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(const char* what, DWORD error) {
  printf("%s %u\n", what, (unsigned)error);
  return 1;
}

static int show(HANDLE engine) {
  IPSEC_DOSP_STATISTICS0 s;
  IPSEC_DOSP_STATE_ENUM_TEMPLATE0 nobody;
  IPSEC_DOSP_STATE0** states = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0, i;
  char outside[INET6_ADDRSTRLEN], inside[INET6_ADDRSTRLEN];
  DWORD error = IPsecDospGetStatistics0(engine, &s);
  if (error != ERROR_SUCCESS) return fail("statistics", error);
  printf("created %llu\nentries %llu\nqueues %llu\n", (unsigned long long)s.totalStateEntriesCreated,
         (unsigned long long)s.currentStateEntries,
         (unsigned long long)s.currentInboundIPv6IPsecUnauthPerIPRateLimitQueues);
  printf("unauth %llu\nunauth_limited %llu\nunauth_per_ip %llu\nunauth_other %llu\n",
         (unsigned long long)s.totalInboundAllowedIPv6IPsecUnauthPkts,
         (unsigned long long)s.totalInboundRatelimitDiscardedIPv6IPsecUnauthPkts,
         (unsigned long long)s.totalInboundPerIPRatelimitDiscardedIPv6IPsecUnauthPkts,
         (unsigned long long)s.totalInboundOtherDiscardedIPv6IPsecUnauthPkts);
  printf("auth %llu\nicmpv6 %llu\nicmpv6_limited %llu\nblocked %llu\nfiltered %llu\n",
         (unsigned long long)s.totalInboundAllowedIPv6IPsecAuthPkts,
         (unsigned long long)s.totalInboundAllowedICMPv6Pkts,
         (unsigned long long)s.totalInboundRatelimitDiscardedICMPv6Pkts,
         (unsigned long long)s.totalInboundDiscardedDefBlockPkts,
         (unsigned long long)s.totalInboundDiscardedIPv6FilterBlockPkts);
  memset(&nobody, 0, sizeof nobody);
  memset(nobody.publicV6AddrMask.addr, 0xee, sizeof nobody.publicV6AddrMask.addr);
  nobody.publicV6AddrMask.prefixLength = 128;
  error = IPsecDospStateCreateEnumHandle0(engine, &nobody, &enumeration);
  if (error == ERROR_SUCCESS) error = IPsecDospStateEnum0(engine, enumeration, 10, &states, &count);
  if (error != ERROR_SUCCESS || count != 0) return fail("states of nobody", error);
  FwpmFreeMemory0((void**)&states);
  if ((error = IPsecDospStateDestroyEnumHandle0(engine, enumeration)) != ERROR_SUCCESS) return fail("destroy", error);
  error = IPsecDospStateCreateEnumHandle0(engine, NULL, &enumeration);
  if (error == ERROR_SUCCESS) error = IPsecDospStateEnum0(engine, enumeration, 1000, &states, &count);
  if (error != ERROR_SUCCESS) return fail("states", error);
  for (i = 0; i < count; ++i)
    printf("state %s %s %llu %llu %u\n", inet_ntop(AF_INET6, states[i]->publicHostV6Addr, outside, sizeof outside),
           inet_ntop(AF_INET6, states[i]->internalHostV6Addr, inside, sizeof inside),
           (unsigned long long)states[i]->totalInboundIPv6IPsecAuthPackets,
           (unsigned long long)states[i]->totalOutboundIPv6IPsecAuthPackets, (unsigned)states[i]->durationSecs);
  FwpmFreeMemory0((void**)&states);
  return IPsecDospStateDestroyEnumHandle0(engine, enumeration) != ERROR_SUCCESS;
}

static int block(HANDLE engine, const char* outside, const char* inside, const char* address) {
  UINT64 outer = if_nametoindex(outside), inner = if_nametoindex(inside);
  IPSEC_DOSP_OPTIONS0 options;
  FWPM_PROVIDER_CONTEXT2 context;
  FWPM_FILTER0 filter;
  UINT64 id = 0;
  DWORD error;
  memset(&options, 0, sizeof options);
  options.stateIdleTimeoutSeconds = options.perIPRateLimitQueueIdleTimeoutSeconds = 360;
  options.maxStateEntries = options.maxPerIPRateLimitQueues = 100;
  options.ipV6IPsecUnauthDscp = options.ipV6IPsecAuthDscp = options.icmpV6Dscp = IPSEC_DOSP_DSCP_DISABLE_VALUE;
  options.ipV6FilterExemptDscp = options.defBlockExemptDscp = IPSEC_DOSP_DSCP_DISABLE_VALUE;
  options.flags = IPSEC_DOSP_FLAG_FILTER_BLOCK;
  options.numPublicIFLuids = options.numInternalIFLuids = 1;
  options.publicIFLuids = &outer;
  options.internalIFLuids = &inner;
  inet_pton(AF_INET6, address, options.internalV6AddrMask.addr);
  options.internalV6AddrMask.prefixLength = 128;
  memset(&context, 0, sizeof context);
  context.displayData.name = (PWSTR)L"nothing for this host";
  context.type = FWPM_IPSEC_DOSP_CONTEXT;
  context.idpOptions = &options;
  if ((error = FwpmProviderContextAdd2(engine, &context, NULL, &id)) != ERROR_SUCCESS) return fail("context", error);
  FWPM_PROVIDER_CONTEXT2* kept = NULL;
  if ((error = FwpmProviderContextGetById2(engine, id, &kept)) != ERROR_SUCCESS) return fail("kept", error);
  memset(&filter, 0, sizeof filter);
  filter.displayData.name = (PWSTR)L"nothing for this host";
  filter.flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
  filter.providerContextKey = kept->providerContextKey;
  filter.layerKey = FWPM_LAYER_IPFORWARD_V6;
  filter.subLayerKey = FWPM_SUBLAYER_IPSEC_DOSP;
  filter.action.type = FWP_ACTION_CALLOUT_TERMINATING;
  filter.action.calloutKey = FWPM_CALLOUT_IPSEC_DOSP_FORWARD_V6;
  error = FwpmFilterAdd0(engine, &filter, NULL, NULL);
  FwpmFreeMemory0((void**)&kept);
  if (error != ERROR_SUCCESS) return fail("filter", error);
  printf("there\n");
  fflush(stdout);
  for (;;) pause();
}

int main(int argc, char** argv) {
  FWPM_SESSION0 session;
  HANDLE engine = NULL;
  DWORD error;
  memset(&session, 0, sizeof session);
  session.flags = FWPM_SESSION_FLAG_DYNAMIC;
  error = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, &session, &engine);
  if (error != ERROR_SUCCESS) return fail("engine", error);
  if (argc == 2 && strcmp(argv[1], "show") == 0) return show(engine);
  if (argc == 5 && strcmp(argv[1], "block") == 0) return block(engine, argv[2], argv[3], argv[4]);
  return fail("usage", 2);
}
