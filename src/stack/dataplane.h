// The packet half of the daemon as one pure machine: inner packets in, ESP out, and back; packets that wait for their
// SA; the internal device. Works in batches and allocates nothing per packet in steady state. One shard, one thread.
// House §3.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ipsec/inbound.h"
#include "ipsec/outbound.h"
#include "stack/acquire.h"
#include "stack/filter_flows.h"
#include "stack/handed.h"
#include "stack/inner_host.h"
#include "stack/messages.h"
#include "stack/waiting_arrivals.h"

namespace sallyport::stack {

class Dataplane {
 public:
  // inner_host: the internal device takes the place of a TUN; nothing: inner packets come from and go to the outside.
  // shape: what sockets and TUN device can take; the internal device takes whole packets only.
  explicit Dataplane(Rng& rng, std::optional<InnerHost> inner_host = std::nullopt,
                     const ipsec::OutputShape& shape = {});

  // Whole IP packets from the TUN device, with what the host left to us in their offload.
  void handle_inner_packets(TimePoint now, std::span<PacketBuf> packets);
  // ESP packets and trains of them, and AH packets, from UDP or raw sockets.
  void handle_esp(TimePoint now, std::span<const ipsec::Incoming> packets);
  // Whole IP packets from outside: errors of ICMP about our packets, and ESP and AH with their headers, in fragments
  // too.
  void handle_outer_packets(TimePoint now, std::span<const ByteView> packets);
  void handle_command(TimePoint now, DataplaneCommand command);
  void handle_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline() const;

  // This shard's number among how many. Before anything is installed.
  void set_place(uint16_t number, uint16_t shards) { shard_.sad.set_place(number, shards); }
  // Inner packets that another shard judges, or whose SA it has: the caller swaps the packets away. Forgotten by
  // done().
  std::span<Handed> take_handed() { return {handed_.data(), handed_used_}; }
  // One that another shard has handed to this one. What is left in it is not to be used, but its memory.
  void handle_handed(TimePoint now, Handed& handed);

  // What is to be sent, in order; the caller may move the packets' contents away. Empty packets are to be skipped. Then
  // done().
  std::span<ipsec::Outgoing> take_outputs() { return outputs_.packets(); }
  void done() {
    outputs_.clear();
    handed_used_ = 0;
  }
  std::optional<DataplaneEvent> poll_event();

  // The internal device's pings. unsupported: there is a TUN device.
  Result<> ping(TimePoint now, uint64_t token, const IpAddr& destination, uint16_t sequence, size_t octets);
  std::optional<InnerHost::Pong> poll_pong();

  std::vector<ipsec::SaStatus> sas(TimePoint now) const { return shard_.sad.status(now); }
  const ipsec::DropCounters& drops() const { return shard_.drops; }
  ipsec::TrafficTotals traffic() const { return shard_.sad.totals(); }
  const ipsec::Spd& spd() const { return shard_.spd; }
  size_t flows() const { return flows_.size(); }  // that the filter engine remembers
  const ipsec::NatFlows& nat_flows() const { return shard_.nat; }
  std::optional<FilterFlows::Standing> standing(const HostFlow& flow) const { return flows_.standing(flow); }
  uint64_t held_dropped() const { return held_dropped_; }  // packets that waited for an SA in vain
  // Measures who does each suite fastest on this processor, for the SAs to come; some tens of milliseconds of this
  // thread.
  // nanoseconds: a clock that only grows.
  void choose_providers(const std::function<uint64_t()>& nanoseconds);
  void set_path_mtu(uint16_t octets) { shard_.sad.set_path_mtu(octets); }

 private:
  void apply(TimePoint now, InstallSa& command);
  void apply(TimePoint now, ExpectSa& command);
  void apply(TimePoint now, InstallSaElsewhere& command);
  void apply(TimePoint now, CompleteSa& command);
  void apply(TimePoint now, SwitchSaOutbound& command);
  void apply(TimePoint now, RemoveSa& command);
  void apply(TimePoint now, MoveSa& command);
  void apply(TimePoint now, SetSpd& command);
  void apply(TimePoint now, ForgetHeld& command);
  void apply(TimePoint now, ReleaseHeld& command);
  void apply(TimePoint now, SetFilters& command);
  void apply(TimePoint now, PlaceSocket& command);
  void apply(TimePoint now, PlaceUser& command);
  void apply(TimePoint now, ForgetSocket& command);
  void apply(TimePoint now, PlaceOwner& command);

  void send(TimePoint now, std::span<PacketBuf> packets);
  void send_one(TimePoint now, ByteView packet, const Offload& offload = {});
  void release(TimePoint now, uint32_t reqid);
  void hold_for(TimePoint now, const ipsec::Acquire& acquire, const PacketBuf& packet);
  void finish_inbound(TimePoint now, size_t first, size_t events);
  void note_inbound(TimePoint now, size_t from);
  void note_unknown(TimePoint now, std::span<const ipsec::Incoming> packets);
  Handed& hand_to(uint16_t shard, Handed::What what, PacketBuf& packet);
  void hand_over(TimePoint now, const ipsec::HandOver& to, PacketBuf& packet);
  void hand_to_judges(TimePoint now, size_t from);
  ipsec::Verdict judge(TimePoint now, const CameBy& by, PacketBuf& packet, wire::ip::PacketView& view);
  void judge_arriving(TimePoint now, Handed& handed);
  void drop_arriving(TimePoint now, ipsec::Drop why, const CameBy& by);
  void wait_for_owner(TimePoint now, const HostFlow& flow, Handed& handed);
  void give_inner_host(TimePoint now, size_t first);
  void run_inner_host(TimePoint now);
  void tell_dropped();
  void take_events(TimePoint now, std::span<PacketBuf> batch, size_t from);

  FilterFlows flows_;
  ipsec::Shard shard_;
  ipsec::Outputs outputs_;
  std::vector<Handed> handed_;  // handed_used_ of them; the others keep their memory
  size_t handed_used_ = 0;
  AcquireQueue held_;
  WaitingArrivals arrivals_;  // for word of their flows' owners
  std::optional<InnerHost> inner_host_;
  std::deque<DataplaneEvent> events_;
  std::vector<model::ChildId> seen_;  // authenticated inbound packets since the last report
  std::optional<TimePoint> report_at_;
  std::optional<TimePoint> unknown_at_;  // an unknown SPI was last told of
  std::optional<TimePoint> expire_held_at_;
  std::map<model::ChildId, TimePoint> copy_wanted_;  // told of, and when
  uint64_t held_dropped_ = 0;
};

}  // namespace sallyport::stack
