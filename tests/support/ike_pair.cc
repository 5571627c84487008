// The pair's wiring: policies, key work by PSK, the SAD as the events describe it.
#include "support/ike_pair.h"

#include "crypto/hash.h"
#include "crypto/key_exchange.h"
#include "crypto/psk.h"

namespace sallyport::test {

static IpAddr address_of(bool first) { return IpAddr::v4(first ? 0xc0000201 : 0xc0000202); }  // 192.0.2.1, .2

static model::Selectors lan(unsigned n, bool first) {
  const std::string text = (first ? "10.1." : "10.2.") + std::to_string(n) + ".0/24";
  return {model::Selector::from_prefix(*IpPrefix::parse(text))};
}

std::shared_ptr<const model::IkePolicySet> policy_of(bool first, const PairPolicy& words) {
  model::ConnectionPolicy c;
  c.name = "net";
  c.local_addrs = {address_of(first).to_string()};
  c.remote_addrs = {address_of(!first).to_string()};
  c.local_id = *model::Identity::parse(first ? "a.example.org" : "b.example.org");
  c.remote_id = *model::Identity::parse(first ? "b.example.org" : "a.example.org");
  c.local_auth.credential = c.remote_auth.credential = "psk";
  c.ike_proposals = {*model::parse_proposal(model::Protocol::IKE, words.ike)};
  c.dpd_delay = words.dpd_delay;
  c.rekey_time = words.ike_rekey;
  c.keep_up = words.keep_up;
  for (unsigned n = 0; n < words.children; ++n) {
    model::ChildPolicy child;
    child.name = "lan" + std::to_string(n);
    child.reqid = n + 1;
    child.local = lan(n, first);
    child.remote = lan(n, !first);
    child.proposals = {*model::parse_proposal(model::Protocol::ESP, words.child)};
    child.start = model::ChildPolicy::Start::up;
    child.serves_asker = words.serves_asker;
    c.children.push_back(std::move(child));
  }
  if (words.users != PairPolicy::Users::none) {
    const bool wrong = words.users == PairPolicy::Users::bad && first;
    c.local_user = {*model::Identity::parse(wrong   ? "mallory@example.org"
                                            : first ? "alice@example.org"
                                                    : "bob@example.org"),
                    "user"};
    c.remote_user = {*model::Identity::parse(first ? "bob@example.org" : "alice@example.org"), "users", true};
  }
  auto set = std::make_shared<model::IkePolicySet>();
  set->connections = {std::move(c)};
  model::Credential psk;
  psk.name = "psk";
  set->credentials = {psk, {"user", model::AuthPolicy::Kind::cert, {Bytes(400, 0x30)}, model::KeyType::ecdsa_p256}};
  return set;
}

static ike::Config config_of(const PairPolicy& words) {
  ike::Config out;
  out.shards = words.shards;
  return out;
}

IkePeer::IkePeer(bool first, const PairPolicy& policy, uint64_t seed)
    : address{address_of(first), 500},
      rng(seed * 2 + (first ? 1 : 0)),
      endpoint(config_of(policy), rng),
      psk_(first ? policy.psk_a : policy.psk_b) {
  endpoint.handle_command(TimePoint{}, ike::SetPolicy{policy_of(first, policy)});
}

void IkePeer::command(TimePoint now, ike::Command command) {
  endpoint.handle_command(now, std::move(command));
  drain(now);
}

void IkePeer::take(TimePoint now, const ike::Datagram& in) {
  endpoint.handle_datagram(now, in);
  drain(now);
}

void IkePeer::wake(TimePoint now) {
  endpoint.handle_deadline(now);
  drain(now);
}

bool IkePeer::answer_one(TimePoint now) {
  if (held.empty()) return false;
  ike::Request request = std::move(held.front());
  held.pop_front();
  endpoint.handle_reply(now, request.id, work(request.work));
  drain(now);
  return true;
}

model::KeyReply IkePeer::work(const model::KeyRequest& request) const {
  if (const auto* ke = std::get_if<model::KeWork>(&request)) return crypto::run_ke(*ke);
  if (const auto* psk = std::get_if<model::PskAuth>(&request)) {
    const SecretBytes secret(as_bytes(psk_));
    return crypto::run_psk(*psk, [&](const std::string&) { return &secret; });
  }
  // Signatures that anybody could make: what they are for is told elsewhere.
  if (const auto* sign = std::get_if<model::Sign>(&request)) return model::AuthData{crypto::sha256(sign->octets)};
  if (const auto* peer = std::get_if<model::VerifyPeer>(&request))
    return model::Verdict{peer->auth_data == crypto::sha256(peer->octets), "its signature does not verify", {}};
  return model::Refused{Errc::unsupported, "the pair has neither names nor routes"};
}

void IkePeer::drain(TimePoint now) {
  while (auto output = endpoint.poll()) {
    if (auto* datagram = std::get_if<ike::Datagram>(&*output)) {
      out.push_back(std::move(*datagram));
    } else if (auto* request = std::get_if<ike::Request>(&*output)) {
      if (hold_requests) {
        held.push_back(std::move(*request));
      } else {
        endpoint.handle_reply(now, request->id, work(request->work));
      }
    } else {
      on_event(now, std::move(std::get<ike::Event>(*output)));
    }
  }
}

void IkePeer::on_event(TimePoint now, ike::Event event) {
  const auto wrong = [&](const char* what) {
    if (broken.empty()) broken = what;
  };
  if (auto* ready = std::get_if<ike::ChildSaReady>(&event)) {
    const model::ChildId id = ready->sa.child_id;
    if (sad.count(id) != 0) wrong("a child ID was used twice");
    Installed& installed = sad[id];
    installed.outbound_ready = ready->sa.outbound_ready;
    installed.spec = std::move(ready->sa);
  } else if (const auto* removed = std::get_if<ike::ChildSaRemoved>(&event)) {
    const auto found = sad.find(removed->child_id);
    if (found == sad.end() || found->second.removed) return wrong("a Child SA was removed that is not there");
    found->second.removed = true;
    found->second.until = now + removed->linger;
  } else if (const auto* change = std::get_if<ike::SwitchOutbound>(&event)) {
    const auto found = sad.find(change->child_id);
    if (found == sad.end() || found->second.removed || found->second.outbound_ready) {
      return wrong("SwitchOutbound for a Child SA that does not wait for it");
    }
    found->second.outbound_ready = true;
    ++switched;
  } else if (std::holds_alternative<ike::IkeSaUp>(event)) {
    ++ike_up;
  } else if (std::holds_alternative<ike::IkeSaDown>(event)) {
    ++ike_down;
  } else if (std::holds_alternative<ike::IkeSaRekeyed>(event)) {
    ++ike_rekeyed;
  } else if (std::holds_alternative<ike::RemoteMoved>(event)) {
    ++moved;
  } else if (const auto* failed = std::get_if<ike::AttemptFailed>(&event)) {
    ++attempts_failed;
    complaints.push_back(failed->sentence);
  }
}

const IkePeer::Installed* IkePeer::outbound(const std::string& child) const {
  const Installed* best = nullptr;
  for (const auto& [id, one] : sad) {
    if (!one.removed && one.outbound_ready && one.spec.child == child) best = &one;  // IDs grow
  }
  return best;
}

IkePeer::Installed* IkePeer::inbound(TimePoint now, model::Spi spi) {
  for (auto& [id, one] : sad) {
    if (one.spec.spi_in == spi && (!one.removed || now < one.until)) return &one;
  }
  return nullptr;
}

size_t IkePeer::live_children() const {
  size_t n = 0;
  for (const auto& [id, one] : sad) n += one.removed ? 0 : 1;
  return n;
}

size_t IkePeer::ike_sas(std::string_view state) const {
  size_t n = 0;
  for (const ike::IkeSaStatus& sa : endpoint.status()) n += state.empty() || sa.state == state ? 1 : 0;
  return n;
}

IkePair::IkePair(const PairPolicy& policy, uint64_t seed) : a(true, policy, seed), b(false, policy, seed + 7777) {}

static bool hand_over(IkePeer& from, IkePeer& to, TimePoint now, size_t nth) {
  if (nth >= from.out.size()) return false;
  ike::Datagram in = std::move(from.out[nth]);
  from.out.erase(from.out.begin() + static_cast<std::ptrdiff_t>(nth));
  std::swap(in.local, in.remote);
  // A source the sender left to the system.
  if (in.remote.addr.is_any()) in.remote.addr = from.address.addr;
  if (in.remote.port == 0) in.remote.port = from.address.port;
  to.take(now, in);
  return true;
}

bool IkePair::a_to_b(size_t nth) { return hand_over(a, b, now, nth); }
bool IkePair::b_to_a(size_t nth) { return hand_over(b, a, now, nth); }

void IkePair::run() {
  for (unsigned i = 0; i < 10000; ++i) {
    bool moved = a_to_b();
    moved = b_to_a() || moved;
    moved = a.answer_one(now) || moved;
    moved = b.answer_one(now) || moved;
    if (!moved) return;
  }
}

void IkePair::up() {
  a.command(now, ike::Initiate{"net", {}});
  run();
}

bool IkePair::advance(Duration most) {
  const auto due_a = a.endpoint.next_deadline();
  const auto due_b = b.endpoint.next_deadline();
  if (!due_a && !due_b) return false;
  const TimePoint due = !due_b || (due_a && *due_a <= *due_b) ? *due_a : *due_b;
  if (due > now + most) return false;
  if (due > now) now = due;
  if (due_a && *due_a <= now) a.wake(now);
  if (due_b && *due_b <= now) b.wake(now);
  return true;
}

void IkePair::settle(Duration most) {
  const TimePoint end = now + most;
  run();
  while (now < end && advance(end - now)) run();
}

static bool same_keys(const model::DirectionKeys& x, const model::DirectionKeys& y) {
  return equal(x.encr.view(), y.encr.view()) && equal(x.integ.view(), y.integ.view());
}

std::string IkePair::one_way(IkePeer& from, IkePeer& to, const std::string& child, bool tell_seen) {
  const IkePeer::Installed* sender = from.outbound(child);
  if (!sender) return "no outbound SA";
  IkePeer::Installed* receiver = to.inbound(now, sender->spec.spi_out);
  if (!receiver) return "the receiver has no inbound SA for the sender's SPI";
  if (!same_keys(sender->spec.out, receiver->spec.in)) return "the keys differ";
  if (tell_seen && !receiver->seen) {
    receiver->seen = true;
    to.command(now, ike::InboundSeen{receiver->spec.child_id});
  }
  return {};
}

std::string IkePair::traffic(const std::string& child, bool tell_seen) {
  std::string wrong = one_way(a, b, child, tell_seen);
  if (wrong.empty()) wrong = one_way(b, a, child, tell_seen);
  if (wrong.empty()) wrong = a.broken + b.broken;
  return wrong;
}

std::string IkePair::agreement() const {
  if (!a.broken.empty()) return a.broken;
  if (!b.broken.empty()) return b.broken;
  if (a.live_children() != b.live_children()) {
    return "a holds " + std::to_string(a.live_children()) + " Child SAs, b " + std::to_string(b.live_children());
  }
  for (const auto& [id, mine] : a.sad) {
    if (mine.removed) continue;
    const IkePeer::Installed* theirs = nullptr;
    for (const auto& [other, one] : b.sad) {
      if (!one.removed && one.spec.spi_in == mine.spec.spi_out && one.spec.spi_out == mine.spec.spi_in) theirs = &one;
    }
    if (!theirs) return "a Child SA of a does not exist at b";
    if (!same_keys(mine.spec.in, theirs->spec.out) || !same_keys(mine.spec.out, theirs->spec.in)) {
      return "the keys of a Child SA differ";
    }
    if (mine.spec.ts_local != theirs->spec.ts_remote || mine.spec.ts_remote != theirs->spec.ts_local) {
      return "the traffic selectors of a Child SA differ";
    }
    if (!mine.outbound_ready || !theirs->outbound_ready) return "a Child SA still waits for its outbound half";
  }
  return {};
}

}  // namespace sallyport::test
