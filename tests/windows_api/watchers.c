// Connections, system ports, bitmap indexes, the protection of layers, and what of the engine's settings is kept. There
// is no peer here: connections that come and go are watched where there are two hosts (tests/netns).
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "expect.h"

static void set_option(HANDLE engine, FWPM_ENGINE_OPTION option, UINT32 value, DWORD expected) {
  FWP_VALUE0 wanted;
  memset(&wanted, 0, sizeof wanted);
  wanted.type = FWP_UINT32;
  wanted.uint32 = value;
  EXPECT(expected, FwpmEngineSetOption0(engine, option, &wanted));
}

// ---- connections ----

static void CALLBACK on_connection(void* context, FWPM_CONNECTION_EVENT_TYPE type, const FWPM_CONNECTION0* connection) {
  (void)context, (void)type, (void)connection;
  CHECK(!"no connection comes about here");
}

static void check_connections_off(HANDLE engine) {
  FWPM_CONNECTION_SUBSCRIPTION0 subscription;
  FWPM_CONNECTION0* one = NULL;
  HANDLE handle = NULL;
  memset(&subscription, 0, sizeof subscription);
  EXPECT(FWP_E_CONNECTIONS_DISABLED, FwpmConnectionCreateEnumHandle0(engine, NULL, &handle));
  EXPECT(FWP_E_CONNECTIONS_DISABLED, FwpmConnectionGetById0(engine, 1, &one));
  EXPECT(FWP_E_CONNECTIONS_DISABLED, FwpmConnectionSubscribe0(engine, &subscription, on_connection, NULL, &handle));
  CHECK(handle == NULL && one == NULL);
}

static void check_connections(HANDLE engine) {
  FWPM_CONNECTION_ENUM_TEMPLATE0 wanted = {7, FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED};
  FWPM_CONNECTION_SUBSCRIPTION0 subscription, **subscriptions = NULL;
  FWPM_CONNECTION0 *one = NULL, **all = NULL;
  HANDLE handle = NULL, watch = NULL;
  UINT32 count = 9;
  WORKS(FwpmConnectionCreateEnumHandle0(engine, &wanted, &handle));
  WORKS(FwpmConnectionEnum0(engine, handle, 10, &all, &count));
  CHECK(count == 0);
  FwpmFreeMemory0((void**)&all);
  WORKS(FwpmConnectionDestroyEnumHandle0(engine, handle));
  EXPECT(FWP_E_NOT_FOUND, FwpmConnectionDestroyEnumHandle0(engine, handle));
  EXPECT(FWP_E_NOT_FOUND, FwpmConnectionGetById0(engine, 7, &one));
  EXPECT(FWP_E_NULL_POINTER, FwpmConnectionGetById0(engine, 7, NULL));
  EXPECT(FWP_E_NULL_POINTER, FwpmConnectionCreateEnumHandle0(engine, NULL, NULL));
  EXPECT(ERROR_INVALID_HANDLE, FwpmConnectionGetById0((HANDLE)5, 7, &one));
  wanted.flags = 2;
  EXPECT(FWP_E_INVALID_FLAGS, FwpmConnectionCreateEnumHandle0(engine, &wanted, &handle));

  wanted.flags = FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED;
  memset(&subscription, 0, sizeof subscription);
  subscription.enumTemplate = &wanted;
  EXPECT(FWP_E_NULL_POINTER, FwpmConnectionSubscribe0(engine, NULL, on_connection, NULL, &watch));
  EXPECT(FWP_E_NULL_POINTER, FwpmConnectionSubscribe0(engine, &subscription, NULL, NULL, &watch));
  subscription.flags = 1;
  EXPECT(FWP_E_INVALID_FLAGS, FwpmConnectionSubscribe0(engine, &subscription, on_connection, NULL, &watch));
  subscription.flags = 0;
  WORKS(FwpmTransactionBegin0(engine, 0));
  EXPECT(FWP_E_TXN_IN_PROGRESS, FwpmConnectionSubscribe0(engine, &subscription, on_connection, NULL, &watch));
  WORKS(FwpmTransactionAbort0(engine));
  WORKS(FwpmConnectionSubscribe0(engine, &subscription, on_connection, NULL, &watch));
  WORKS(FwpmConnectionSubscriptionsGet0(engine, &subscriptions, &count));
  CHECK(count == 1 && subscriptions[0]->enumTemplate->connectionId == 7 && subscriptions[0]->enumTemplate->flags == 1);
  FwpmFreeMemory0((void**)&subscriptions);
  // While somebody watches it stays on.
  set_option(engine, FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS, 0, FWP_E_STILL_ON);
  WORKS(FwpmConnectionUnsubscribe0(engine, watch));
  EXPECT(FWP_E_NOT_FOUND, FwpmConnectionUnsubscribe0(engine, watch));
}

