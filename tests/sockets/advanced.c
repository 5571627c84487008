/* A client and a server as Windows programs have them: settings, the peer's name as a service principal, a policy of
 * their own (-adv), the SAs of a connection by the filter engine and the IPsec calls, impersonation. Told line by line.
 *   advanced client|server [-adv] [-v6] [-once] NAME
 */
#define UNICODE
#define _UNICODE
#include <Winsock2.h>
#include <Ws2tcpip.h>
#include <fwpmu.h>
#include <mstcpip.h>
#include <ntdsapi.h>
#include <rpc.h>
#include <stdio.h>

#define PORT L"27015"

typedef struct OPTIONS_ {
  BOOL Server, Advanced, Six, Once;
  PCWSTR Name;
} OPTIONS;

static DWORD Tell(PCWSTR What, DWORD Result) {
  wprintf(L"%s: %ld\n", What, Result);
  fflush(stdout);
  return Result;
}

/* ---- a policy of the program's own */

static DWORD AddPolicy(const GUID* Key) {
  IPSEC_SA_TRANSFORM0 Sa = {0};
  IPSEC_AUTH_AND_CIPHER_TRANSFORM0 Transform = {0};
  IPSEC_PROPOSAL0 Proposal = {0};
  IKEEXT_EM_POLICY0 User = {0};
  IKEEXT_AUTHENTICATION_METHOD0 Kerberos = {0};
  IPSEC_TRANSPORT_POLICY0 Policy = {0};
  FWPM_PROVIDER_CONTEXT0 Context = {0};
  HANDLE Engine = NULL;
  DWORD Result = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &Engine);
  if (Result != ERROR_SUCCESS) return Tell(L"engine", Result);
  Transform.authTransform.authTransformId = IPSEC_AUTH_TRANSFORM_ID_HMAC_SHA_1_96;
  Transform.cipherTransform.cipherTransformId = IPSEC_CIPHER_TRANSFORM_ID_AES_128;
  Sa.ipsecTransformType = IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;
  Sa.espAuthAndCipherTransform = &Transform;
  Proposal.lifetime.lifetimeSeconds = 3600;
  Proposal.lifetime.lifetimeKilobytes = 55 * 1024;
  Proposal.lifetime.lifetimePackets = 0x7fffffff;
  Proposal.numSaTransforms = 1;
  Proposal.saTransforms = &Sa;
  Proposal.pfsGroup = IPSEC_PFS_NONE;
  Kerberos.authenticationMethodType = IKEEXT_KERBEROS;
  User.numAuthenticationMethods = 1;
  User.authenticationMethods = &Kerberos;
  User.initiatorImpersonationType = IKEEXT_IMPERSONATION_SOCKET_PRINCIPAL;
  Policy.numIpsecProposals = 1;
  Policy.ipsecProposals = &Proposal;
  Policy.ndAllowClearTimeoutSeconds = 10;
  Policy.saIdleTimeout.idleTimeoutSeconds = 300;
  Policy.saIdleTimeout.idleTimeoutSecondsFailOver = 60;
  Policy.emPolicy = &User;
  Context.providerContextKey = *Key;
  Context.displayData.name = L"a policy of one program";
  Context.type = FWPM_IPSEC_AUTHIP_QM_TRANSPORT_CONTEXT;
  Context.authipQmTransportPolicy = &Policy;
  Result = FwpmProviderContextAdd0(Engine, &Context, NULL, NULL);
  FwpmEngineClose0(Engine);
  return Tell(L"policy added", Result);
}

static DWORD RemovePolicy(const GUID* Key) {
  HANDLE Engine = NULL;
  DWORD Result = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &Engine);
  if (Result == ERROR_SUCCESS) Result = FwpmProviderContextDeleteByKey0(Engine, Key);
  if (Engine != NULL) FwpmEngineClose0(Engine);
  return Tell(L"policy removed", Result);
}

/* ---- the SAs of a connection */

