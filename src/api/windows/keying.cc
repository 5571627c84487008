// See keying.h: structures with one version.
#include "api/windows/keying.h"

#include <algorithm>

namespace sallyport::api::windows {

Outcome<IpAddr> take_address(FWP_IP_VERSION version, uint32_t v4, const uint8_t* v6) {
  if (raw(version) == FWP_IP_VERSION_V4) return IpAddr::v4(v4);
  if (raw(version) == FWP_IP_VERSION_V6) return IpAddr::v6(ByteView(v6, 16));
  return refuse(Fwp::INVALID_ENUMERATOR);
}

void give_address(const IpAddr& address, uint32_t& v4, uint8_t* v6) {
  const ByteView octets = address.bytes();
  if (address.is_v4()) {
    v4 = load_be32(octets.data());
  } else {
    std::copy(octets.begin(), octets.end(), v6);
  }
}

Outcome<std::vector<policy::IkeProposal>> take(const IKEEXT_PROPOSAL0* proposals, uint32_t count) {
  SP_CHECK(check_array(proposals, count));
  std::vector<policy::IkeProposal> out;
  for (uint32_t i = 0; i < count; ++i) {
    const IKEEXT_PROPOSAL0& from = proposals[i];
    policy::IkeProposal to;
    SP_TRY(to.cipher, take_enum<policy::IkeCipher>(from.cipherAlgorithm.algoIdentifier, IKEEXT_CIPHER_TYPE_MAX));
    to.key_len = from.cipherAlgorithm.keyLen;
    to.rounds = from.cipherAlgorithm.rounds;
    SP_TRY(to.integrity,
           take_enum<policy::IkeIntegrity>(from.integrityAlgorithm.algoIdentifier, IKEEXT_INTEGRITY_TYPE_MAX));
    to.max_lifetime_seconds = from.maxLifetimeSeconds;
    SP_TRY(to.dh_group, take_enum<policy::DhGroup>(from.dhGroup, IKEEXT_DH_GROUP_MAX));
    to.quick_mode_limit = from.quickModeLimit;
    out.push_back(to);
  }
  return out;
}

IKEEXT_PROPOSAL0* give(Arena& arena, const std::vector<policy::IkeProposal>& proposals) {
  if (proposals.empty()) return nullptr;
  auto* out = arena.make<IKEEXT_PROPOSAL0>(proposals.size());
  for (size_t i = 0; i < proposals.size(); ++i) {
    const policy::IkeProposal& from = proposals[i];
    out[i].cipherAlgorithm = {static_cast<IKEEXT_CIPHER_TYPE>(from.cipher), from.key_len, from.rounds};
    out[i].integrityAlgorithm.algoIdentifier = static_cast<IKEEXT_INTEGRITY_TYPE>(from.integrity);
    out[i].maxLifetimeSeconds = from.max_lifetime_seconds;
    out[i].dhGroup = static_cast<IKEEXT_DH_GROUP>(from.dh_group);
    out[i].quickModeLimit = from.quick_mode_limit;
  }
  return out;
}

namespace {

Outcome<policy::AuthTransform> take_auth(const IPSEC_AUTH_TRANSFORM0* from) {
  if (!from) return refuse(Fwp::NULL_POINTER);
  policy::AuthTransform out;
  SP_TRY(out.type, take_enum<policy::AuthAlgorithm>(from->authTransformId.authType, IPSEC_AUTH_MAX));
  out.config = from->authTransformId.authConfig;
  out.crypto_module = take(static_cast<const GUID*>(from->cryptoModuleId));
  return out;
}
Outcome<policy::CipherTransform> take_cipher(const IPSEC_CIPHER_TRANSFORM0* from) {
  if (!from) return refuse(Fwp::NULL_POINTER);
  policy::CipherTransform out;
  if (raw(from->cipherTransformId.cipherType) == 0) return refuse(Fwp::INVALID_ENUMERATOR);
  SP_TRY(out.type, take_enum<policy::CipherAlgorithm>(from->cipherTransformId.cipherType, IPSEC_CIPHER_TYPE_MAX));
  out.config = from->cipherTransformId.cipherConfig;
  out.crypto_module = take(static_cast<const GUID*>(from->cryptoModuleId));
  return out;
}
void give_auth(Arena& arena, const policy::AuthTransform& from, IPSEC_AUTH_TRANSFORM0& out) {
  out.authTransformId = {static_cast<IPSEC_AUTH_TYPE>(from.type), from.config};
  out.cryptoModuleId = give(arena, from.crypto_module);
}
void give_cipher(Arena& arena, const policy::CipherTransform& from, IPSEC_CIPHER_TRANSFORM0& out) {
  out.cipherTransformId = {static_cast<IPSEC_CIPHER_TYPE>(from.type), from.config};
  out.cryptoModuleId = give(arena, from.crypto_module);
}

Outcome<policy::SaTransform> take_transform(const IPSEC_SA_TRANSFORM0& from) {
  policy::SaTransform out;
  if (raw(from.ipsecTransformType) == 0) return refuse(Fwp::INVALID_ENUMERATOR);
  SP_TRY(out.kind, take_enum<policy::TransformKind>(from.ipsecTransformType, IPSEC_TRANSFORM_TYPE_MAX));
  switch (out.kind) {
    case policy::TransformKind::AH:
    case policy::TransformKind::ESP_AUTH:
    case policy::TransformKind::ESP_AUTH_FW: {
      SP_TRY(out.auth, take_auth(from.ahTransform));
      break;
    }
    case policy::TransformKind::ESP_CIPHER: {
      SP_TRY(out.cipher, take_cipher(from.espCipherTransform));
      break;
    }
    case policy::TransformKind::ESP_AUTH_AND_CIPHER: {
      if (!from.espAuthAndCipherTransform) return refuse(Fwp::NULL_POINTER);
      SP_TRY(out.auth, take_auth(&from.espAuthAndCipherTransform->authTransform));
      SP_TRY(out.cipher, take_cipher(&from.espAuthAndCipherTransform->cipherTransform));
      break;
    }
  }
  return out;
}

void give_transform(Arena& arena, const policy::SaTransform& from, IPSEC_SA_TRANSFORM0& out) {
  out.ipsecTransformType = static_cast<IPSEC_TRANSFORM_TYPE>(from.kind);
  if (from.auth && from.cipher) {
    out.espAuthAndCipherTransform = arena.make<IPSEC_AUTH_AND_CIPHER_TRANSFORM0>();
    give_auth(arena, *from.auth, out.espAuthAndCipherTransform->authTransform);
    give_cipher(arena, *from.cipher, out.espAuthAndCipherTransform->cipherTransform);
  } else if (from.auth) {
    out.ahTransform = arena.make<IPSEC_AUTH_TRANSFORM0>();
    give_auth(arena, *from.auth, *out.ahTransform);
  } else if (from.cipher) {
    out.espCipherTransform = arena.make<IPSEC_CIPHER_TRANSFORM0>();
    give_cipher(arena, *from.cipher, *out.espCipherTransform);
  }
}

}  // namespace

Outcome<std::vector<policy::IpsecProposal>> take(const IPSEC_PROPOSAL0* proposals, uint32_t count) {
  SP_CHECK(check_array(proposals, count));
  std::vector<policy::IpsecProposal> out;
  for (uint32_t i = 0; i < count; ++i) {
    const IPSEC_PROPOSAL0& from = proposals[i];
    policy::IpsecProposal to;
    to.lifetime = {from.lifetime.lifetimeSeconds, from.lifetime.lifetimeKilobytes, from.lifetime.lifetimePackets};
    SP_CHECK(check_array(from.saTransforms, from.numSaTransforms));
    for (uint32_t j = 0; j < from.numSaTransforms; ++j) {
      auto transform = take_transform(from.saTransforms[j]);
      if (!transform) return refuse(transform.error().code, i);
      to.transforms.push_back(std::move(*transform));
    }
    SP_TRY(to.pfs, take_enum<policy::PfsGroup>(from.pfsGroup, IPSEC_PFS_MAX));
    out.push_back(std::move(to));
  }
  return out;
}

IPSEC_PROPOSAL0* give(Arena& arena, const std::vector<policy::IpsecProposal>& proposals) {
  if (proposals.empty()) return nullptr;
  auto* out = arena.make<IPSEC_PROPOSAL0>(proposals.size());
  for (size_t i = 0; i < proposals.size(); ++i) {
    const policy::IpsecProposal& from = proposals[i];
    out[i].lifetime = {from.lifetime.seconds, from.lifetime.kilobytes, from.lifetime.packets};
    out[i].numSaTransforms = static_cast<uint32_t>(from.transforms.size());
    if (!from.transforms.empty()) out[i].saTransforms = arena.make<IPSEC_SA_TRANSFORM0>(from.transforms.size());
    for (size_t j = 0; j < from.transforms.size(); ++j)
      give_transform(arena, from.transforms[j], out[i].saTransforms[j]);
    out[i].pfsGroup = static_cast<IPSEC_PFS_GROUP>(from.pfs);
  }
  return out;
}

Outcome<policy::ClassifyOptions> take(const FWPM_CLASSIFY_OPTIONS0& options) {
  SP_CHECK(check_array(options.options, options.numOptions));
  policy::ClassifyOptions out;
  for (uint32_t i = 0; i < options.numOptions; ++i) {
    SP_TRY(policy::Value value, take(options.options[i].value));
    out.options.push_back({raw(options.options[i].type), std::move(value)});
  }
  return out;
}

void give(Arena& arena, const policy::ClassifyOptions& options, FWPM_CLASSIFY_OPTIONS0& out) {
  out.numOptions = static_cast<uint32_t>(options.options.size());
  if (!options.options.empty()) out.options = arena.make<FWPM_CLASSIFY_OPTION0>(options.options.size());
  for (size_t i = 0; i < options.options.size(); ++i) {
    out.options[i].type = static_cast<FWP_CLASSIFY_OPTION_TYPE>(options.options[i].type);
    out.options[i].value = give(arena, options.options[i].value);
  }
}

policy::V6AddrMask take_mask(const FWP_V6_ADDR_AND_MASK& from) {
  policy::V6AddrMask out;
  std::copy(std::begin(from.addr), std::end(from.addr), out.addr.begin());
  out.prefix_length = from.prefixLength;
  return out;
}

namespace {

void give_mask(const policy::V6AddrMask& from, FWP_V6_ADDR_AND_MASK& out) {
  std::copy(from.addr.begin(), from.addr.end(), std::begin(out.addr));
  out.prefixLength = from.prefix_length;
}
Outcome<std::vector<uint64_t>> take_luids(const UINT64* luids, uint32_t count) {
  SP_CHECK(check_array(luids, count));
  return std::vector<uint64_t>(luids, luids + count);
}
UINT64* give_luids(Arena& arena, const std::vector<uint64_t>& from) {
  if (from.empty()) return nullptr;
  auto* out = arena.make<UINT64>(from.size());
  std::copy(from.begin(), from.end(), out);
  return out;
}

}  // namespace

Outcome<policy::DospOptions> take(const IPSEC_DOSP_OPTIONS0& o) {
  policy::DospOptions out;
  out.state_idle_timeout_seconds = o.stateIdleTimeoutSeconds;
  out.rate_limit_queue_idle_timeout_seconds = o.perIPRateLimitQueueIdleTimeoutSeconds;
  out.ipsec_unauth = {o.ipV6IPsecUnauthDscp, o.ipV6IPsecUnauthRateLimitBytesPerSec};
  out.ipsec_unauth_per_ip_bytes_per_second = o.ipV6IPsecUnauthPerIPRateLimitBytesPerSec;
  out.ipsec_auth = {o.ipV6IPsecAuthDscp, o.ipV6IPsecAuthRateLimitBytesPerSec};
  out.icmpv6 = {o.icmpV6Dscp, o.icmpV6RateLimitBytesPerSec};
  out.filter_exempt = {o.ipV6FilterExemptDscp, o.ipV6FilterExemptRateLimitBytesPerSec};
  out.default_block_exempt = {o.defBlockExemptDscp, o.defBlockExemptRateLimitBytesPerSec};
  out.max_state_entries = o.maxStateEntries;
  out.max_per_ip_queues = o.maxPerIPRateLimitQueues;
  out.flags = o.flags;
  SP_TRY(out.public_interfaces, take_luids(o.publicIFLuids, o.numPublicIFLuids));
  SP_TRY(out.internal_interfaces, take_luids(o.internalIFLuids, o.numInternalIFLuids));
  out.public_mask = take_mask(o.publicV6AddrMask);
  out.internal_mask = take_mask(o.internalV6AddrMask);
  return out;
}

void give(Arena& arena, const policy::DospOptions& from, IPSEC_DOSP_OPTIONS0& out) {
  out.stateIdleTimeoutSeconds = from.state_idle_timeout_seconds;
  out.perIPRateLimitQueueIdleTimeoutSeconds = from.rate_limit_queue_idle_timeout_seconds;
  out.ipV6IPsecUnauthDscp = from.ipsec_unauth.dscp;
  out.ipV6IPsecUnauthRateLimitBytesPerSec = from.ipsec_unauth.bytes_per_second;
  out.ipV6IPsecUnauthPerIPRateLimitBytesPerSec = from.ipsec_unauth_per_ip_bytes_per_second;
  out.ipV6IPsecAuthDscp = from.ipsec_auth.dscp;
  out.ipV6IPsecAuthRateLimitBytesPerSec = from.ipsec_auth.bytes_per_second;
  out.icmpV6Dscp = from.icmpv6.dscp;
  out.icmpV6RateLimitBytesPerSec = from.icmpv6.bytes_per_second;
  out.ipV6FilterExemptDscp = from.filter_exempt.dscp;
  out.ipV6FilterExemptRateLimitBytesPerSec = from.filter_exempt.bytes_per_second;
  out.defBlockExemptDscp = from.default_block_exempt.dscp;
  out.defBlockExemptRateLimitBytesPerSec = from.default_block_exempt.bytes_per_second;
  out.maxStateEntries = from.max_state_entries;
  out.maxPerIPRateLimitQueues = from.max_per_ip_queues;
  out.flags = from.flags;
  out.numPublicIFLuids = static_cast<uint32_t>(from.public_interfaces.size());
  out.publicIFLuids = give_luids(arena, from.public_interfaces);
  out.numInternalIFLuids = static_cast<uint32_t>(from.internal_interfaces.size());
  out.internalIFLuids = give_luids(arena, from.internal_interfaces);
  give_mask(from.public_mask, out.publicV6AddrMask);
  give_mask(from.internal_mask, out.internalV6AddrMask);
}

namespace {

Outcome<std::vector<policy::TrafficSelector>> take_selectors(const IPSEC_TRAFFIC_SELECTOR0* from, uint32_t count) {
  SP_CHECK(check_array(from, count));
  std::vector<policy::TrafficSelector> out;
  for (uint32_t i = 0; i < count; ++i) {
    policy::TrafficSelector to;
    to.protocol = from[i].protocolId;
    to.port_first = from[i].portStart;
    to.port_last = from[i].portEnd;
    SP_TRY(to.first, take_address(from[i].ipVersion, from[i].startV4Address, from[i].startV6Address));
    SP_TRY(to.last, take_address(from[i].ipVersion, from[i].endV4Address, from[i].endV6Address));
    out.push_back(to);
  }
  return out;
}
IPSEC_TRAFFIC_SELECTOR0* give_selectors(Arena& arena, const std::vector<policy::TrafficSelector>& from) {
  if (from.empty()) return nullptr;
  auto* out = arena.make<IPSEC_TRAFFIC_SELECTOR0>(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    out[i].protocolId = from[i].protocol;
    out[i].portStart = from[i].port_first;
    out[i].portEnd = from[i].port_last;
    out[i].ipVersion = version_of(from[i].first);
    give_address(from[i].first, out[i].startV4Address, out[i].startV6Address);
    give_address(from[i].last, out[i].endV4Address, out[i].endV6Address);
  }
  return out;
}

}  // namespace

Outcome<std::vector<policy::TrafficSelectorPolicy>> take(const IPSEC_TRAFFIC_SELECTOR_POLICY0* from, uint32_t count) {
  SP_CHECK(check_array(from, count));
  std::vector<policy::TrafficSelectorPolicy> out;
  for (uint32_t i = 0; i < count; ++i) {
    policy::TrafficSelectorPolicy to;
    to.flags = from[i].flags;
    SP_TRY(to.local, take_selectors(from[i].localTrafficSelectors, from[i].numLocalTrafficSelectors));
    SP_TRY(to.remote, take_selectors(from[i].remoteTrafficSelectors, from[i].numRemoteTrafficSelectors));
    out.push_back(std::move(to));
  }
  return out;
}

IPSEC_TRAFFIC_SELECTOR_POLICY0* give(Arena& arena, const std::vector<policy::TrafficSelectorPolicy>& from) {
  if (from.empty()) return nullptr;
  auto* out = arena.make<IPSEC_TRAFFIC_SELECTOR_POLICY0>(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    out[i].flags = from[i].flags;
    out[i].numLocalTrafficSelectors = static_cast<uint32_t>(from[i].local.size());
    out[i].localTrafficSelectors = give_selectors(arena, from[i].local);
    out[i].numRemoteTrafficSelectors = static_cast<uint32_t>(from[i].remote.size());
    out[i].remoteTrafficSelectors = give_selectors(arena, from[i].remote);
  }
  return out;
}

// ---- certificates and CGA ----

Outcome<policy::CertCriteria> take(const IKEEXT_CERT_ROOT_CONFIG0& root) {
  policy::CertCriteria out;
  SP_TRY(out.cert_data, take(root.certData));
  out.flags = root.flags;
  return out;
}

Outcome<policy::CertCriteria> take(const IKEEXT_CERTIFICATE_CRITERIA0& from) {
  policy::CertCriteria out;
  SP_TRY(out.cert_data, take(from.certData));
  SP_TRY(out.cert_hash, take(from.certHash));
  if (from.eku) {
    SP_CHECK(check_array(from.eku->eku, from.eku->numEku));
    for (uint32_t i = 0; i < from.eku->numEku; ++i) {
      if (!from.eku->eku[i]) return refuse(Fwp::NULL_POINTER);
      out.ekus.emplace_back(from.eku->eku[i]);
    }
  }
  if (from.name) {
    policy::CertName name;
    SP_TRY(name.type, take_enum<policy::CertNameType>(from.name->nameType, IKEEXT_CERT_CRITERIA_NAME_TYPE_MAX));
    SP_TRY(name.name, take(from.name->certName));
    out.name = std::move(name);
  }
  out.flags = from.flags;
  return out;
}

void give(Arena& arena, const policy::CertCriteria& from, IKEEXT_CERT_ROOT_CONFIG0& out) {
  out.certData = give(arena, ByteView(from.cert_data));
  out.flags = from.flags;
}

void give(Arena& arena, const policy::CertCriteria& from, IKEEXT_CERTIFICATE_CRITERIA0& out) {
  out.certData = give(arena, ByteView(from.cert_data));
  out.certHash = give(arena, ByteView(from.cert_hash));
  if (!from.ekus.empty()) {
    out.eku = arena.make<IKEEXT_CERT_EKUS0>();
    out.eku->numEku = static_cast<uint32_t>(from.ekus.size());
    out.eku->eku = arena.make<LPSTR>(from.ekus.size());
    for (size_t i = 0; i < from.ekus.size(); ++i) {
      out.eku->eku[i] = arena.make<char>(from.ekus[i].size() + 1);
      std::copy(from.ekus[i].begin(), from.ekus[i].end(), out.eku->eku[i]);
    }
  }
  if (from.name) {
    out.name = arena.make<IKEEXT_CERT_NAME0>();
    out.name->nameType = static_cast<IKEEXT_CERT_CRITERIA_NAME_TYPE>(from.name->type);
    out.name->certName = give(arena, std::string_view(from.name->name));
  }
  out.flags = from.flags;
}

Outcome<policy::CgaAuth> take(const IKEEXT_IPV6_CGA_AUTHENTICATION0& from) {
  policy::CgaAuth out;
  SP_TRY(out.key_container, take(from.keyContainerName));
  SP_TRY(out.csp_name, take(from.cspName));
  out.csp_type = from.cspType;
  std::copy(std::begin(from.cgaModifier.byteArray16), std::end(from.cgaModifier.byteArray16), out.modifier.begin());
  out.collision_count = from.cgaCollisionCount;
  return out;
}

void give(Arena& arena, const policy::CgaAuth& from, IKEEXT_IPV6_CGA_AUTHENTICATION0& out) {
  out.keyContainerName = give(arena, std::string_view(from.key_container));
  out.cspName = give(arena, std::string_view(from.csp_name));
  out.cspType = from.csp_type;
  std::copy(from.modifier.begin(), from.modifier.end(), std::begin(out.cgaModifier.byteArray16));
  out.cgaCollisionCount = from.collision_count;
}

}  // namespace sallyport::api::windows
