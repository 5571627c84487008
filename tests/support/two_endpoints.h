// Two IKE endpoints whose messages a test hands over one by one, and the key process both ask. For tests of the
// handshake: keys and certificates are real, time is virtual.
#pragma once
#include <deque>
#include <map>

#include "crypto/chain.h"
#include "crypto/key_exchange.h"
#include "crypto/psk.h"
#include "crypto/signature.h"
#include "ike/endpoint.h"
#include "support/seeded_rng.h"

namespace sallyport::test {

struct KeyAgent {
  std::map<std::string, Bytes> secrets;
  std::map<std::string, crypto::PrivateKey> keys;
  std::map<std::string, std::vector<Bytes>> anchors;
  std::map<std::string, std::vector<IpAddr>> names;
  std::optional<IpAddr> source;  // what the system would send from; nothing: it does not say
  WallTime now{1'800'000'000};

  model::KeyReply answer(const model::KeyRequest& work) const {
    if (const auto* psk = std::get_if<model::PskAuth>(&work)) return psk_auth(*psk);
    if (const auto* sign = std::get_if<model::Sign>(&work)) {
      const auto key = keys.find(sign->credential);
      if (key == keys.end()) return model::Refused{Errc::bad_key, "no such key"};
      auto made = key->second.sign(sign->method, sign->hash, sign->pss, sign->octets);
      if (!made) return model::Refused{made.error().code, "not signed"};
      return model::AuthData{std::move(*made)};
    }
    if (const auto* peer = std::get_if<model::VerifyPeer>(&work)) {
      const auto trusted = anchors.find(peer->trust);
      if (trusted == anchors.end()) return model::Verdict{false, "no such trust set", {}};
      auto chain = crypto::verify_chain(peer->chain, trusted->second, peer->id, now);
      if (!chain.ok) return model::Verdict{false, chain.why, chain.subject};
      const auto auth = crypto::verify_auth(peer->chain.front(), peer->method, peer->auth_data, peer->octets);
      return model::Verdict{auth.has_value(), auth ? "" : "its signature does not verify", chain.subject};
    }
    if (const auto* ke = std::get_if<model::KeWork>(&work)) return crypto::run_ke(*ke);
    if (std::holds_alternative<model::SourceFor>(work)) {
      if (!source) return model::Refused{Errc::not_found, "no route"};
      return model::Addresses{{*source}};
    }
    const auto found = names.find(std::get<model::Resolve>(work).name);
    return model::Addresses{found == names.end() ? std::vector<IpAddr>{} : found->second};
  }

 private:
  model::KeyReply psk_auth(const model::PskAuth& psk) const {
    std::map<std::string, SecretBytes> held;
    return crypto::run_psk(psk, [&](const std::string& credential) -> const SecretBytes* {
      const auto secret = secrets.find(credential);
      if (secret == secrets.end()) return nullptr;
      return &held.insert_or_assign(credential, SecretBytes(secret->second)).first->second;
    });
  }
};

struct OneEnd {
  OneEnd(uint64_t seed, ike::Config config) : rng(seed), endpoint(config, rng) {}

  SeededRng rng;
  ike::Endpoint endpoint;
  KeyAgent agent;
  std::deque<ike::Datagram> sent;
  std::deque<ike::Event> events;
  bool hold = false;  // key work waits in `held` for answer()
  std::deque<ike::Request> held;

  // Answers a request that was held back, by default the oldest; false when there is none.
  bool answer(TimePoint now, size_t nth = 0) {
    if (nth >= held.size()) return false;
    const ike::Request request = std::move(held[nth]);
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(nth));
    endpoint.handle_reply(now, request.id, agent.answer(request.work));
    drain(now);
    return true;
  }
  template <class E>
  size_t count() const {
    size_t n = 0;
    for (const auto& e : events) n += std::holds_alternative<E>(e) ? 1u : 0u;
    return n;
  }
  uint64_t row(std::string_view story) const {
    const auto& rows = endpoint.rows_taken();
    const auto found = rows.find(story);
    return found == rows.end() ? 0 : found->second;
  }