typedef struct ENDS_ {
  BOOL Six;
  UINT32 Local, Remote; /* IPv4, in the host's order */
  FWP_BYTE_ARRAY16 LocalSix, RemoteSix;
  UINT16 LocalPort, RemotePort;
} ENDS;

static int FindEnds(SOCKET Socket, ENDS* Ends) {
  SOCKADDR_STORAGE Local = {0}, Remote = {0};
  int LocalLength = sizeof Local, RemoteLength = sizeof Remote;
  if (getsockname(Socket, (SOCKADDR*)&Local, &LocalLength) == SOCKET_ERROR ||
      getpeername(Socket, (SOCKADDR*)&Remote, &RemoteLength) == SOCKET_ERROR)
    return WSAGetLastError();
  Ends->Six = Local.ss_family == AF_INET6;
  if (Ends->Six) {
    RtlCopyMemory(Ends->LocalSix.byteArray16, &((SOCKADDR_IN6*)&Local)->sin6_addr, 16);
    RtlCopyMemory(Ends->RemoteSix.byteArray16, &((SOCKADDR_IN6*)&Remote)->sin6_addr, 16);
    Ends->LocalPort = ntohs(((SOCKADDR_IN6*)&Local)->sin6_port);
    Ends->RemotePort = ntohs(((SOCKADDR_IN6*)&Remote)->sin6_port);
  } else {
    Ends->Local = ntohl(((SOCKADDR_IN*)&Local)->sin_addr.S_un.S_addr);
    Ends->Remote = ntohl(((SOCKADDR_IN*)&Remote)->sin_addr.S_un.S_addr);
    Ends->LocalPort = ntohs(((SOCKADDR_IN*)&Local)->sin_port);
    Ends->RemotePort = ntohs(((SOCKADDR_IN*)&Remote)->sin_port);
  }
  return 0;
}

static void Equal(FWPM_FILTER_CONDITION0* Condition, const GUID* Field, FWP_DATA_TYPE Type) {
  Condition->fieldKey = *Field;
  Condition->matchType = FWP_MATCH_EQUAL;
  Condition->conditionValue.type = Type;
}

