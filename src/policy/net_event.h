// Net events: what failed and what was dropped, for whoever watches the host (FWPM_NET_EVENT). A bounded log, in which
// the newest push the oldest out, and the templates that choose from it. The log is told the time of the wall with its
// events; nobody here reads a clock. Values and one log; one thread, the engine's.
#pragma once
#include <deque>
#include <memory>

#include "base/time.h"
#include "policy/match.h"
#include "policy/provider_context.h"

namespace sallyport::policy {

enum class NetEventType : uint32_t {
  IKEEXT_MM_FAILURE = 0,
  IKEEXT_QM_FAILURE = 1,
  IKEEXT_EM_FAILURE = 2,
  CLASSIFY_DROP = 3,
  IPSEC_KERNEL_DROP = 4,
};
std::string_view to_string(NetEventType type);

// On whose side it failed: nobody can say, here, at the peer.
enum class FailurePoint : uint32_t { NONE = 0, ME = 1, PEER = 2 };
enum class SaRole : uint32_t { INITIATOR = 0, RESPONDER = 1 };
enum class MmSaState : uint32_t { NONE = 0, SA_SENT = 1, SSPI_SENT = 2, FINAL = 3, FINAL_SENT = 4, COMPLETE = 5 };
enum class QmSaState : uint32_t { NONE = 0, INITIAL = 1, FINAL = 2, COMPLETE = 3 };
enum class TrafficType : uint32_t { TRANSPORT = 0, TUNNEL = 1 };
enum class PacketDirection : uint32_t { OUTBOUND = 0, INBOUND = 1 };
std::string_view to_string(FailurePoint point);

// `code` is one of ERROR_IPSEC_*; `filter` the one at IKEEXT (main mode) or IPSEC (quick mode) whose policy was used,
// 0 where a connection of the configuration was.
struct MmFailure {
  uint32_t code = 0;
  FailurePoint point = FailurePoint::NONE;
  KeyModule module = KeyModule::IKEV2;
  MmSaState state = MmSaState::NONE;
  SaRole role = SaRole::INITIATOR;
  AuthMethodType method = AuthMethodType::PRESHARED_KEY;
  uint64_t mm_id = 0;
  uint64_t filter = 0;
  std::string local_name, remote_name;  // identities, as far as they are known
  bool operator==(const MmFailure&) const = default;
};
struct QmFailure {
  uint32_t code = 0;
  FailurePoint point = FailurePoint::NONE;
  KeyModule module = KeyModule::IKEV2;
  QmSaState state = QmSaState::NONE;
  SaRole role = SaRole::INITIATOR;
  TrafficType traffic = TrafficType::TRANSPORT;
  uint64_t filter = 0;
  bool operator==(const QmFailure&) const = default;
};
// The authentication of users, which policy asks for by its extended mode: IKEv2's second one (RFC 4739), or it fails
// before anything is sent.
struct EmFailure {
  uint32_t code = 0;
  FailurePoint point = FailurePoint::ME;
  SaRole role = SaRole::INITIATOR;
  AuthMethodType method = AuthMethodType::RESERVED;
  uint64_t filter = 0;
  bool operator==(const EmFailure&) const = default;
};
struct ClassifyDrop {
  uint64_t filter = 0;
  Layer layer = Layer::OUTBOUND_TRANSPORT_V4;
  PacketDirection direction = PacketDirection::OUTBOUND;
  bool operator==(const ClassifyDrop&) const = default;
};
struct KernelDrop {
  uint32_t status = 0;  // an NTSTATUS of the IPsec facility
  PacketDirection direction = PacketDirection::INBOUND;
  uint32_t spi = 0;  // 0: not known
  uint64_t filter = 0;
  Layer layer = Layer::INBOUND_TRANSPORT_V4;
  bool operator==(const KernelDrop&) const = default;
};

struct NetEvent {
  static constexpr size_t kMostText = 512;  // octets of any text; the rest is cut off
  uint64_t time = 0;                        // FILETIME: tenths of microseconds since 1601-01-01 UTC
  std::optional<IpAddr> local, remote;      // of one family
  std::optional<uint8_t> protocol;
  std::optional<uint16_t> local_port, remote_port;
  // In the order of NetEventType.
  std::variant<MmFailure, QmFailure, EmFailure, ClassifyDrop, KernelDrop> what;
  std::string sentence;  // for people; the C structures have no place for it
  NetEventType type() const { return static_cast<NetEventType>(what.index()); }
  bool operator==(const NetEvent&) const = default;
};

// FWPM_NET_EVENT_ENUM_TEMPLATE0. Conditions on protocol, addresses, ports and type; several on one field are
// alternatives.
struct NetEventTemplate {
  uint64_t start = 0, end = 0;  // FILETIME; end 0: no end
  Conditions conditions;
  bool operator==(const NetEventTemplate&) const = default;
};
// INVALID_INTERVAL (the end before the start), CONDITION_NOT_FOUND, and those of check_condition().
Outcome<> check_template(const NetEventTemplate& wanted);

// A template made ready. Requires: check_template() accepted it.
class NetEventChoice {
 public:
  explicit NetEventChoice(NetEventTemplate wanted);
  bool wants(const NetEvent& event) const;
  const NetEventTemplate& wanted() const { return wanted_; }

 private:
  NetEventTemplate wanted_;
  std::vector<Test> tests_[2];  // by family
  bool possible_[2] = {true, true};
};

class NetEventLog {
 public:
  static constexpr size_t kMostEvents = 1024;
  // Of one second. Strangers can make negotiations fail as often as they like: what the peer began has a share of its
  // own, so that it cannot push everything else out at once.
  static constexpr uint32_t kMostPerSecond = 200, kMostOfPeersPerSecond = 20;

  // Kept, with its time set; nothing where it was one too many, which is counted.
  std::shared_ptr<const NetEvent> add(TimePoint now, NetEvent event);
  // What the wall's clock says at `now`, as FILETIME. Events are stamped by it from here on.
  void set_wall(TimePoint now, uint64_t filetime);
  uint64_t wall() const { return wall_; }                                                   // as it was told last
  std::vector<std::shared_ptr<const NetEvent>> choose(const NetEventChoice& choice) const;  // oldest first
  void clear() { events_.clear(); }
  size_t size() const { return events_.size(); }
  uint64_t lost() const { return lost_; }

 private:
  std::deque<std::shared_ptr<const NetEvent>> events_;
  TimePoint wall_at_{};
  uint64_t wall_ = 0;
  TimePoint second_{};
  uint32_t in_second_ = 0, of_peers_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace sallyport::policy
