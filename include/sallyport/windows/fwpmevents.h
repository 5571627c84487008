// Net events: what was dropped or failed, and why. Included by fwpmtypes.h.
#pragma once
#include "fwpmtypes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FWPM_NET_EVENT_FLAG_IP_PROTOCOL_SET 0x00000001u
#define FWPM_NET_EVENT_FLAG_LOCAL_ADDR_SET 0x00000002u
#define FWPM_NET_EVENT_FLAG_REMOTE_ADDR_SET 0x00000004u
#define FWPM_NET_EVENT_FLAG_LOCAL_PORT_SET 0x00000008u
#define FWPM_NET_EVENT_FLAG_REMOTE_PORT_SET 0x00000010u
#define FWPM_NET_EVENT_FLAG_APP_ID_SET 0x00000020u
#define FWPM_NET_EVENT_FLAG_USER_ID_SET 0x00000040u
#define FWPM_NET_EVENT_FLAG_SCOPE_ID_SET 0x00000080u
#define FWPM_NET_EVENT_FLAG_IP_VERSION_SET 0x00000100u
#define FWPM_NET_EVENT_FLAG_REAUTH_REASON_SET 0x00000200u
#define FWPM_NET_EVENT_FLAG_PACKAGE_ID_SET 0x00000400u
#define FWPM_NET_EVENT_FLAG_ENTERPRISE_ID_SET 0x00000800u
#define FWPM_NET_EVENT_FLAG_POLICY_FLAGS_SET 0x00001000u
#define FWPM_NET_EVENT_FLAG_EFFECTIVE_NAME_SET 0x00002000u

typedef struct FWPM_NET_EVENT_HEADER0_ {
  FILETIME timeStamp;
  UINT32 flags;
  FWP_IP_VERSION ipVersion;
  UINT8 ipProtocol;
  __extension__ union {
    UINT32 localAddrV4;
    FWP_BYTE_ARRAY16 localAddrV6;
  };
  __extension__ union {
    UINT32 remoteAddrV4;
    FWP_BYTE_ARRAY16 remoteAddrV6;
  };
  UINT16 localPort;
  UINT16 remotePort;
  UINT32 scopeId;
  FWP_BYTE_BLOB appId;
  SID* userId;
} FWPM_NET_EVENT_HEADER0;

typedef struct FWPM_NET_EVENT_HEADER1_ {
  FILETIME timeStamp;
  UINT32 flags;
  FWP_IP_VERSION ipVersion;
  UINT8 ipProtocol;
  __extension__ union {
    UINT32 localAddrV4;
    FWP_BYTE_ARRAY16 localAddrV6;
  };
  __extension__ union {
    UINT32 remoteAddrV4;
    FWP_BYTE_ARRAY16 remoteAddrV6;
  };
  UINT16 localPort;
  UINT16 remotePort;
  UINT32 scopeId;
  FWP_BYTE_BLOB appId;
  SID* userId;
  __extension__ union {
    __extension__ struct {
      FWP_AF reserved1;
      __extension__ union {
        __extension__ struct {
          FWP_BYTE_ARRAY6 reserved2;
          FWP_BYTE_ARRAY6 reserved3;
          UINT32 reserved4;
          UINT32 reserved5;
          UINT16 reserved6;
          UINT32 reserved7;
          UINT32 reserved8;
          UINT16 reserved9;
          UINT64 reserved10;
        };
      };
    };
  };
} FWPM_NET_EVENT_HEADER1;

// Windows 8
typedef struct FWPM_NET_EVENT_HEADER2_ {
  FILETIME timeStamp;
  UINT32 flags;
  FWP_IP_VERSION ipVersion;
  UINT8 ipProtocol;
  __extension__ union {
    UINT32 localAddrV4;
    FWP_BYTE_ARRAY16 localAddrV6;
  };
  __extension__ union {
    UINT32 remoteAddrV4;
    FWP_BYTE_ARRAY16 remoteAddrV6;
  };
  UINT16 localPort;
  UINT16 remotePort;
  UINT32 scopeId;
  FWP_BYTE_BLOB appId;
  SID* userId;
  FWP_AF addressFamily;
  SID* packageSid;
} FWPM_NET_EVENT_HEADER2;