static void check_connection_protection(HANDLE engine) {
  PSECURITY_DESCRIPTOR descriptor = NULL;
  PSID owner = NULL;
  PACL list = NULL;
  WORKS(FwpmConnectionGetSecurityInfo0(engine, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL,
                                       &list, NULL, &descriptor));
  CHECK(owner != NULL && list != NULL);
  WORKS(FwpmConnectionSetSecurityInfo0(engine, DACL_SECURITY_INFORMATION, NULL, NULL, list, NULL));
  FwpmFreeMemory0((void**)&descriptor);
}

// ---- system ports ----

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int told, teredo_seen;

static const FWPM_SYSTEM_PORTS_BY_TYPE0* of_type(const FWPM_SYSTEM_PORTS0* ports, FWPM_SYSTEM_PORT_TYPE type) {
  UINT32 i;
  for (i = 0; i < ports->numTypes; ++i)
    if (ports->types[i].type == type) return &ports->types[i];
  return NULL;
}
static int has_teredo(const FWPM_SYSTEM_PORTS0* ports) {
  const FWPM_SYSTEM_PORTS_BY_TYPE0* of = of_type(ports, FWPM_SYSTEM_PORT_TEREDO);
  return of != NULL && of->numPorts == 1 && of->ports[0] == 3544;
}
static void CALLBACK on_ports(void* context, const FWPM_SYSTEM_PORTS0* ports) {
  CHECK(context == &lock && ports->numTypes == FWPM_SYSTEM_PORT_TYPE_MAX);
  pthread_mutex_lock(&lock);
  ++told;
  teredo_seen = has_teredo(ports);
  pthread_mutex_unlock(&lock);
}
static int comes_true(int wanted_told, int wanted_teredo) {
  int i, out = 0;
  for (i = 0; i < 200 && !out; ++i) {
    usleep(50 * 1000);
    pthread_mutex_lock(&lock);
    out = told >= wanted_told && teredo_seen == wanted_teredo;
    pthread_mutex_unlock(&lock);
  }
  return out;
}
static int bind_teredo(void) {
  struct sockaddr_in address;
  const int out = socket(AF_INET, SOCK_DGRAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons(3544);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(out, (struct sockaddr*)&address, sizeof address) == 0) return out;
  close(out);
  return -1;
}

static void check_system_ports(HANDLE engine) {
  FWPM_SYSTEM_PORTS0* ports = NULL;
  HANDLE watch = NULL;
  int service, before;
  WORKS(FwpmSystemPortsGet0(NULL, &ports));  // an engine is optional
  CHECK(ports->numTypes == FWPM_SYSTEM_PORT_TYPE_MAX);
  CHECK(of_type(ports, FWPM_SYSTEM_PORT_RPC_EPMAP) != NULL);
  CHECK(of_type(ports, FWPM_SYSTEM_PORT_IPHTTPS_IN)->numPorts == 0);
  CHECK(of_type(ports, FWPM_SYSTEM_PORT_IPHTTPS_OUT)->numPorts == 0);
  FwpmFreeMemory0((void**)&ports);
  EXPECT(ERROR_INVALID_HANDLE, FwpmSystemPortsGet0((HANDLE)5, &ports));
  EXPECT(FWP_E_NULL_POINTER, FwpmSystemPortsGet0(engine, NULL));
  EXPECT(FWP_E_NULL_POINTER, FwpmSystemPortsSubscribe0(engine, NULL, NULL, NULL, &watch));
  EXPECT(FWP_E_RESERVED, FwpmSystemPortsSubscribe0(engine, &lock, on_ports, &lock, &watch));
  EXPECT(ERROR_INVALID_HANDLE, FwpmSystemPortsSubscribe0((HANDLE)5, NULL, on_ports, &lock, &watch));
  WORKS(FwpmTransactionBegin0(engine, 0));
  EXPECT(FWP_E_TXN_IN_PROGRESS, FwpmSystemPortsSubscribe0(engine, NULL, on_ports, &lock, &watch));
  WORKS(FwpmTransactionAbort0(engine));

  service = bind_teredo();
  if (service < 0) return;  // somebody here offers it
  close(service);
  WORKS(FwpmSystemPortsSubscribe0(engine, NULL, on_ports, &lock, &watch));
  CHECK(comes_true(1, 0));
  service = bind_teredo();
  CHECK(comes_true(2, 1));
  close(service);
  CHECK(comes_true(3, 0));
  WORKS(FwpmSystemPortsUnsubscribe0(engine, watch));
  EXPECT(FWP_E_NOT_FOUND, FwpmSystemPortsUnsubscribe0(engine, watch));
  before = told;
  service = bind_teredo();
  usleep(1500 * 1000);
  close(service);
  CHECK(told == before);
}

