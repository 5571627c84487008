// Single messages in the name of one end, made outside its endpoint with the keys it told of. For tests
// only.
#pragma once
#include <doctest/doctest.h>

#include "support/stages.h"

namespace sallyport::test {

inline std::vector<wire::ike2::Payload> notify(wire::ike2::NotifyType type, Bytes content = {}) {
  return {wire::ike2::NotifyPayload{0, {}, type, std::move(content)}};
}

// a's request never arrives; this comes back instead.
inline void answer_instead_of_b(TwoEndpoints& s, const std::vector<wire::ike2::Payload>& payloads) {
  ike::Datagram d = std::move(s.a.sent.front());
  s.a.sent.pop_front();
  Forger forger = forger_of(s.a);
  auto header = *wire::ike::parse_header(d.payload);
  header.response_flag = true;
  header.initiator_flag = false;
  d.payload = forger.seal(header, payloads);
  s.arrive(s.a, d);
}

// One request of a's making, from outside its endpoint: sealed with the keys, under the next ID.
struct Hand {
  explicit Hand(TwoEndpoints& ends) : s(ends), forger(forger_of(ends.b)) {
    id = 2;  // IKE_SA_INIT 0, IKE_AUTH 1
  }
  std::vector<wire::ike2::Payload> ask(wire::ike2::ExchangeType exchange,
                                       const std::vector<wire::ike2::Payload>& payloads) {
    ike::Datagram d;
    d.local = {*IpAddr::parse("192.0.2.1"), 500};
    d.remote = {*IpAddr::parse("192.0.2.2"), 500};
    d.payload = forger.seal(forger.header(exchange, id++, true), payloads);
    s.b.sent.clear();
    s.arrive(s.b, d);
    REQUIRE(s.b.sent.size() == 1);
    return forger.payloads(s.b.sent.front().payload);
  }
  TwoEndpoints& s;
  Forger forger;
  model::MessageId id;
};

}  // namespace sallyport::test
