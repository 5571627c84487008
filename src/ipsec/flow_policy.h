// Who decides about flows that the SPD does not decide alone, packet by packet and with a memory: the seat that `stack`
// fills with the filter engine. RFC 4301 4.4.1 calls such a decision the SPD's all the same. One thread: the shard's.
#pragma once
#include "ipsec/drops.h"
#include "ipsec/sa_record.h"
#include "ipsec/spd_cache.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

// What is remembered of a flow as long as it lives; MS-IKEE's names.
struct FlowFlags {
  bool secure = false;  // was protected once: never in the clear again
  bool guaranteed_encryption = false;
  bool acquire = false;  // a negotiation was asked for
};

class FlowPolicy {
 public:
  struct Ruling {
    // none: nobody has an opinion; reset: dropped, and a TCP connection of this host is told that it is over
    enum class Way : uint8_t { none, drop, reset, clear, protect };
    Way way = Way::none;
    Drop drop = Drop::no_policy;
    // With `protect`; good until the next call.
    Spd::Decision* decision = nullptr;  // its entry names the reqid
    uint32_t other_reqid = 0;           // SAs of this one will do as well; 0: no other
    FlowFlags* flags = nullptr;
    bool clear_meanwhile = false;  // without an SA the packet leaves in the clear, unless the flow is secure
    bool negotiate = true;
    bool answers = true;  // an SA of the peer that the flow came from will do, where that is behind a NAT
    uint64_t filter = 0;  // who asks; 0: the SPD's entry in `decision`, which is served as the SPD's are
  };

  virtual ~FlowPolicy() = default;
  // A leaving packet, whole where its protocol has ports.
  virtual Ruling outbound(TimePoint now, const wire::ip::PacketView& view) = 0;
  // Whether the entry that the SPD has for a leaving packet is also what all policy together says of its flow.
  bool leaves_to_spd(const wire::ip::PacketView& view, Spd::Decision& decision) {
    if (decision.asked != generation_) {
      decision.asked = generation_;
      decision.alone = decides_alone(view, *decision.entry);
    }
    return decision.alone;
  }
  // A packet that came by this SA and fits its selectors. latch_broken: this host's TCP is told that the connection is
  // over. owner_unknown: it is to be judged again when its owner is known.
  virtual Verdict inbound(TimePoint now, const wire::ip::PacketView& view, const SaRecord& sa) = 0;
  // inbound() may say owner_unknown.
  virtual bool asks_owners() const { return false; }
  // For the port that a flow of a peer behind a NAT may get: nobody has this flow yet, and its packets would be
  // protected.
  virtual bool would_protect(const model::FlowKey&) { return true; }
  // The flow lives, and what comes of it comes by an SA of a peer that is behind no NAT.
  virtual bool is_of_other_peer(TimePoint, const model::FlowKey&) const { return false; }

 protected:
  virtual bool decides_alone(const wire::ip::PacketView&, const Spd::Entry&) { return true; }
  uint64_t generation_ = 1;  // of the policy; another one asks anew
};

}  // namespace sallyport::ipsec
