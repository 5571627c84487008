// Objects of the filter engine, their templates, changes and subscriptions; connections and system ports. Net events
// are in fwpmevents.h.
#pragma once
#include "ipsectypes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum DL_ADDRESS_TYPE_ SALLYPORT_ENUM32 {
  DlUnicast = 0,
  DlMulticast = 1,
  DlBroadcast = 2,
} DL_ADDRESS_TYPE;

typedef enum FWPM_CHANGE_TYPE_ SALLYPORT_ENUM32 {
  FWPM_CHANGE_ADD = 1,
  FWPM_CHANGE_DELETE = 2,
  FWPM_CHANGE_TYPE_MAX = 3,
} FWPM_CHANGE_TYPE;

#define FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_ADD 0x00000001u
#define FWPM_SUBSCRIPTION_FLAG_NOTIFY_ON_DELETE 0x00000002u

typedef enum FWPM_SERVICE_STATE_ SALLYPORT_ENUM32 {
  FWPM_SERVICE_STOPPED = 0,
  FWPM_SERVICE_START_PENDING = 1,
  FWPM_SERVICE_STOP_PENDING = 2,
  FWPM_SERVICE_RUNNING = 3,
  FWPM_SERVICE_STATE_MAX = 4,
} FWPM_SERVICE_STATE;

#define FWPM_NET_EVENT_KEYWORD_INBOUND_MCAST 0x00000001u
#define FWPM_NET_EVENT_KEYWORD_INBOUND_BCAST 0x00000002u
#define FWPM_NET_EVENT_KEYWORD_CAPABILITY_DROP 0x00000004u
#define FWPM_NET_EVENT_KEYWORD_CAPABILITY_ALLOW 0x00000008u
#define FWPM_NET_EVENT_KEYWORD_CLASSIFY_ALLOW 0x00000010u
#define FWPM_ENGINE_OPTION_PACKET_QUEUE_NONE 0x00000000u
#define FWPM_ENGINE_OPTION_PACKET_QUEUE_INBOUND 0x00000001u
#define FWPM_ENGINE_OPTION_PACKET_QUEUE_FORWARD 0x00000002u
#define FWPM_ENGINE_OPTION_PACKET_BATCH_INBOUND 0x00000004u

typedef enum FWPM_ENGINE_OPTION_ SALLYPORT_ENUM32 {
  FWPM_ENGINE_COLLECT_NET_EVENTS = 0,
  FWPM_ENGINE_NET_EVENT_MATCH_ANY_KEYWORDS = 1,
  FWPM_ENGINE_NAME_CACHE = 2,
  FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS = 3,
  FWPM_ENGINE_PACKET_QUEUING = 4,
  FWPM_ENGINE_TXN_WATCHDOG_TIMEOUT_IN_MSEC = 5,
  FWPM_ENGINE_OPTION_MAX = 6,
} FWPM_ENGINE_OPTION;

#define FWPM_SESSION_FLAG_DYNAMIC 0x00000001u
#define FWPM_SESSION_FLAG_RESERVED 0x10000000u

typedef struct FWPM_SESSION0_ {
  GUID sessionKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  UINT32 txnWaitTimeoutInMSec;
  DWORD processId;
  SID* sid;
  wchar_t* username;
  BOOL kernelMode;
} FWPM_SESSION0;

typedef struct FWPM_SESSION_ENUM_TEMPLATE0_ {
  UINT64 reserved;
} FWPM_SESSION_ENUM_TEMPLATE0;

#define FWPM_PROVIDER_FLAG_PERSISTENT 0x00000001u
#define FWPM_PROVIDER_FLAG_DISABLED 0x00000010u

typedef struct FWPM_PROVIDER0_ {
  GUID providerKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  FWP_BYTE_BLOB providerData;
  wchar_t* serviceName;
} FWPM_PROVIDER0;

typedef struct FWPM_PROVIDER_ENUM_TEMPLATE0_ {
  UINT64 reserved;
} FWPM_PROVIDER_ENUM_TEMPLATE0;

typedef struct FWPM_PROVIDER_CHANGE0_ {
  FWPM_CHANGE_TYPE changeType;
  GUID providerKey;
} FWPM_PROVIDER_CHANGE0;

typedef struct FWPM_PROVIDER_SUBSCRIPTION0_ {
  FWPM_PROVIDER_ENUM_TEMPLATE0* enumTemplate;
  UINT32 flags;
  GUID sessionKey;
} FWPM_PROVIDER_SUBSCRIPTION0;