// Windows 10
typedef struct FWPM_NET_EVENT_HEADER3_ {
  FILETIME timeStamp;
  UINT32 flags;
  FWP_IP_VERSION ipVersion;
  UINT8 ipProtocol;
  __extension__ union {
    UINT32 localAddrV4;
    FWP_BYTE_ARRAY16 localAddrV6;
  };
  __extension__ union {
    UINT32 remoteAddrV4;
    FWP_BYTE_ARRAY16 remoteAddrV6;
  };
  UINT16 localPort;
  UINT16 remotePort;
  UINT32 scopeId;
  FWP_BYTE_BLOB appId;
  SID* userId;
  FWP_AF addressFamily;
  SID* packageSid;
  wchar_t* enterpriseId;
  UINT64 policyFlags;
  FWP_BYTE_BLOB effectiveName;
} FWPM_NET_EVENT_HEADER3;

typedef enum FWPM_NET_EVENT_TYPE_ SALLYPORT_ENUM32 {
  FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE = 0,
  FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE = 1,
  FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE = 2,
  FWPM_NET_EVENT_TYPE_CLASSIFY_DROP = 3,
  FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP = 4,
  FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP = 5,
  FWPM_NET_EVENT_TYPE_CLASSIFY_ALLOW = 6,
  FWPM_NET_EVENT_TYPE_CAPABILITY_DROP = 7,
  FWPM_NET_EVENT_TYPE_CAPABILITY_ALLOW = 8,
  FWPM_NET_EVENT_TYPE_CLASSIFY_DROP_MAC = 9,
  FWPM_NET_EVENT_TYPE_MAX = 10,
} FWPM_NET_EVENT_TYPE;

#define IKEEXT_CERT_HASH_LEN 20
#define FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_BENIGN 0x00000001u
#define FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_MULTIPLE 0x00000002u

typedef struct FWPM_NET_EVENT_IKEEXT_MM_FAILURE0_ {
  UINT32 failureErrorCode;
  IPSEC_FAILURE_POINT failurePoint;
  UINT32 flags;
  IKEEXT_KEY_MODULE_TYPE keyingModuleType;
  IKEEXT_MM_SA_STATE mmState;
  IKEEXT_SA_ROLE saRole;
  IKEEXT_AUTHENTICATION_METHOD_TYPE mmAuthMethod;
  UINT8 endCertHash[20];
  UINT64 mmId;
  UINT64 mmFilterId;
} FWPM_NET_EVENT_IKEEXT_MM_FAILURE0;

// Windows 7
typedef struct FWPM_NET_EVENT_IKEEXT_MM_FAILURE1_ {
  UINT32 failureErrorCode;
  IPSEC_FAILURE_POINT failurePoint;
  UINT32 flags;
  IKEEXT_KEY_MODULE_TYPE keyingModuleType;
  IKEEXT_MM_SA_STATE mmState;
  IKEEXT_SA_ROLE saRole;
  IKEEXT_AUTHENTICATION_METHOD_TYPE mmAuthMethod;
  UINT8 endCertHash[20];
  UINT64 mmId;
  UINT64 mmFilterId;
  wchar_t* localPrincipalNameForAuth;
  wchar_t* remotePrincipalNameForAuth;
  UINT32 numLocalPrincipalGroupSids;
  LPWSTR* localPrincipalGroupSids;
  UINT32 numRemotePrincipalGroupSids;
  LPWSTR* remotePrincipalGroupSids;
} FWPM_NET_EVENT_IKEEXT_MM_FAILURE1;

