// Clear packets on their way in that the packet filter asks about, because a filter at ALE_AUTH_RECV_ACCEPT names
// programs or users: each waits until it is known whose socket its flow is for, is judged at that layer, and goes on to
// the host or not. Those before it have let the packet pass: the host's own packet filter, and INBOUND_TRANSPORT there.
// Whoever sends may be a stranger: everything kept here has a limit, and what it does not hold is asked for anew. Pure;
// one thread.
#pragma once
#include <deque>
#include <unordered_map>
#include <variant>

#include "base/bytes.h"
#include "ipsec/drops.h"
#include "policy/classify.h"
#include "stack/messages.h"

namespace sallyport::stack {

class ClearArrivals {
 public:
  static constexpr size_t kMostWaitingFlows = 256;
  static constexpr size_t kMostOfFlow = 4;
  static constexpr size_t kMostWaitingOctets = 1 << 20;
  static constexpr size_t kMostKnown = 16384;  // flows whose owner is kept
  static constexpr Duration kWait = seconds(5);
  static constexpr Duration kKnownTcp = hours(2), kKnown = seconds(10);

  // snapshot: the policy in force.
  using Snapshot = std::shared_ptr<const policy::Snapshot>;
  void handle_packet(TimePoint now, const Snapshot& snapshot, ByteView packet);
  // owner: nullptr: that cannot be said now.
  void place_owner(TimePoint now, const Snapshot& snapshot, const HostFlow& flow,
                   std::shared_ptr<const SocketOwner> owner);
  void handle_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline() const { return sweep_at_; }

  struct Deliver {
    IpAddr destination;
    Bytes packet;  // whole, its checksum finished
  };
  using Output = std::variant<OwnerWanted, Deliver>;
  std::optional<Output> poll();
  const ipsec::DropCounters& drops() const { return drops_; }
  size_t waiting() const { return waiting_.size(); }
  size_t known() const { return known_.size(); }

 private:
  struct Hash {
    size_t operator()(const HostFlow& flow) const { return reqid_of_endpoint(flow); }
  };
  struct Known {
    std::shared_ptr<const SocketOwner> owner;
    TimePoint last{};
  };
  struct Waiting {
    TimePoint since{};
    std::vector<Bytes> packets;
  };
  void judge(const Snapshot& snapshot, const HostFlow& flow, const SocketOwner& owner, Bytes packet);
  void wait(TimePoint now, const HostFlow& flow, ByteView packet);

  std::unordered_map<HostFlow, Known, Hash> known_;
  std::unordered_map<HostFlow, Waiting, Hash> waiting_;
  size_t waiting_octets_ = 0;
  std::deque<Output> outputs_;
  std::optional<TimePoint> sweep_at_;
  ipsec::DropCounters drops_;
};

// Whether ALE_AUTH_RECV_ACCEPT lets a flow begin in the clear.
bool accepts_clear(const policy::Snapshot& snapshot, const HostFlow& flow, const SocketOwner& owner);

}  // namespace sallyport::stack