#define FWPM_PROVIDER_CONTEXT_FLAG_PERSISTENT 0x00000001u
#define FWPM_PROVIDER_CONTEXT_FLAG_DOWNLEVEL 0x00000002u

typedef struct FWPM_CLASSIFY_OPTION0_ {
  FWP_CLASSIFY_OPTION_TYPE type;
  FWP_VALUE0 value;
} FWPM_CLASSIFY_OPTION0;

typedef struct FWPM_CLASSIFY_OPTIONS0_ {
  UINT32 numOptions;
  FWPM_CLASSIFY_OPTION0* options;
} FWPM_CLASSIFY_OPTIONS0;

typedef enum FWPM_PROVIDER_CONTEXT_TYPE_ SALLYPORT_ENUM32 {
  FWPM_IPSEC_KEYING_CONTEXT = 0,
  FWPM_IPSEC_IKE_QM_TRANSPORT_CONTEXT = 1,
  FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT = 2,
  FWPM_IPSEC_AUTHIP_QM_TRANSPORT_CONTEXT = 3,
  FWPM_IPSEC_AUTHIP_QM_TUNNEL_CONTEXT = 4,
  FWPM_IPSEC_IKE_MM_CONTEXT = 5,
  FWPM_IPSEC_AUTHIP_MM_CONTEXT = 6,
  FWPM_CLASSIFY_OPTIONS_CONTEXT = 7,
  FWPM_GENERAL_CONTEXT = 8,
  FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT = 9,
  FWPM_IPSEC_IKEV2_MM_CONTEXT = 10,
  FWPM_IPSEC_DOSP_CONTEXT = 11,
  FWPM_IPSEC_IKEV2_QM_TRANSPORT_CONTEXT = 12,
  FWPM_PROVIDER_CONTEXT_TYPE_MAX = 13,
} FWPM_PROVIDER_CONTEXT_TYPE;

typedef struct FWPM_PROVIDER_CONTEXT0_ {
  GUID providerContextKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  GUID* providerKey;
  FWP_BYTE_BLOB providerData;
  FWPM_PROVIDER_CONTEXT_TYPE type;
  __extension__ union {
    IPSEC_KEYING_POLICY0* keyingPolicy;
    IPSEC_TRANSPORT_POLICY0* ikeQmTransportPolicy;
    IPSEC_TUNNEL_POLICY0* ikeQmTunnelPolicy;
    IPSEC_TRANSPORT_POLICY0* authipQmTransportPolicy;
    IPSEC_TUNNEL_POLICY0* authipQmTunnelPolicy;
    IKEEXT_POLICY0* ikeMmPolicy;
    IKEEXT_POLICY0* authIpMmPolicy;
    FWP_BYTE_BLOB* dataBuffer;
    FWPM_CLASSIFY_OPTIONS0* classifyOptions;
  };
  UINT64 providerContextId;
} FWPM_PROVIDER_CONTEXT0;

// Windows 7
typedef struct FWPM_PROVIDER_CONTEXT1_ {
  GUID providerContextKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  GUID* providerKey;
  FWP_BYTE_BLOB providerData;
  FWPM_PROVIDER_CONTEXT_TYPE type;
  __extension__ union {
    IPSEC_KEYING_POLICY0* keyingPolicy;
    IPSEC_TRANSPORT_POLICY1* ikeQmTransportPolicy;
    IPSEC_TUNNEL_POLICY1* ikeQmTunnelPolicy;
    IPSEC_TRANSPORT_POLICY1* authipQmTransportPolicy;
    IPSEC_TUNNEL_POLICY1* authipQmTunnelPolicy;
    IKEEXT_POLICY1* ikeMmPolicy;
    IKEEXT_POLICY1* authIpMmPolicy;
    FWP_BYTE_BLOB* dataBuffer;
    FWPM_CLASSIFY_OPTIONS0* classifyOptions;
    IPSEC_TUNNEL_POLICY1* ikeV2QmTunnelPolicy;
    IKEEXT_POLICY1* ikeV2MmPolicy;
    IPSEC_DOSP_OPTIONS0* idpOptions;
  };
  UINT64 providerContextId;
} FWPM_PROVIDER_CONTEXT1;