typedef struct FWPM_NET_EVENT_IKEEXT_QM_FAILURE0_ {
  UINT32 failureErrorCode;
  IPSEC_FAILURE_POINT failurePoint;
  IKEEXT_KEY_MODULE_TYPE keyingModuleType;
  IKEEXT_QM_SA_STATE qmState;
  IKEEXT_SA_ROLE saRole;
  IPSEC_TRAFFIC_TYPE saTrafficType;
  __extension__ union { FWP_CONDITION_VALUE0 localSubNet; };
  __extension__ union { FWP_CONDITION_VALUE0 remoteSubNet; };
  UINT64 qmFilterId;
} FWPM_NET_EVENT_IKEEXT_QM_FAILURE0;

#define FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_MULTIPLE 0x00000001u
#define FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_BENIGN 0x00000002u

typedef struct FWPM_NET_EVENT_IKEEXT_EM_FAILURE0_ {
  UINT32 failureErrorCode;
  IPSEC_FAILURE_POINT failurePoint;
  UINT32 flags;
  IKEEXT_EM_SA_STATE emState;
  IKEEXT_SA_ROLE saRole;
  IKEEXT_AUTHENTICATION_METHOD_TYPE emAuthMethod;
  UINT8 endCertHash[20];
  UINT64 mmId;
  UINT64 qmFilterId;
} FWPM_NET_EVENT_IKEEXT_EM_FAILURE0;

// Windows 7
typedef struct FWPM_NET_EVENT_IKEEXT_EM_FAILURE1_ {
  UINT32 failureErrorCode;
  IPSEC_FAILURE_POINT failurePoint;
  UINT32 flags;
  IKEEXT_EM_SA_STATE emState;
  IKEEXT_SA_ROLE saRole;
  IKEEXT_AUTHENTICATION_METHOD_TYPE emAuthMethod;
  UINT8 endCertHash[20];
  UINT64 mmId;
  UINT64 qmFilterId;
  wchar_t* localPrincipalNameForAuth;
  wchar_t* remotePrincipalNameForAuth;
  UINT32 numLocalPrincipalGroupSids;
  LPWSTR* localPrincipalGroupSids;
  UINT32 numRemotePrincipalGroupSids;
  LPWSTR* remotePrincipalGroupSids;
  IPSEC_TRAFFIC_TYPE saTrafficType;
} FWPM_NET_EVENT_IKEEXT_EM_FAILURE1;

typedef struct FWPM_NET_EVENT_CLASSIFY_DROP0_ {
  UINT64 filterId;
  UINT16 layerId;
} FWPM_NET_EVENT_CLASSIFY_DROP0;

typedef struct FWPM_NET_EVENT_CLASSIFY_DROP1_ {
  UINT64 filterId;
  UINT16 layerId;
  UINT32 reauthReason;
  UINT32 originalProfile;
  UINT32 currentProfile;
  UINT32 msFwpDirection;
  BOOL isLoopback;
} FWPM_NET_EVENT_CLASSIFY_DROP1;

// Windows 8
typedef struct FWPM_NET_EVENT_CLASSIFY_DROP2_ {
  UINT64 filterId;
  UINT16 layerId;
  UINT32 reauthReason;
  UINT32 originalProfile;
  UINT32 currentProfile;
  UINT32 msFwpDirection;
  BOOL isLoopback;
  FWP_BYTE_BLOB vSwitchId;
  UINT32 vSwitchSourcePort;
  UINT32 vSwitchDestinationPort;
} FWPM_NET_EVENT_CLASSIFY_DROP2;