static DWORD FindFilter(HANDLE Engine, ENDS* Ends, UINT64* Id) {
  FWPM_FILTER_CONDITION0 Conditions[6] = {0};
  FWPM_FILTER_ENUM_TEMPLATE0 Wanted = {0};
  FWPM_FILTER0** Filters = NULL;
  HANDLE Enumeration = NULL;
  UINT32 Count = 0;
  DWORD Result;
  Equal(&Conditions[0], &FWPM_CONDITION_IP_LOCAL_ADDRESS, Ends->Six ? FWP_BYTE_ARRAY16_TYPE : FWP_UINT32);
  Equal(&Conditions[1], &FWPM_CONDITION_IP_REMOTE_ADDRESS, Ends->Six ? FWP_BYTE_ARRAY16_TYPE : FWP_UINT32);
  if (Ends->Six) {
    Conditions[0].conditionValue.byteArray16 = &Ends->LocalSix;
    Conditions[1].conditionValue.byteArray16 = &Ends->RemoteSix;
  } else {
    Conditions[0].conditionValue.uint32 = Ends->Local;
    Conditions[1].conditionValue.uint32 = Ends->Remote;
  }
  Equal(&Conditions[2], &FWPM_CONDITION_IP_LOCAL_PORT, FWP_UINT16);
  Conditions[2].conditionValue.uint16 = Ends->LocalPort;
  Equal(&Conditions[3], &FWPM_CONDITION_IP_REMOTE_PORT, FWP_UINT16);
  Conditions[3].conditionValue.uint16 = Ends->RemotePort;
  Equal(&Conditions[4], &FWPM_CONDITION_IP_PROTOCOL, FWP_UINT8);
  Conditions[4].conditionValue.uint8 = IPPROTO_TCP;
  Equal(&Conditions[5], &FWPM_CONDITION_IP_LOCAL_ADDRESS_TYPE, FWP_UINT8);
  Conditions[5].conditionValue.uint8 = NlatUnicast;
  Wanted.layerKey = Ends->Six ? FWPM_LAYER_OUTBOUND_TRANSPORT_V6 : FWPM_LAYER_OUTBOUND_TRANSPORT_V4;
  Wanted.enumType = FWP_FILTER_ENUM_FULLY_CONTAINED;
  Wanted.flags = FWP_FILTER_ENUM_FLAG_BEST_TERMINATING_MATCH;
  Wanted.numFilterConditions = RTL_NUMBER_OF(Conditions);
  Wanted.filterCondition = Conditions;
  Wanted.actionMask = FWP_ACTION_FLAG_TERMINATING;
  Result = FwpmFilterCreateEnumHandle0(Engine, &Wanted, &Enumeration);
  if (Result != ERROR_SUCCESS) return Result;
  Result = FwpmFilterEnum0(Engine, Enumeration, 1, &Filters, &Count);
  if (Result == ERROR_SUCCESS && Count == 0) Result = (DWORD)FWP_E_FILTER_NOT_FOUND;
  if (Result == ERROR_SUCCESS) {
    const GUID* Callout = &Filters[0]->action.calloutKey;
    const BOOL Secures = Filters[0]->action.type == FWP_ACTION_CALLOUT_TERMINATING &&
                         (memcmp(Callout, &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V4, sizeof(GUID)) == 0 ||
                          memcmp(Callout, &FWPM_CALLOUT_IPSEC_OUTBOUND_TRANSPORT_V6, sizeof(GUID)) == 0);
    *Id = Filters[0]->filterId;
    wprintf(L"filter: %s\n", Secures ? L"secures" : L"does not secure");
    if (!Secures) Result = (DWORD)FWP_E_FILTER_NOT_FOUND;
  }
  FwpmFreeMemory0((void**)&Filters);
  FwpmFilterDestroyEnumHandle0(Engine, Enumeration);
  return Result;
}

static void TellSa(const IPSEC_SA0* Sa) {
  switch (Sa->saTransformType) {
    case IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER:
      wprintf(L"quick mode: ESP, hash %d, cipher %d\n",
              Sa->espAuthAndCipherInformation->saAuthInformation.authTransform.authTransformId.authType,
              Sa->espAuthAndCipherInformation->saCipherInformation.cipherTransform.cipherTransformId.cipherType);
      break;
    default: wprintf(L"quick mode: transform %d\n", Sa->saTransformType); break;
  }
}

static DWORD TellMainMode(HANDLE Engine, UINT64 Id) {
  IKEEXT_SA_DETAILS0* Sa = NULL;
  DWORD Result = IkeextSaGetById0(Engine, Id, &Sa);
  if (Result != ERROR_SUCCESS) return Result;
  wprintf(L"main mode: cipher %d, hash %d, group %d, method %d of %d\n", Sa->ikeProposal.cipherAlgorithm.algoIdentifier,
          Sa->ikeProposal.integrityAlgorithm.algoIdentifier, Sa->ikeProposal.dhGroup,
          Sa->ikeCredentials.credentials[0].localCredentials.authenticationMethodType,
          Sa->ikeCredentials.numCredentials);
  FwpmFreeMemory0((void**)&Sa);
  return ERROR_SUCCESS;
}