// Windows 8
typedef struct FWPM_PROVIDER_CONTEXT2_ {
  GUID providerContextKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  GUID* providerKey;
  FWP_BYTE_BLOB providerData;
  FWPM_PROVIDER_CONTEXT_TYPE type;
  __extension__ union {
    IPSEC_KEYING_POLICY1* keyingPolicy;
    IPSEC_TRANSPORT_POLICY2* ikeQmTransportPolicy;
    IPSEC_TUNNEL_POLICY2* ikeQmTunnelPolicy;
    IPSEC_TRANSPORT_POLICY2* authipQmTransportPolicy;
    IPSEC_TUNNEL_POLICY2* authipQmTunnelPolicy;
    IKEEXT_POLICY2* ikeMmPolicy;
    IKEEXT_POLICY2* authIpMmPolicy;
    FWP_BYTE_BLOB* dataBuffer;
    FWPM_CLASSIFY_OPTIONS0* classifyOptions;
    IPSEC_TUNNEL_POLICY2* ikeV2QmTunnelPolicy;
    IPSEC_TRANSPORT_POLICY2* ikeV2QmTransportPolicy;
    IKEEXT_POLICY2* ikeV2MmPolicy;
    IPSEC_DOSP_OPTIONS0* idpOptions;
  };
  UINT64 providerContextId;
} FWPM_PROVIDER_CONTEXT2;

// Windows 10 1709
typedef struct FWPM_PROVIDER_CONTEXT3_ {
  GUID providerContextKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  GUID* providerKey;
  FWP_BYTE_BLOB providerData;
  FWPM_PROVIDER_CONTEXT_TYPE type;
  __extension__ union {
    IPSEC_KEYING_POLICY1* keyingPolicy;
    IPSEC_TRANSPORT_POLICY2* ikeQmTransportPolicy;
    IPSEC_TUNNEL_POLICY3* ikeQmTunnelPolicy;
    IPSEC_TRANSPORT_POLICY2* authipQmTransportPolicy;
    IPSEC_TUNNEL_POLICY3* authipQmTunnelPolicy;
    IKEEXT_POLICY2* ikeMmPolicy;
    IKEEXT_POLICY2* authIpMmPolicy;
    FWP_BYTE_BLOB* dataBuffer;
    FWPM_CLASSIFY_OPTIONS0* classifyOptions;
    IPSEC_TUNNEL_POLICY3* ikeV2QmTunnelPolicy;
    IPSEC_TRANSPORT_POLICY2* ikeV2QmTransportPolicy;
    IKEEXT_POLICY2* ikeV2MmPolicy;
    IPSEC_DOSP_OPTIONS0* idpOptions;
  };
  UINT64 providerContextId;
} FWPM_PROVIDER_CONTEXT3;

typedef struct FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0_ {
  GUID* providerKey;
  FWPM_PROVIDER_CONTEXT_TYPE providerContextType;
} FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0;

typedef struct FWPM_PROVIDER_CONTEXT_CHANGE0_ {
  FWPM_CHANGE_TYPE changeType;
  GUID providerContextKey;
  UINT64 providerContextId;
} FWPM_PROVIDER_CONTEXT_CHANGE0;

typedef struct FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0_ {
  FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0* enumTemplate;
  UINT32 flags;
  GUID sessionKey;
} FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0;

#define FWPM_SUBLAYER_FLAG_PERSISTENT 0x00000001u

typedef struct FWPM_SUBLAYER0_ {
  GUID subLayerKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  GUID* providerKey;
  FWP_BYTE_BLOB providerData;
  UINT16 weight;
} FWPM_SUBLAYER0;

typedef struct FWPM_SUBLAYER_ENUM_TEMPLATE0_ {
  GUID* providerKey;
} FWPM_SUBLAYER_ENUM_TEMPLATE0;

typedef struct FWPM_SUBLAYER_CHANGE0_ {
  FWPM_CHANGE_TYPE changeType;
  GUID subLayerKey;
} FWPM_SUBLAYER_CHANGE0;

typedef struct FWPM_SUBLAYER_SUBSCRIPTION0_ {
  FWPM_SUBLAYER_ENUM_TEMPLATE0* enumTemplate;
  UINT32 flags;
  GUID sessionKey;
} FWPM_SUBLAYER_SUBSCRIPTION0;

#define FWPM_LAYER_FLAG_KERNEL 0x00000001u
#define FWPM_LAYER_FLAG_BUILTIN 0x00000002u
#define FWPM_LAYER_FLAG_CLASSIFY_MOSTLY 0x00000004u
#define FWPM_LAYER_FLAG_BUFFERED 0x00000008u

