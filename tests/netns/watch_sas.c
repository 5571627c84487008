/* Who watches IPsec through the documented interface: connections that come and go, and the keys of their SAs.
 *   watch_sas
 * Switches the monitoring of connections on, registers as a key manager, says "ready", and then "add ID REMOTE MODE",
 * "delete ID" and "keys IN OUT" (SPI:key in hexadecimal) as they come. On a line "list" it says "connection ID IN OUT"
 * for each one that stands, and "done"; it ends with its input. */
#include <arpa/inet.h>
#include <fwpmu.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void CALLBACK on_connection(void* context, FWPM_CONNECTION_EVENT_TYPE type, const FWPM_CONNECTION0* connection) {
  char remote[INET6_ADDRSTRLEN] = "";
  const UINT32 four = htonl(connection->remoteV4Address);
  (void)context;
  if (connection->ipVersion == FWP_IP_VERSION_V4)
    inet_ntop(AF_INET, &four, remote, sizeof remote);
  else
    inet_ntop(AF_INET6, connection->remoteV6Address, remote, sizeof remote);
  pthread_mutex_lock(&output);
  printf("%s %llu %s %d %d\n", type == FWPM_CONNECTION_EVENT_ADD ? "add" : "delete",
         (unsigned long long)connection->connectionId, remote, connection->ipsecTrafficModeType,
         connection->keyModuleType);
  fflush(stdout);
  pthread_mutex_unlock(&output);
}

static void say_key(const IPSEC_SA_DETAILS1* details) {
  const IPSEC_SA0* sa = &details->saBundle.saList[0];
  const FWP_BYTE_BLOB* key = sa->saTransformType == IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER
                                 ? &sa->espAuthAndCipherInformation->saCipherInformation.cipherKey
                                 : &sa->ahInformation->authKey;
  UINT32 i;
  printf(" %u:", sa->spi);
  for (i = 0; i < key->size; ++i) printf("%02x", key->data[i]);
}

static void CALLBACK on_keys(const IPSEC_SA_DETAILS1* inbound, const IPSEC_SA_DETAILS1* outbound) {
  pthread_mutex_lock(&output);
  printf("keys");
  say_key(inbound);
  say_key(outbound);
  printf("\n");
  fflush(stdout);
  pthread_mutex_unlock(&output);
}

static void list(HANDLE engine) {
  FWPM_CONNECTION_ENUM_TEMPLATE0 wanted = {0, FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED};
  FWPM_CONNECTION0** all = NULL;
  HANDLE enumeration = NULL;
  UINT32 count = 0, i;
  MUST(FwpmConnectionCreateEnumHandle0(engine, &wanted, &enumeration));
  MUST(FwpmConnectionEnum0(engine, enumeration, 1000, &all, &count));
  MUST(FwpmConnectionDestroyEnumHandle0(engine, enumeration));
  pthread_mutex_lock(&output);
  for (i = 0; i < count; ++i)
    printf("connection %llu %llu %llu %d %d\n", (unsigned long long)all[i]->connectionId,
           (unsigned long long)all[i]->bytesTransferredIn, (unsigned long long)all[i]->bytesTransferredOut,
           all[i]->startSysTime.dwHighDateTime != 0, all[i]->mmCrypto.dhGroup);
  printf("done\n");
  fflush(stdout);
  pthread_mutex_unlock(&output);
  FwpmFreeMemory0((void**)&all);
}

int main(void) {
  FWPM_CONNECTION_SUBSCRIPTION0 subscription;
  IPSEC_KEY_MANAGER_CALLBACKS0 callbacks;
  IPSEC_KEY_MANAGER0 who;
  HANDLE engine = NULL, connections = NULL, keys = NULL;
  FWP_VALUE0 on;
  char line[64];
  memset(&subscription, 0, sizeof subscription);
  memset(&callbacks, 0, sizeof callbacks);
  memset(&who, 0, sizeof who);
  memset(&on, 0, sizeof on);
  MUST(FwpmEngineOpen0(NULL, RPC_C_AUTHN_DEFAULT, NULL, NULL, &engine));
  on.type = FWP_UINT32;
  on.uint32 = 1;
  MUST(FwpmEngineSetOption0(engine, FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS, &on));
  MUST(FwpmConnectionSubscribe0(engine, &subscription, on_connection, NULL, &connections));
  who.keyManagerKey.Data1 = 0x5a11f0a7u;
  who.displayData.name = (wchar_t*)L"watch_sas";
  callbacks.keyNotify = on_keys;
  MUST(IPsecKeyManagerAddAndRegister0(engine, &who, &callbacks, &keys));
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL)
    if (strncmp(line, "list", 4) == 0) list(engine);
  MUST(IPsecKeyManagerUnregisterAndDelete0(engine, keys));
  MUST(FwpmConnectionUnsubscribe0(engine, connections));
  MUST(FwpmEngineClose0(engine));
  return 0;
}
