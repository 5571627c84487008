// IKE_SA_INIT as its initiator. RFC 7296 1.2.
//
//   us                                                peer
//   HDR(A,0), [N(COOKIE)], SAi1, KEi, Ni, N(...)  ->
//                                                 <-  HDR(A,0), N(COOKIE)                  again with the cookie
//                                                 <-  HDR(A,0), N(INVALID_KE_PAYLOAD)      again with that group
//                                                 <-  HDR(A,B), SAr1, KEr, Nr, N(...)      keys
#include "ike/v2/ike_sa_init.h"

#include <algorithm>

#include "crypto/key_exchange.h"
#include "ike/nat_detect.h"
#include "ike/v2/private_notifies.h"
#include "ike/v2/transition.h"

namespace sallyport::ike::v2::ike_sa_init {

using namespace wire::ike2;
using wire::ike::PayloadType;

namespace {

constexpr unsigned kMaxRestarts = 4;  // one cookie, one group, and both once more
constexpr size_t kNonceOctets = 32;   // RFC 7296 2.10: at least 16, at least half the key of the prf

void apply_answer(IkeSa& sa, TimePoint now, const Message& message);

constexpr PayloadRule kAnswer[] = {{PayloadType::SA, 1, 1}, {PayloadType::KE, 1, 1}, {PayloadType::Nonce, 1, 1}};
constexpr Row kRows[] = {
    {IkeState::INIT_SENT, Role::initiator, kAnswer, apply_answer, IkeState::INIT_DONE, "IKE_SA_INIT answered"},
};

Bytes u16_octets(uint16_t value) {
  Bytes out(2);
  store_be16(out.data(), value);
  return out;
}

void give_up(IkeSa& sa, TimePoint now, Errc code, std::string sentence, std::string ours = {}, std::string peers = {},
             bool by_peer = false) {
  const std::string name(sa.connection_name());
  ++sa.host.counters().failed;
  sa.destroy_quietly(now);
  AttemptFailed event{name, {}, code, std::move(sentence), std::move(ours), std::move(peers), sa.original_initiator};
  event.by_peer = by_peer;
  sa.host.emit(Event(describe_ends(sa, std::move(event))));
}

std::string peer_text(const IkeSa& sa) { return sa.remote.to_string(); }

void send(IkeSa& sa, TimePoint now) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  Message m;
  m.header.spi_i = sa.spi_i;
  m.header.exchange = ExchangeType::IKE_SA_INIT;
  m.header.initiator_flag = true;
  // RFC 7296 2.6: the cookie comes first, everything else as before.
  if (!h.cookie.empty()) m.payloads.push_back(NotifyPayload{0, {}, NotifyType::COOKIE, h.cookie});
  model::Proposals proposals = c.ike_proposals;
  uint8_t number = 0;
  for (model::Proposal& p : proposals) {
    p.number = ++number;
    p.spi.clear();
  }
  m.payloads.push_back(SaPayload{std::move(proposals)});
  m.payloads.push_back(KePayload{static_cast<uint16_t>(h.group), h.ke_public});
  m.payloads.push_back(NoncePayload{h.nonce_i});
  add_nat_detection(m.payloads, sa.spi_i, 0, sa.local, sa.remote, c.force_encap || h.local_unknown);
  if (c.fragmentation) m.payloads.push_back(NotifyPayload{0, {}, NotifyType::IKEV2_FRAGMENTATION_SUPPORTED, {}});
  m.payloads.push_back(NotifyPayload{0, {}, NotifyType::SIGNATURE_HASH_ALGORITHMS, signature_hashes()});
  m.payloads.push_back(private_notifies::vendor_id());
  h.init_request = write_message(m);
  sa.transition_to(IkeState::INIT_SENT, "IKE_SA_INIT sent");
  sa.send_clear_request(now, h.init_request);
}

// A fresh pair of the group in hand, then the message.
void make_pair_and_send(IkeSa& sa, TimePoint now) {
  key_exchange(sa, now, model::KeWork{handshake_of(sa).group, {}, {}},
               [](IkeSa& again, TimePoint then, model::KeyReply reply) {
                 auto* done = std::get_if<model::KeDone>(&reply);
                 if (!done) {
                   give_up(again, then, Errc::algorithm_refused, "the key exchange group could not be used");
                   return;
                 }
                 Handshake& h = handshake_of(again);
                 h.ke_private = std::move(done->private_key);
                 h.ke_public = std::move(done->public_value);
                 send(again, then);
               });
}

std::optional<model::GroupId> first_group(const model::Proposals& proposals) {
  for (const model::Proposal& p : proposals) {
    for (const model::Transform& t : p.transforms) {
      const auto group = static_cast<model::GroupId>(t.id);
      if (t.type == model::TransformType::KE && model::known(group)) return group;
    }
  }
  return std::nullopt;
}

bool offered_group(const model::Proposals& proposals, uint16_t group) {
  for (const model::Proposal& p : proposals) {
    for (const model::Transform& t : p.transforms) {
      if (t.type == model::TransformType::KE && t.id == group) return true;
    }
  }
  return false;
}

void start_from(IkeSa& sa, TimePoint now, const IpAddr& local, const IpAddr& remote) {
  const model::ConnectionPolicy& c = *sa.connection();
  Handshake& h = handshake_of(sa);
  h.local_unknown = local.is_any();
  sa.local = {local, sa.host.config().port};
  sa.remote = {remote, c.remote_port};
  const auto group = first_group(c.ike_proposals);
  if (!group) return give_up(sa, now, Errc::bad_config, "no key exchange group is configured that is known here");
  h.group = *group;
  make_pair_and_send(sa, now);
}

// No address of ours is configured: the peer's first address that the system knows a source for is taken, with that
// source. Where it names none for any, the message goes out from whatever it chooses, and a NAT is assumed, because
// RFC 7296 2.23 hashes an address we do not know.
void ask_for_source(IkeSa& sa, TimePoint now, const std::vector<IpAddr>& remotes, size_t index) {
  if (remotes.empty()) return give_up(sa, now, Errc::not_found, "the peer has no address");
  if (index >= remotes.size()) return start_from(sa, now, IpAddr::any(remotes.front().family()), remotes.front());
  sa.host.ask(
      sa, model::SourceFor{remotes[index]}, [remotes, index](IkeSa& again, TimePoint then, model::KeyReply reply) {
        const auto* found = std::get_if<model::Addresses>(&reply);
        if (found && !found->addresses.empty() && found->addresses.front().family() == remotes[index].family()) {
          start_from(again, then, found->addresses.front(), remotes[index]);
        } else {
          ask_for_source(again, then, remotes, index + 1);
        }
      });
}

void start_with_addresses(IkeSa& sa, TimePoint now, const std::vector<IpAddr>& addresses) {
  const model::ConnectionPolicy& c = *sa.connection();
  std::vector<IpAddr> own;
  for (const std::string& text : c.local_addrs) {
    if (auto parsed = IpAddr::parse(text); parsed && !parsed->is_any()) own.push_back(*parsed);
  }
  if (own.empty()) return ask_for_source(sa, now, addresses, 0);
  // The first address of the peer that we have a source for.
  for (const IpAddr& remote : addresses) {
    const auto source =
        std::find_if(own.begin(), own.end(), [&](const IpAddr& a) { return a.family() == remote.family(); });
    if (source != own.end()) return start_from(sa, now, *source, remote);
  }
  give_up(sa, now, Errc::bad_config, "no address of the peer can be used from our own addresses");
}

void resolve_next(IkeSa& sa, TimePoint now, size_t index) {
  const model::ConnectionPolicy& c = *sa.connection();
  if (index >= c.remote_addrs.size()) {
    give_up(sa, now, Errc::not_found, "the peer has no address: none is configured, or its name does not resolve");
    return;
  }
  const std::string& text = c.remote_addrs[index];
  if (auto literal = IpAddr::parse(text)) {
    if (literal->is_any()) {
      resolve_next(sa, now, index + 1);
    } else {
      start_with_addresses(sa, now, {*literal});
    }
    return;
  }
  if (text == "%any" || text == "any" || text.find('/') != std::string::npos) {
    resolve_next(sa, now, index + 1);
    return;
  }
  sa.host.ask(sa, model::Resolve{text}, [index](IkeSa& again, TimePoint then, model::KeyReply reply) {
    if (const auto* found = std::get_if<model::Addresses>(&reply); found && !found->addresses.empty()) {
      start_with_addresses(again, then, found->addresses);
    } else {
      resolve_next(again, then, index + 1);
    }
  });
}

// The answer names a cookie, another group, or an error. True: the message is dealt with.
bool handle_notify(IkeSa& sa, TimePoint now, const Message& message) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  if (find<SaPayload>(message.payloads)) return false;
  if (const auto* cookie = find_notify(message.payloads, NotifyType::COOKIE)) {
    // RFC 7296 2.6: 1 to 64 octets, given back as they are.
    if (cookie->content.empty() || cookie->content.size() > 64) return true;
    if (++h.restarts > kMaxRestarts) {
      give_up(sa, now, Errc::limit, "the peer at " + peer_text(sa) + " asks for cookies without end");
      return true;
    }
    sa.host.count_row("IKE_SA_INIT again with a cookie");
    h.cookie = cookie->content;
    sa.window.restart();
    send(sa, now);
    return true;
  }
  if (const auto* other = find_notify(message.payloads, NotifyType::INVALID_KE_PAYLOAD)) {
    // RFC 7296 1.2: the group must be one of ours, or somebody between us wishes for a weak one.
    const uint16_t group = other->content.size() == 2 ? load_be16(other->content.data()) : uint16_t{0};
    if (!offered_group(c.ike_proposals, group) || group == static_cast<uint16_t>(h.group) ||
        !model::known(static_cast<model::GroupId>(group)) || ++h.restarts > kMaxRestarts) {
      give_up(sa, now, Errc::no_proposal_chosen,
              "the peer at " + peer_text(sa) + " asks for key exchange group " + std::to_string(group) +
                  ", which was not offered",
              model::to_string(c.ike_proposals));
      return true;
    }
    sa.host.count_row("IKE_SA_INIT again with another group");
    sa.window.restart();
    sa.timers.clear(Timer::retransmit);
    h.group = static_cast<model::GroupId>(group);
    sa.transition_to(IkeState::STARTING, "another key exchange group");
    make_pair_and_send(sa, now);
    return true;
  }
  if (const auto* error = error_notify(message.payloads)) {
    AttemptFailed refusal;
    refusal.code = Errc::state;
    if (error->type == NotifyType::NO_PROPOSAL_CHOSEN) {
      refusal.code = Errc::no_proposal_chosen;
      refusal.ours = model::to_string(c.ike_proposals);
      refusal.sentence = "the peer at " + peer_text(sa) + " accepts none of our IKE proposals: " + refusal.ours;
    } else {
      refusal.sentence =
          "the peer at " + peer_text(sa) + " refused IKE_SA_INIT with " + std::string(to_string(error->type));
    }
    h.refusal = std::move(refusal);
    return true;
  }
  return false;
}

