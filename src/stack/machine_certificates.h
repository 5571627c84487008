// Which of this host's certificates a method of a program's policy means, and which of its authorities: what Windows
// looks up in the machine's stores, out of [certificates] of the configuration. WFP 13.3: root names of an explicit
// trust list, and criteria of digests, purposes and names. Of the configuration's own contexts nothing is looked up.
// What cannot be asked of a peer (all criteria but root names, revocation for certain) makes the method unusable:
// policy is never taken for less than it says. Pure; one thread.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/ike_policy.h"
#include "policy/translate.h"

namespace sallyport::stack {

class MachineCertificates {
 public:
  // Credentials and trust sets of the configuration; must outlive this.
  explicit MachineCertificates(const model::IkePolicySet& base);

  policy::MethodNames names(const policy::Guid& context, size_t index, const policy::AuthMethod& method);
  // The parts of the machine's trust set that names() has named.
  std::vector<model::TrustSet> narrowed() const;
  // Why the context's last unusable method is that, for people; empty: none is.
  std::string complaint(const policy::Guid& context) const;

 private:
  struct Anchor {
    Bytes der, subject, issuer, key_id;
  };
  std::string credential_for(const policy::AuthMethod& method, const policy::CertificateAuth& wanted, std::string& why);
  std::string trust_for(const policy::CertificateAuth& wanted, std::string& why);
  bool leads_to(const std::vector<Bytes>& chain, const policy::CertCriteria& wanted) const;

  const model::IkePolicySet& base_;
  std::vector<Anchor> anchors_;
  std::map<std::string, model::TrustSet> narrowed_;
  std::map<policy::Guid, std::string> complaints_;
};

}  // namespace sallyport::stack
