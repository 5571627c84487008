// See machine_certificates.h.
#include "stack/machine_certificates.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "crypto/certificate_match.h"
#include "model/machine_store.h"

namespace sallyport::stack {
namespace {

using policy::AuthMethodType;
using policy::CertConfigType;
using policy::CertCriteria;
using policy::CertificateAuth;

// IKEEXT_CERT_FLAG_… of a criterion, IKEEXT_CERT_AUTH_… of a method.
constexpr uint32_t kIntermediateCa = 8, kNapCertificate = 4 | 0x40 | 0x80, kStrongRevocationCheck = 4;
constexpr size_t kLongestChain = 8;

crypto::CertificateWish wish_of(const CertCriteria& criteria) {
  crypto::CertificateWish out{criteria.cert_hash, criteria.ekus, std::nullopt};
  if (criteria.name)
    out.name = {static_cast<crypto::CertificateWish::NameKind>(criteria.name->type), criteria.name->name};
  return out;
}

bool is_type(AuthMethodType type, model::KeyType key) {
  if (type == AuthMethodType::CERTIFICATE_ECDSA_P256) return key == model::KeyType::ecdsa_p256;
  if (type == AuthMethodType::CERTIFICATE_ECDSA_P384) return key == model::KeyType::ecdsa_p384;
  return true;
}

bool asks_for_health(const policy::CertConfig& config) {
  return std::any_of(config.criteria.begin(), config.criteria.end(),
                     [](const CertCriteria& each) { return (each.flags & kNapCertificate) != 0; });
}

}  // namespace

MachineCertificates::MachineCertificates(const model::IkePolicySet& base) : base_(base) {
  const auto* set = base.trust_set(model::kMachineStore);
  if (set == nullptr) return;
  for (const Bytes& der : set->anchors)
    if (auto view = crypto::read_certificate(der))
      anchors_.push_back({der, view->subject_der, view->issuer_der, view->public_key_sha1});
}

policy::MethodNames MachineCertificates::names(const policy::Guid& context, size_t index,
                                               const policy::AuthMethod& method) {
  policy::MethodNames own = policy::names_of_method(context, index, method);
  if (base_.credential(own.credential) != nullptr || base_.trust_set(own.trust) != nullptr) return own;
  const auto* wanted = std::get_if<CertificateAuth>(&method.detail);
  if (wanted == nullptr) return {};
  policy::MethodNames out;
  std::string why;
  if (wanted->outbound.type != CertConfigType::UNSPECIFIED) out.credential = credential_for(method, *wanted, why);
  if (wanted->inbound.type != CertConfigType::UNSPECIFIED) out.trust = trust_for(*wanted, why);
  if (!why.empty()) complaints_[context] = std::move(why);
  return out;
}

std::vector<model::TrustSet> MachineCertificates::narrowed() const {
  std::vector<model::TrustSet> out;
  for (const auto& [name, set] : narrowed_) out.push_back(set);
  return out;
}

std::string MachineCertificates::complaint(const policy::Guid& context) const {
  const auto found = complaints_.find(context);
  return found == complaints_.end() ? std::string() : found->second;
}

// From the leaf upwards: by the chain that is sent, and further by the authorities that we know.
bool MachineCertificates::leads_to(const std::vector<Bytes>& chain, const CertCriteria& wanted) const {
  if (wanted.cert_data.empty()) return true;
  std::vector<Bytes> above;  // names, nearest first
  for (const Bytes& each : chain) {
    const auto view = crypto::read_certificate(each);
    if (!view) return false;
    if (above.empty() || !crypto::same_dn(above.back(), view->issuer_der)) above.push_back(view->issuer_der);
  }
  while (above.size() <= kLongestChain) {
    const auto next = std::find_if(anchors_.begin(), anchors_.end(), [&](const Anchor& each) {
      return crypto::same_dn(each.subject, above.back()) && !crypto::same_dn(each.issuer, each.subject);
    });
    if (next == anchors_.end()) break;
    above.push_back(next->issuer);
  }
  if ((wanted.flags & kIntermediateCa) == 0) return !above.empty() && crypto::same_dn(above.back(), wanted.cert_data);
  return std::any_of(above.begin(), above.end(),
                     [&](const Bytes& name) { return crypto::same_dn(name, wanted.cert_data); });
}

std::string MachineCertificates::credential_for(const policy::AuthMethod& method, const CertificateAuth& wanted,
                                                std::string& why) {
  if (asks_for_health(wanted.outbound)) return why = "health certificates are not known here", std::string();
  bool any = false;
  for (const auto& each : base_.credentials) {
    if (!model::is_machine_credential(each.name) || each.chain.empty()) continue;
    any = true;
    const auto fits = [&](const CertCriteria& one) {
      return leads_to(each.chain, one) && crypto::fits(each.chain.front(), wish_of(one));
    };
    const auto& criteria = wanted.outbound.criteria;
    if (is_type(method.type, each.key_type) &&
        (criteria.empty() || std::any_of(criteria.begin(), criteria.end(), fits)))
      return each.name;
  }
  why = any ? "no certificate of [[certificates.machine]] is as the policy wants it"
            : "this host has no [[certificates.machine]]";
  return {};
}

std::string MachineCertificates::trust_for(const CertificateAuth& wanted, std::string& why) {
  const auto unusable = [&](std::string sentence) { return why = std::move(sentence), std::string(); };
  if (anchors_.empty()) return unusable("this host has no ca in [certificates]");
  if (asks_for_health(wanted.inbound)) return unusable("health certificates are not known here");
  if ((wanted.flags & kStrongRevocationCheck) != 0) return unusable("revocation cannot be checked for certain here");
  std::vector<Bytes> roots;
  model::TrustSet part;
  bool whole = wanted.inbound.criteria.empty();
  for (const CertCriteria& each : wanted.inbound.criteria) {
    if (!each.cert_hash.empty() || !each.ekus.empty() || each.name)
      return unusable("digests, purposes and names cannot be asked of a peer's certificate here");
    if (each.cert_data.empty()) whole = true;
    for (const Anchor& anchor : anchors_) {
      if (each.cert_data.empty() || !crypto::same_dn(anchor.subject, each.cert_data)) continue;
      if (std::find(roots.begin(), roots.end(), anchor.key_id) != roots.end()) continue;
      roots.push_back(anchor.key_id);
      part.anchors.push_back(anchor.der);
      part.key_ids.push_back(anchor.key_id);
    }
  }
  if (whole) return std::string(model::kMachineStore);
  if (roots.empty()) return unusable("no root that the policy trusts is a ca in [certificates]");
  part.name = model::narrowed_trust(model::kMachineStore, roots);
  return narrowed_.insert_or_assign(part.name, part).first->first;
}

}  // namespace sallyport::stack