  void drain(TimePoint now) {
    while (auto out = endpoint.poll()) {
      if (auto* datagram = std::get_if<ike::Datagram>(&*out)) {
        sent.push_back(std::move(*datagram));
      } else if (auto* request = std::get_if<ike::Request>(&*out)) {
        if (hold) {
          held.push_back(std::move(*request));
        } else {
          endpoint.handle_reply(now, request->id, agent.answer(request->work));
        }
      } else {
        events.push_back(std::move(std::get<ike::Event>(*out)));
      }
    }
  }
  template <class E>
  const E* event() const {
    for (const auto& e : events) {
      if (const E* found = std::get_if<E>(&e)) return found;
    }
    return nullptr;
  }
};

struct TwoEndpoints {
  explicit TwoEndpoints(ike::Config config = {}) : TwoEndpoints(config, config) {}
  TwoEndpoints(ike::Config of_a, ike::Config of_b) : a(1, of_a), b(2, of_b) {
    policy_a.connections.push_back(
        connection("10.1.0.0/24", "10.2.0.0/24", "192.0.2.1", "192.0.2.2", "a.test", "b.test"));
    policy_b.connections.push_back(
        connection("10.2.0.0/24", "10.1.0.0/24", "192.0.2.2", "192.0.2.1", "b.test", "a.test"));
    a.agent.secrets["psk"] = b.agent.secrets["psk"] = to_bytes(as_bytes("a secret of both"));
  }

  static model::ConnectionPolicy connection(const char* local_net, const char* remote_net, const char* local,
                                            const char* remote, const char* own, const char* peer) {
    model::ConnectionPolicy c;
    c.name = "tunnel";
    c.local_addrs = {local};
    c.remote_addrs = {remote};
    c.local_id = *model::Identity::parse(own);
    c.remote_id = *model::Identity::parse(peer);
    c.local_auth.credential = c.remote_auth.credential = "psk";
    c.ike_proposals = {*model::parse_proposal(model::Protocol::IKE, "aes256gcm16-prfsha256-x25519")};
    model::ChildPolicy child;
    child.name = "net";
    child.reqid = 1;
    child.local = *selectors(local_net);
    child.remote = *selectors(remote_net);
    child.proposals = {*model::parse_proposal(model::Protocol::ESP, "aes128gcm16")};
    c.children.push_back(child);
    return c;
  }
  static Result<model::Selectors> selectors(const char* text) {
    SP_TRY(model::Selector one, model::parse_selector(text));
    return model::Selectors{one};
  }

  void load() {
    a.endpoint.handle_command(now, ike::SetPolicy{std::make_shared<model::IkePolicySet>(policy_a)});
    b.endpoint.handle_command(now, ike::SetPolicy{std::make_shared<model::IkePolicySet>(policy_b)});
  }
  void initiate() {
    load();
    a.endpoint.handle_command(now, ike::Initiate{"tunnel", "net"});
    a.drain(now);
  }
  // One datagram from `from` to the other; false when none waits.
  bool deliver(OneEnd& from) {
    if (from.sent.empty()) return false;
    ike::Datagram d = std::move(from.sent.front());
    from.sent.pop_front();
    arrive(&from == &a ? b : a, d);
    return true;
  }
  void arrive(OneEnd& to, ike::Datagram d) {
    std::swap(d.local, d.remote);
    if (nat_for_b && &to == &b) d.remote.addr = *nat_for_b;
    if (nat_for_b && &to == &a && d.remote.addr == *IpAddr::parse("192.0.2.2"))
      d.local.addr = *IpAddr::parse("192.0.2.1");
    to.endpoint.handle_datagram(now, d);
    to.drain(now);
  }
  void command(OneEnd& end, ike::Command command) {
    end.endpoint.handle_command(now, std::move(command));
    end.drain(now);
  }
  // Every deadline of both ends within that time, messages handed over at once.
  void pass(Duration length) {
    const TimePoint until = now + length;
    for (int guard = 0; guard < 10000; ++guard) {
      run();
      const auto of_a = a.endpoint.next_deadline(), of_b = b.endpoint.next_deadline();
      const TimePoint next = std::min(of_a.value_or(until), of_b.value_or(until));
      if (next >= until) break;
      now = std::max(now, next);
      for (OneEnd* end : {&a, &b}) {
        end->endpoint.handle_deadline(now);
        end->drain(now);
      }
    }
    now = until;
  }
  void run() {
    for (int i = 0; i < 200 && (deliver(a) || deliver(b)); ++i) {
    }
  }

  TimePoint now{seconds(1000)};
  model::IkePolicySet policy_a, policy_b;
  OneEnd a, b;
  std::optional<IpAddr> nat_for_b;  // how a's address looks to b
};

}  // namespace sallyport::test
