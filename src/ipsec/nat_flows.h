// The flows of peers behind a NAT in transport mode, in one shard. RFC 3948 5.2: such peers have one address, and may
// have the same ports. Each flow belongs to the peer whose SA it came by and is answered by that peer's SAs; where
// another peer's flow has its ports already, the host sees it under a remote port of its own, as long as it lives.
// Bounded: peers choose what is remembered. Pure; one thread.
#pragma once
#include <optional>
#include <unordered_map>

#include "base/ip_addr.h"
#include "ipsec/flow_life.h"

namespace sallyport::ipsec {

// Of whom an SA is; the same over rekeys.
struct NatClient {
  IpEndpoint seen_at;  // address of the NAT, and what tells this peer from all others there: its port, at first
  uint32_t reqid = 0;  // of the SAs of this peer for the same policy, and of no other's
  // RFC 7296 2.23.1: the peer's own idea of the two addresses, where it is another one than ours.
  std::optional<IpAddr> original_source;
  std::optional<IpAddr> original_destination;
};

class NatFlows {
 public:
  static constexpr size_t kMostFlows = 65536;
  static constexpr size_t kMostPerClient = 16384;
  static constexpr Duration kSweepEvery = seconds(10);

  // As this host sees it. An ICMP echo that the peer asks has the identifier as remote port, and no local one.
  struct Key {
    IpAddr local;
    IpAddr remote;
    uint8_t protocol = 0;
    uint16_t local_port = 0;
    uint16_t remote_port = 0;
    bool operator==(const Key&) const = default;
  };
  struct Flow {
    NatClient client;  // whose it is; the reqid is of the SA that it came by last
    FlowLife life;
    bool let_in = false;     // policy has let a packet of it in; what was never let in keeps no port from others
    uint16_t own_port = 0;   // as the peer has it
    uint16_t seen_port = 0;  // as this host does
    bool rewritten() const { return own_port != seen_port; }
  };

  Flow* find(const Key& key);
  const Flow* find(const Key& key) const;
  // Of this peer's, by the ports that the peer has; where the host sees other ones, those of `key` become them.
  Flow* find_own(const IpEndpoint& client, Key& key);
  // A flow that is nobody's yet: key.remote_port is what the host sees. nullptr: kMostFlows or kMostPerClient are
  // there. Requires: find(key) found nothing.
  Flow* add(TimePoint now, const Key& key, const NatClient& client, uint16_t own_port);
  void remove(const Key& key);

  bool empty() const { return flows_.empty(); }
  size_t size() const { return flows_.size(); }
  size_t rewritten() const { return rewritten_.size(); }
  // Another one whenever a flow has come or gone, and only then is an address of a Flow good no more.
  uint64_t generation() const { return generation_; }

  void handle_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline() const { return sweep_at_; }

 private:
  struct OwnKey {
    IpEndpoint client;
    Key key;
    bool operator==(const OwnKey&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const;
    size_t operator()(const OwnKey& own) const;
    size_t operator()(const IpEndpoint& client) const;
  };
  void let_go(const Key& key, const Flow& flow);

  std::unordered_map<Key, Flow, Hash> flows_;
  std::unordered_map<OwnKey, uint16_t, Hash> rewritten_;  // by what the peer has: the port that the host sees
  std::unordered_map<IpEndpoint, size_t, Hash> clients_;  // how many flows each has
  uint64_t generation_ = 1;
  std::optional<TimePoint> sweep_at_;
};

}  // namespace sallyport::ipsec
