// Both ends rekey the same SA at the same time: what is remembered, who wins, who deletes what.
// RFC 7296 2.8.1 (Child SA), 2.8.2 (IKE SA), 2.25.1, 2.25.2. Of the four nonces of the two exchanges the lowest marks
// the redundant SA; who began that exchange deletes it; who began the other one deletes the SA that was rekeyed. Pure;
// one thread.
#pragma once
#include <memory>

#include "ike/v2/child_sa.h"
#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2 {

// A rekey of the peer that runs into one of ours, or its creation of the Child SA that we are creating. Shared by the
// two exchanges: whichever ends last finds the verdict.
struct PeerRekey {
  enum class Verdict : uint8_t { OPEN, SURVIVES, REDUNDANT };
  Verdict verdict = Verdict::OPEN;
  Bytes lower_nonce;            // of the peer's exchange
  model::ChildId child_id = 0;  // what it made; 0 while it is being made
  model::IkeId ike_id = 0;
  model::Selectors ts_local, ts_remote;  // of a creation: other selectors make it another Child SA
};

// Our CREATE_CHILD_SA exchange, from the start of its task to its end.
struct OwnExchange : Scratch {
  Task::Kind kind = Task::Kind::create_child;
  model::ChildPolicy policy;
  ChildOffer offer;
  model::ChildId old_child = 0;               // rekey_child
  model::IkeSpi spi = 0;                      // rekey_ike: ours of the new IKE SA
  model::Proposals ike_offer;                 // rekey_ike
  std::vector<wire::ike2::Payload> payloads;  // all but KE, as sent
  Bytes nonce;
  model::GroupId group = model::GroupId::NO_GROUP;
  SecretBytes private_key;
  std::vector<std::pair<model::Protocol, model::Spi>> deleted_early;  // the peer's Deletes of what we do not know yet
  bool restarted = false;                                             // INVALID_KE_PAYLOAD was obeyed once
  std::shared_ptr<PeerRekey> peer;                                    // rekey of the same SA by the peer
  std::shared_ptr<char> alive = std::make_shared<char>();
};

// The peer's, while its key exchange is being computed.
struct PeerExchange : Scratch {
  std::vector<wire::ike2::Payload> request;
  Bytes nonce_i, nonce_r;
  model::ChildId old_child = 0;
  std::optional<ChildAgreement> agreed;
  std::optional<model::Proposal> ike_answer;
  std::shared_ptr<PeerRekey> collision;
};

OwnExchange* own_exchange_of(IkeSa& sa);  // nothing unless CREATE_CHILD_SA of ours is active

namespace rekey_collision {

// RFC 7296 2.8: octet by octet, the shorter one lower where one begins the other.
const Bytes& lower(const Bytes& a, const Bytes& b);
bool lower_than(const Bytes& a, const Bytes& b);

// A request to rekey what own is rekeying: noted there. kind: rekey_child (old_child) or rekey_ike.
std::shared_ptr<PeerRekey> note(IkeSa& sa, Task::Kind kind, model::ChildId old_child, const Bytes& nonce_i,
                                const Bytes& nonce_r);
// A request to create the Child SA that own is creating: noted there. RFC 7296 1.3.1 lets both stand; the nonces choose
// one as they do for rekeys, so that no peer who knows that rule only can be hurt: what goes is a Child SA too many.
std::shared_ptr<PeerRekey> note_create(IkeSa& sa, const ChildAgreement& agreed, const Bytes& nonce_i,
                                       const Bytes& nonce_r);
// Our creation has its answer. True: the SA we made goes; otherwise, if there is still own.peer, the peer's goes.
bool ours_is_needless(IkeSa& sa, OwnExchange& own, const ChildAgreement& agreed, const Bytes& nonce_r);
// The Child SA of the peer that goes. The peer deletes it; where it does not in good time, we do.
void set_redundant(IkeSa& sa, ChildSa& child, TimePoint now);
// Ours has its answer. True: the SA we made is the redundant one. Sets the verdict on the peer's.
bool ours_is_redundant(IkeSa& sa, OwnExchange& own, const Bytes& nonce_r);

// The peer's rekey stands alone: ours was refused, failed or is forgotten. True if there is one and it was installed,
// so that ours is no loss.
bool peers_stands(IkeSa& sa, TimePoint now, OwnExchange& own);

// The Child SAs and the queue of a rekeyed IKE SA go to its successor; old becomes REKEYED. Emits IkeSaRekeyed.
void inherit(IkeSa& old, IkeSa& heir, TimePoint now);
// This IKE SA ends before the verdict about the peer's rekey of it: the one the peer made stands. silent_peer: nobody
// has said that the Child SAs are gone, so that one inherits them; it is asked whether it lives.
void let_go(IkeSa& sa, TimePoint now, bool silent_peer);
// An IKE SA that lost a collision: it carries nothing and its end is no loss.
void set_redundant(IkeSa& sa, TimePoint now);

}  // namespace rekey_collision
}  // namespace sallyport::ike::v2