void keys_from_shared(IkeSa& sa, TimePoint now, const model::ChosenIke& chosen, ByteView shared) {
  if (auto done = derive_and_install(sa, chosen, shared); !done) {
    give_up(sa, now, done.error().code,
            "the keys of the IKE SA could not be made: " + std::string(describe(done.error().code)));
    return;
  }
  const model::ConnectionPolicy& c = *sa.connection();
  sa.nat_local = sa.nat_local || c.force_encap;
  // RFC 7296 2.23: behind a NAT, and by our own wish, everything from now on goes to the port with the marker. A peer
  // with a port of its own for IKE may have another one for that, too.
  const ike::Config& config = sa.host.config();
  const bool preferred =
      config.prefer_udp && sa.peer_is_ours && (sa.remote.port == 500 || config.remote_natt_port != 4500);
  if (sa.behind_nat() || preferred) {
    sa.natt = true;
    sa.local.port = config.natt_port;
    sa.remote.port = config.remote_natt_port;
  }
  sa.transition_to(IkeState::INIT_DONE, "keys made");
  sa.queue(Task(Task::Kind::ike_auth));
  sa.finish_task(now);
}

void apply_answer(IkeSa& sa, TimePoint now, const Message& message) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  const auto* answer = find<SaPayload>(message.payloads);
  const auto* ke = find<KePayload>(message.payloads);
  const auto* nonce = find<NoncePayload>(message.payloads);
  if (message.header.spi_r == 0) return;  // forged or broken: wait for the real one
  // RFC 7296 2.7: one proposal, of those we made.
  if (answer->proposals.size() != 1 || !model::answers(c.ike_proposals, answer->proposals[0])) {
    give_up(sa, now, Errc::no_proposal_chosen,
            "the peer at " + peer_text(sa) + " answered with an IKE proposal that was not offered",
            model::to_string(c.ike_proposals), model::to_string(answer->proposals));
    return;
  }
  const auto chosen = model::chosen_ike(answer->proposals[0]);
  if (!chosen || ke->group != static_cast<uint16_t>(h.group) || chosen->group != h.group) {
    give_up(sa, now, Errc::bad_value,
            "the peer at " + peer_text(sa) + " answered with another key exchange group than it chose");
    return;
  }
  sa.response_received();
  sa.spi_r = message.header.spi_r;
  h.nonce_r = nonce->value;
  if (sa.local.addr.is_any()) h.local_unknown = true;
  const NatSeen seen = nat_seen(message.payloads, sa.spi_i, sa.spi_r, sa.local, sa.remote);
  sa.nat_local = seen.supported && (seen.local || h.local_unknown);
  sa.nat_remote = seen.remote;
  sa.peer_fragments = c.fragmentation && find_notify(message.payloads, NotifyType::IKEV2_FRAGMENTATION_SUPPORTED);
  read_signature_hashes(message.payloads, sa.peer_hashes);
  sa.peer_is_ours = private_notifies::announced(message.payloads);
  h.peer_wants_certificate = find<CertreqPayload>(message.payloads) != nullptr;
  // RFC 4739 2.1: said back where a user of either side matters.
  h.multiple_auth =
      (sa.own_user || c.remote_user) && find_notify(message.payloads, NotifyType::MULTIPLE_AUTH_SUPPORTED) != nullptr;

  key_exchange(sa, now, model::KeWork{h.group, std::move(h.ke_private), ke->value},
               [agreed = *chosen](IkeSa& again, TimePoint then, model::KeyReply reply) {
                 auto* done = std::get_if<model::KeDone>(&reply);
                 if (!done || done->shared.empty()) {
                   give_up(again, then, Errc::bad_public_value, "the peer's key exchange value is not acceptable");
                   return;
                 }
                 keys_from_shared(again, then, agreed, done->shared.view());
               });
}

}  // namespace