typedef enum FWPM_FIELD_TYPE_ SALLYPORT_ENUM32 {
  FWPM_FIELD_RAW_DATA = 0,
  FWPM_FIELD_IP_ADDRESS = 1,
  FWPM_FIELD_FLAGS = 2,
  FWPM_FIELD_TYPE_MAX = 3,
} FWPM_FIELD_TYPE;

typedef struct FWPM_FIELD0_ {
  GUID* fieldKey;
  FWPM_FIELD_TYPE type;
  FWP_DATA_TYPE dataType;
} FWPM_FIELD0;

typedef struct FWPM_LAYER0_ {
  GUID layerKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  UINT32 numFields;
  FWPM_FIELD0* field;
  GUID defaultSubLayerKey;
  UINT16 layerId;
} FWPM_LAYER0;

typedef struct FWPM_LAYER_ENUM_TEMPLATE0_ {
  UINT64 reserved;
} FWPM_LAYER_ENUM_TEMPLATE0;

#define FWPM_CALLOUT_FLAG_PERSISTENT 0x00010000u
#define FWPM_CALLOUT_FLAG_USES_PROVIDER_CONTEXT 0x00020000u
#define FWPM_CALLOUT_FLAG_REGISTERED 0x00040000u

typedef struct FWPM_CALLOUT0_ {
  GUID calloutKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  GUID* providerKey;
  FWP_BYTE_BLOB providerData;
  GUID applicableLayer;
  UINT32 calloutId;
} FWPM_CALLOUT0;

typedef struct FWPM_CALLOUT_ENUM_TEMPLATE0_ {
  GUID* providerKey;
  GUID layerKey;
} FWPM_CALLOUT_ENUM_TEMPLATE0;

typedef struct FWPM_CALLOUT_CHANGE0_ {
  FWPM_CHANGE_TYPE changeType;
  GUID calloutKey;
  UINT32 calloutId;
} FWPM_CALLOUT_CHANGE0;

typedef struct FWPM_CALLOUT_SUBSCRIPTION0_ {
  FWPM_CALLOUT_ENUM_TEMPLATE0* enumTemplate;
  UINT32 flags;
  GUID sessionKey;
} FWPM_CALLOUT_SUBSCRIPTION0;

typedef struct FWPM_ACTION0_ {
  FWP_ACTION_TYPE type;
  __extension__ union {
    GUID filterType;
    GUID calloutKey;
    UINT8 bitmapIndex;
  };
} FWPM_ACTION0;

typedef struct FWPM_FILTER_CONDITION0_ {
  GUID fieldKey;
  FWP_MATCH_TYPE matchType;
  FWP_CONDITION_VALUE0 conditionValue;
} FWPM_FILTER_CONDITION0;

#define FWPM_AUTO_WEIGHT_BITS 60
#define FWPM_AUTO_WEIGHT_MAX (~(~0ull << FWPM_AUTO_WEIGHT_BITS))
#define FWPM_WEIGHT_RANGE_MAX 15
#define FWPM_WEIGHT_RANGE_IPSEC 0x0
#define FWPM_WEIGHT_RANGE_IKE_EXEMPTIONS 0xc

// The raw context of filters whose callout is one of IPsec's.
#define FWPM_CONTEXT_IPSEC_INBOUND_PASSTHRU 0x1ull
#define FWPM_CONTEXT_IPSEC_INBOUND_PERSIST_CONNECTION_SECURITY 0x2ull
#define FWPM_CONTEXT_IPSEC_INBOUND_SECURITY_REALM_ID 0x4ull
#define FWPM_CONTEXT_IPSEC_INBOUND_RESERVED 0xff00000000000000ull
#define FWPM_CONTEXT_IPSEC_OUTBOUND_NEGOTIATE_DISCOVER 0x1ull
#define FWPM_CONTEXT_IPSEC_OUTBOUND_SUPPRESS_NEGOTIATION 0x2ull
#define FWPM_CONTEXT_IPSEC_OUTBOUNDBOUND_SECURITY_REALM_ID 0x4ull
#define FWPM_CONTEXT_ALE_SET_CONNECTION_REQUIRE_IPSEC_SECURITY 0x2ull
#define FWPM_CONTEXT_ALE_SET_CONNECTION_LAZY_SD_EVALUATION 0x4ull
#define FWPM_CONTEXT_ALE_SET_CONNECTION_REQUIRE_IPSEC_ENCRYPTION 0x8ull
#define FWPM_CONTEXT_ALE_SET_CONNECTION_ALLOW_FIRST_INBOUND_PKT_UNENCRYPTED 0x10ull
#define FWPM_CONTEXT_ALE_ALLOW_AUTH_FW 0x20ull

