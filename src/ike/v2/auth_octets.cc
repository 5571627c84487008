// AUTH by shared key and by signature, through Requests. RFC 7296 2.15, 3.8; RFC 7427; RFC 4754; RFC 8420.
#include "ike/v2/auth_octets.h"

#include <algorithm>

#include "crypto/prf.h"
#include "crypto/signature.h"

namespace sallyport::ike::v2 {

using namespace wire::ike2;
using model::AuthMethod;
using model::HashId;

Result<Bytes> auth_octets(model::PrfId prf, ByteView message, ByteView nonce, ByteView sk_p, const IdPayload& id) {
  Writer body;
  write_body(Payload(id), body);
  SP_TRY(SecretBytes of_id, crypto::prf(prf, sk_p, {body.view()}));
  Bytes out;
  out.reserve(message.size() + nonce.size() + of_id.size());
  append(out, message);
  append(out, nonce);
  append(out, of_id.view());
  return out;
}

bool is_signature(AuthMethod method) {
  switch (method) {
    case AuthMethod::RSA_DIGITAL_SIGNATURE:
    case AuthMethod::ECDSA_SHA2_256_P256:
    case AuthMethod::ECDSA_SHA2_384_P384:
    case AuthMethod::ECDSA_SHA2_512_P521:
    case AuthMethod::DIGITAL_SIGNATURE: return true;
    case AuthMethod::SHARED_KEY_MIC: return false;
  }
  return false;
}

// Requires: for a user, that there is one.
static model::AuthPolicy own_auth_policy(const IkeSa& sa, Round round) {
  if (round == Round::machine) return sa.connection()->local_auth;
  return {model::AuthPolicy::Kind::cert, sa.own_user->credential, {}};
}

static model::AuthPolicy peer_auth_policy(const IkeSa& sa, Round round) {
  const model::ConnectionPolicy& c = *sa.connection();
  if (round == Round::machine) return c.remote_auth;
  // The policy may have changed between the rounds: an empty trust set vouches for nobody.
  return {model::AuthPolicy::Kind::cert, {}, c.remote_user ? c.remote_user->trust : std::string()};
}

static std::optional<Proof>& own_proof(IkeSa& sa, Round round) {
  return round == Round::machine ? sa.local_proof : sa.local_user_proof;
}
static std::optional<Proof>& peer_proof(IkeSa& sa, Round round) {
  return round == Round::machine ? sa.remote_proof : sa.remote_user_proof;
}

void make_auth(IkeSa& sa, TimePoint now, Round round, Bytes octets,
               std::function<void(IkeSa&, TimePoint, OwnAuth)> then) {
  const model::AuthPolicy policy = own_auth_policy(sa, round);
  AuthMethod method = AuthMethod::SHARED_KEY_MIC;
  model::KeyRequest work;
  Bytes certificate;
  if (policy.kind == model::AuthPolicy::Kind::psk) {
    work = model::PskAuth{policy.credential, sa.chosen.prf, std::move(octets)};
  } else {
    const model::Credential* credential = sa.policy->credential(policy.credential);
    const model::KeyType type = credential ? credential->key_type : model::KeyType::none;
    if (credential && !credential->chain.empty()) certificate = credential->chain.front();
    HashId hash = HashId::SHA1;
    std::vector<HashId> offered;
    for (uint16_t number : sa.peer_hashes) offered.push_back(static_cast<HashId>(number));
    if (!offered.empty()) {
      method = AuthMethod::DIGITAL_SIGNATURE;
      const auto best = crypto::choose_hash(type, offered);
      if (!best) return then(sa, now, OwnAuth{false, "the peer knows no hash algorithm that fits our key", {}});
      hash = *best;
    } else {
      const auto classic = crypto::classic_method(type);
      if (!classic) return then(sa, now, OwnAuth{false, "our key needs RFC 7427, which the peer does not speak", {}});
      method = *classic;
    }
    work = model::Sign{policy.credential, method, hash, type == model::KeyType::rsa, std::move(octets)};
  }
  sa.host.ask(sa, std::move(work),
              [round, proof = Proof{method, std::move(certificate)}, then = std::move(then)](IkeSa& again, TimePoint at,
                                                                                             model::KeyReply reply) {
                if (auto* data = std::get_if<model::AuthData>(&reply)) {
                  own_proof(again, round) = proof;
                  return then(again, at, OwnAuth{true, {}, AuthPayload{proof.method, std::move(data->data)}});
                }
                const auto* refused = std::get_if<model::Refused>(&reply);
                then(again, at, OwnAuth{false, refused ? refused->why : "our credential could not be used", {}});
              });
}

static void verify_psk(IkeSa& sa, const AuthPayload& auth, Bytes octets,
                       std::function<void(IkeSa&, TimePoint, std::string)> then) {
  sa.host.ask(sa, model::PskAuth{sa.connection()->remote_auth.credential, sa.chosen.prf, std::move(octets)},
              [claimed = auth.content, then = std::move(then)](IkeSa& again, TimePoint at, model::KeyReply reply) {
                if (const auto* refused = std::get_if<model::Refused>(&reply)) return then(again, at, refused->why);
                const auto* data = std::get_if<model::AuthData>(&reply);
                const bool same = data && !data->data.empty() && constant_time_equal(data->data, claimed);
                if (same) again.remote_proof = Proof{};
                then(again, at, same ? "" : "its AUTH does not verify with our pre-shared key");
              });
}

void verify_auth(IkeSa& sa, TimePoint now, Round round, const std::vector<Payload>& payloads,
                 const model::Identity& peer, Bytes octets, std::function<void(IkeSa&, TimePoint, std::string)> then) {
  const model::AuthPolicy policy = peer_auth_policy(sa, round);
  const AuthPayload* auth = find<AuthPayload>(payloads);
  if (!auth) return then(sa, now, "it sent no AUTH payload");
  // RFC 7296 2.15: the method is the one our policy for this peer demands, whatever the peer would like.
  if (policy.kind == model::AuthPolicy::Kind::psk) {
    if (auth->method != AuthMethod::SHARED_KEY_MIC) return then(sa, now, "it does not use a pre-shared key");
    return verify_psk(sa, *auth, std::move(octets), std::move(then));
  }
  if (!is_signature(auth->method)) return then(sa, now, "it does not use a signature");
  model::VerifyPeer work{policy.trust, {}, peer, auth->method, auth->content, std::move(octets)};
  for (const CertPayload* cert : find_all<CertPayload>(payloads)) {
    if (cert->encoding == CertEncoding::X509_SIGNATURE) work.chain.push_back(cert->content);
  }
  if (work.chain.empty()) return then(sa, now, "it sent no certificate");
  Proof proof{auth->method, work.chain.front()};
  sa.host.ask(
      sa, std::move(work),
      [round, proof = std::move(proof), then = std::move(then)](IkeSa& again, TimePoint at, model::KeyReply reply) {
        if (const auto* verdict = std::get_if<model::Verdict>(&reply)) {
          if (verdict->ok) peer_proof(again, round) = proof;
          if (verdict->ok) return then(again, at, "");
          return then(again, at, verdict->why.empty() ? "its signature or certificate does not verify" : verdict->why);
        }
        const auto* refused = std::get_if<model::Refused>(&reply);
        then(again, at, refused ? refused->why : "its certificate could not be verified");
      });
}

bool both_by_psk(const IkeSa& sa) {
  return sa.connection()->local_auth.kind == model::AuthPolicy::Kind::psk &&
         sa.connection()->remote_auth.kind == model::AuthPolicy::Kind::psk;
}

void verify_and_make_psk(IkeSa& sa, TimePoint now, const std::vector<Payload>& payloads, Bytes peer_octets,
                         Bytes own_octets, std::function<void(IkeSa&, TimePoint, std::string, OwnAuth)> then) {
  const AuthPayload* auth = find<AuthPayload>(payloads);
  if (!auth) return then(sa, now, "it sent no AUTH payload", {});
  if (auth->method != AuthMethod::SHARED_KEY_MIC) return then(sa, now, "it does not use a pre-shared key", {});
  const model::ConnectionPolicy& policy = *sa.connection();
  model::PskAuth work{policy.local_auth.credential, sa.chosen.prf, std::move(own_octets),
                      model::PskClaim{policy.remote_auth.credential, std::move(peer_octets), auth->content}};
  sa.host.ask(sa, std::move(work), [then = std::move(then)](IkeSa& again, TimePoint at, model::KeyReply reply) {
    if (auto* data = std::get_if<model::AuthData>(&reply)) {
      again.local_proof = again.remote_proof = Proof{};
      return then(again, at, "", OwnAuth{true, {}, AuthPayload{AuthMethod::SHARED_KEY_MIC, std::move(data->data)}});
    }
    if (const auto* verdict = std::get_if<model::Verdict>(&reply); verdict && !verdict->why.empty()) {
      return then(again, at, verdict->why, {});
    }
    const auto* refused = std::get_if<model::Refused>(&reply);
    then(again, at, refused ? refused->why : "its AUTH could not be verified", {});
  });
}

void add_certificates(const IkeSa& sa, Round round, std::vector<Payload>& payloads) {
  const model::AuthPolicy policy = own_auth_policy(sa, round);
  if (policy.kind != model::AuthPolicy::Kind::cert) return;
  const model::Credential* credential = sa.policy->credential(policy.credential);
  if (!credential) return;
  // RFC 7296 3.6: the leaf first.
  for (const Bytes& der : credential->chain) payloads.push_back(CertPayload{CertEncoding::X509_SIGNATURE, der});
}

void add_certificate_request(const IkeSa& sa, std::vector<Payload>& payloads) {
  const model::ConnectionPolicy& c = *sa.connection();
  const bool of_machine = c.remote_auth.kind == model::AuthPolicy::Kind::cert;
  if (!of_machine && !c.remote_user) return;
  CertreqPayload request;
  const auto add = [&](const std::string& name) {
    const model::TrustSet* trust = sa.policy->trust_set(name);
    if (trust == nullptr) return;
    for (const Bytes& id : trust->key_ids) append(request.authorities, id);
  };
  if (of_machine) add(c.remote_auth.trust);
  if (c.remote_user) add(c.remote_user->trust);
  payloads.push_back(std::move(request));
}

}  // namespace sallyport::ike::v2
