// Feeds the pure machines: datagrams, inner packets, deadlines and key replies go in; what comes out is sent, written,
// logged and answered. The only loop of the worker; one thread (key work may run on the loop's pool). House §3.
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
#include "runtime/trace_log.h"
#include "runtime/tun_queue.h"
#include "stack/control.h"
#include "stack/dataplane.h"

namespace sallyport::runtime {

struct DriverSetup {
  config::Settings settings;
  std::shared_ptr<const model::IkePolicySet> policy;
  Descriptors descriptors;
};

// What goes wrong below the protocols; counted, since no peer may fill the log.
struct DriverCounters {
  uint64_t datagrams_in = 0, datagrams_out = 0;
  uint64_t device_packets_in = 0, device_packets_out = 0;
  uint64_t send_refused = 0;
  uint64_t device_refused = 0;
  uint64_t not_for_us = 0;  // neither IKE nor ESP
  uint64_t no_socket = 0;   // native ESP without a raw socket, IPv6 without IPv6
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

  const stack::Control& control() const { return control_; }
  const stack::Dataplane& dataplane() const { return dataplane_; }
  const config::Settings& settings() const { return settings_; }
  const DriverCounters& counters() const { return counters_; }
  bool native_esp() const { return static_cast<bool>(descriptors_.esp_v4); }
  bool key_log() const { return key_log_.has_value(); }
  const std::string& device_name() const { return descriptors_.tun_name; }

 private:
  struct Queued {
    Bytes owned;
    OutgoingDatagram datagram;
  };

  void read_udp(const UdpDescriptor& socket);
  void take_datagram(TimePoint now, const UdpDescriptor& socket, const ReceivedDatagram& datagram);
  void read_esp(const Fd& socket, Family family);
  void read_tun();
  void add_esp(const ReceivedDatagram& datagram, ByteView payload, bool udp);
  void give_esp();
  void pump();
  bool drain_control(TimePoint now);
  bool drain_dataplane(TimePoint now);
  void act(ike::Datagram& datagram);
  void act(ike::Request& request);
  void act(ike::KeyLog& keys);
  void act(stack::DataplaneCommand& command);
  void act(stack::NatKeepalive& keepalive);
  void act(stack::Notice& notice);
  void act(stack::CommandResult& result);
  void send_outputs();
  void send_esp(ipsec::Outgoing& out);
  void write_tun(const PacketBuf& packet);
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
  stack::Dataplane dataplane_;
  DatagramBatch batch_;
  std::vector<PacketBuf> inner_;
  std::vector<ipsec::Incoming> incoming_;  // keeps its memory between batches
  TunQueue tun_;
  std::vector<std::vector<Queued>> udp_queues_;  // one for each of descriptors_.udp
  std::vector<Queued> esp_v4_queue_, esp_v6_queue_;
  std::vector<OutgoingDatagram> sending_;
  DriverCounters counters_;
  bool pumping_ = false;
  bool pump_again_ = false;
};

}  // namespace sallyport::runtime