static DWORD TellSas(HANDLE Engine, const ENDS* Ends, UINT64 Filter) {
  IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 Wanted = {0};
  IPSEC_SA_CONTEXT0** Contexts = NULL;
  FWP_V4_ADDR_AND_MASK Local = {0}, Remote = {0};
  FWP_V6_ADDR_AND_MASK LocalSix = {0}, RemoteSix = {0};
  HANDLE Enumeration = NULL;
  UINT32 Count = 0, Index;
  BOOL Found = FALSE;
  DWORD Result;
  Wanted.localSubNet.type = Wanted.remoteSubNet.type = Ends->Six ? FWP_V6_ADDR_MASK : FWP_V4_ADDR_MASK;
  if (Ends->Six) {
    RtlCopyMemory(LocalSix.addr, Ends->LocalSix.byteArray16, 16);
    RtlCopyMemory(RemoteSix.addr, Ends->RemoteSix.byteArray16, 16);
    LocalSix.prefixLength = RemoteSix.prefixLength = 128;
    Wanted.localSubNet.v6AddrMask = &LocalSix;
    Wanted.remoteSubNet.v6AddrMask = &RemoteSix;
  } else {
    Local.addr = Ends->Local;
    Remote.addr = Ends->Remote;
    Local.mask = Remote.mask = 0xffffffff;
    Wanted.localSubNet.v4AddrMask = &Local;
    Wanted.remoteSubNet.v4AddrMask = &Remote;
  }
  Result = IPsecSaContextCreateEnumHandle0(Engine, &Wanted, &Enumeration);
  if (Result != ERROR_SUCCESS) return Tell(L"contexts", Result);
  Result = IPsecSaContextEnum0(Engine, Enumeration, UINT_MAX, &Contexts, &Count);
  for (Index = 0; Result == ERROR_SUCCESS && Index < Count && !Found; ++Index) {
    const IPSEC_SA_DETAILS0* Sa = Contexts[Index]->outboundSa;
    if (Sa->transportFilter == NULL || Sa->transportFilter->filterId != Filter) continue;
    if (Sa->traffic.remotePort != 0 && Sa->traffic.remotePort != Ends->RemotePort) continue;
    Found = TRUE;
    for (UINT32 i = 0; i < Sa->saBundle.numSAs; ++i) TellSa(&Sa->saBundle.saList[i]);
    Result = TellMainMode(Engine, Sa->saBundle.mmSaId);
  }
  if (Result == ERROR_SUCCESS && !Found) Result = (DWORD)FWP_E_NOT_FOUND;
  FwpmFreeMemory0((void**)&Contexts);
  IPsecSaContextDestroyEnumHandle0(Engine, Enumeration);
  return Result;
}

static DWORD ShowProtection(SOCKET Socket) {
  ENDS Ends = {0};
  HANDLE Engine = NULL;
  UINT64 Filter = 0;
  DWORD Result = (DWORD)FindEnds(Socket, &Ends);
  if (Result == 0) Result = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, &Engine);
  if (Result == 0) Result = FindFilter(Engine, &Ends, &Filter);
  if (Result == 0) Result = TellSas(Engine, &Ends, Filter);
  if (Engine != NULL) FwpmEngineClose0(Engine);
  return Tell(L"protection", Result);
}

static void ShowState(SOCKET Socket) {
  SOCKET_SECURITY_QUERY_TEMPLATE Wanted = {0};
  SOCKET_SECURITY_QUERY_INFO About = {0};
  ULONG Octets = sizeof About;
  Wanted.SecurityProtocol = SOCKET_SECURITY_PROTOCOL_IPSEC;
  Wanted.PeerTokenAccessMask = TOKEN_QUERY | TOKEN_DUPLICATE;
  if (WSAQuerySocketSecurity(Socket, &Wanted, sizeof Wanted, &About, &Octets, NULL, NULL) == SOCKET_ERROR) {
    Tell(L"query", (DWORD)WSAGetLastError());
    return;
  }
  wprintf(L"state: flags %d, machine %d, user %d\n", About.Flags, About.PeerMachineAccessTokenHandle != 0,
          About.PeerApplicationAccessTokenHandle != 0);
  if (About.PeerMachineAccessTokenHandle != 0)
    wprintf(L"token closed: %d\n", CloseHandle((HANDLE)(UINT_PTR)About.PeerMachineAccessTokenHandle));
}

/* ---- the socket */