// Windows 8
typedef struct FWPM_NET_EVENT_CLASSIFY_DROP_MAC0_ {
  FWP_BYTE_ARRAY6 localMacAddr;
  FWP_BYTE_ARRAY6 remoteMacAddr;
  UINT32 mediaType;
  UINT32 ifType;
  UINT16 etherType;
  UINT32 ndisPortNumber;
  UINT32 reserved;
  UINT16 vlanTag;
  UINT64 ifLuid;
  UINT64 filterId;
  UINT16 layerId;
  UINT32 reauthReason;
  UINT32 originalProfile;
  UINT32 currentProfile;
  UINT32 msFwpDirection;
  BOOL isLoopback;
  FWP_BYTE_BLOB vSwitchId;
  UINT32 vSwitchSourcePort;
  UINT32 vSwitchDestinationPort;
} FWPM_NET_EVENT_CLASSIFY_DROP_MAC0;

// Windows 8
typedef struct FWPM_NET_EVENT_CLASSIFY_ALLOW0_ {
  UINT64 filterId;
  UINT16 layerId;
  UINT32 reauthReason;
  UINT32 originalProfile;
  UINT32 currentProfile;
  UINT32 msFwpDirection;
  BOOL isLoopback;
} FWPM_NET_EVENT_CLASSIFY_ALLOW0;

typedef struct FWPM_NET_EVENT_IPSEC_KERNEL_DROP0_ {
  INT32 failureStatus;
  FWP_DIRECTION direction;
  IPSEC_SA_SPI spi;
  UINT64 filterId;
  UINT16 layerId;
} FWPM_NET_EVENT_IPSEC_KERNEL_DROP0;

typedef struct FWPM_NET_EVENT_IPSEC_DOSP_DROP0_ {
  FWP_IP_VERSION ipVersion;
  __extension__ union {
    UINT32 publicHostV4Addr;
    UINT8 publicHostV6Addr[16];
  };
  __extension__ union {
    UINT32 internalHostV4Addr;
    UINT8 internalHostV6Addr[16];
  };
  INT32 failureStatus;
  FWP_DIRECTION direction;
} FWPM_NET_EVENT_IPSEC_DOSP_DROP0;

// Windows 8
typedef enum FWPM_APPC_NETWORK_CAPABILITY_TYPE_ SALLYPORT_ENUM32 {
  FWPM_APPC_NETWORK_CAPABILITY_INTERNET_CLIENT = 0,
  FWPM_APPC_NETWORK_CAPABILITY_INTERNET_CLIENT_SERVER = 1,
  FWPM_APPC_NETWORK_CAPABILITY_INTERNET_PRIVATE_NETWORK = 2,
} FWPM_APPC_NETWORK_CAPABILITY_TYPE;

// Windows 8
typedef struct FWPM_NET_EVENT_CAPABILITY_DROP0_ {
  FWPM_APPC_NETWORK_CAPABILITY_TYPE networkCapabilityId;
  UINT64 filterId;
  BOOL isLoopback;
} FWPM_NET_EVENT_CAPABILITY_DROP0;

// Windows 8
typedef struct FWPM_NET_EVENT_CAPABILITY_ALLOW0_ {
  FWPM_APPC_NETWORK_CAPABILITY_TYPE networkCapabilityId;
  UINT64 filterId;
  BOOL isLoopback;
} FWPM_NET_EVENT_CAPABILITY_ALLOW0;

typedef struct FWPM_NET_EVENT0_ {
  FWPM_NET_EVENT_HEADER0 header;
  FWPM_NET_EVENT_TYPE type;
  __extension__ union {
    FWPM_NET_EVENT_IKEEXT_MM_FAILURE0* ikeMmFailure;
    FWPM_NET_EVENT_IKEEXT_QM_FAILURE0* ikeQmFailure;
    FWPM_NET_EVENT_IKEEXT_EM_FAILURE0* ikeEmFailure;
    FWPM_NET_EVENT_CLASSIFY_DROP0* classifyDrop;
    FWPM_NET_EVENT_IPSEC_KERNEL_DROP0* ipsecDrop;
    FWPM_NET_EVENT_IPSEC_DOSP_DROP0* idpDrop;
  };
} FWPM_NET_EVENT0;

