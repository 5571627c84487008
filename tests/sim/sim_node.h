// One simulated host: a whole daemon (Control and Dataplane, the outside in place of a TUN device), its key process
// that takes its time, its own clock. It can be killed, started anew, and sleep. Virtual time. For tests only.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/noisy_wire.h"
#include "support/stack_pair.h"

namespace sallyport::sim {

struct NodeSetup {
  IpAddr address;
  std::shared_ptr<const model::IkePolicySet> policy;
  std::string secret = "a secret of both ends";
  ike::Config config;
  Duration key_work{};  // how long the key process takes
};

class SimNode {
 public:
  SimNode(NodeSetup setup, uint64_t seed, Duration clock_ahead);

  // A new daemon; of an old one nothing is left but what others know of it.
  void start(TimePoint now);
  void stop();  // kill -9
  bool runs() const { return stack_ != nullptr && !asleep_; }
  // The host is suspended: nothing is heard or done, the clock goes on (it counts suspend).
  void sleep() { asleep_ = true; }
  void wake_up(TimePoint now);
  // The host's clock was stopped for so long while the world went on (a paused virtual machine).
  void lose_time(Duration length) { ahead_ -= length; }

  // From the next start on.
  void set_limits(const ike::Limits& limits) { setup_.config.limits = limits; }
  void reload(TimePoint now, std::shared_ptr<const model::IkePolicySet> policy, std::string secret);
  void command(TimePoint now, stack::ControlCommand command);
  // As if packets of the newest SA had come to that shard, which does not have it. Nothing where there is no SA.
  void want_copy(TimePoint now, uint16_t shard);
  void send_inner(TimePoint now, ByteView packet);
  void receive(TimePoint now, const Packet& packet);
  void wake(TimePoint now);  // handle_deadline, and what the key process has finished
  std::optional<TimePoint> next_deadline() const;

  // What has come out since the last call.
  std::vector<Packet> take_sent() { return std::exchange(sent_, {}); }
  std::vector<Bytes> take_delivered() { return std::exchange(delivered_, {}); }
  std::vector<std::string> take_told() { return std::exchange(told_, {}); }

  // Requires: started.
  std::vector<ike::IkeSaStatus> ike_sas() const { return stack_->control.ike_sas(); }
  std::vector<ipsec::SaStatus> sas(TimePoint now) const { return stack_->dataplane.sas(clock(now)); }
  std::string grown(size_t children) const;  // a table that holds more than a quiet tunnel needs; "": none
  void add_rows(std::map<std::string, uint64_t>& rows) const;
  const NodeSetup& setup() const { return setup_; }

  std::string wrong;                      // an invariant broken in here
  std::vector<ike::KeyLog::Ike> key_log;  // of every IKE SA, with Config::key_log

 private:
  struct Stack {
    Stack(const ike::Config& config, Rng& rng) : control(config, rng), dataplane(rng) {}
    stack::Control control;
    stack::Dataplane dataplane;
  };
  struct Work {
    TimePoint due;
    model::RequestId id;
    model::KeyReply reply;
  };

  TimePoint clock(TimePoint now) const { return now + ahead_; }
  void drain(TimePoint now);
  void take_packets();
  void carry(TimePoint now, ike::Datagram& d);
  void carry(TimePoint now, ike::Request& r);
  void carry(TimePoint now, ike::KeyLog& k);
  void carry(TimePoint now, stack::DataplaneCommand& c);
  void carry(TimePoint now, stack::NatKeepalive& k);
  void carry(TimePoint now, stack::Notice& n);
  void carry(TimePoint now, stack::CommandResult& r);
  void carry(TimePoint, stack::HostFilters&) {}
  void carry(TimePoint, stack::EndpointWanted&) {}
  void carry(TimePoint, stack::OwnerWanted&) {}
  void carry(TimePoint, stack::PolicySecrets&) {}
  void carry(TimePoint, policy::EngineOutput&) {}  // no story here has a session

  NodeSetup setup_;
  test::SeededRng rng_;
  Duration ahead_;
  bool asleep_ = false;
  std::unique_ptr<Stack> stack_;
  test::KeyDouble keys_;
  std::vector<Work> work_;  // in the key process
  std::vector<Packet> sent_;
  std::vector<Bytes> delivered_;
  std::vector<std::string> told_;
  std::map<std::string, uint64_t> old_rows_;  // of daemons that were killed
};

}  // namespace sallyport::sim