// ---- the rest ----

static void check_bitmaps(HANDLE engine) {
  const GUID nobody = guid_of(4000);
  UINT8 index = 0;
  EXPECT(FWP_E_TYPE_MISMATCH, FwpmBitmapIndexGet0(engine, &FWPM_CONDITION_IP_REMOTE_ADDRESS, &index));
  EXPECT(FWP_E_TYPE_MISMATCH, FwpmBitmapIndexFree0(engine, &FWPM_CONDITION_IP_REMOTE_ADDRESS, &index));
  EXPECT(FWP_E_CONDITION_NOT_FOUND, FwpmBitmapIndexGet0(engine, &nobody, &index));
  EXPECT(FWP_E_NULL_POINTER, FwpmBitmapIndexGet0(engine, NULL, &index));
  EXPECT(FWP_E_NULL_POINTER, FwpmBitmapIndexGet0(engine, &nobody, NULL));
  EXPECT(ERROR_INVALID_HANDLE, FwpmBitmapIndexFree0((HANDLE)5, &nobody, &index));
}

static void check_layer_protection(HANDLE engine) {
  const GUID nobody = guid_of(4001);
  PSECURITY_DESCRIPTOR descriptor = NULL;
  PACL list = NULL;
  WORKS(FwpmLayerGetSecurityInfoByKey0(engine, NULL, DACL_SECURITY_INFORMATION, NULL, NULL, &list, NULL, &descriptor));
  WORKS(FwpmLayerSetSecurityInfoByKey0(engine, NULL, DACL_SECURITY_INFORMATION, NULL, NULL, list, NULL));
  EXPECT(ERROR_NOT_SUPPORTED, FwpmLayerSetSecurityInfoByKey0(engine, &FWPM_LAYER_IPSEC_V4, DACL_SECURITY_INFORMATION,
                                                             NULL, NULL, list, NULL));
  FwpmFreeMemory0((void**)&descriptor);
  WORKS(FwpmLayerGetSecurityInfoByKey0(engine, &FWPM_LAYER_IPSEC_V4, OWNER_SECURITY_INFORMATION, NULL, NULL, NULL, NULL,
                                       &descriptor));
  FwpmFreeMemory0((void**)&descriptor);
  EXPECT(FWP_E_LAYER_NOT_FOUND, FwpmLayerGetSecurityInfoByKey0(engine, &nobody, OWNER_SECURITY_INFORMATION, NULL, NULL,
                                                               NULL, NULL, &descriptor));
}

void run_watchers(HANDLE engine) {
  check_connections_off(engine);
  set_option(engine, FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS, 1, ERROR_SUCCESS);
  check_connections(engine);
  check_connection_protection(engine);
  set_option(engine, FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS, 0, ERROR_SUCCESS);
  check_connections_off(engine);
  check_system_ports(engine);
  check_bitmaps(engine);
  check_layer_protection(engine);
}

// ---- settings that outlive the daemon ----

// Nobody may read sublayers or be told keys any more; an empty list of access control.
static const ACL kNobody = {ACL_REVISION, 0, sizeof(ACL), 0, 0};

void set_settings(HANDLE engine) {
  set_option(engine, FWPM_ENGINE_COLLECT_NET_EVENTS, 0, ERROR_SUCCESS);
  WORKS(FwpmSubLayerSetSecurityInfoByKey0(engine, NULL, DACL_SECURITY_INFORMATION, NULL, NULL, &kNobody, NULL));
  WORKS(IPsecKeyManagerSetSecurityInfoByKey0(engine, NULL, DACL_SECURITY_INFORMATION, NULL, NULL, &kNobody, NULL));
}

int settings_kept(HANDLE engine) {
  IPSEC_KEY_MANAGER0** managers = NULL;
  FWPM_SUBLAYER0* sublayer = NULL;
  FWP_VALUE0* value = NULL;
  UINT32 count = 0;
  int kept = 0;
  WORKS(FwpmEngineGetOption0(engine, FWPM_ENGINE_COLLECT_NET_EVENTS, &value));
  if (value != NULL && value->uint32 == 0) ++kept;
  if (FwpmSubLayerGetByKey0(engine, &FWPM_SUBLAYER_UNIVERSAL, &sublayer) == ERROR_ACCESS_DENIED) ++kept;
  if (IPsecKeyManagersGet0(engine, &managers, &count) == ERROR_ACCESS_DENIED) ++kept;
  FwpmFreeMemory0((void**)&value);
  FwpmFreeMemory0((void**)&sublayer);
  FwpmFreeMemory0((void**)&managers);
  return kept;
}
