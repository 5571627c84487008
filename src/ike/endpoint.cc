// The endpoint's tables, and what happens before there is an IKE SA. RFC 7296 2.4 to 2.6, 2.21.1.
#include "ike/endpoint.h"

#include <algorithm>

#include "crypto/hash.h"
#include "ike/endpoint_impl.h"
#include "ike/v2/child_sa.h"
#include "ike/v2/handshake.h"
#include "ike/v2/ike_sa_init.h"

namespace sallyport::ike {

using namespace wire::ike2;
using v2::IkeSa;
using v2::IkeState;

Endpoint::Impl::~Impl() = default;

// ---- what the IKE SAs share

void Endpoint::Impl::emit(Output output) {
  if (auto* event = std::get_if<Event>(&output)) {
    if (const auto* removed = std::get_if<ChildSaRemoved>(event)) child_spis_.erase(removed->spi_in);
  }
  out_.push_back(std::move(output));
}

void Endpoint::Impl::ask(IkeSa& sa, model::KeyRequest work, v2::Continuation then) {
  const model::RequestId id = ++last_request_id_;
  pending_.emplace(id, Pending{sa.id, std::move(then)});
  work_due_.emplace_back(now_ + config_.limits.key_work_timeout, id);
  emit(Request{id, std::move(work)});
}

void Endpoint::Impl::take_reply(TimePoint now, model::RequestId id, model::KeyReply reply) {
  const auto it = pending_.find(id);
  if (it == pending_.end()) return;
  Pending pending = std::move(it->second);
  pending_.erase(it);
  forget_answered();
  IkeSa* sa = find(pending.ike_id);
  if (!sa) return;
  // What an IKE SA that is over had asked for is of no use any more.
  if (sa->state() != IkeState::CLOSED) pending.then(*sa, now, std::move(reply));
  touch(*sa);
}

// So that work_due_ is empty whenever nothing is outstanding.
void Endpoint::Impl::forget_answered() {
  while (!work_due_.empty() && pending_.count(work_due_.front().second) == 0) work_due_.pop_front();
}

model::IkeSpi Endpoint::Impl::new_ike_spi() {
  model::IkeSpi spi = 0;
  while (spi == 0 || by_spi_.count(spi) != 0) spi = rng_.u64();
  return spi;
}

model::Spi Endpoint::Impl::new_child_spi(std::optional<uint32_t> resource) {
  model::Spi spi = 0;
  const auto misplaced = [&] { return resource && model::shard_of(spi, config_.shards) != *resource % config_.shards; };
  // RFC 4303 2.1: 0 to 255 are reserved.
  while (spi <= 255 || child_spis_.count(spi) != 0 || misplaced()) spi = rng_.u32();
  child_spis_.insert(spi);
  return spi;
}

IkeSa* Endpoint::Impl::find(model::IkeId id) {
  const auto it = sas_.find(id);
  return it == sas_.end() || it->second->state() == IkeState::DEAD ? nullptr : it->second.get();
}

void Endpoint::Impl::for_each(const std::function<void(IkeSa&)>& visit) {
  for (auto& [id, sa] : sas_) {
    if (sa->state() != IkeState::DEAD) visit(*sa);
  }
}

// Identities that count as the same have the same key; what has the same key is still compared.
static std::string key_of_peer(const model::Identity& id) {
  std::string out(1, static_cast<char>(id.type));
  for (const uint8_t octet : id.value) {
    out.push_back(static_cast<char>(octet >= 'A' && octet <= 'Z' ? octet + ('a' - 'A') : octet));
  }
  return out;
}

std::vector<IkeSa*> Endpoint::Impl::sas_of(std::string_view connection, const model::Identity* peer) {
  const std::string name(connection), key = peer ? key_of_peer(*peer) : std::string();
  std::vector<IkeSa*> out;
  for (auto at = by_peer_.lower_bound({name, key, 0}); at != by_peer_.end() && std::get<0>(*at) == name; ++at) {
    if (peer && std::get<1>(*at) != key) break;
    IkeSa* sa = find(std::get<2>(*at));
    if (!sa) continue;
    const bool same = !peer || (sa->remote_identity && model::same_identity(*sa->remote_identity, *peer));
    if (same) out.push_back(sa);
  }
  return out;
}

void Endpoint::Impl::index_peer(IkeSa& sa) {
  std::optional<std::pair<std::string, std::string>> place;
  if (sa.connection() && sa.state() != IkeState::CLOSED && sa.state() != IkeState::DEAD) {
    const bool known = sa.authenticated() && sa.remote_identity;
    place.emplace(sa.connection_name(), known ? key_of_peer(*sa.remote_identity) : std::string());
  }
  if (place == sa.indexed_peer) return;
  if (sa.indexed_peer) by_peer_.erase({sa.indexed_peer->first, sa.indexed_peer->second, sa.id});
  if (place) by_peer_.insert({place->first, place->second, sa.id});
  sa.indexed_peer = std::move(place);
}

void Endpoint::Impl::adopt(std::unique_ptr<IkeSa> sa) {
  by_spi_[sa->local_spi()] = sa->id;
  const model::IkeId id = sa->id;
  touched_.push_back(id);
  sas_[id] = std::move(sa);
}

// ---- order of deadlines, and burial

void Endpoint::Impl::settle(IkeSa& sa) {
  const auto due = sa.state() == IkeState::DEAD ? std::nullopt : sa.next_deadline();
  if (due != sa.indexed_deadline) {
    if (sa.indexed_deadline) deadlines_.erase({*sa.indexed_deadline, sa.id});
    if (due) deadlines_.insert({*due, sa.id});
    sa.indexed_deadline = due;
  }
  index_peer(sa);
  const bool half_open =
      !sa.original_initiator && !sa.authenticated() && sa.state() != IkeState::CLOSED && sa.state() != IkeState::DEAD;
  if (!half_open && half_open_.erase(sa.id) != 0) {
    const auto it = half_open_by_address_.find(sa.first_from.addr);
    if (it != half_open_by_address_.end() && --it->second == 0) half_open_by_address_.erase(it);
  }
  if (sa.state() != IkeState::DEAD) return;
  std::erase_if(pending_, [&](const auto& row) { return row.second.ike_id == sa.id; });
  forget_answered();
  by_spi_.erase(sa.local_spi());
  const auto first = by_first_message_.find({sa.first_from, sa.spi_i});
  if (first != by_first_message_.end() && first->second == sa.id) by_first_message_.erase(first);
  sas_.erase(sa.id);
}

void Endpoint::Impl::settle_touched() {
  // One turn can reach several IKE SAs: a successor, those that INITIAL_CONTACT buries.
  std::vector<model::IkeId> ids;
  ids.swap(touched_);
  for (model::IkeId id : ids) {
    if (const auto it = sas_.find(id); it != sas_.end()) settle(*it->second);
  }
}

size_t Endpoint::Impl::half_open_of(const IpAddr& address) const {
  const auto it = half_open_by_address_.find(address);
  return it == half_open_by_address_.end() ? 0 : it->second;
}

// ---- strangers

void Endpoint::Impl::answer_stranger(TimePoint now, const Datagram& answer, size_t heard) {
  if (answer.payload.size() > heard) return;
  if (now - stranger_second_ >= seconds(1)) {
    stranger_second_ = now;
    stranger_answers_ = 0;
  }
  // RFC 7296 2.21.4: what is said in answer to unprotected messages is limited.
  if (stranger_answers_ >= config_.limits.unauthenticated_answers_per_second) return;
  ++stranger_answers_;
  ++counters_.stranger_answers;
  emit(answer);
}

void Endpoint::Impl::answer_unsupported_version(TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header) {
  ++counters_.bad_version;
  // RFC 7296 2.5: a higher major version is told ours; S9: once a request, never for an answer, not without limit.
  if (header.major < 2 || header.response_flag) return;
  Bytes answer = v2::ike_sa_init::clear_answer(header, NotifyType::INVALID_MAJOR_VERSION, {});
  answer_stranger(now, Datagram{in.local, in.remote, in.interface_index, in.natt, std::move(answer)},
                  in.payload.size());
}

void Endpoint::Impl::handle_datagram(TimePoint now, const Datagram& in) {
  ++counters_.datagrams;
  failed_auths_.forget_over(now);
  const auto header = wire::ike::parse_header(in.payload);
  if (!header) {
    ++counters_.malformed;
    return;
  }
  if (header->major != 2) return answer_unsupported_version(now, in, *header);
  if (header->exchange == wire::ike::ExchangeType::IKE_SA_INIT && !header->response_flag) {
    return handle_first_message(now, in, *header);
  }
  // RFC 7296 2.6: our SPI is the one that is not the sender's.
  const auto found = by_spi_.find(header->initiator_flag ? header->spi_r : header->spi_i);
  IkeSa* sa = found == by_spi_.end() ? nullptr : find(found->second);
  if (!sa) return handle_unknown_ike_spi(now, in, *header);
  if (sa->original_initiator == header->initiator_flag) {
    ++counters_.unknown_spi;
    return;
  }
  if (header->exchange == wire::ike::ExchangeType::IKE_SA_INIT) {
    handle_init_response(*sa, now, in);
  } else if (header->spi_i != sa->spi_i || header->spi_r != sa->spi_r ||
             (!sa->protection && sa->state() != IkeState::CLOSED)) {
    ++counters_.unknown_spi;
  } else {
    handle_protected(*sa, now, in, *header);
  }
  touch(*sa);
}

void Endpoint::Impl::handle_init_response(IkeSa& sa, TimePoint now, const Datagram& in) {
  if (sa.state() != IkeState::INIT_SENT) return;
  const auto message = parse_message(in.payload);
  if (!message) {
    ++counters_.malformed;
    return;
  }
  if (sa.local.addr.is_any()) sa.local.addr = in.local.addr;
  sa.interface_index = in.interface_index;
  v2::ike_sa_init::handle_response(sa, now, in.payload, *message);
}

void Endpoint::Impl::handle_first_message(TimePoint now, const Datagram& in, const wire::ike::IkeHeader& header) {
  // RFC 7296 2.2, 3.1: message ID 0, the responder's SPI still zero, sent by the original initiator.
  if (header.message_id != 0 || header.spi_r != 0 || header.spi_i == 0 || !header.initiator_flag) {
    ++counters_.malformed;
    return;
  }
  const auto key = std::make_pair(in.remote, header.spi_i);
  IkeSa* old = nullptr;
  if (const auto known = by_first_message_.find(key); known != by_first_message_.end()) old = find(known->second);
  const Bytes hash = crypto::sha256(in.payload);
  Digest digest{};
  std::copy_n(hash.begin(), std::min(hash.size(), digest.size()), digest.begin());
  if (old && old->handshake && v2::handshake_of(*old).init_request == in.payload) {
    // RFC 7296 2.1: a repeated request gets the stored answer; nothing is computed again.
    if (old->window.classify(0, digest) == MessageWindow::Incoming::repeated) {
      ++counters_.repeated_requests;
      old->transmit(old->window.stored_reply());
    }
    return;
  }
  if (old && old->state() != IkeState::INIT_DONE && old->state() != IkeState::STARTING) {
    ++counters_.duplicate_differs;
    return;
  }
  const auto message = parse_message(in.payload);
  if (!message) {
    ++counters_.malformed;
    // RFC 7296 2.5: an unsupported critical payload is named, even here.
    if (message.error().code == Errc::critical_payload) {
      Bytes answer = v2::ike_sa_init::clear_answer(header, NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
                                                   {static_cast<uint8_t>(message.error().detail)});
      answer_stranger(now, Datagram{in.local, in.remote, in.interface_index, in.natt, std::move(answer)},
                      in.payload.size());
    }
    return;
  }
  const auto* nonce = wire::ike2::find<NoncePayload>(message->payloads);
  if (!nonce) {
    ++counters_.malformed;
    return;
  }
  // S13: decided here, at reception, before anything is allocated.
  const auto* cookie = find_notify(message->payloads, NotifyType::COOKIE);
  const bool proven = cookie && cookies_.valid(now, rng_, cookie->content, nonce->value, in.remote, header.spi_i);
  if (cookie && !proven) ++counters_.cookies_bad;
  const Limits& limits = config_.limits;
  const bool busy = half_open_.size() >= limits.half_open_cookie ||
                    half_open_of(in.remote.addr) >= limits.half_open_cookie_per_address;
  if (busy && !proven) {
    ++counters_.cookies_demanded;
    Bytes answer = v2::ike_sa_init::clear_answer(header, NotifyType::COOKIE,
                                                 cookies_.make(now, rng_, nonce->value, in.remote, header.spi_i));
    emit(Datagram{in.local, in.remote, in.interface_index, in.natt, std::move(answer)});
    return;
  }
  if (old) {
    // S13: the version with the cookie replaces an unanswered earlier one; anything else under that SPI is refused.
    if (!proven) {
      ++counters_.duplicate_differs;
      return;
    }
    old->destroy_quietly(now);
    settle(*old);  // its tables are free for the new one
  }
  if (half_open_.size() >= limits.half_open_max || half_open_of(in.remote.addr) >= limits.half_open_max_per_address ||
      sas_.size() >= limits.ike_sa_max) {
    ++counters_.half_open_refused;
    return;
  }
  auto made = v2::ike_sa_init::respond(*this, now, in, *message);
  if (!made) return;
  IkeSa& sa = *made;
  sa.first_from = in.remote;
  sa.window.take_request(0, digest);
  half_open_.insert(sa.id);
  ++half_open_by_address_[in.remote.addr];
  by_first_message_[key] = sa.id;
  adopt(std::move(made));
  v2::ike_sa_init::begin(sa, now);
  settle(sa);
}

// ---- the door

Endpoint::Endpoint(Config config, Rng& rng) : impl_(std::make_unique<Impl>(config, rng)) {}
Endpoint::~Endpoint() = default;

void Endpoint::handle_datagram(TimePoint now, const Datagram& in) {
  impl_->now_ = now;
  impl_->handle_datagram(now, in);
  impl_->settle_touched();
}

void Endpoint::handle_reply(TimePoint now, model::RequestId id, model::KeyReply reply) {
  impl_->now_ = now;
  impl_->take_reply(now, id, std::move(reply));
  impl_->settle_touched();
}

void Endpoint::handle_deadline(TimePoint now) {
  impl_->now_ = now;
  impl_->handle_deadline(now);
  impl_->settle_touched();
}

void Endpoint::handle_command(TimePoint now, Command command) {
  impl_->now_ = now;
  impl_->handle_command(now, command);
  impl_->settle_touched();
}

std::optional<Output> Endpoint::poll() {
  if (impl_->out_.empty()) return std::nullopt;
  Output first = std::move(impl_->out_.front());
  impl_->out_.pop_front();
  return first;
}

std::optional<TimePoint> Endpoint::next_deadline() const {
  std::optional<TimePoint> next;
  if (!impl_->deadlines_.empty()) next = impl_->deadlines_.begin()->first;
  if (impl_->work_due_.empty()) return next;
  const TimePoint work = impl_->work_due_.front().first;
  return next ? std::min(*next, work) : work;
}

const Counters& Endpoint::counters() const { return impl_->counters_; }
size_t Endpoint::half_open() const { return impl_->half_open_.size(); }
size_t Endpoint::child_spis_in_use() const { return impl_->child_spis_.size(); }
Endpoint::Tables Endpoint::tables() const {
  return {impl_->sas_.size(),
          impl_->by_spi_.size(),
          impl_->by_first_message_.size(),
          impl_->half_open_.size(),
          impl_->half_open_by_address_.size(),
          impl_->deadlines_.size(),
          impl_->child_spis_.size(),
          impl_->pending_.size(),
          impl_->failed_auths_.size()};
}
const std::map<std::string_view, uint64_t>& Endpoint::rows_taken() const { return impl_->rows_; }

}  // namespace sallyport::ike
