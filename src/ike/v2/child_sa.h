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
  bool redundant = false;                  // lost a rekey collision: about to be deleted, never switched to
};
std::string_view to_string(ChildSa::State state);

ChildSa* find_child(IkeSa& sa, model::ChildId id);
ChildSa* find_child_by_spi_in(IkeSa& sa, model::Spi spi);
ChildSa* find_child_by_spi_out(IkeSa& sa, model::Spi spi);

// Our side of a Child SA we ask for.
struct ChildOffer {
  model::ChildPolicy policy;
  model::Spi spi_in = 0;
  bool first = false;          // in IKE_AUTH: no key exchange of its own (RFC 7296 1.2)
  model::Proposals proposals;  // as sent
};
// Appends USE_TRANSPORT_MODE where wanted, SA, TSi and TSr. KE and Nonce are the caller's.
ChildOffer add_child_offer(IkeSa& sa, const model::ChildPolicy& policy, bool first,
                           std::vector<wire::ike2::Payload>& payloads);

// What both sides agreed.
struct ChildAgreement {
  model::ChildPolicy policy;
  model::ChosenChild chosen{};
  model::Proposal answer;  // as the responder sends it, with the responder's SPI
  model::Mode mode = model::Mode::tunnel;
  model::Spi spi_in = 0;
  model::Spi spi_out = 0;
  model::Selectors ts_local;
  model::Selectors ts_remote;
};
// Why a Child SA could not be agreed, with both sides' words for it.
struct ChildRefusal {
  Error error{Errc::no_proposal_chosen, 0};
  std::string sentence;
  std::string ours;
  std::string peers;
};
template <class T>
using ChildResult = tl::expected<T, ChildRefusal>;

// The exchange's initiator reads the answer. The caller has looked for error notifies first.
ChildResult<ChildAgreement> read_child_answer(const ChildOffer& offer,
                                              const std::vector<wire::ike2::Payload>& payloads);
// The exchange's responder chooses among the children of the connection; only: by that name alone (a rekey).
ChildResult<ChildAgreement> choose_child(IkeSa& sa, const std::vector<wire::ike2::Payload>& payloads, bool first,
                                         std::optional<std::string> only = std::nullopt);
void add_child_answer(const ChildAgreement& agreed, std::vector<wire::ike2::Payload>& payloads);

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
// Emits ChildSaRemoved and forgets it.
void remove_child(IkeSa& sa, model::ChildId id, Duration linger = Duration::zero());

}  // namespace sallyport::ike::v2
