// The IKE SA is rekeyed:
//   initiator                              responder
//   HDR, SK {SA, Ni, KEi}            -->
//                                    <--   HDR, SK {SA, Nr, KEr}
// and the initiator deletes the old one. RFC 7296 1.3.2, 2.8.2, 2.18.
#include "ike/v2/rekey_ike.h"

namespace sallyport::ike::v2::rekey_ike {

using namespace wire::ike2;
using wire::ike::ExchangeType;

namespace {

Bytes spi_octets(model::IkeSpi spi) {
  Bytes out(8);
  store_be64(out.data(), spi);
  return out;
}

// RFC 7296 3.3.1: the SPI of the new IKE SA, eight octets, never zero (3.1).
std::optional<model::IkeSpi> read_spi(const model::Proposal& proposal) {
  if (proposal.spi.size() != 8) return std::nullopt;
  const model::IkeSpi spi = load_be64(proposal.spi.data());
  if (spi == 0) return std::nullopt;
  return spi;
}

struct Made {
  model::ChosenIke chosen{};
  model::IkeSpi spi_i = 0, spi_r = 0;
  ByteView nonce_i, nonce_r, shared;
  bool initiator = false;
};

// Derives the keys and brings the new IKE SA to life, without children yet.
Result<IkeSa*> make(IkeSa& old, TimePoint now, const Made& m) {
  SP_TRY(const SecretBytes seed, skeyseed_rekey(old.chosen.prf, old.keys.sk_d.view(), m.shared, m.nonce_i, m.nonce_r));
  SP_TRY(IkeKeys keys, derive_ike_keys(m.chosen, seed.view(), m.nonce_i, m.nonce_r, m.spi_i, m.spi_r));
  SP_TRY(std::unique_ptr<IkeSa> fresh,
         IkeSa::successor(now, old, m.initiator, m.spi_i, m.spi_r, m.chosen, std::move(keys)));
  IkeSa* raw = fresh.get();
  old.host.adopt(std::move(fresh));
  return raw;
}

void conclude_own(IkeSa& sa, TimePoint now, OwnExchange& own, const Made& m) {
  auto made = make(sa, now, m);
  if (!made) {
    create_child_sa::fail_own(sa, now, own,
                              ChildRefusal{made.error(), "the keys of the new IKE SA were refused", {}, {}});
    return;
  }
  IkeSa& fresh = **made;
  if (rekey_collision::ours_is_redundant(sa, own, to_bytes(m.nonce_r))) {
    // RFC 7296 2.8.2: we made the redundant one, so we delete it; the other one inherits, and the peer deletes the old.
    rekey_collision::set_redundant(fresh, now);
    IkeSa* heir = own.peer->ike_id != 0 ? sa.host.find(own.peer->ike_id) : nullptr;
    // Where the peer has closed it already, the old one goes the same way with its Child SAs.
    if (heir && heir->established() && sa.established()) rekey_collision::inherit(sa, *heir, now);
    fresh.queue(Task(Task::Kind::delete_ike));
    fresh.start_tasks(now);
    sa.finish_task(now);
    return;
  }
  if (own.peer && own.peer->ike_id != 0) {
    if (IkeSa* other = sa.host.find(own.peer->ike_id)) rekey_collision::set_redundant(*other, now);
  }
  sa.host.count_row("we rekeyed the IKE SA");
  rekey_collision::inherit(sa, fresh, now);
  sa.queue(Task(Task::Kind::delete_ike));
  sa.finish_task(now);
}

}  // namespace

void start(IkeSa& sa, TimePoint now, OwnExchange& own) {
  const model::ConnectionPolicy* connection = sa.connection();
  if (!connection || !sa.established()) {
    sa.finish_task(now);
    return;
  }
  own.spi = sa.host.new_ike_spi();
  own.ike_offer = connection->ike_proposals;
  uint8_t number = 0;
  for (model::Proposal& p : own.ike_offer) {
    p.number = ++number;
    p.spi = spi_octets(own.spi);
  }
  own.payloads = {SaPayload{own.ike_offer}, NoncePayload{own.nonce}};
  own.group = sa.chosen.group;  // both sides are known to take it
  create_child_sa::send(sa, now, own);
}

void handle_answer(IkeSa& sa, TimePoint now, OwnExchange& own, const Message& message) {
  const SaPayload* answer = find<SaPayload>(message.payloads);
  const NoncePayload* nonce = find<NoncePayload>(message.payloads);
  const KePayload* ke = find<KePayload>(message.payloads);
  const auto bad = [&](Errc code, const char* sentence) {
    create_child_sa::fail_own(sa, now, own, ChildRefusal{Error{code, 0}, sentence, {}, {}});
  };
  if (!answer || !nonce || !ke) return bad(Errc::missing_payload, "the peer's answer to a rekey lacks SA, Nonce or KE");
  if (answer->proposals.size() != 1 || !model::answers(own.ike_offer, answer->proposals[0])) {
    return bad(Errc::no_proposal_chosen, "the peer answered with a proposal that was not offered");
  }
  const auto chosen = model::chosen_ike(answer->proposals[0]);
  const auto spi = read_spi(answer->proposals[0]);
  if (!chosen || !spi || chosen->group != own.group || ke->group != static_cast<uint16_t>(own.group)) {
    return bad(Errc::bad_value, "the peer's answer to a rekey holds no usable SPI, proposal or key exchange");
  }
  model::KeWork work{own.group, own.private_key.clone(), ke->value};
  key_exchange(
      sa, now, std::move(work),
      [alive = std::weak_ptr<char>(own.alive), chosen = *chosen, spi = *spi, nonce_r = nonce->value](
          IkeSa& at, TimePoint then, model::KeyReply reply) {
        if (alive.expired()) return;
        OwnExchange& mine = *own_exchange_of(at);
        const auto* done = std::get_if<model::KeDone>(&reply);
        if (!done) {
          create_child_sa::fail_own(
              at, then, mine,
              ChildRefusal{Error{Errc::bad_public_value, 0}, "the key exchange with the peer failed", {}, {}});
          return;
        }
        conclude_own(at, then, mine, Made{chosen, mine.spi, spi, mine.nonce, nonce_r, done->shared.view(), true});
      });
}

namespace {

// Whether the exchanges of ours under way allow the peer to rekey this IKE SA.
bool may_rekey(IkeSa& sa) {
  if (!sa.established() || sa.replaced) return false;
  if (!sa.active()) return true;
  switch (sa.active()->kind) {
    // RFC 7296 2.25.1: not while a Child SA is being created, rekeyed or closed.
    case Task::Kind::create_child:
    case Task::Kind::rekey_child:
    case Task::Kind::delete_child:
    // RFC 7296 2.25.2: not while this IKE SA is being closed.
    case Task::Kind::delete_ike: return false;
    case Task::Kind::rekey_ike:
    case Task::Kind::liveness:
    case Task::Kind::report:
    case Task::Kind::ike_sa_init:
    case Task::Kind::ike_auth: return true;
  }
  return false;
}

void complete(IkeSa& sa, TimePoint now, const model::KeyReply& reply) {
  auto& peer = static_cast<PeerExchange&>(*sa.peer_exchange);
  const auto* done = std::get_if<model::KeDone>(&reply);
  const auto give_up = [&](NotifyType type) {
    if (OwnExchange* own = own_exchange_of(sa); own && own->peer == peer.collision) own->peer.reset();
    create_child_sa::refuse(sa, now, type);
  };
  if (!done) return give_up(NotifyType::INVALID_SYNTAX);
  const auto chosen = model::chosen_ike(*peer.ike_answer);
  const auto spi_i = read_spi(*peer.ike_answer);
  if (!chosen || !spi_i) return give_up(NotifyType::INVALID_SYNTAX);
  const model::IkeSpi spi_r = sa.host.new_ike_spi();
  const Bytes nonce_r = peer.nonce_r;
  auto made = make(sa, now, Made{*chosen, *spi_i, spi_r, peer.nonce_i, nonce_r, done->shared.view(), false});
  if (!made) return give_up(NotifyType::NO_PROPOSAL_CHOSEN);
  IkeSa& fresh = **made;

  model::Proposal answer = *peer.ike_answer;
  answer.spi = spi_octets(spi_r);
  const auto collision = peer.collision;
  sa.respond(now, ExchangeType::CREATE_CHILD_SA,
             {SaPayload{{answer}}, NoncePayload{nonce_r},
              KePayload{static_cast<uint16_t>(chosen->group), done->public_value}});
  if (!collision || collision->verdict == PeerRekey::Verdict::SURVIVES) {
    sa.host.count_row("the peer rekeyed the IKE SA");
    if (sa.established()) rekey_collision::inherit(sa, fresh, now);
  } else if (collision->verdict == PeerRekey::Verdict::REDUNDANT) {
    rekey_collision::set_redundant(fresh, now);
  } else {
    fresh.tentative = true;
  }
  if (collision) collision->ike_id = fresh.id;
}

}  // namespace

void handle_request(IkeSa& sa, TimePoint now, const Message& message) {
  const SaPayload* offered = find<SaPayload>(message.payloads);
  const NoncePayload* nonce = find<NoncePayload>(message.payloads);
  const KePayload* ke = find<KePayload>(message.payloads);
  const model::ConnectionPolicy* connection = sa.connection();
  if (!may_rekey(sa)) {
    sa.host.count_row("TEMPORARY_FAILURE to a rekey of the IKE SA");
    return create_child_sa::refuse(sa, now, NotifyType::TEMPORARY_FAILURE);
  }
  // RFC 7296 1.3.2: KE is not optional here.
  if (!offered || !nonce || !ke || !connection) return create_child_sa::refuse(sa, now, NotifyType::INVALID_SYNTAX);
  auto selected = model::select_proposal(connection->ike_proposals, offered->proposals);
  if (!selected) return create_child_sa::refuse(sa, now, NotifyType::NO_PROPOSAL_CHOSEN);
  const auto chosen = model::chosen_ike(selected->chosen);
  if (!chosen || !read_spi(selected->chosen)) return create_child_sa::refuse(sa, now, NotifyType::INVALID_SYNTAX);
  if (static_cast<uint16_t>(chosen->group) != ke->group) return create_child_sa::refuse_group(sa, now, chosen->group);

  auto peer = std::make_unique<PeerExchange>();
  peer->nonce_i = nonce->value;
  peer->nonce_r = create_child_sa::fresh_nonce(sa);
  peer->ike_answer = selected->chosen;
  peer->collision = rekey_collision::note(sa, Task::Kind::rekey_ike, 0, peer->nonce_i, peer->nonce_r);
  sa.peer_exchange = std::move(peer);
  key_exchange(sa, now, model::KeWork{chosen->group, {}, ke->value},
               [](IkeSa& at, TimePoint then, model::KeyReply reply) {
                 if (at.peer_exchange) complete(at, then, reply);
               });
}

}  // namespace sallyport::ike::v2::rekey_ike
