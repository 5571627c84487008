// Feeds the keying machine: IKE datagrams, deadlines, key replies and what the data plane saw go in; what comes out is
// sent, handed to the data plane, logged and answered. The only Loop of the process; one thread (key work may run on
// the loop's pool). Packets have a thread of their own: packet_worker.h. House §3.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "runtime/datagram_batch.h"
#include "runtime/descriptors.h"
#include "runtime/key_log.h"
#include "runtime/key_port.h"
#include "runtime/loop.h"
#include "runtime/packet_worker.h"
#include "runtime/trace_log.h"
#include "stack/control.h"
#include "stack/sa_calls.h"

namespace sallyport::runtime {

struct DriverSetup {
  config::Settings settings;
  std::shared_ptr<const model::IkePolicySet> policy;
  Descriptors descriptors;
};

// What the data plane can tell about itself.
struct PacketReport {
  std::vector<ipsec::SaStatus> sas;
  ipsec::DropCounters drops;
  ipsec::TrafficTotals traffic;
  uint64_t held_dropped = 0;
};

class Driver {
 public:
  Driver(Loop& loop, TraceLog& log, KeyPort& keys, Rng& rng, DriverSetup setup);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Takes up the policy and starts to read. token: of the first ReloadCommand's CommandResult; 0: none.
  void start();
  void command(stack::ControlCommand command);
  void reload(config::Settings settings, std::shared_ptr<const model::IkePolicySet> policy, stack::CommandToken token);
  Result<> ping(uint64_t token, const IpAddr& destination, uint16_t sequence, size_t octets);
  // Every connection goes down; the delete messages are sent at once.
  void take_all_down();

  std::function<void(const stack::Notice&)> on_notice;
  std::function<void(const stack::CommandResult&)> on_result;
  std::function<void(const stack::InnerHost::Pong&)> on_pong;
  std::function<void(const policy::EngineOutput&)> on_engine;  // what sessions of the filter engine are to hear

  std::function<void()> on_sa_changes;  // sa_calls() has something for sessions

  std::function<void()> on_message;  // of IKE has come, and is about to be judged by the filters in force
  std::function<void(const stack::EndpointWanted&)> on_endpoint_wanted;  // to be answered by release_held()
  std::function<void(const stack::EndpointWanted&)> on_user_wanted;      // to be answered by place_user()
  std::function<void(const stack::OwnerWanted&)> on_owner_wanted;        // to be answered by place_owner()
  std::function<void(const stack::HostFilters&)> on_host_filters;        // the packet filter is to have these

  // Works on the filter engine; what comes of it is carried out before this returns.
  void with_filter_engine(const std::function<void(TimePoint, policy::Engine&)>& work);

  void release_held(uint32_t held_as, bool send);
  void place_socket(const stack::HostFlow& flow, std::shared_ptr<const stack::SocketGroup> group);
  void forget_socket(const stack::HostFlow& flow, uint64_t group);
  void place_user(const stack::EndpointWanted& wanted, std::optional<uint32_t> uid);
  void place_owner(const stack::HostFlow& flow, std::shared_ptr<const stack::SocketOwner> owner);

  policy::Engine& filter_engine() { return control_.filter_engine(); }  // to change it: with_filter_engine()

  // Calls about SAs; like changes of the engine, within with_filter_engine().
  policy::SaCalls& sa_calls() { return sa_calls_; }

  const stack::Control& control() const { return control_; }
  // Of packets that are judged on this thread; nullptr: of no others any more. They stay their owner's.
  void count_beside(const ipsec::DropCounters* drops) { drops_beside_ = drops; }
  // These ask the packet worker and wait for its answer.
  PacketReport packets() const;
  std::optional<stack::FilterFlows::Standing> standing(const stack::HostFlow& flow) const;
  PacketCounters counters() const;  // of both threads
  const config::Settings& settings() const { return settings_; }
  bool native_esp() const { return static_cast<bool>(descriptors_.esp_v4); }
  bool key_log() const { return key_log_.has_value(); }
  const std::string& device_name() const { return descriptors_.tun_name; }

 private:
  struct Queued {
    Bytes owned;
    OutgoingDatagram datagram;
  };

  void read_udp(const UdpDescriptor& socket);
  void take_datagram(TimePoint now, const UdpDescriptor& socket, const ReceivedDatagram& about, ByteView one);
  void take_message(TimePoint now, const ike::Datagram& message);
  void read_icmp(const Fd& socket, Family family);
  void shrink_path(const IpAddr& remote, ByteView packet);
  PacketWorker::Callbacks callbacks(uint16_t worker);
  // On the loop, unless this driver is gone by then.
  void later(std::function<void()> task);
  void pump();
  void drain_control(TimePoint now);
  void act(ike::Datagram& datagram);
  void act(ike::Request& request);
  void act(ike::KeyLog& keys);
  void act(stack::DataplaneCommand& command);
  void act(stack::NatKeepalive& keepalive);
  void act(stack::Notice& notice);
  void act(stack::CommandResult& result);
  void act(policy::EngineOutput& output);
  void act(stack::PolicySecrets& secrets);
  void act(stack::EndpointWanted& wanted);
  void act(stack::OwnerWanted& wanted);
  void act(stack::HostFilters& filters);
  void send_queues();
  void arm();
  // Queue of the socket for this family and side; nothing when there is none.
  std::vector<Queued>* udp_queue(Family family, bool natt);

  Loop& loop_;
  TraceLog& log_;
  KeyPort& keys_;
  config::Settings settings_;
  std::shared_ptr<const model::IkePolicySet> first_policy_;
  Descriptors descriptors_;
  std::optional<KeyLogWriter> key_log_;
  stack::Control control_;
  stack::SaCalls sa_calls_;
  std::shared_ptr<Driver*> self_;  // what the packet worker's messages find; empty when the driver ends
  std::vector<std::unique_ptr<PacketWorker>> workers_;
  DatagramBatch batch_;
  std::vector<std::vector<Queued>> udp_queues_;  // one for each of descriptors_.udp
  std::vector<OutgoingDatagram> sending_;
  PacketCounters counters_;
  const ipsec::DropCounters* drops_beside_ = nullptr;
  bool pumping_ = false;
  bool pump_again_ = false;
};

}  // namespace sallyport::runtime