#define FWPM_FILTER_FLAG_NONE 0x00000000u
#define FWPM_FILTER_FLAG_PERSISTENT 0x00000001u
#define FWPM_FILTER_FLAG_BOOTTIME 0x00000002u
#define FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT 0x00000004u
#define FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT 0x00000008u
#define FWPM_FILTER_FLAG_PERMIT_IF_CALLOUT_UNREGISTERED 0x00000010u
#define FWPM_FILTER_FLAG_DISABLED 0x00000020u
#define FWPM_FILTER_FLAG_INDEXED 0x00000040u
#define FWPM_FILTER_FLAG_HAS_SECURITY_REALM_PROVIDER_CONTEXT 0x00000080u
#define FWPM_FILTER_FLAG_SYSTEMOS_ONLY 0x00000100u
#define FWPM_FILTER_FLAG_GAMEOS_ONLY 0x00000200u
#define FWPM_FILTER_FLAG_SILENT_MODE 0x00000400u
#define FWPM_FILTER_FLAG_IPSEC_NO_ACQUIRE_INITIATE 0x00000800u

struct FWPM_FILTER0_ {
  GUID filterKey;
  FWPM_DISPLAY_DATA0 displayData;
  UINT32 flags;
  GUID* providerKey;
  FWP_BYTE_BLOB providerData;
  GUID layerKey;
  GUID subLayerKey;
  FWP_VALUE0 weight;
  UINT32 numFilterConditions;
  FWPM_FILTER_CONDITION0* filterCondition;
  FWPM_ACTION0 action;
  __extension__ union {
    UINT64 rawContext;
    GUID providerContextKey;
  };
  GUID* reserved;
  UINT64 filterId;
  FWP_VALUE0 effectiveWeight;
};

typedef struct FWPM_FILTER_ENUM_TEMPLATE0_ {
  GUID* providerKey;
  GUID layerKey;
  FWP_FILTER_ENUM_TYPE enumType;
  UINT32 flags;
  FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0* providerContextTemplate;
  UINT32 numFilterConditions;
  FWPM_FILTER_CONDITION0* filterCondition;
  UINT32 actionMask;
  GUID* calloutKey;
} FWPM_FILTER_ENUM_TEMPLATE0;

typedef struct FWPM_FILTER_CHANGE0_ {
  FWPM_CHANGE_TYPE changeType;
  GUID filterKey;
  UINT64 filterId;
} FWPM_FILTER_CHANGE0;

typedef struct FWPM_FILTER_SUBSCRIPTION0_ {
  FWPM_FILTER_ENUM_TEMPLATE0* enumTemplate;
  UINT32 flags;
  GUID sessionKey;
} FWPM_FILTER_SUBSCRIPTION0;

typedef struct FWPM_LAYER_STATISTICS0_ {
  GUID layerId;
  UINT32 classifyPermitCount;
  UINT32 classifyBlockCount;
  UINT32 classifyVetoCount;
  UINT32 numCacheEntries;
} FWPM_LAYER_STATISTICS0;

