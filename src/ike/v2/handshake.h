// What IKE_SA_INIT and IKE_AUTH keep between their steps; gone once the IKE SA is established. RFC 7296 1.2, 2.15.
#pragma once
#include "ike/v2/child_sa.h"
#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2 {

struct Handshake : Scratch {
  Bytes nonce_i, nonce_r;
  Bytes init_request, init_response;  // the real octets, for AUTH

  // Initiator.
  model::GroupId group = model::GroupId::NO_GROUP;
  SecretBytes ke_private;
  Bytes ke_public;
  Bytes cookie;
  unsigned restarts = 0;       // COOKIE and INVALID_KE_PAYLOAD answers obeyed
  bool local_unknown = false;  // the source address is the system's choice: NAT detection cannot work
  std::optional<IpAddr> given_local, given_remote;  // by whoever initiates, instead of the connection's addresses
  std::vector<std::string> children;                // wanted; the first travels in IKE_AUTH
  std::optional<ChildOffer> offer;
  bool peer_wants_certificate = false;
  std::optional<AttemptFailed> refusal;  // an error notify came, perhaps forged: the last word if nothing better comes

  // Responder.
  std::vector<size_t> candidates;  // connections that fit the addresses, best first
  model::Proposals peer_proposals;
  Bytes peer_public;
  bool peer_detects_nat = false;
  bool peer_can_fragment = false;
  model::Proposal answer;
  std::vector<wire::ike2::Payload> auth_request;  // the first IKE_AUTH as it came

  // RFC 4739, both roles.
  bool multiple_auth = false;      // both sides have said that they take a second authentication
  bool own_user_follows = false;   // announced by us
  bool peer_user_follows = false;  // announced by the peer
};

inline Handshake& handshake_of(IkeSa& sa) { return static_cast<Handshake&>(*sa.handshake); }

}  // namespace sallyport::ike::v2
