// What is said outside an IKE SA: INVALID_IKE_SPI and INVALID_SPI, in both directions. RFC 7296 1.5, 2.21.4.
// Nothing that comes in here is authentic: it is a hint at most (v2/liveness.h) and changes no SA. What goes out is
// limited in number and never longer than what called for it (S9).
#include "ike/endpoint_impl.h"
#include "ike/v2/ike_sa_init.h"
#include "ike/v2/liveness.h"

namespace sallyport::ike {

using namespace wire::ike2;
using v2::IkeSa;
using v2::Task;

// A message for an IKE SA that is not here: we may have restarted, or somebody is guessing.
void Endpoint::Impl::handle_unknown_ike_spi(TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header) {
  ++counters_.unknown_spi;
  // RFC 7296 2.21.4: a response is never answered.
  if (header.response_flag) return;
  // A message of our own that somebody sends back to us.
  if (by_spi_.count(header.initiator_flag ? header.spi_i : header.spi_r) != 0) return;
  const auto message = parse_message(in.payload);
  if (!message) {
    ++counters_.malformed;
    return;
  }
  if (wire::ike2::find<SkPayload>(message->payloads) || wire::ike2::find<SkfPayload>(message->payloads)) {
    // RFC 7296 1.5: back to where it came from, SPIs, exchange and message ID copied, response flag set.
    Bytes answer = v2::ike_sa_init::clear_answer(header, NotifyType::INVALID_IKE_SPI, {});
    answer_stranger(now, Datagram{in.local, in.remote, in.interface_index, in.natt, std::move(answer)},
                    in.payload.size());
    return;
  }
  // RFC 7296 1.5: an unprotected INVALID_SPI has no meaningful IKE SPIs, and is never answered.
  if (header.exchange == ExchangeType::INFORMATIONAL && find_notify(message->payloads, NotifyType::INVALID_SPI)) {
    ++counters_.hints;
    hint_about(now, in.remote);
  }
}

// A message with the SPIs of an IKE SA that has keys, but without a sealed payload.
void Endpoint::Impl::handle_unprotected(IkeSa& sa, TimePoint now, const Message& message) {
  // RFC 7296 2.21.4: the answer of a peer that no longer knows this IKE SA, or a forgery.
  const bool lost = message.header.response_flag && sa.window.answers(message.header.message_id) &&
                    find_notify(message.payloads, NotifyType::INVALID_IKE_SPI);
  if (!lost) {
    ++counters_.malformed;
    return;
  }
  ++counters_.hints;
  v2::liveness::denied(sa, now);
}

void Endpoint::Impl::hint_about(TimePoint now, const IpEndpoint& remote) {
  for_each([&](IkeSa& sa) {
    if (sa.remote.addr == remote.addr && !sa.replaced) v2::liveness::hint(sa, now);
  });
}

void Endpoint::Impl::unknown_esp_spi(TimePoint now, const UnknownSpi& command) {
  IkeSa* known = nullptr;
  for_each([&](IkeSa& sa) {
    const bool same = sa.remote.addr == command.remote.addr && (!command.udp || sa.remote.port == command.remote.port);
    if (same && sa.established() && !sa.replaced) known = &sa;
  });
  if (known) {
    // RFC 7296 2.21.4: over the IKE SA; the peer changes nothing because of it.
    if (known->reported_at && now - *known->reported_at < v2::liveness::kHintInterval) return;
    known->reported_at = now;
    count_row("INVALID_SPI reported");
    Task report(Task::Kind::report);
    report.notify = static_cast<uint16_t>(NotifyType::INVALID_SPI);
    report.spi = command.spi;
    known->queue(std::move(report));
    known->start_tasks(now);
    return;
  }
  // RFC 7296 1.5: outside an IKE SA, a request that nobody may answer; its SPIs mean nothing.
  Message message;
  message.header.exchange = ExchangeType::INFORMATIONAL;
  message.header.initiator_flag = true;
  Bytes spi(4);
  store_be32(spi.data(), command.spi);
  message.payloads.push_back(NotifyPayload{0, {}, NotifyType::INVALID_SPI, std::move(spi)});
  Datagram out{command.local, command.remote, 0, command.udp, write_message(message)};
  out.local.port = command.udp ? config_.natt_port : config_.port;
  if (!command.udp) out.remote.port = 500;
  answer_stranger(now, out, command.octets);
}

}  // namespace sallyport::ike