Bytes signature_hashes() {
  Writer w;
  for (model::HashId hash :
       {model::HashId::SHA2_256, model::HashId::SHA2_384, model::HashId::SHA2_512, model::HashId::IDENTITY}) {
    w.u16(static_cast<uint16_t>(hash));
  }
  return w.take();
}

void read_signature_hashes(const std::vector<Payload>& payloads, std::vector<uint16_t>& out) {
  out.clear();
  const auto* notify = find_notify(payloads, NotifyType::SIGNATURE_HASH_ALGORITHMS);
  if (!notify) return;
  for (size_t at = 0; at + 2 <= notify->content.size(); at += 2) out.push_back(load_be16(notify->content.data() + at));
}

Result<> derive_and_install(IkeSa& sa, const model::ChosenIke& chosen, ByteView shared) {
  const Handshake& h = handshake_of(sa);
  SP_TRY(SecretBytes seed, skeyseed(chosen.prf, h.nonce_i, h.nonce_r, shared));
  SP_TRY(IkeKeys keys, derive_ike_keys(chosen, seed.view(), h.nonce_i, h.nonce_r, sa.spi_i, sa.spi_r));
  return sa.install_keys(chosen, std::move(keys));
}

void start(IkeSa& sa, TimePoint now) {
  Handshake& h = handshake_of(sa);
  h.nonce_i.resize(kNonceOctets);
  sa.host.rng().fill(h.nonce_i);
  ++sa.host.counters().initiated;
  if (h.given_local && h.given_remote) return start_from(sa, now, *h.given_local, *h.given_remote);
  resolve_next(sa, now, 0);
}

