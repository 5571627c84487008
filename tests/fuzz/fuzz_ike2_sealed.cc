// What lies behind the encryption of IKE (T28): the input is plaintext, sealed by the harness with the true keys and
// given to a real endpoint, initiator or responder, at IKE_AUTH or once the IKE SA stands, as request or as response.
// Authentication succeeds where AUTH begins with 'a', so that what comes behind it is searched as well.
//   octet 0: 1 victim is the responder; 2 the IKE SA stands; 4 peers use certificates; 0xf0: a command for the victim
//   then messages: exchange and response flag (one octet), length (two), first payload type (one), payload chain
// Links: ike
// Sources: support/seeded_openssl.cc
#include <deque>

#include "fuzz/property.h"
#include "ike/endpoint.h"
#include "support/seeded_rng.h"
#include "support/session_forger.h"

using namespace sallyport;
using wire::ike::ExchangeType;

namespace {

constexpr unsigned kMostMessages = 12;

std::shared_ptr<const model::IkePolicySet> policy(bool east, bool certificates) {
  model::ConnectionPolicy c;
  c.name = "site";
  c.local_addrs = {east ? "192.0.2.1" : "192.0.2.2"};
  c.remote_addrs = {east ? "192.0.2.2" : "192.0.2.1"};
  c.local_id = *model::Identity::parse(east ? "east.example" : "west.example");
  c.local_auth.credential = c.remote_auth.credential = "key";
  if (certificates) {
    c.local_auth.kind = c.remote_auth.kind = model::AuthPolicy::Kind::cert;
    c.remote_auth.trust = "all";
  }
  c.ike_proposals = {*model::parse_proposal(model::Protocol::IKE, "aes128gcm16-prfsha256-x25519")};
  for (const char* name : {"net", "more"}) {
    model::ChildPolicy child;
    child.name = name;
    child.reqid = static_cast<uint32_t>(c.children.size() + 1);
    child.local = {*model::parse_selector(east ? "10.1.0.0/16" : "10.2.0.0/16")};
    child.remote = {*model::parse_selector(east ? "10.2.0.0/16" : "10.1.0.0/16")};
    child.proposals = {*model::parse_proposal(model::Protocol::ESP, "aes128gcm16-x25519-ecp256")};
    c.children.push_back(std::move(child));
  }
  auto out = std::make_shared<model::IkePolicySet>();
  out->connections = {std::move(c)};
  out->credentials = {{"key", certificates ? model::AuthPolicy::Kind::cert : model::AuthPolicy::Kind::psk,
                       certificates ? std::vector<Bytes>{{0x30, 0}} : std::vector<Bytes>{},
                       certificates ? model::KeyType::ed25519 : model::KeyType::none}};
  out->trust = {{"all", {{0x30, 0}}, {Bytes(20, 7)}}};
  return out;
}

model::KeyReply work(const model::KeyRequest& request) {
  if (const auto* peer = std::get_if<model::VerifyPeer>(&request)) {
    const bool good = !peer->auth_data.empty() && peer->auth_data[0] == 'a';
    return model::Verdict{good, good ? "" : "it does not begin with a", "CN=peer"};
  }
  const auto* psk = std::get_if<model::PskAuth>(&request);
  if (psk && psk->claim && psk->claim->auth_data != Bytes(1, 'a')) return model::Verdict{false, "it is not a", {}};
  if (psk || std::holds_alternative<model::Sign>(request)) {
    return model::AuthData{Bytes(1, 'a')};
  }
  return model::Refused{Errc::unsupported, "not here"};
}

struct End {
  End(uint64_t seed, bool east, bool certificates) : rng(seed), endpoint(config(), rng) {
    endpoint.handle_command(TimePoint{}, ike::SetPolicy{policy(east, certificates)});
  }
  static ike::Config config() {
    ike::Config out;
    out.key_log = true;
    return out;
  }
  void drain(TimePoint now) {
    while (auto output = endpoint.poll()) {
      if (auto* datagram = std::get_if<ike::Datagram>(&*output)) {
        sent.push_back(std::move(*datagram));
      } else if (auto* request = std::get_if<ike::Request>(&*output)) {
        endpoint.handle_reply(now, request->id, work(request->work));
      } else if (auto* log = std::get_if<ike::KeyLog>(&std::get<ike::Event>(*output))) {
        if (auto* keys = std::get_if<ike::KeyLog::Ike>(&log->keys); keys && !first_keys) {
          first_keys = std::move(*keys);
        }
      }
    }
  }
  test::SeededRng rng;
  ike::Endpoint endpoint;
  std::deque<ike::Datagram> sent;
  std::optional<ike::KeyLog::Ike> first_keys;
};

struct Harness {
  explicit Harness(uint8_t how)
      : victim_responds((how & 1) != 0),
        stands((how & 2) != 0),
        east(1, true, (how & 4) != 0),
        west(2, false, (how & 4) != 0) {
    east.endpoint.handle_command(now, ike::Initiate{"site", "net"});
    east.drain(now);
    hand_over(east, west);  // IKE_SA_INIT
    hand_over(west, east);
    if (stands) {
      hand_over(east, west);  // IKE_AUTH
      hand_over(west, east);
    }
    command(how >> 4);
  }

