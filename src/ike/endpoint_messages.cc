// Sealed messages on their way to an exchange: window, integrity, fragments, parsing. RFC 7296 2.1
// to 2.3, 2.5, 2.23, 3.14; RFC 7383 2.6. Until integrity has been verified nothing of the IKE SA changes.
#include <algorithm>

#include "crypto/hash.h"
#include "ike/endpoint_impl.h"
#include "ike/exchange_rules.h"
#include "ike/v2/child_sa.h"

namespace sallyport::ike {

using namespace wire::ike2;
using v2::IkeSa;
using v2::IkeState;

static Digest digest_of(ByteView octets) {
  Digest out{};
  const Bytes hash = crypto::sha256(octets);
  std::copy_n(hash.begin(), std::min(hash.size(), out.size()), out.begin());
  return out;
}

// Whether the message may matter at all; a repeated request is answered here. Nothing is opened for the others.
bool Endpoint::Impl::wanted(IkeSa& sa, const wire::ike::IkeHeader& header, const Digest& digest,
                            const SkfPayload* fragment) {
  if (header.response_flag) {
    if (sa.window.answers(header.message_id) && sa.state() != IkeState::CLOSED) return true;
    ++counters_.out_of_window;
    return false;
  }
  // S2: the peer of an initiator is nobody yet. It may have sent its first request right behind its IKE_AUTH answer,
  // and the network has turned them round: it will come again.
  const bool nobody = sa.original_initiator && !sa.authenticated() && sa.state() != IkeState::CLOSED;
  if (nobody) {
    ++counters_.out_of_window;
    return false;
  }
  switch (sa.window.classify(header.message_id, digest)) {
    case MessageWindow::Incoming::fresh:
      if (sa.state() != IkeState::CLOSED) return true;
      break;  // what is over takes nothing new
    case MessageWindow::Incoming::repeated:
      // RFC 7296 2.1: the same answer to the same request, and only when asked (S9).
      ++counters_.repeated_requests;
      sa.transmit(sa.window.stored_reply());
      return false;
    case MessageWindow::Incoming::working: return false;
    case MessageWindow::Incoming::differs:
      // RFC 7383 2.6.1: of a repeated fragmented request only the first fragment counts.
      if (!fragment || fragment->number == 1) ++counters_.duplicate_differs;
      return false;
    case MessageWindow::Incoming::outside: break;
  }
  ++counters_.out_of_window;
  return false;
}

void Endpoint::Impl::handle_protected(IkeSa& sa, TimePoint now, const Datagram& in,
                                      const wire::ike::IkeHeader& header) {
  const auto message = parse_message(in.payload);
  if (!message) {
    ++counters_.malformed;
    return;
  }
  const auto* sk = wire::ike2::find<SkPayload>(message->payloads);
  const auto* skf = wire::ike2::find<SkfPayload>(message->payloads);
  if (sk == nullptr && skf == nullptr) return handle_unprotected(sa, now, *message);
  if (sk != nullptr && skf != nullptr) {
    ++counters_.malformed;
    return;
  }
  const Digest digest = digest_of(in.payload);
  if (!wanted(sa, header, digest, skf)) return;
  const bool claims = !header.response_flag && !sa.original_initiator && !sa.authenticated();
  if (claims && failed_auths_.must_wait(now, in.remote.addr)) {
    ++counters_.authentications_postponed;
    return;  // it will ask again
  }
  if (skf) return handle_fragment(sa, now, in, header, *skf, digest);
  const auto inner = sa.protection->open(in.payload, *sk);
  if (!inner) {
    ++counters_.bad_integrity;
    return;
  }
  deliver(sa, now, in, header, digest, inner->first, inner->bytes);
}

void Endpoint::Impl::handle_fragment(IkeSa& sa, TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header,
                                     const SkfPayload& skf, const Digest& digest) {
  // RFC 7383 2.3: only where both sides agreed.
  if (!sa.peer_fragments || !sa.fragments.check(header.message_id, header.response_flag, skf.number, skf.total)) {
    ++counters_.fragments_dropped;
    return;
  }
  auto inner = sa.protection->open_fragment(in.payload, skf);
  if (!inner) {
    ++counters_.bad_integrity;
    return;
  }
  if (skf.number == 1) sa.first_fragment = digest;
  auto whole = sa.fragments.add(now, header.message_id, header.response_flag, skf.number, skf.total,
                                static_cast<uint8_t>(inner->first), std::move(inner->bytes));
  if (!whole) {
    ++counters_.fragments_dropped;
    return;
  }
  if (const auto due = sa.fragments.deadline()) {
    sa.timers.set(v2::Timer::fragments, *due);
  } else {
    sa.timers.clear(v2::Timer::fragments);
  }
  if (*whole) {
    deliver(sa, now, in, header, sa.first_fragment, static_cast<wire::ike::PayloadType>((*whole)->first_payload),
            (*whole)->inner);
  }
}

// RFC 7296 2.23: the peer behind a NAT may appear under another address; only an authentic, new message shows that
// (T16).
void Endpoint::Impl::follow_peer(IkeSa& sa, const Datagram& in) {
  sa.interface_index = in.interface_index;
  const bool handshake = !sa.authenticated();
  if (sa.remote == in.remote && sa.natt == in.natt && sa.local == in.local) return;
  if (!handshake && !(sa.nat_remote && in.natt)) return;
  if (handshake && sa.original_initiator) return;  // we chose the ports, the peer answers there
  const bool moved = sa.remote != in.remote || sa.local != in.local;
  sa.remote = in.remote;
  sa.local = in.local;
  sa.natt = in.natt;
  if (moved && !handshake) emit(Event(RemoteMoved{sa.id, sa.local, sa.remote}));
}

// The same, shown by ESP. RFC 7296 2.23: whoever is behind a NAT himself follows nobody. Requests under way are
// retransmitted to the new address, also the last one on the IKE SA that this one replaces.
void Endpoint::Impl::peer_seen_at(const PeerSeenAt& command) {
  IkeSa* seen = find(command.ike_id);
  if (!seen || !seen->authenticated() || !seen->nat_remote || seen->nat_local || !seen->remote_identity) return;
  const auto follow = [&](IkeSa& sa) {
    if (sa.local != command.local) sa.interface_index = 0;
    sa.remote = command.remote;
    sa.local = command.local;
    sa.natt = true;
  };
  follow(*seen);
  for (IkeSa* sa : sas_of(seen->connection_name(), &*seen->remote_identity)) {
    if (sa->successor_id == seen->id) follow(*sa);
  }
  count_row("ESP shows that the peer has moved");
  emit(Event(RemoteMoved{seen->id, command.local, command.remote}));
}

void Endpoint::Impl::deliver(IkeSa& sa, TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header,
                             const Digest& digest, wire::ike::PayloadType first, ByteView inner) {
  auto payloads = parse_payloads(first, inner);
  sa.on_authenticated_received(now);
  follow_peer(sa, in);
  Message message{header, {}};
  if (header.response_flag) {
    sa.response_received();
    sa.on_message_id_taken(now);
    if (!payloads) {
      // RFC 7296 2.21.3: an answer that cannot be read leaves the two sides in different states.
      ++counters_.malformed;
      // The peer holds the IKE SA for whole; it is told once that it is not.
      if (sa.authenticated()) {
        sa.send_request(now, ExchangeType::INFORMATIONAL, {DeletePayload{model::Protocol::IKE, {}}});
      }
      sa.destroy(now, payloads.error().code,
                 "the peer's answer does not parse: " + std::string(describe(payloads.error().code)));
      return;
    }
    message.payloads = std::move(*payloads);
    v2::handle_response(sa, now, message);
    return;
  }
  // T13: a request that comes too soon is as good as lost, and comes again; so nobody is faster than that.
  if (sa.authenticated() && !sa.peer_requests.take(now, config_.limits.requests_per_minute)) {
    ++counters_.requests_postponed;
    return;
  }
  sa.window.take_request(header.message_id, digest);
  sa.on_message_id_taken(now);
  if (!payloads) {
    ++counters_.malformed;
    const auto type = notify_for(payloads.error().code).value_or(NotifyType::INVALID_SYNTAX);
    Bytes content;
    // RFC 7296 2.5: the notify names the payload type.
    if (payloads.error().code == Errc::critical_payload) content = {static_cast<uint8_t>(payloads.error().detail)};
    const bool before = !sa.authenticated();
    sa.respond_error(now, header.exchange, type, std::move(content));
    if (before) sa.close_quietly(now);
    return;
  }
  message.payloads = std::move(*payloads);
  v2::handle_request(sa, now, message);
}

}  // namespace sallyport::ike
