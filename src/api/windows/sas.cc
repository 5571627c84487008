// See sas.h.
#include "api/windows/sas.h"

namespace sallyport::api::windows {
namespace {

Outcome<policy::SharedSecret> take_key(const FWP_BYTE_BLOB& blob) {
  SP_CHECK(check_array(blob.data, blob.size));
  return policy::SharedSecret(ByteView(blob.data, blob.size));
}

Outcome<> take_auth(const IPSEC_SA_AUTH_INFORMATION0* from, policy::SaMaterial& out) {
  if (!from) return refuse(Fwp::NULL_POINTER);
  const IPSEC_AUTH_TRANSFORM0& transform = from->authTransform;
  out.auth = policy::TransformId{raw(transform.authTransformId.authType), transform.authTransformId.authConfig,
                                 take(static_cast<const GUID*>(transform.cryptoModuleId))};
  SP_TRY(out.auth_key, take_key(from->authKey));
  return {};
}
Outcome<> take_cipher(const IPSEC_SA_CIPHER_INFORMATION0* from, policy::SaMaterial& out) {
  if (!from) return refuse(Fwp::NULL_POINTER);
  const IPSEC_CIPHER_TRANSFORM0& transform = from->cipherTransform;
  out.cipher =
      policy::TransformId{raw(transform.cipherTransformId.cipherType), transform.cipherTransformId.cipherConfig,
                          take(static_cast<const GUID*>(transform.cryptoModuleId))};
  SP_TRY(out.cipher_key, take_key(from->cipherKey));
  return {};
}

// Of a key that is told, or an empty blob.
FWP_BYTE_BLOB give_key(Arena& arena, const policy::SharedSecret& key) {
  return key.view().empty() ? FWP_BYTE_BLOB{} : give(arena, key.view());
}
void give_auth(Arena& arena, const policy::SaMaterial& from, IPSEC_SA_AUTH_INFORMATION0& out) {
  out.authTransform.authTransformId = {static_cast<IPSEC_AUTH_TYPE>(from.auth->type), from.auth->config};
  out.authTransform.cryptoModuleId = give(arena, from.auth->crypto_module);
  out.authKey = give_key(arena, from.auth_key);
}
void give_cipher(Arena& arena, const policy::SaMaterial& from, IPSEC_SA_CIPHER_INFORMATION0& out) {
  out.cipherTransform.cipherTransformId = {static_cast<IPSEC_CIPHER_TYPE>(from.cipher->type), from.cipher->config};
  out.cipherTransform.cryptoModuleId = give(arena, from.cipher->crypto_module);
  out.cipherKey = give_key(arena, from.cipher_key);
}

void give_material(Arena& arena, const policy::SaMaterial& from, IPSEC_SA0& out) {
  out.spi = from.spi;
  out.saTransformType = static_cast<IPSEC_TRANSFORM_TYPE>(from.kind);
  if (from.auth && from.cipher) {
    out.espAuthAndCipherInformation = arena.make<IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0>();
    give_auth(arena, from, out.espAuthAndCipherInformation->saAuthInformation);
    give_cipher(arena, from, out.espAuthAndCipherInformation->saCipherInformation);
  } else if (from.auth) {
    out.ahInformation = arena.make<IPSEC_SA_AUTH_INFORMATION0>();
    give_auth(arena, from, *out.ahInformation);
  } else if (from.cipher) {
    out.espCipherInformation = arena.make<IPSEC_SA_CIPHER_INFORMATION0>();
    give_cipher(arena, from, *out.espCipherInformation);
  }
}

template <class C>
void give_credential(Arena& arena, const policy::IkeCredential& from, C& out) {
  out.authenticationMethodType = static_cast<IKEEXT_AUTHENTICATION_METHOD_TYPE>(from.type);
  out.impersonationType = static_cast<IKEEXT_AUTHENTICATION_IMPERSONATION_TYPE>(from.impersonation);
  if (from.type == policy::AuthMethodType::PRESHARED_KEY) {
    // There, and without the key.
    out.presharedKey = arena.make<std::remove_pointer_t<decltype(out.presharedKey)>>();
    return;
  }
  out.certificate = arena.make<std::remove_pointer_t<decltype(out.certificate)>>();
  out.certificate->subjectName = give(arena, ByteView(from.subject));
  out.certificate->certHash = give(arena, ByteView(from.hash));
  out.certificate->flags = from.flags;
  if constexpr (requires { out.certificate->certificate; })
    out.certificate->certificate = give(arena, ByteView(from.certificate));
}

void give_proposal(const policy::IkeSaProposal& from, IKEEXT_PROPOSAL0& out) {
  out.cipherAlgorithm = {static_cast<IKEEXT_CIPHER_TYPE>(from.cipher), from.key_bits, 0};
  out.integrityAlgorithm.algoIdentifier = static_cast<IKEEXT_INTEGRITY_TYPE>(from.integrity);
  out.maxLifetimeSeconds = from.lifetime_seconds;
  out.dhGroup = static_cast<IKEEXT_DH_GROUP>(from.group);
}

template <class D>
void give_ike(Arena& arena, const policy::IkeSaDetails& from, D& out) {
  out.saId = from.id;
  out.keyModuleType = static_cast<IKEEXT_KEY_MODULE_TYPE>(from.key_module);
  out.ipVersion = version_of(from.local);
  out.v4UdpEncapsulation = give(arena, from.udp);
  out.ikeTraffic.ipVersion = version_of(from.local);
  give_address(from.local, out.ikeTraffic.localV4Address, out.ikeTraffic.localV6Address);
  give_address(from.remote, out.ikeTraffic.remoteV4Address, out.ikeTraffic.remoteV6Address);
  out.ikeTraffic.authIpFilterId = from.authip_filter;
  give_proposal(from.proposal, out.ikeProposal);
  out.cookiePair = {from.cookie_initiator, from.cookie_responder};
  auto& credentials = out.ikeCredentials;
  credentials.numCredentials = static_cast<uint32_t>(from.credentials.size());
  credentials.credentials =
      arena.make<std::remove_pointer_t<decltype(credentials.credentials)>>(from.credentials.size());
  for (size_t i = 0; i < from.credentials.size(); ++i) {
    give_credential(arena, from.credentials[i].local, credentials.credentials[i].localCredentials);
    give_credential(arena, from.credentials[i].peer, credentials.credentials[i].peerCredentials);
  }
  out.ikePolicyKey = give(from.policy_key);
  out.virtualIfTunnelId = from.virtual_if_tunnel_id;
  if constexpr (requires { out.correlationKey; }) out.correlationKey = give(arena, ByteView(from.correlation_key));
}

}  // namespace

Outcome<policy::SubNets> take_subnets(const FWP_CONDITION_VALUE0& local, const FWP_CONDITION_VALUE0& remote) {
  policy::SubNets out;
  SP_TRY(out.local, take(local));
  SP_TRY(out.remote, take(remote));
  return out;
}

Outcome<policy::IkeSaTemplate> take(const IKEEXT_SA_ENUM_TEMPLATE0& from) {
  policy::IkeSaTemplate out;
  SP_TRY(out.subnets, take_subnets(from.localSubNet, from.remoteSubNet));
  SP_TRY(out.local_certificate_hash, take(from.localMainModeCertHash));
  return out;
}

Outcome<std::vector<policy::SaMaterial>> take(const IPSEC_SA0* list, uint32_t count) {
  SP_CHECK(check_array(list, count));
  std::vector<policy::SaMaterial> out;
  for (uint32_t i = 0; i < count; ++i) {
    const IPSEC_SA0& from = list[i];
    policy::SaMaterial to;
    to.spi = from.spi;
    if (raw(from.saTransformType) == 0) return refuse(Fwp::INVALID_ENUMERATOR, i);
    SP_TRY(to.kind, take_enum<policy::TransformKind>(from.saTransformType, IPSEC_TRANSFORM_TYPE_MAX));
    switch (to.kind) {
      case policy::TransformKind::AH:
      case policy::TransformKind::ESP_AUTH:
      case policy::TransformKind::ESP_AUTH_FW: SP_CHECK(take_auth(from.ahInformation, to)); break;
      case policy::TransformKind::ESP_CIPHER: SP_CHECK(take_cipher(from.espCipherInformation, to)); break;
      case policy::TransformKind::ESP_AUTH_AND_CIPHER:
        if (!from.espAuthAndCipherInformation) return refuse(Fwp::NULL_POINTER, i);
        SP_CHECK(take_auth(&from.espAuthAndCipherInformation->saAuthInformation, to));
        SP_CHECK(take_cipher(&from.espAuthAndCipherInformation->saCipherInformation, to));
        break;
    }
    out.push_back(std::move(to));
  }
  return out;
}

IPSEC_SA0* give(Arena& arena, const std::vector<policy::SaMaterial>& from) {
  auto* out = arena.make<IPSEC_SA0>(from.size());
  for (size_t i = 0; i < from.size(); ++i) give_material(arena, from[i], out[i]);
  return out;
}

Outcome<std::optional<policy::SaIdentity>> take(const IPSEC_ID0* from) {
  if (!from) return std::optional<policy::SaIdentity>{};
  policy::SaIdentity out;
  SP_TRY(out.main_mode_target, take(static_cast<const wchar_t*>(from->mmTargetName)));
  SP_TRY(out.extended_mode_target, take(static_cast<const wchar_t*>(from->emTargetName)));
  SP_CHECK(check_array(from->tokens, from->numTokens));
  for (uint32_t i = 0; i < from->numTokens; ++i) {
    const IPSEC_TOKEN0& token = from->tokens[i];
    if (raw(token.type) >= IPSEC_TOKEN_TYPE_MAX || raw(token.principal) >= IPSEC_TOKEN_PRINCIPAL_MAX ||
        raw(token.mode) >= IPSEC_TOKEN_MODE_MAX)
      return refuse(Fwp::INVALID_ENUMERATOR, i);
    out.tokens.push_back({raw(token.type), raw(token.principal), raw(token.mode), token.token});
  }
  out.explicit_credentials = from->explicitCredentials;
  out.logon_id = from->logonId;
  return std::optional(std::move(out));
}

IPSEC_ID0* give(Arena& arena, const std::optional<policy::SaIdentity>& from) {
  if (!from) return nullptr;
  auto* out = arena.make<IPSEC_ID0>();
  out->mmTargetName = give(arena, std::string_view(from->main_mode_target));
  out->emTargetName = give(arena, std::string_view(from->extended_mode_target));
  out->numTokens = static_cast<uint32_t>(from->tokens.size());
  if (!from->tokens.empty()) out->tokens = arena.make<IPSEC_TOKEN0>(from->tokens.size());
  for (size_t i = 0; i < from->tokens.size(); ++i) {
    const policy::SaToken& token = from->tokens[i];
    out->tokens[i] = {static_cast<IPSEC_TOKEN_TYPE>(token.type), static_cast<IPSEC_TOKEN_PRINCIPAL>(token.principal),
                      static_cast<IPSEC_TOKEN_MODE>(token.mode), token.token};
  }
  out->explicitCredentials = from->explicit_credentials;
  out->logonId = from->logon_id;
  return out;
}

Outcome<std::optional<policy::KeyModuleState>> take(const IPSEC_KEYMODULE_STATE0* from) {
  if (!from) return std::optional<policy::KeyModuleState>{};
  policy::KeyModuleState out;
  out.module = take(from->keyModuleKey);
  SP_TRY(out.state, take(from->stateBlob));
  return std::optional(std::move(out));
}

IPSEC_KEYMODULE_STATE0* give(Arena& arena, const std::optional<policy::KeyModuleState>& from) {
  if (!from) return nullptr;
  auto* out = arena.make<IPSEC_KEYMODULE_STATE0>();
  out->keyModuleKey = give(from->module);
  out->stateBlob = give(arena, ByteView(from->state));
  return out;
}

IPSEC_V4_UDP_ENCAPSULATION0* give(Arena& arena, const std::optional<policy::UdpEncapsulation>& from) {
  if (!from) return nullptr;
  auto* out = arena.make<IPSEC_V4_UDP_ENCAPSULATION0>();
  out->localUdpEncapPort = from->local_port;
  out->remoteUdpEncapPort = from->remote_port;
  return out;
}

void give(Arena& arena, const policy::IkeSaDetails& from, IKEEXT_SA_DETAILS0& out) { give_ike(arena, from, out); }
void give(Arena& arena, const policy::IkeSaDetails& from, IKEEXT_SA_DETAILS1& out) { give_ike(arena, from, out); }
void give(Arena& arena, const policy::IkeSaDetails& from, IKEEXT_SA_DETAILS2& out) { give_ike(arena, from, out); }

// There is no extended mode, so nobody's credential of one.
void give(Arena& arena, const policy::IpsecConnection& from, FWPM_CONNECTION0& out) {
  out.connectionId = from.id;
  out.ipVersion = version_of(from.local);
  give_address(from.local, out.localV4Address, out.localV6Address);
  give_address(from.remote, out.remoteV4Address, out.remoteV6Address);
  out.providerKey = give(arena, from.provider);
  out.ipsecTrafficModeType = static_cast<IPSEC_TRAFFIC_TYPE>(from.mode);
  out.keyModuleType = static_cast<IKEEXT_KEY_MODULE_TYPE>(from.key_module);
  give_proposal(from.proposal, out.mmCrypto);
  give_credential(arena, from.peer, out.mmPeer);
  out.bytesTransferredIn = from.octets_in;
  out.bytesTransferredOut = from.octets_out;
  out.bytesTransferredTotal = from.octets_in + from.octets_out;
  out.startSysTime = {static_cast<DWORD>(from.started), static_cast<DWORD>(from.started >> 32)};
}

}  // namespace sallyport::api::windows
