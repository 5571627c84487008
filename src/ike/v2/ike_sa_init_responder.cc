// IKE_SA_INIT as its responder. RFC 7296 1.2.
//
//   peer                                              us
//   HDR(A,0), SAi1, KEi, Ni, N(...)               ->
//                                                 <-  HDR(A,0), N(NO_PROPOSAL_CHOSEN)      no state kept
//                                                 <-  HDR(A,0), N(INVALID_KE_PAYLOAD)      no state kept
//                                                 <-  HDR(A,B), SAr1, KEr, Nr, N(...)      half open
#include "ike/exchange_rules.h"
#include "ike/nat_detect.h"
#include "ike/v2/connection_choice.h"
#include "ike/v2/ike_sa_init.h"
#include "ike/v2/private_notifies.h"

namespace sallyport::ike::v2::ike_sa_init {

using namespace wire::ike2;
using wire::ike::PayloadType;

namespace {

constexpr PayloadRule kRequest[] = {{PayloadType::SA, 1, 1}, {PayloadType::KE, 1, 1}, {PayloadType::Nonce, 1, 1}};

struct Choice {
  model::Proposal answer;
  model::ChosenIke chosen;
};

// The best connection for these addresses that shares a proposal with the peer decides.
Result<Choice> choose(const model::IkePolicySet& policy, const std::vector<size_t>& candidates,
                      const model::Proposals& offered) {
  for (size_t index : candidates) {
    auto selected = model::select_proposal(policy.connections[index].ike_proposals, offered);
    if (!selected) continue;
    SP_TRY(model::ChosenIke chosen, model::chosen_ike(selected->chosen));
    return Choice{std::move(selected->chosen), chosen};
  }
  return fail(Errc::no_proposal_chosen);
}

void refuse_proposals(Host& host, const Datagram& in, const Message& message, const std::vector<size_t>& candidates) {
  const auto& connections = host.policy()->connections;
  const model::Proposals& peers = find<SaPayload>(message.payloads)->proposals;
  AttemptFailed event;
  event.initiated = false;
  event.code = Errc::no_proposal_chosen;
  event.peers = model::to_string(peers);
  event.local = in.local.addr;
  event.remote = in.remote.addr;
  if (candidates.empty()) {
    event.sentence =
        "no connection is configured for " + in.remote.addr.to_string() + " at " + in.local.addr.to_string();
  } else {
    const model::ConnectionPolicy& c = connections[candidates.front()];
    event.connection = c.name;
    event.ours = model::to_string(c.ike_proposals);
    event.sentence = "no IKE proposal in common with " + in.remote.to_string() + ": " +
                     model::explain_mismatch(c.ike_proposals, peers);
  }
  ++host.counters().failed;
  host.emit(Event(std::move(event)));
}

// The authorities of a trust set, as far as there is room.
void ask_for_certificate(const IkeSa& sa, const std::string& name, Bytes& authorities) {
  constexpr size_t kMost = 8;
  const model::TrustSet* trust = sa.policy->trust_set(name);
  if (trust == nullptr) return;
  for (const Bytes& id : trust->key_ids) {
    if (authorities.size() < kMost * 20) append(authorities, id);
  }
}

void reply(IkeSa& sa, Handshake& h) {
  Message m;
  m.header.spi_i = sa.spi_i;
  m.header.spi_r = sa.spi_r;
  m.header.exchange = ExchangeType::IKE_SA_INIT;
  m.header.response_flag = true;
  m.payloads.push_back(SaPayload{{h.answer}});
  m.payloads.push_back(KePayload{static_cast<uint16_t>(sa.chosen.group), h.ke_public});
  m.payloads.push_back(NoncePayload{h.nonce_r});
  bool falsify = false, fragment = h.peer_can_fragment;
  Bytes authorities;
  for (size_t index : h.candidates) {
    const model::ConnectionPolicy& c = sa.policy->connections[index];
    falsify = falsify || (index == h.candidates.front() && c.force_encap);
    fragment = fragment && (index != h.candidates.front() || c.fragmentation);
    h.multiple_auth = h.multiple_auth || c.local_user || c.remote_user;
    if (c.remote_auth.kind == model::AuthPolicy::Kind::cert) ask_for_certificate(sa, c.remote_auth.trust, authorities);
    if (c.remote_user) ask_for_certificate(sa, c.remote_user->trust, authorities);
  }
  if (h.peer_detects_nat) {
    add_nat_detection(m.payloads, sa.spi_i, sa.spi_r, sa.local, sa.remote, falsify);
    sa.nat_local = sa.nat_local || falsify;
  }
  if (!authorities.empty()) {
    m.payloads.push_back(CertreqPayload{CertEncoding::X509_SIGNATURE, std::move(authorities)});
  }
  if (fragment) {
    sa.peer_fragments = true;
    m.payloads.push_back(NotifyPayload{0, {}, NotifyType::IKEV2_FRAGMENTATION_SUPPORTED, {}});
  }
  // RFC 7427 4: only towards a peer that sent its own.
  if (!sa.peer_hashes.empty()) {
    m.payloads.push_back(NotifyPayload{0, {}, NotifyType::SIGNATURE_HASH_ALGORITHMS, signature_hashes()});
  }
  // RFC 4739 2.1: where a connection of ours may want it.
  if (h.multiple_auth) m.payloads.push_back(NotifyPayload{0, {}, NotifyType::MULTIPLE_AUTH_SUPPORTED, {}});
  // Only towards a peer that has announced itself.
  if (sa.peer_is_ours) m.payloads.push_back(private_notifies::vendor_id());
  h.init_response = write_message(m);
}

}  // namespace

std::unique_ptr<IkeSa> respond(Host& host, TimePoint now, const Datagram& in, const Message& message) {
  if (!check_payloads(kRequest, message.payloads) || !host.policy()) return nullptr;
  const auto* offered = find<SaPayload>(message.payloads);
  const auto* ke = find<KePayload>(message.payloads);
  const auto answer_clear = [&](NotifyType type, Bytes content) {
    host.emit(Datagram{in.local, in.remote, in.interface_index, in.natt,
                       clear_answer(message.header, type, std::move(content))});
  };
  std::vector<size_t> candidates = connections_for(*host.policy(), in.local.addr, in.remote.addr);
  auto choice = choose(*host.policy(), candidates, offered->proposals);
  if (!choice) {
    host.count_row("IKE_SA_INIT refused: no proposal chosen");
    answer_clear(NotifyType::NO_PROPOSAL_CHOSEN, {});
    refuse_proposals(host, in, message, candidates);
    return nullptr;
  }
  // RFC 7296 1.2, 3.4: the KE payload must be of the group chosen.
  if (ke->group != static_cast<uint16_t>(choice->chosen.group)) {
    host.count_row("IKE_SA_INIT refused: wrong key exchange group");
    answer_clear(NotifyType::INVALID_KE_PAYLOAD, group_octets(choice->chosen.group));
    return nullptr;
  }
  host.count_row("IKE_SA_INIT received");
  auto sa = std::make_unique<IkeSa>(host, false, host.policy());
  auto h = std::make_unique<Handshake>();
  sa->born = now;
  sa->local = in.local;
  sa->remote = in.remote;
  sa->interface_index = in.interface_index;
  sa->natt = in.natt;
  sa->spi_i = message.header.spi_i;
  sa->spi_r = host.new_ike_spi();
  sa->chosen = choice->chosen;
  h->init_request = in.payload;
  h->nonce_i = find<NoncePayload>(message.payloads)->value;
  h->nonce_r.resize(32);
  host.rng().fill(h->nonce_r);
  h->candidates = std::move(candidates);
  h->peer_public = ke->value;
  h->answer = std::move(choice->answer);
  const NatSeen seen = nat_seen(message.payloads, sa->spi_i, 0, in.local, in.remote);
  h->peer_detects_nat = seen.supported;
  sa->nat_local = seen.local;
  sa->nat_remote = seen.remote;
  h->peer_can_fragment = find_notify(message.payloads, NotifyType::IKEV2_FRAGMENTATION_SUPPORTED) != nullptr;
  read_signature_hashes(message.payloads, sa->peer_hashes);
  sa->peer_is_ours = private_notifies::announced(message.payloads);
  sa->handshake = std::move(h);
  sa->timers.set(Timer::half_open, now + host.config().limits.half_open_timeout);
  ++host.counters().responded;
  return sa;
}

void begin(IkeSa& sa, TimePoint now) {
  Handshake& first = handshake_of(sa);
  key_exchange(sa, now, model::KeWork{sa.chosen.group, {}, std::move(first.peer_public)},
               [](IkeSa& again, TimePoint then, model::KeyReply reply_of_ke) {
                 auto* done = std::get_if<model::KeDone>(&reply_of_ke);
                 Handshake& h = handshake_of(again);
                 // P7: an unacceptable value gets no answer: nothing here is authenticated.
                 if (!done || done->shared.empty() || !derive_and_install(again, again.chosen, done->shared.view())) {
                   again.destroy_quietly(then);
                   return;
                 }
                 h.ke_public = std::move(done->public_value);
                 again.transition_to(IkeState::INIT_DONE, "IKE_SA_INIT answered");
                 reply(again, h);
                 again.respond_clear(then, h.init_response);
               });
}

}  // namespace sallyport::ike::v2::ike_sa_init
