// Proposals: what one side offers, what both have in common, and the words for it. RFC 7296 3.3 and 2.7. Values.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/algorithms.h"

namespace sallyport::model {

enum class Protocol : uint8_t { IKE = 1, AH = 2, ESP = 3 };
std::string_view to_string(Protocol protocol);

enum class TransformType : uint8_t { ENCR = 1, PRF = 2, INTEG = 3, KE = 4, ESN = 5 };

// Raw numbers, because a peer may offer what we do not know; such a transform is never chosen.
struct Transform {
  TransformType type = TransformType::ENCR;
  uint16_t id = 0;
  uint16_t key_bits = 0;  // Key Length attribute; 0 where absent
  bool unusable = false;  // carried an attribute we do not understand: skipped, RFC 7296 3.3.6
  bool operator==(const Transform&) const = default;
};

struct Proposal {
  uint8_t number = 1;
  Protocol protocol = Protocol::IKE;
  Bytes spi;
  std::vector<Transform> transforms;
  bool unusable = false;  // held a transform type we do not know: the whole proposal is skipped, RFC 7296 3.3.6
  bool operator==(const Proposal&) const = default;
};
using Proposals = std::vector<Proposal>;

// Configuration words joined by '-': aes128 aes192 aes256 (CBC), aes128ctr.., aes128gcm16 gcm12 gcm8, aes128ccm16..,
// chacha20poly1305, null, aes128gmac.. (in AH an integrity algorithm), 3des; with implicit IV, for ESP alone:
// aes128gcm16iiv.. aes128ccm8iiv.. chacha20poly1305iiv; md5 sha1 sha256 sha384 sha512 aesxcbc aescmac; prfsha1
// prfsha256 prfsha384 prfsha512 prfaesxcbc prfaescmac; modp2048 modp3072 modp4096 modp6144 modp8192 ecp256 ecp384
// ecp521 x25519 x448; esn noesn. 3des and md5 are legacy: no default names them. IKE: a missing prf follows the
// integrity algorithm. Child: no esn word means noesn; AH takes integrity and no cipher. Several words of one kind are
// alternatives. bad_value with detail = the offset of the word that is wrong or not for the protocol; missing_payload
// when a kind is missing.
Result<Proposal> parse_proposal(Protocol protocol, std::string_view text);
std::vector<std::string_view> proposal_words();  // every word that parse_proposal knows
std::string to_string(const Transform& transform);
std::string to_string(const Proposal& proposal);    // in the same words
std::string to_string(const Proposals& proposals);  // joined by ", "

struct ChosenIke {
  EncrId encr;
  uint16_t key_bits;
  IntegId integ;  // NONE with an AEAD
  PrfId prf;
  GroupId group;
  bool operator==(const ChosenIke&) const = default;
};
struct ChosenChild {
  Protocol protocol;
  EncrId encr;
  uint16_t key_bits;
  IntegId integ;  // NONE with an AEAD
  GroupId group;  // NO_GROUP without PFS
  bool esn;
  bool operator==(const ChosenChild&) const = default;
};

// Whether what such an SA protects cannot be read on the way.
bool encrypts(Protocol protocol, EncrId encr);

struct Selected {
  Proposal chosen;  // the peer's number and SPI, exactly one transform a type
};

// First of ours (our order of preference) that some proposal of the peer satisfies. no_proposal_chosen otherwise.
// ignore_ke: key exchange transforms are left out of the comparison and of the result (the Child SA of IKE_AUTH, RFC
// 7296 1.2).
Result<Selected> select_proposal(const Proposals& ours, const Proposals& peers, bool ignore_ke = false);
// The responder's answer must be one of what we offered: one transform a type, each of them ours.
bool answers(const Proposals& offered, const Proposal& answer, bool ignore_ke = false);

Result<ChosenIke> chosen_ike(const Proposal& chosen);  // no_proposal_chosen when a part is missing or unknown
Result<ChosenChild> chosen_child(const Proposal& chosen);
Proposal to_proposal(const ChosenIke& chosen);
Proposal to_proposal(const ChosenChild& chosen);

// One sentence: the first kind of transform on which the closest pair of proposals parts.
std::string explain_mismatch(const Proposals& ours, const Proposals& peers);

}  // namespace sallyport::model
