// Matching peers to connections. RFC 4301 4.4.3.
#include "ike/v2/connection_choice.h"

#include <algorithm>

#include "crypto/certificate.h"

namespace sallyport::ike::v2 {

namespace {

// 0: no; 1: anybody; 2: a host name, which only resolving could compare; 3: a prefix; 4: this very address.
int fit(const std::vector<std::string>& allowed, const IpAddr& address) {
  if (allowed.empty()) return 1;
  int best = 0;
  for (const std::string& text : allowed) {
    if (text == "%any" || text == "any") {
      best = std::max(best, 1);
    } else if (auto one = IpAddr::parse(text)) {
      if (one->is_any()) best = std::max(best, 1);
      if (*one == address) best = std::max(best, 4);
    } else if (auto prefix = IpPrefix::parse(text)) {
      if (prefix->contains(address)) best = std::max(best, 3);
    } else {
      best = std::max(best, 2);
    }
  }
  return best;
}

bool offers(const model::Proposals& proposals, const model::ChosenIke& chosen) {
  return model::answers(proposals, model::to_proposal(chosen));
}

}  // namespace

std::vector<size_t> connections_for(const model::IkePolicySet& policy, const IpAddr& local, const IpAddr& remote) {
  std::vector<std::pair<int, size_t>> ranked;
  for (size_t i = 0; i < policy.connections.size(); ++i) {
    const int here = fit(policy.connections[i].local_addrs, local);
    const int there = fit(policy.connections[i].remote_addrs, remote);
    if (here > 0 && there > 0) ranked.emplace_back(-(there * 10 + here), i);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<size_t> out;
  for (const auto& [rank, index] : ranked) out.push_back(index);
  return out;
}

Result<model::Identity> wire_identity(const model::Identity& id) {
  if (!id.text_dn) return id;
  SP_TRY(Bytes der, crypto::encode_dn(as_text(id.value)));
  return model::Identity{id.type, std::move(der), false};
}

bool identity_fits(const model::Identity& configured, const model::Identity& from_wire) {
  const auto encoded = wire_identity(configured);
  if (!encoded) return false;
  // RFC 5280 7.1: another side may encode the same name in other string types.
  if (encoded->type == model::IdType::ID_DER_ASN1_DN && from_wire.type == encoded->type)
    return crypto::same_dn(encoded->value, from_wire.value);
  return model::same_identity(*encoded, from_wire);
}

ConnectionChoice choose_connection(const model::IkePolicySet& policy, const std::vector<size_t>& candidates,
                                   const PeerClaim& claim, const model::ChosenIke& chosen) {
  ConnectionChoice out;
  out.why = "no connection fits the peer's address";
  int furthest = 0;
  std::optional<size_t> open_to_anybody;
  const auto failed_at = [&](int step, const char* sentence, const std::string& expected) {
    if (step < furthest) return;
    if (step > furthest) out.ours.clear();
    furthest = step;
    out.why = sentence;
    out.ours += (out.ours.empty() ? "" : ", ") + expected;
  };
  for (size_t index : candidates) {
    if (index >= policy.connections.size()) continue;
    const model::ConnectionPolicy& c = policy.connections[index];
    if (c.remote_id && !identity_fits(*c.remote_id, claim.peer)) {
      failed_at(1, "no connection expects the identity the peer claims", crypto::shown(*c.remote_id));
    } else if (claim.asked_for && !c.local_id.value.empty() && !identity_fits(c.local_id, *claim.asked_for)) {
      failed_at(2, "the peer asked for an identity that is not ours", crypto::shown(c.local_id));
    } else if (c.remote_auth.kind != claim.kind) {
      failed_at(3, "the peer authenticates in another way than the connection demands",
                c.remote_auth.kind == model::AuthPolicy::Kind::psk ? "pre-shared key" : "certificate");
    } else if (!offers(c.ike_proposals, chosen)) {
      failed_at(4, "the connection of that peer does not allow the IKE proposal agreed",
                model::to_string(c.ike_proposals));
    } else if (claim.user_follows && !c.remote_user) {
      failed_at(5, "the peer would prove a user beside its machine, and the connection takes none", "no user");
      if (!out.but_for_user) out.but_for_user = index;
    } else if (!claim.user_follows && c.remote_user && c.remote_user->required) {
      failed_at(5, "the connection demands a user beside the machine, and the peer proves none",
                c.remote_user->id ? "user " + crypto::shown(*c.remote_user->id) : "a user");
      if (!out.but_for_user) out.but_for_user = index;
    } else if (c.remote_id) {
      out.index = index;
      return out;
    } else if (!open_to_anybody) {
      open_to_anybody = index;
    }
  }
  out.index = open_to_anybody;
  return out;
}

}  // namespace sallyport::ike::v2