// Windows 7
typedef struct FWPM_NET_EVENT1_ {
  FWPM_NET_EVENT_HEADER1 header;
  FWPM_NET_EVENT_TYPE type;
  __extension__ union {
    FWPM_NET_EVENT_IKEEXT_MM_FAILURE1* ikeMmFailure;
    FWPM_NET_EVENT_IKEEXT_QM_FAILURE0* ikeQmFailure;
    FWPM_NET_EVENT_IKEEXT_EM_FAILURE1* ikeEmFailure;
    FWPM_NET_EVENT_CLASSIFY_DROP1* classifyDrop;
    FWPM_NET_EVENT_IPSEC_KERNEL_DROP0* ipsecDrop;
    FWPM_NET_EVENT_IPSEC_DOSP_DROP0* idpDrop;
  };
} FWPM_NET_EVENT1;

// Windows 8
typedef struct FWPM_NET_EVENT2_ {
  FWPM_NET_EVENT_HEADER2 header;
  FWPM_NET_EVENT_TYPE type;
  __extension__ union {
    FWPM_NET_EVENT_IKEEXT_MM_FAILURE1* ikeMmFailure;
    FWPM_NET_EVENT_IKEEXT_QM_FAILURE0* ikeQmFailure;
    FWPM_NET_EVENT_IKEEXT_EM_FAILURE1* ikeEmFailure;
    FWPM_NET_EVENT_CLASSIFY_DROP2* classifyDrop;
    FWPM_NET_EVENT_IPSEC_KERNEL_DROP0* ipsecDrop;
    FWPM_NET_EVENT_IPSEC_DOSP_DROP0* idpDrop;
    FWPM_NET_EVENT_CLASSIFY_ALLOW0* classifyAllow;
    FWPM_NET_EVENT_CAPABILITY_DROP0* capabilityDrop;
    FWPM_NET_EVENT_CAPABILITY_ALLOW0* capabilityAllow;
    FWPM_NET_EVENT_CLASSIFY_DROP_MAC0* classifyDropMac;
  };
} FWPM_NET_EVENT2;

// Windows 10
typedef struct FWPM_NET_EVENT3_ {
  FWPM_NET_EVENT_HEADER3 header;
  FWPM_NET_EVENT_TYPE type;
  __extension__ union {
    FWPM_NET_EVENT_IKEEXT_MM_FAILURE1* ikeMmFailure;
    FWPM_NET_EVENT_IKEEXT_QM_FAILURE0* ikeQmFailure;
    FWPM_NET_EVENT_IKEEXT_EM_FAILURE1* ikeEmFailure;
    FWPM_NET_EVENT_CLASSIFY_DROP2* classifyDrop;
    FWPM_NET_EVENT_IPSEC_KERNEL_DROP0* ipsecDrop;
    FWPM_NET_EVENT_IPSEC_DOSP_DROP0* idpDrop;
    FWPM_NET_EVENT_CLASSIFY_ALLOW0* classifyAllow;
    FWPM_NET_EVENT_CAPABILITY_DROP0* capabilityDrop;
    FWPM_NET_EVENT_CAPABILITY_ALLOW0* capabilityAllow;
    FWPM_NET_EVENT_CLASSIFY_DROP_MAC0* classifyDropMac;
  };
} FWPM_NET_EVENT3;

typedef struct FWPM_NET_EVENT_ENUM_TEMPLATE0_ {
  FILETIME startTime;
  FILETIME endTime;
  UINT32 numFilterConditions;
  FWPM_FILTER_CONDITION0* filterCondition;
} FWPM_NET_EVENT_ENUM_TEMPLATE0;

typedef struct FWPM_NET_EVENT_SUBSCRIPTION0_ {
  FWPM_NET_EVENT_ENUM_TEMPLATE0* enumTemplate;
  UINT32 flags;
  GUID sessionKey;
} FWPM_NET_EVENT_SUBSCRIPTION0;

#ifdef __cplusplus
}
#endif
