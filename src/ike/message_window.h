// Message IDs of one IKE SA, window of one in each direction. RFC 7296 2.1, 2.2, 2.3.
// A request in hand is answered once; its answer is kept and given again, octet for octet, to the same request. Only
// requests are retransmitted, never answers. A message is one datagram, or several where it was fragmented.
// Pure; one thread.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "model/ids.h"

namespace sallyport::ike {

using Digest = std::array<uint8_t, 32>;

struct RetransmitPolicy {
  Duration first = seconds(2);
  double factor = 1.8;
  unsigned tries = 5;  // after the first transmission
};

class MessageWindow {
 public:
  enum class Incoming : uint8_t {
    fresh,     // the next one expected
    repeated,  // the last one again, answered: give stored_reply() again
    working,   // the last one again, its answer still being made
    differs,   // the ID of the last one, other octets
    outside,   // neither
  };

  explicit MessageWindow(RetransmitPolicy policy = {}) : policy_(policy) {}

  // Of a request: first_datagram identifies it (fragment 1 where it came in fragments).
  Incoming classify(model::MessageId id, const Digest& first_datagram) const;
  // Of a request whose ID alone is known yet.
  bool expected(model::MessageId id) const { return !working_ && id == next_in_; }
  void take_request(model::MessageId id, const Digest& first_datagram);  // Requires: classify() says fresh
  void store_reply(std::vector<Bytes> datagrams);                        // Requires: a request is in hand
  const std::vector<Bytes>& stored_reply() const { return reply_; }
  bool request_in_hand() const { return working_; }
  model::MessageId request_in_hand_id() const { return next_in_ - 1; }
  void drop_request();  // give up the request in hand without an answer

  // Our own requests.
  bool can_send() const { return !outstanding_; }
  model::MessageId next_out() const { return next_out_; }
  model::MessageId next_in() const { return next_in_; }
  void sent(TimePoint now, std::vector<Bytes> datagrams);  // starts the clock; takes next_out()
  bool answers(model::MessageId id) const;                 // is it the answer we wait for?
  void answered();                                         // stops the clock
  const std::vector<Bytes>& outstanding() const { return request_; }
  std::optional<TimePoint> deadline() const { return deadline_; }
  bool retransmit(TimePoint now);  // call at deadline(): true: send outstanding() again; false: given up
  unsigned transmissions() const { return transmissions_; }
  // Something says that the peer may be gone: what is outstanding is asked for again at once after quick.first, and
  // given up after quick.tries more. Never slower than the policy would have it.
  void hurry(TimePoint now, RetransmitPolicy quick);
  void restart();  // IKE_SA_INIT is sent anew with ID 0 (COOKIE, INVALID_KE_PAYLOAD)
  void set_policy(RetransmitPolicy policy) { policy_ = policy; }

 private:
  RetransmitPolicy policy_;
  RetransmitPolicy current_;  // of the request outstanding
  model::MessageId next_in_ = 0;
  bool working_ = false;
  bool has_last_ = false;
  Digest last_request_{};
  std::vector<Bytes> reply_;
  model::MessageId next_out_ = 0;
  bool outstanding_ = false;
  std::vector<Bytes> request_;
  std::optional<TimePoint> deadline_;
  Duration wait_{};
  unsigned transmissions_ = 0;
};

}  // namespace sallyport::ike