static DWORD Secure(SOCKET Socket, const OPTIONS* Options, const GUID* Policy) {
  SOCKET_SECURITY_SETTINGS Basic = {0};
  SOCKET_SECURITY_SETTINGS_IPSEC Advanced = {0};
  int Failed;
  Basic.SecurityProtocol = SOCKET_SECURITY_PROTOCOL_DEFAULT;
  Basic.SecurityFlags = SOCKET_SETTINGS_GUARANTEE_ENCRYPTION;
  Advanced.SecurityProtocol = SOCKET_SECURITY_PROTOCOL_IPSEC;
  Advanced.SecurityFlags = SOCKET_SETTINGS_GUARANTEE_ENCRYPTION;
  Advanced.AuthipQMPolicyKey = *Policy;
  Failed = Options->Advanced
               ? WSASetSocketSecurity(Socket, (SOCKET_SECURITY_SETTINGS*)&Advanced, sizeof Advanced, NULL, NULL)
               : WSASetSocketSecurity(Socket, &Basic, sizeof Basic, NULL, NULL);
  return Tell(L"secured", Failed ? (DWORD)WSAGetLastError() : 0);
}

static DWORD Expect(SOCKET Socket, const OPTIONS* Options) {
  WCHAR Spn[MAX_PATH];
  DWORD Length = MAX_PATH;
  ULONG Octets;
  SOCKET_PEER_TARGET_NAME* Name;
  int Failed;
  DWORD Result = DsMakeSpn(L"host", Options->Name, NULL, 0, NULL, &Length, Spn);
  if (Result != ERROR_SUCCESS) return Tell(L"name", Result);
  Octets = (ULONG)(sizeof(SOCKET_PEER_TARGET_NAME) + wcslen(Spn) * sizeof(WCHAR));
  Name = (SOCKET_PEER_TARGET_NAME*)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Octets);
  if (Name == NULL) return Tell(L"name", ERROR_OUTOFMEMORY);
  Name->SecurityProtocol = Options->Advanced ? SOCKET_SECURITY_PROTOCOL_IPSEC : SOCKET_SECURITY_PROTOCOL_DEFAULT;
  Name->PeerTargetNameStringLen = (ULONG)wcslen(Spn);
  RtlCopyMemory(Name->AllStrings, Spn, wcslen(Spn) * sizeof(WCHAR));
  Failed = WSASetSocketPeerTargetName(Socket, Name, Octets, NULL, NULL);
  HeapFree(GetProcessHeap(), 0, Name);
  return Tell(L"named", Failed ? (DWORD)WSAGetLastError() : 0);
}

static DWORD Client(SOCKET Socket, const OPTIONS* Options, const ADDRINFOW* Found) {
  char Back[256] = {0}, Text[] = "12345678";
  WSABUF Buffer = {8, Text};
  DWORD Octets = 0, Flags = MSG_WAITALL;
  DWORD Result = Expect(Socket, Options);
  if (Result != 0) return Result;
  if (WSAConnect(Socket, Found->ai_addr, (int)Found->ai_addrlen, NULL, NULL, NULL, NULL) == SOCKET_ERROR)
    return Tell(L"connected", (DWORD)WSAGetLastError());
  Tell(L"connected", 0);
  if ((Result = ShowProtection(Socket)) != 0) return Result;
  ShowState(Socket);
  if (WSASend(Socket, &Buffer, 1, &Octets, 0, NULL, NULL) == SOCKET_ERROR)
    return Tell(L"sent", (DWORD)WSAGetLastError());
  Buffer.len = sizeof Back;
  Buffer.buf = Back;
  if (WSARecv(Socket, &Buffer, 1, &Octets, &Flags, NULL, NULL) == SOCKET_ERROR)
    return Tell(L"received", (DWORD)WSAGetLastError());
  wprintf(L"received: %.*hs\n", (int)Octets, Back);
  return 0;
}

