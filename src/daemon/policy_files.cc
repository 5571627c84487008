// See policy_files.h.
#include "daemon/policy_files.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "runtime/fd.h"

namespace sallyport::daemon {
namespace {

// The certificates of one PEM file; a complaint when there are none.
std::vector<Bytes> read_chain(config::FileSource& files, const std::string& path,
                              std::vector<std::string>& complaints) {
  auto content = files.read(path);
  if (!content) {
    complaints.push_back(runtime::explain("the certificate file " + path + " cannot be read", content.error()));
    return {};
  }
  auto found = crypto::certificates_from_pem(as_bytes(*content));
  if (found && !found->empty()) return std::move(*found);
  complaints.push_back("the certificate file " + path + " holds no PEM certificate");
  return {};
}

// "CN=…" of the configuration becomes the DER that travels (RFC 7296 3.5).
void encode_name(model::Identity& id, std::vector<std::string>& complaints) {
  if (!id.text_dn) return;
  auto der = crypto::encode_dn(as_text(id.value));
  if (!der) {
    complaints.push_back("the identity " + id.to_string() + " is not a distinguished name");
    return;
  }
  id.value = std::move(*der);
  id.text_dn = false;
}

// RFC 4945 3.1.5: the name that we send is the subject of our certificate, octet by octet. What the configuration says
// in the same words may be encoded in other string types.
void take_subject(model::IkePolicySet& policy, const std::string& credential, ByteView subject) {
  const auto take = [&](const std::string& proves, model::Identity& id) {
    if (proves == credential && id.type == model::IdType::ID_DER_ASN1_DN && crypto::same_dn(id.value, subject))
      id.value = to_bytes(subject);
  };
  for (auto& connection : policy.connections) {
    take(connection.local_auth.credential, connection.local_id);
    if (connection.local_user) take(connection.local_user->credential, connection.local_user->id);
  }
  for (auto& each : policy.users) take(each.user.credential, each.user.id);
}

}  // namespace

BuiltPolicy build_policy(const config::Settings& settings, config::FileSource& files) {
  BuiltPolicy out;
  auto policy = std::make_shared<model::IkePolicySet>(config::to_policy(settings));
  for (auto& connection : policy->connections) {
    encode_name(connection.local_id, out.complaints);
    if (connection.remote_id) encode_name(*connection.remote_id, out.complaints);
    if (connection.local_user) encode_name(connection.local_user->id, out.complaints);
    if (connection.remote_user && connection.remote_user->id) encode_name(*connection.remote_user->id, out.complaints);
  }
  for (auto& each : policy->users) encode_name(each.user.id, out.complaints);
  for (auto& credential : policy->credentials) {
    if (credential.kind != model::AuthPolicy::Kind::cert) continue;
    const auto source = std::find_if(settings.credentials.begin(), settings.credentials.end(),
                                     [&](const auto& c) { return c.name == credential.name; });
    if (source == settings.credentials.end()) continue;
    credential.chain = read_chain(files, source->certificate, out.complaints);
    if (credential.chain.empty()) continue;
    if (auto leaf = crypto::read_certificate(credential.chain.front())) {
      credential.key_type = leaf->key_type;
      take_subject(*policy, credential.name, leaf->subject_der);
    } else {
      out.complaints.push_back("the certificate in " + source->certificate + " cannot be read");
    }
  }
  for (auto& trust : policy->trust) {
    const auto source =
        std::find_if(settings.trust.begin(), settings.trust.end(), [&](const auto& t) { return t.name == trust.name; });
    if (source == settings.trust.end()) continue;
    for (const auto& path : source->anchors) {
      for (auto& anchor : read_chain(files, path, out.complaints)) {
        if (auto view = crypto::read_certificate(anchor)) trust.key_ids.push_back(to_bytes(view->public_key_sha1));
        trust.anchors.push_back(std::move(anchor));
      }
    }
  }
  out.policy = std::move(policy);
  return out;
}

}  // namespace sallyport::daemon