void handle_response(IkeSa& sa, TimePoint now, ByteView datagram, const Message& message) {
  if (sa.state() != IkeState::INIT_SENT || !sa.window.answers(message.header.message_id)) return;
  if (handle_notify(sa, now, message)) return;
  handshake_of(sa).init_response = to_bytes(datagram);
  // A broken answer may be forged: it is dropped, and the true one is waited for.
  (void)take_row(kRows, Role::initiator, sa, now, message);
}

bool end_refused(IkeSa& sa, TimePoint now) {
  if (sa.state() != IkeState::INIT_SENT || !handshake_of(sa).refusal) return false;
  AttemptFailed refusal = std::move(*handshake_of(sa).refusal);
  give_up(sa, now, refusal.code, std::move(refusal.sentence), std::move(refusal.ours), {}, true);
  return true;
}

Bytes clear_answer(const IkeHeader& request, NotifyType type, Bytes content) {
  Message m;
  m.header = request;
  m.header.initiator_flag = false;
  m.header.version_flag = false;
  m.header.response_flag = true;
  m.header.major = 2;
  m.header.minor = 0;
  m.payloads.push_back(NotifyPayload{0, {}, type, std::move(content)});
  return write_message(m);
}

Bytes group_octets(model::GroupId group) { return u16_octets(static_cast<uint16_t>(group)); }

}  // namespace sallyport::ike::v2::ike_sa_init

namespace sallyport::ike::v2 {

void key_exchange(IkeSa& sa, TimePoint now, model::KeWork work, Continuation then) {
  if (crypto::ke_is_slow(work.group)) {
    sa.host.ask(sa, std::move(work), std::move(then));
    return;
  }
  then(sa, now, crypto::run_ke(work));
}

}  // namespace sallyport::ike::v2