static DWORD Serve(SOCKET Connection) {
  char Text[256] = {0}, Answer[] = "91011121314";
  WSABUF Buffer = {sizeof Text, Text};
  DWORD Octets = 0, Flags = 0;
  DWORD Result = ShowProtection(Connection);
  if (Result != 0) return Result;
  ShowState(Connection);
  if (WSARecv(Connection, &Buffer, 1, &Octets, &Flags, NULL, NULL) == SOCKET_ERROR)
    return Tell(L"received", (DWORD)WSAGetLastError());
  wprintf(L"received: %.*hs\n", (int)Octets, Text);
  if (WSAImpersonateSocketPeer(Connection, NULL, 0) == SOCKET_ERROR)
    return Tell(L"impersonated", (DWORD)WSAGetLastError());
  Tell(L"impersonated", 0);
  if (WSARevertImpersonation() == SOCKET_ERROR) return Tell(L"reverted", (DWORD)WSAGetLastError());
  Buffer.len = 11;
  Buffer.buf = Answer;
  if (WSASend(Connection, &Buffer, 1, &Octets, 0, NULL, NULL) == SOCKET_ERROR)
    return Tell(L"sent", (DWORD)WSAGetLastError());
  return 0;
}

static DWORD Server(SOCKET Listener, const OPTIONS* Options, const ADDRINFOW* Found) {
  DWORD Result = 0;
  if (bind(Listener, Found->ai_addr, (int)Found->ai_addrlen) == SOCKET_ERROR || listen(Listener, 10) == SOCKET_ERROR)
    return Tell(L"listening", (DWORD)WSAGetLastError());
  Tell(L"listening", 0);
  do {
    const SOCKET Connection = WSAAccept(Listener, NULL, NULL, NULL, 0);
    if (Connection == INVALID_SOCKET) return Tell(L"accepted", (DWORD)WSAGetLastError());
    Result = Serve(Connection);
    closesocket(Connection);
  } while (Result == 0 && !Options->Once);
  return Result;
}

static DWORD Run(const OPTIONS* Options, const GUID* Policy) {
  ADDRINFOW Hints = {0}, *Found = NULL;
  SOCKET Socket;
  DWORD Result;
  Hints.ai_family = Options->Six ? AF_INET6 : AF_INET;
  Hints.ai_socktype = SOCK_STREAM;
  Hints.ai_protocol = IPPROTO_TCP;
  Hints.ai_flags = Options->Server ? AI_PASSIVE : 0;
  if ((Result = (DWORD)GetAddrInfoW(Options->Server ? NULL : Options->Name, PORT, &Hints, &Found)) != 0)
    return Tell(L"resolved", Result);
  Socket = WSASocket(Found->ai_family, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  Result = Socket == INVALID_SOCKET ? Tell(L"socket", (DWORD)WSAGetLastError()) : Secure(Socket, Options, Policy);
  if (Result == 0) Result = Options->Server ? Server(Socket, Options, Found) : Client(Socket, Options, Found);
  if (Socket != INVALID_SOCKET) closesocket(Socket);
  FreeAddrInfoW(Found);
  return Result;
}

int __cdecl wmain(int Count, PCWSTR* Words) {
  OPTIONS Options = {0};
  GUID Policy = {0};
  WSADATA About;
  DWORD Result = 0;
  int i;
  for (i = 1; i < Count; ++i) {
    if (_wcsicmp(Words[i], L"server") == 0) Options.Server = TRUE;
    else if (_wcsicmp(Words[i], L"client") == 0) Options.Server = FALSE;
    else if (_wcsicmp(Words[i], L"-adv") == 0) Options.Advanced = TRUE;
    else if (_wcsicmp(Words[i], L"-v6") == 0) Options.Six = TRUE;
    else if (_wcsicmp(Words[i], L"-once") == 0) Options.Once = TRUE;
    else Options.Name = Words[i];
  }
  if (WSAStartup(MAKEWORD(2, 2), &About) != 0) return 1;
  if (Options.Advanced) {
    UuidCreate(&Policy);
    Result = AddPolicy(&Policy);
  }
  if (Result == 0) Result = Run(&Options, &Policy);
  if (Options.Advanced) RemovePolicy(&Policy);
  WSACleanup();
  if (Result == 0) wprintf(L"Finished\n");
  return (int)Result;
}