  End& victim() { return victim_responds ? west : east; }

  void hand_over(End& from, End& to) {
    if (from.sent.empty()) return;
    ike::Datagram d = std::move(from.sent.front());
    from.sent.pop_front();
    std::swap(d.local, d.remote);
    to.endpoint.handle_datagram(now, d);
    to.drain(now);
  }

  // Something for the victim to ask, so that there is an answer to forge.
  void command(unsigned which) {
    ike::Command command = ike::Initiate{"site", "more"};
    switch (which) {
      case 1: command = ike::RekeyChild{"site", "net", std::nullopt}; break;
      case 2: command = ike::RekeyIke{"site"}; break;
      case 3: command = ike::Terminate{"site", "net", std::nullopt}; break;
      case 4: command = ike::Terminate{"site", {}, std::nullopt}; break;
      case 5: break;
      default: return;
    }
    victim().endpoint.handle_command(now, std::move(command));
    victim().drain(now);
  }

  void give(test::SessionForger& forger, uint8_t kind, const wire::ike2::PayloadChain& chain) {
    static constexpr ExchangeType kExchanges[] = {ExchangeType::IKE_AUTH, ExchangeType::CREATE_CHILD_SA,
                                                  ExchangeType::INFORMATIONAL, ExchangeType::IKE_SA_INIT};
    const bool response = (kind & 4) != 0;
    // The victim's own IDs: one exchange (two as the initiator) lies behind it.
    model::MessageId& id = response ? next_response : next_request;
    ike::Datagram d;
    d.local = {*IpAddr::parse(victim_responds ? "192.0.2.2" : "192.0.2.1"), 500};
    d.remote = {*IpAddr::parse(victim_responds ? "192.0.2.1" : "192.0.2.2"), 500};
    d.payload = forger.seal(kExchanges[kind & 3], response, id++, chain);
    victim().endpoint.handle_datagram(now, d);
    victim().drain(now);
  }

  void run(ByteView input) {
    auto forger = victim().first_keys ? test::SessionForger::create(*victim().first_keys, victim_responds) : nullptr;
    fuzz::holds(forger != nullptr, "the handshake made keys");
    // Of requests to the initiator and of answers to the responder none has been used.
    next_request = victim_responds ? (stands ? 2 : 1) : 0;
    next_response = victim_responds ? 0 : (stands ? 2 : 1);
    Reader in(input);
    for (unsigned i = 0; i < kMostMessages && in.left() >= 4; ++i) {
      const uint8_t kind = *in.u8();
      const size_t wanted = *in.u16();
      const size_t octets = std::min(wanted, in.left() - 1);  // one octet more names the first payload
      const auto first = static_cast<wire::ike::PayloadType>(*in.u8());
      give(*forger, kind, {first, to_bytes(*in.view(octets))});
    }
  }

  void look_after() {
    const auto tables = victim().endpoint.tables();
    fuzz::holds(tables.ike_sas < 64, "no message makes more than an IKE SA");
    for (int i = 0; i < 200; ++i) {
      const auto due = victim().endpoint.next_deadline();
      if (!due || *due > now + minutes(10)) return;
      now = std::max(now, *due);
      victim().endpoint.handle_deadline(now);
      victim().drain(now);
    }
  }

  TimePoint now{seconds(1000)};
  bool victim_responds, stands;
  End east, west;
  model::MessageId next_request = 0, next_response = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  if (octets == 0) return 0;
  test::seed_openssl(1);
  Harness harness(bytes[0]);
  harness.run({bytes + 1, octets - 1});
  harness.look_after();
  return 0;
}
