// Work that leaves a protocol machine as a request and comes back as a reply: private keys, secrets, certificate
// chains, slow key exchanges, names. The process that does it is another one; the daemon carries these values between
// them. Move-only.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_addr.h"
#include "base/secret.h"
#include "model/algorithms.h"
#include "model/identity.h"

namespace sallyport::model {

// What the peer presented as its AUTH by shared key, and what it must have been made of.
struct PskClaim {
  std::string credential;
  Bytes octets;
  Bytes auth_data;
};

// RFC 7296 2.15: prf( prf(secret, "Key Pad for IKEv2"), octets ). Answered by AuthData; by a Verdict, and without any
// AUTH, when there is a claim that does not verify.
struct PskAuth {
  std::string credential;
  PrfId prf;
  Bytes octets;
  std::optional<PskClaim> claim = std::nullopt;
};

// Signature over octets with the private key of a credential. Answered by AuthData: the AUTH payload's data, with
// method DIGITAL_SIGNATURE including the AlgorithmIdentifier (RFC 7427 3).
struct Sign {
  std::string credential;
  AuthMethod method;
  HashId hash;
  bool pss;
  Bytes octets;
};

// The peer's chain against the anchors of a trust set, its identity against the leaf, and its AUTH. Answered by
// Verdict.
struct VerifyPeer {
  std::string trust;
  std::vector<Bytes> chain;  // as received, leaf first
  Identity id;
  AuthMethod method;
  Bytes auth_data;
  Bytes octets;
};

// One step of a key exchange. Without a private key a fresh pair is made; with a peer's value the secret is computed
// too.
struct KeWork {
  GroupId group;
  SecretBytes private_key;
  Bytes peer_public;
};

struct Resolve {
  std::string name;
};

// The address the system would send from to reach a remote one. Answered by Addresses, or Refused when no route leads
// there.
struct SourceFor {
  IpAddr remote;
};

using KeyRequest = std::variant<PskAuth, Sign, VerifyPeer, KeWork, Resolve, SourceFor>;

struct Refused {
  Errc code;
  std::string why;
};
struct AuthData {
  Bytes data;
};
struct Verdict {
  bool ok = false;
  std::string why;      // empty when ok
  std::string subject;  // of the leaf, printable
};
struct KeDone {
  SecretBytes private_key;
  Bytes public_value;
  SecretBytes shared;  // empty when no peer's value was given
};
struct Addresses {
  std::vector<IpAddr> addresses;
};

using KeyReply = std::variant<Refused, AuthData, Verdict, KeDone, Addresses>;

}  // namespace sallyport::model
