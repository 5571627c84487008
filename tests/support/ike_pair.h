// Two IKE endpoints in memory. An IkePeer is an ike::Endpoint with the key process it asks and the SAD it would fill;
// an IkePair hands messages over one by one, by hand, or until nothing moves. Virtual time. For tests only.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "ike/endpoint.h"
#include "support/seeded_rng.h"

namespace sallyport::test {

// What a connection of the pair looks like; both ends get the same words.
struct PairPolicy {
  std::string ike = "aes128gcm16-prfsha256-x25519";
  std::string child = "aes128gcm16";  // with a group: PFS
  unsigned children = 1;              // "lan0", "lan1", …
  std::string psk_a = "correct horse", psk_b = "correct horse";
  Duration dpd_delay = Duration::zero();
  Duration ike_rekey = Duration::zero();
  bool keep_up = false;
  bool serves_asker = false;  // model::ChildPolicy
  uint16_t shards = 1;        // ike::Config
  // RFC 4739: each end proves a user to the other, or a's is not the one that b asks for.
  enum class Users : uint8_t { none, good, bad } users = Users::none;
};

// The policy of one end.
std::shared_ptr<const model::IkePolicySet> policy_of(bool first, const PairPolicy& words);

class IkePeer {
 public:
  struct Installed {
    model::SaSpec spec;
    bool outbound_ready = true;
    bool removed = false;
    TimePoint until{};  // removed: the inbound half opens packets up to here
    bool seen = false;  // InboundSeen was told
  };

  IkePeer(bool first, const PairPolicy& policy, uint64_t seed);

  void command(TimePoint now, ike::Command command);
  void take(TimePoint now, const ike::Datagram& in);  // as it arrives here
  void wake(TimePoint now);                           // handle_deadline
  // Answers a request that was held back; false when there is none.
  bool answer_one(TimePoint now);

  // The outbound SA the data plane would use for a child: the newest one that is ready. Nothing: none.
  const Installed* outbound(const std::string& child) const;
  // The inbound SA for an SPI, lingering ones included.
  Installed* inbound(TimePoint now, model::Spi spi);
  size_t live_children() const;
  size_t ike_sas(std::string_view state = "") const;  // of that state; all for ""

  IpEndpoint address;
  SeededRng rng;
  ike::Endpoint endpoint;
  std::deque<ike::Datagram> out;  // sent, not delivered yet
  std::map<model::ChildId, Installed> sad;
  bool hold_requests = false;  // slow key work waits for answer_one()
  std::deque<ike::Request> held;
  unsigned ike_up = 0, ike_down = 0, ike_rekeyed = 0, attempts_failed = 0, switched = 0, moved = 0;
  std::vector<std::string> complaints;  // sentences of failures, in order
  std::string broken;                   // first event that contradicts an earlier one; empty: none

 private:
  void drain(TimePoint now);
  model::KeyReply work(const model::KeyRequest& request) const;
  void on_event(TimePoint now, ike::Event event);

  std::string psk_;
};

class IkePair {
 public:
  explicit IkePair(const PairPolicy& policy = {}, uint64_t seed = 1);

  void up();                    // a initiates; run(); both ends stand, or the test fails elsewhere
  bool a_to_b(size_t nth = 0);  // hands one datagram over, by default the oldest; false: there is none
  bool b_to_a(size_t nth = 0);
  void run();                                  // delivers in turn until nothing moves; time stands
  bool advance(Duration most = seconds(120));  // to the next deadline of either, if it is within reach; wakes it
  void settle(Duration most);                  // run() and advance() until nothing is due within that time

  // A packet each way now: the sender's outbound SA opens at the receiver, with the same keys. "" or what is wrong.
  std::string traffic(const std::string& child = "lan0", bool tell_seen = true);
  // After quiet: both ends hold the same Child SAs, in the same number, keys crossed over. "" or what differs.
  std::string agreement() const;

  TimePoint now{Duration(seconds(1000))};
  IkePeer a, b;

 private:
  std::string one_way(IkePeer& from, IkePeer& to, const std::string& child, bool tell_seen);
};

}  // namespace sallyport::test