typedef struct FWPM_STATISTICS0_ {
  UINT32 numLayerStatistics;
  FWPM_LAYER_STATISTICS0* layerStatistics;
  UINT32 inboundAllowedConnectionsV4;
  UINT32 inboundBlockedConnectionsV4;
  UINT32 outboundAllowedConnectionsV4;
  UINT32 outboundBlockedConnectionsV4;
  UINT32 inboundAllowedConnectionsV6;
  UINT32 inboundBlockedConnectionsV6;
  UINT32 outboundAllowedConnectionsV6;
  UINT32 outboundBlockedConnectionsV6;
  UINT32 inboundActiveConnectionsV4;
  UINT32 outboundActiveConnectionsV4;
  UINT32 inboundActiveConnectionsV6;
  UINT32 outboundActiveConnectionsV6;
  UINT64 reauthDirInbound;
  UINT64 reauthDirOutbound;
  UINT64 reauthFamilyV4;
  UINT64 reauthFamilyV6;
  UINT64 reauthProtoOther;
  UINT64 reauthProtoIPv4;
  UINT64 reauthProtoIPv6;
  UINT64 reauthProtoICMP;
  UINT64 reauthProtoICMP6;
  UINT64 reauthProtoUDP;
  UINT64 reauthProtoTCP;
  UINT64 reauthReasonPolicyChange;
  UINT64 reauthReasonNewArrivalInterface;
  UINT64 reauthReasonNewNextHopInterface;
  UINT64 reauthReasonProfileCrossing;
  UINT64 reauthReasonClassifyCompletion;
  UINT64 reauthReasonIPSecPropertiesChanged;
  UINT64 reauthReasonMidStreamInspection;
  UINT64 reauthReasonSocketPropertyChanged;
  UINT64 reauthReasonNewInboundMCastBCastPacket;
  UINT64 reauthReasonEDPPolicyChanged;
  UINT64 reauthReasonLocalAddressUniFiltersChanged;
  UINT64 reauthReasonRemoteAddressUniFiltersChanged;
  UINT64 reauthReasonLocalPortUniFiltersChanges;
  UINT64 reauthReasonRemotePortUniFiltersChanges;
  UINT64 reauthReasonProxyHandleChanged;
} FWPM_STATISTICS0;

// Windows 7
typedef enum FWPM_SYSTEM_PORT_TYPE_ SALLYPORT_ENUM32 {
  FWPM_SYSTEM_PORT_RPC_EPMAP = 0,
  FWPM_SYSTEM_PORT_TEREDO = 1,
  FWPM_SYSTEM_PORT_IPHTTPS_IN = 2,
  FWPM_SYSTEM_PORT_IPHTTPS_OUT = 3,
  FWPM_SYSTEM_PORT_TYPE_MAX = 4,
} FWPM_SYSTEM_PORT_TYPE;

// Windows 7
typedef struct FWPM_SYSTEM_PORTS_BY_TYPE0_ {
  FWPM_SYSTEM_PORT_TYPE type;
  UINT32 numPorts;
  UINT16* ports;
} FWPM_SYSTEM_PORTS_BY_TYPE0;

// Windows 7
typedef struct FWPM_SYSTEM_PORTS0_ {
  UINT32 numTypes;
  FWPM_SYSTEM_PORTS_BY_TYPE0* types;
} FWPM_SYSTEM_PORTS0;

// Windows 8
typedef struct FWPM_CONNECTION0_ {
  UINT64 connectionId;
  FWP_IP_VERSION ipVersion;
  __extension__ union {
    UINT32 localV4Address;
    UINT8 localV6Address[16];
  };
  __extension__ union {
    UINT32 remoteV4Address;
    UINT8 remoteV6Address[16];
  };
  GUID* providerKey;
  IPSEC_TRAFFIC_TYPE ipsecTrafficModeType;
  IKEEXT_KEY_MODULE_TYPE keyModuleType;
  IKEEXT_PROPOSAL0 mmCrypto;
  IKEEXT_CREDENTIAL2 mmPeer;
  IKEEXT_CREDENTIAL2 emPeer;
  UINT64 bytesTransferredIn;
  UINT64 bytesTransferredOut;
  UINT64 bytesTransferredTotal;
  FILETIME startSysTime;
} FWPM_CONNECTION0;

#define FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED 0x00000001u

// Windows 8
typedef struct FWPM_CONNECTION_ENUM_TEMPLATE0_ {
  UINT64 connectionId;
  UINT32 flags;
} FWPM_CONNECTION_ENUM_TEMPLATE0;

// Windows 8
typedef struct FWPM_CONNECTION_SUBSCRIPTION0_ {
  FWPM_CONNECTION_ENUM_TEMPLATE0* enumTemplate;
  UINT32 flags;
  GUID sessionKey;
} FWPM_CONNECTION_SUBSCRIPTION0;

// Windows 8
typedef enum FWPM_CONNECTION_EVENT_TYPE_ SALLYPORT_ENUM32 {
  FWPM_CONNECTION_EVENT_ADD = 0,
  FWPM_CONNECTION_EVENT_DELETE = 1,
  FWPM_CONNECTION_EVENT_MAX = 2,
} FWPM_CONNECTION_EVENT_TYPE;

#ifdef __cplusplus
}
#endif

#include "fwpmevents.h"
