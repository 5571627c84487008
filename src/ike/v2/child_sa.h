// One Child SA of an IKE SA, and its negotiation as far as IKE_AUTH and CREATE_CHILD_SA share it. RFC 7296 1.2, 1.3.1,
// 2.7, 2.9, 2.17. The packets are the data plane's affair: this room hands it a SaSpec. Pure; one thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2 {

struct ChildSa {
  enum class State : uint8_t { INSTALLED, REKEYING, REKEYED, DELETING };

  model::ChildId id = 0;
  std::string name;
  uint32_t reqid = 0;
  model::Mode mode = model::Mode::tunnel;
  model::Spi spi_in = 0;
  model::Spi spi_out = 0;
  model::ChosenChild chosen{};
  model::Selectors ts_local;
  model::Selectors ts_remote;
  bool udp_encap = false;
  State state = State::INSTALLED;
  TimePoint born{};
  std::optional<model::ChildId> replaces;  // by a rekey
  bool outbound_ready = true;              // false: SwitchOutbound is still to come
  std::optional<TimePoint> switch_at;      // it comes then at the latest; nothing: when the peer switches or deletes
  bool peer_boundary = false;              // as in ChildAgreement
  bool guaranteed_encryption = false;      // as in ChildAgreement
  bool asked_by_peer = false;              // as in SaSpec
  bool serves_asker = false;               // as in ChildPolicy
  bool per_resource = false;               // RFC 9611: both sides want copies of it, or it is one
  std::optional<uint32_t> resource;        // which copy; nothing: the one for every resource
  bool redundant = false;                  // lost a rekey collision: about to be deleted, never switched to
  bool rekey_failed = false;               // the last attempt of ours to rekey it
  bool expired = false;                    // its hard lifetime is over while a rekey of ours is under way

  // Whether it is there for what begins at this end.
  bool serves_us() const { return !redundant && !(serves_asker && asked_by_peer); }
};
std::string_view to_string(ChildSa::State state);

ChildSa* find_child(IkeSa& sa, model::ChildId id);
ChildSa* find_child_by_spi_in(IkeSa& sa, model::Spi spi);
// The peer's ESP and AH SPIs may be alike: a Child SA is named by both (RFC 4301 4.1).
ChildSa* find_child_by_spi_out(IkeSa& sa, model::Protocol protocol, model::Spi spi);

// An inbound SPI that is spoken for until its Child SA is installed, or until nobody remembers the attempt.
class SpiLease {
 public:
  SpiLease(Host& host, std::optional<uint32_t> resource) : spi(host.new_child_spi(resource)), host_(host) {}
  ~SpiLease() {
    if (!installed) host_.release_child_spi(spi);
  }
  SpiLease(const SpiLease&) = delete;
  SpiLease& operator=(const SpiLease&) = delete;

  const model::Spi spi;
  bool installed = false;

 private:
  Host& host_;
};

// Our side of a Child SA we ask for.
struct ChildOffer {
  std::shared_ptr<SpiLease> lease;
  model::ChildPolicy policy;
  model::Spi spi_in = 0;
  bool first = false;          // in IKE_AUTH: no key exchange of its own (RFC 7296 1.2)
  model::Proposals proposals;  // as sent, like everything below
  model::Mode mode = model::Mode::tunnel;
  model::Selectors local;
  model::Selectors remote;
  bool rekeys = false;
  std::optional<uint32_t> resource;  // the copy that is asked for, or the one that is rekeyed
};
// One line for the user: protocol, algorithms, mode and selectors.
std::string to_string(const ChildOffer& offer);
// What is asked for besides the policy.
struct ChildWish {
  bool first = false;
  const ChildSa* old = nullptr;      // to be rekeyed: its mode and algorithms are asked for again (RFC 7296 2.8)
  std::optional<uint32_t> resource;  // a per-resource copy
};
// What both sides agreed.
struct ChildAgreement {
  std::shared_ptr<SpiLease> lease;
  model::ChildPolicy policy;
  model::ChosenChild chosen{};
  model::Proposal answer;  // as the responder sends it, with the responder's SPI
  model::Mode mode = model::Mode::tunnel;
  bool peer_takes_tfc = true;
  bool non_first_fragments = false;    // both want them
  bool per_resource = false;           // both said SA_RESOURCE_INFO
  bool peer_boundary = false;          // the peer's host takes clear packets, too (private_notifies.h)
  bool guaranteed_encryption = false;  // one of us said that the flow must be encrypted
  std::optional<uint32_t> resource;
  model::Spi spi_in = 0;
  model::Spi spi_out = 0;
  model::Selectors ts_local;
  model::Selectors ts_remote;
  // Transport mode through a NAT: the peer's address and ours as the peer knows them, where they are other ones.
  std::optional<IpAddr> original_source;
  std::optional<IpAddr> original_destination;
};
// Why a Child SA could not be agreed, with both sides' words for it.
struct ChildRefusal {
  Error error{Errc::no_proposal_chosen, 0};
  std::string sentence;
  std::string ours;
  std::string peers;
  std::optional<wire::ike2::NotifyType> notify = std::nullopt;  // where the error's own is not the one
  bool by_peer = false;                                         // the peer's notify said so
};
template <class T>
using ChildResult = tl::expected<T, ChildRefusal>;
// The notify that answers it.
wire::ike2::NotifyType notify_for(const ChildRefusal& why);

// Appends USE_TRANSPORT_MODE and the other notifies where wanted, SA, TSi and TSr. KE and Nonce are the caller's.
// Refused when transport mode is wanted and the policy's selectors do not name the addresses of the IKE SA.
ChildResult<ChildOffer> add_child_offer(IkeSa& sa, const model::ChildPolicy& policy, const ChildWish& wish,
                                        std::vector<wire::ike2::Payload>& payloads);

// The exchange's initiator reads the answer. The caller has looked for error notifies first. Refused: the peer holds a
// Child SA that has to be deleted there (forget_at_peer).
ChildResult<ChildAgreement> read_child_answer(IkeSa& sa, const ChildOffer& offer,
                                              const std::vector<wire::ike2::Payload>& payloads);
void forget_at_peer(IkeSa& sa, const ChildOffer& offer);
// The exchange's responder chooses among the children of the connection; old: that one's policy alone (a rekey).
ChildResult<ChildAgreement> choose_child(IkeSa& sa, const std::vector<wire::ike2::Payload>& payloads, bool first,
                                         const ChildSa* old = nullptr);
void add_child_answer(const IkeSa& sa, const ChildAgreement& agreed, std::vector<wire::ike2::Payload>& payloads);

struct ChildKeying {
  bool exchange_initiator = false;  // we sent the request of the exchange that makes it
  ByteView shared;                  // of the Child SA's own key exchange; empty without
  ByteView nonce_i;
  ByteView nonce_r;
};
// Derives the keys of an agreed Child SA. algorithm_refused when the library refuses. spec.replaces and
// spec.outbound_ready are the caller's to set.
Result<model::SaSpec> make_child(IkeSa& sa, const ChildAgreement& agreed, const ChildKeying& keying);
// Enters it among the children and emits ChildSaReady (and KeyLog).
ChildSa& install_child(IkeSa& sa, TimePoint now, const ChildAgreement& agreed, model::SaSpec spec);
// Emits AttemptFailed for a Child SA. initiated: we asked for it.
void report_child_refused(IkeSa& sa, std::string child, ChildRefusal why, bool initiated);
// Emits ChildSaRemoved and forgets it.
void remove_child(IkeSa& sa, model::ChildId id, Duration linger = Duration::zero());

}  // namespace sallyport::ike::v2
