// What the configuration says about peers: the PAD and the negotiation policy of each connection. RFC 4301 4.4.3.
// Values, shared as an immutable snapshot.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_addr.h"
#include "base/time.h"
#include "model/identity.h"
#include "model/proposal.h"
#include "model/sa_spec.h"
#include "model/selector.h"

namespace sallyport::model {

struct AuthPolicy {
  enum class Kind : uint8_t { psk, cert };
  Kind kind = Kind::psk;
  std::string credential;  // the secret or the private key, by the name the key process knows it
  std::string trust;       // the set of trust anchors, by the name the verifying process knows it
  bool operator==(const AuthPolicy&) const = default;
};

// A user of this host who proves an identity beside the machine's, by certificate. RFC 4739.
struct LocalUser {
  Identity id;             // without a value: the subject of the certificate
  std::string credential;  // by the name the key process knows it
  bool operator==(const LocalUser&) const = default;
};
// What is asked of the users of a peer.
struct RemoteUser {
  std::optional<Identity> id;  // nothing: whoever the trust set vouches for
  std::string trust;
  bool required = true;  // a peer that proves no user gets no IKE SA
  bool operator==(const RemoteUser&) const = default;
};

struct ChildPolicy {
  enum class Start : uint8_t { none, up, route };  // wait to be asked; initiate at start; initiate on traffic
  std::string name;
  uint32_t reqid = 0;  // unique in the configuration, stable while the child is not changed
  Protocol protocol = Protocol::ESP;
  Mode mode = Mode::tunnel;
  bool accept_tunnel = false;  // transport mode, but tunnel mode where the peer declines it (RFC 7296 1.3.1)
  Selectors local;
  Selectors remote;
  Proposals proposals;
  Lifetime rekey;  // soft
  Lifetime hard;
  uint32_t replay_window = 1024;
  PacketShape shape;
  bool accept_tfc = true;            // false: the peer is told not to pad (ESP_TFC_PADDING_NOT_SUPPORTED)
  bool non_first_fragments = false;  // NON_FIRST_FRAGMENTS_ALSO is offered and accepted
  std::string inside;        // child of the same connection whose SA protects this one's packets again (AH over ESP)
  uint32_t outer_reqid = 0;  // its reqid; 0: none
  uint32_t resources = 0;    // RFC 9611: per-resource copies besides the SA for all; 0: none
  bool boundary = false;     // this host takes clear packets too, which a peer of our kind is told
  bool guaranteed_encryption = false;  // for flows that must be encrypted, which it is told as well
  bool serves_asker =
      false;  // an SA that the peer asked for answers what comes by it, and takes nothing that begins here
  Start start = Start::none;
  bool operator==(const ChildPolicy&) const = default;
};

struct ConnectionPolicy {
  std::string name;
  std::vector<std::string> local_addrs;   // addresses; empty: any
  std::vector<std::string> remote_addrs;  // addresses or host names; empty: any, responder only
  uint16_t remote_port = 500;
  Identity local_id;                  // without a value: the address that the peer talks to
  std::optional<Identity> remote_id;  // nothing: whatever authenticates
  AuthPolicy local_auth;
  AuthPolicy remote_auth;
  std::optional<LocalUser> local_user;    // proved to peers that take a second authentication
  std::optional<RemoteUser> remote_user;  // nothing: a peer that would prove a user is refused
  bool users_of_accounts = false;         // whoever initiates says which user: IkePolicySet::users
  Proposals ike_proposals;
  std::vector<ChildPolicy> children;
  Duration rekey_time = hours(4);    // of the IKE SA; zero: never
  Duration over_time = minutes(24);  // past rekey_time the IKE SA is deleted when it could not be rekeyed
  Duration dpd_delay = seconds(30);  // liveness check after so long without an authenticated packet; zero: never
  Duration retransmit_timeout = seconds(2);
  double retransmit_factor = 1.8;
  unsigned retransmit_tries = 5;
  Duration nat_keepalive = seconds(20);  // RFC 3948 4; zero: never
  Duration retry_delay = seconds(2);     // keep_up: first wait before trying again; doubles up to a minute
  bool keep_up = false;                  // initiate again for ever
  bool force_encap = false;              // claim a NAT so that ESP travels in UDP
  bool fragmentation = true;             // RFC 7383
  uint16_t fragment_size = 1280;         // octets of one IP packet
  bool operator==(const ConnectionPolicy&) const = default;
};

enum class KeyType : uint8_t { none, rsa, ecdsa_p256, ecdsa_p384, ecdsa_p521, ed25519, ed448 };

// The public half of a credential: what the negotiating process may know of it.
struct Credential {
  std::string name;
  AuthPolicy::Kind kind = AuthPolicy::Kind::psk;
  std::vector<Bytes> chain;  // DER, leaf first; empty for a PSK
  KeyType key_type = KeyType::none;
  bool operator==(const Credential&) const = default;
};

struct TrustSet {
  std::string name;
  std::vector<Bytes> anchors;  // DER of the CA certificates
  std::vector<Bytes> key_ids;  // SHA-1 of each anchor's SubjectPublicKeyInfo, for CERTREQ (RFC 7296 3.7)
  bool operator==(const TrustSet&) const = default;
};

// The user that an account of this host is to its peers.
struct AccountUser {
  uint32_t uid = 0;
  LocalUser user;
  bool operator==(const AccountUser&) const = default;
};

// A peer that has proved its identity, before there is an IKE SA with it.
struct AuthenticatedPeer {
  const Identity& identity;
  std::string_view connection;
  AuthPolicy::Kind method = AuthPolicy::Kind::psk;
  bool initiated_here = false;
  bool user = false;  // it is the peer's user, not its machine
};
// Who of those that authenticate may have an IKE SA. Immutable; whoever holds the policy asks it.
class PeerAuthorization {
 public:
  virtual ~PeerAuthorization() = default;
  // A sentence: why not.
  virtual std::optional<std::string> refusal(const AuthenticatedPeer& peer) const = 0;
};

struct IkePolicySet {
  std::vector<ConnectionPolicy> connections;
  std::vector<Credential> credentials;
  std::vector<TrustSet> trust;
  std::vector<AccountUser> users;                          // each account once
  std::shared_ptr<const PeerAuthorization> authorization;  // nullptr: all
  bool operator==(const IkePolicySet&) const = default;

  const ConnectionPolicy* connection(std::string_view name) const;
  const Credential* credential(std::string_view name) const;
  const TrustSet* trust_set(std::string_view name) const;
};

}  // namespace sallyport::model
