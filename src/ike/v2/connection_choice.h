// Which connection of the configuration a peer is: by addresses first, by identities later. RFC 4301 4.4.3, RFC 7296
// 2.9, 2.15. Pure functions.
#pragma once
#include <optional>
#include <vector>

#include "base/ip_addr.h"
#include "model/ike_policy.h"

namespace sallyport::ike::v2 {

// Indices of the connections that allow these addresses; an exact peer address before a name, a name before any.
std::vector<size_t> connections_for(const model::IkePolicySet& policy, const IpAddr& local, const IpAddr& remote);

// The identity as it goes on the wire: a distinguished name written as text becomes DER. bad_value: not a name.
Result<model::Identity> wire_identity(const model::Identity& id);
// Does an identity from the wire fit what the configuration names?
bool identity_fits(const model::Identity& configured, const model::Identity& from_wire);

struct PeerClaim {
  model::Identity peer;
  std::optional<model::Identity> asked_for;  // IDr of the initiator
  model::AuthPolicy::Kind kind = model::AuthPolicy::Kind::psk;
  bool user_follows = false;  // it is going to prove a user as well (RFC 4739)
};
struct ConnectionChoice {
  std::optional<size_t> index;
  // Where there is none: on what the nearest failed, and what we would have had.
  std::string why, ours;
  std::optional<size_t> but_for_user;  // the one that fits but for the user that it demands, or does not take
};
// Among candidates: the first whose remote identity, own identity (where asked for), way of authentication, IKE
// proposal and wish for a user fit.
ConnectionChoice choose_connection(const model::IkePolicySet& policy, const std::vector<size_t>& candidates,
                                   const PeerClaim& claim, const model::ChosenIke& chosen);

}  // namespace sallyport::ike::v2
