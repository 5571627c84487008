// Every message of IKEv2 on its way from one end to the other, ready to be altered: the stage is reached, the message
// waits in the sender's `sent`, and reached() says whether the receiver did what the message asks for. For tests only.
#pragma once
#include "support/forger.h"
#include "support/two_endpoints.h"

namespace sallyport::test {

enum class Stage {
  init_request,
  init_response,
  auth_request,
  auth_response,
  child_request,
  child_response,
  rekey_child_request,
  rekey_child_response,
  rekey_ike_request,
  rekey_ike_response,
  delete_child_request,
  delete_child_response,
};
constexpr Stage kAllStages[] = {Stage::init_request,        Stage::init_response,        Stage::auth_request,
                                Stage::auth_response,       Stage::child_request,        Stage::child_response,
                                Stage::rekey_child_request, Stage::rekey_child_response, Stage::rekey_ike_request,
                                Stage::rekey_ike_response,  Stage::delete_child_request, Stage::delete_child_response};

inline std::string name_of(Stage stage) {
  static constexpr const char* names[] = {"IKE_SA_INIT request",    "IKE_SA_INIT response",    "IKE_AUTH request",
                                          "IKE_AUTH response",      "CREATE_CHILD request",    "CREATE_CHILD response",
                                          "rekey Child SA request", "rekey Child SA response", "rekey IKE SA request",
                                          "rekey IKE SA response",  "Delete request",          "Delete response"};
  return names[static_cast<size_t>(stage)];
}

struct Staged : TwoEndpoints {
  explicit Staged(Stage s) : TwoEndpoints(logging()), stage(s) {
    for (model::IkePolicySet* set : {&policy_a, &policy_b}) {
      auto& children = set->connections[0].children;
      model::ChildPolicy second = children[0];
      second.name = "net2";
      second.reqid = 2;
      second.local = *selectors(set == &policy_a ? "10.11.0.0/24" : "10.12.0.0/24");
      second.remote = *selectors(set == &policy_a ? "10.12.0.0/24" : "10.11.0.0/24");
      second.proposals = {*model::parse_proposal(model::Protocol::ESP, "aes128gcm16-x25519")};
      children.push_back(second);
    }
    initiate();
    if (stage == Stage::init_request) return;
    deliver(a);
    if (stage == Stage::init_response) return;
    deliver(b);
    if (stage == Stage::auth_request) return;
    deliver(a);
    if (stage == Stage::auth_response) return;
    run();
    switch (stage) {
      case Stage::child_request:
      case Stage::child_response: command(a, ike::Initiate{"tunnel", "net2"}); break;
      case Stage::rekey_child_request:
      case Stage::rekey_child_response: command(a, ike::RekeyChild{"tunnel", "net", {}}); break;
      case Stage::rekey_ike_request:
      case Stage::rekey_ike_response: command(a, ike::RekeyIke{"tunnel"}); break;
      case Stage::delete_child_request:
      case Stage::delete_child_response: command(a, ike::Terminate{"tunnel", "net", {}}); break;
      case Stage::init_request:
      case Stage::init_response:
      case Stage::auth_request:
      case Stage::auth_response: break;
    }
    if (response()) deliver(a);
  }

  static ike::Config logging() {
    ike::Config config;
    config.key_log = true;
    return config;
  }
  bool clear() const { return stage == Stage::init_request || stage == Stage::init_response; }
  bool response() const { return static_cast<unsigned>(stage) % 2 == 1; }
  OneEnd& sender() { return response() ? b : a; }
  OneEnd& receiver() { return response() ? a : b; }
  Forger forger() { return forger_of(receiver()); }
  wire::ike::IkeHeader header() { return wire::ike2::parse_message(sender().sent.front().payload)->header; }

  // The payloads of the message that waits.
  std::vector<wire::ike2::Payload> payloads() {
    const Bytes& datagram = sender().sent.front().payload;
    return clear() ? wire::ike2::parse_message(datagram)->payloads : forger().payloads(datagram);
  }
  // Hands it over with other payloads in it.
  void deliver_as(const wire::ike2::PayloadChain& inner) {
    ike::Datagram d = std::move(sender().sent.front());
    sender().sent.pop_front();
    const auto was = wire::ike2::parse_message(d.payload)->header;
    if (clear()) {
      Writer out;
      wire::ike::IkeHeader fresh = was;
      fresh.next = inner.first;
      fresh.length = static_cast<uint32_t>(28 + inner.bytes.size());
      wire::ike::write_header(fresh, out);
      out.bytes(inner.bytes);
      d.payload = out.take();
    } else {
      d.payload = forger().seal(was, inner);
    }
    arrive(receiver(), std::move(d));
  }
  void deliver_as(const std::vector<RawPayload>& payloads) { deliver_as(chain(payloads)); }
  void deliver_as(const std::vector<wire::ike2::Payload>& payloads) { deliver_as(chain(raw(payloads))); }

  // Whether the receiver did what the message asks for.
  bool reached() {
    switch (stage) {
      case Stage::init_request: return b.endpoint.half_open() == 1;
      case Stage::init_response: return a.endpoint.status().size() == 1 && a.endpoint.status()[0].state == "AUTH_SENT";
      case Stage::auth_request: return b.count<ike::IkeSaUp>() == 1;
      case Stage::auth_response: return a.count<ike::IkeSaUp>() == 1;
      case Stage::child_request:
      case Stage::rekey_child_request: return b.count<ike::ChildSaReady>() == 2;
      case Stage::child_response:
      case Stage::rekey_child_response: return a.count<ike::ChildSaReady>() == 2;
      case Stage::rekey_ike_request: return b.count<ike::IkeSaRekeyed>() == 1;
      case Stage::rekey_ike_response: return a.count<ike::IkeSaRekeyed>() == 1;
      case Stage::delete_child_request: return b.count<ike::ChildSaRemoved>() == 1 && b.endpoint.status().size() == 1;
      case Stage::delete_child_response: return a.count<ike::ChildSaRemoved>() == 1 && a.endpoint.status().size() == 1;
    }
    return false;
  }
  // The error notify in what the receiver answered, or 0. Requires: a sealed request was delivered.
  uint16_t answered_with() {
    if (receiver().sent.empty()) return 0;
    for (const auto& p : forger_of_answer().payloads(receiver().sent.back().payload)) {
      const auto* notify = std::get_if<wire::ike2::NotifyPayload>(&p);
      if (notify && wire::ike2::is_error(notify->type)) return static_cast<uint16_t>(notify->type);
    }
    return 0;
  }

  const Stage stage;

 private:
  // The answer travels on the IKE SA of the request, which is not the newest one after its rekey.
  Forger forger_of_answer() {
    const auto header = *wire::ike::parse_header(receiver().sent.back().payload);
    for (const auto& e : receiver().events) {
      const auto* log = std::get_if<ike::KeyLog>(&e);
      const auto* keys = log ? std::get_if<ike::KeyLog::Ike>(&log->keys) : nullptr;
      if (keys && keys->spi_i == header.spi_i && keys->spi_r == header.spi_r) return Forger(*keys);
    }
    return forger_of(receiver());
  }
};

}  // namespace sallyport::test
