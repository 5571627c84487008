// What the SA, TSi and TSr payloads of a Child SA say, both roles. RFC 7296 1.3.1, 2.7, 2.9, 3.3, 3.13.
#include <algorithm>

#include "ike/exchange_rules.h"
#include "ike/v2/child_sa.h"
#include "ike/v2/private_notifies.h"
#include "ike/v2/resources.h"
#include "ike/v2/transport_mode.h"
#include "ike/v2/ts_narrow.h"
#include "model/flow_key.h"

namespace sallyport::ike::v2 {

using namespace wire::ike2;

namespace {

Bytes spi_octets(model::Spi spi) {
  Bytes out(4);
  store_be32(out.data(), spi);
  return out;
}

void drop_transforms(model::Proposals& proposals, model::TransformType type) {
  for (model::Proposal& p : proposals) {
    std::erase_if(p.transforms, [&](const model::Transform& t) { return t.type == type; });
  }
}

tl::unexpected<ChildRefusal> refuse(Errc code, std::string sentence, std::string ours = {}, std::string peers = {}) {
  return tl::unexpected<ChildRefusal>(
      ChildRefusal{Error{code, 0}, std::move(sentence), std::move(ours), std::move(peers)});
}

// RFC 7296 2.23: AH protects the addresses that a NAT changes, and RFC 3948 has no place for it in UDP.
std::optional<ChildRefusal> refuse_ah_through_nat(const IkeSa& sa, const model::ChildPolicy& policy) {
  if (policy.protocol != model::Protocol::AH || !sa.behind_nat()) return std::nullopt;
  return ChildRefusal{
      Error{Errc::no_proposal_chosen, 0},
      "child " + policy.name +
          " is AH, which protects the addresses that a NAT between us and the peer changes; ESP would do",
      "AH " + model::to_string(policy.proposals),
      {},
      {}};
}

// The SPI of a proposal for ESP or AH: four octets, none of the reserved ones.
std::optional<model::Spi> read_spi(const model::Proposal& proposal) {
  if (proposal.spi.size() != 4) return std::nullopt;
  const model::Spi spi = load_be32(proposal.spi.data());
  if (spi <= 255) return std::nullopt;
  return spi;
}

bool has(const std::vector<Payload>& payloads, NotifyType type) { return find_notify(payloads, type) != nullptr; }

NotifyPayload status(NotifyType type) { return NotifyPayload{0, {}, type, {}}; }

std::string both_sides(const model::Selectors& local, const model::Selectors& remote) {
  return model::to_string(local) + " === " + model::to_string(remote);
}

// RFC 7296 2.8: a rekeyed Child SA should have the algorithms of the old one. Of the policy's proposals those are left
// that say the same again, with the policy's groups; nothing, when the policy does not allow the old ones any more.
model::Proposals alike(const model::Proposals& policy, const model::ChosenChild& old) {
  const model::Proposal wanted = model::to_proposal(old);
  const auto wants = [&](const model::Transform& t) {
    return t.type == model::TransformType::KE ||
           std::find(wanted.transforms.begin(), wanted.transforms.end(), t) != wanted.transforms.end();
  };
  model::Proposals out;
  for (model::Proposal p : policy) {
    std::erase_if(p.transforms, [&](const model::Transform& t) { return !wants(t); });
    const bool whole = std::all_of(wanted.transforms.begin(), wanted.transforms.end(), [&](const model::Transform& t) {
      return t.type == model::TransformType::KE ||
             std::find(p.transforms.begin(), p.transforms.end(), t) != p.transforms.end();
    });
    if (whole && p.protocol == wanted.protocol) out.push_back(std::move(p));
  }
  return out;
}

model::Proposals proposals_for(const model::ChildPolicy& policy, const ChildSa* old) {
  if (!old) return policy.proposals;
  model::Proposals same = alike(policy.proposals, old->chosen);
  return same.empty() ? policy.proposals : same;
}

// The notifies of RFC 7296 1.3.1 and RFC 9611 that our side has to say about a Child SA.
void add_wishes(const model::ChildPolicy& policy, model::Mode mode, bool non_first_fragments,
                std::vector<Payload>& payloads) {
  if (mode == model::Mode::transport) payloads.push_back(status(NotifyType::USE_TRANSPORT_MODE));
  if (policy.protocol == model::Protocol::ESP && !policy.accept_tfc) {
    payloads.push_back(status(NotifyType::ESP_TFC_PADDING_NOT_SUPPORTED));
  }
  if (non_first_fragments) payloads.push_back(status(NotifyType::NON_FIRST_FRAGMENTS_ALSO));
}

}  // namespace

NotifyType notify_for(const ChildRefusal& why) {
  return why.notify ? *why.notify : ike::notify_for(why.error.code).value_or(NotifyType::NO_PROPOSAL_CHOSEN);
}

std::string to_string(const ChildOffer& offer) {
  return std::string(model::to_string(offer.policy.protocol)) + " " + model::to_string(offer.proposals) + " in " +
         std::string(model::to_string(offer.mode)) + " mode for " + both_sides(offer.local, offer.remote);
}

// Which shard of the data plane an SA is to live in; nothing: any. One between two hosts lives where the flows between
// these are judged, so that nothing has to be handed over.
static std::optional<uint32_t> place_of(const IkeSa& sa, model::Mode mode, std::optional<uint32_t> resource) {
  const size_t shards = sa.host.config().shards;
  if (resource || mode != model::Mode::transport || shards <= 1) return resource;
  return model::owner_of_flow(sa.local.addr, sa.remote.addr, shards);
}

ChildResult<ChildOffer> add_child_offer(IkeSa& sa, const model::ChildPolicy& policy, const ChildWish& wish,
                                        std::vector<Payload>& payloads) {
  ChildOffer offer;
  offer.policy = policy;
  offer.first = wish.first;
  offer.rekeys = wish.old != nullptr;
  offer.resource = wish.resource;
  offer.proposals = proposals_for(policy, wish.old);
  offer.mode = wish.old ? wish.old->mode : policy.mode;
  offer.local = policy.local;
  offer.remote = policy.remote;
  if (offer.mode == model::Mode::transport) {
    // RFC 7296 2.23.1: one address a side, that of the IKE SA.
    offer.local = at_address(policy.local, sa.local.addr);
    offer.remote = at_address(policy.remote, sa.remote.addr);
    if (!only_address(offer.local) || !only_address(offer.remote)) {
      return refuse(Errc::ts_unacceptable,
                    "transport mode protects what the two ends of the IKE SA send, and the selectors of child " +
                        policy.name + " are others",
                    both_sides(policy.local, policy.remote),
                    sa.local.addr.to_string() + " === " + sa.remote.addr.to_string());
    }
  }
  if (auto why = refuse_ah_through_nat(sa, policy)) return tl::unexpected<ChildRefusal>(std::move(*why));
  offer.lease = std::make_shared<SpiLease>(sa.host, place_of(sa, offer.mode, offer.resource));
  offer.spi_in = offer.lease->spi;
  sa.host.emit(Event(ChildSaOffered{offer.spi_in}));
  // RFC 7296 1.2: the Child SA of IKE_AUTH is keyed by the IKE SA's own exchange.
  if (wish.first) drop_transforms(offer.proposals, model::TransformType::KE);
  uint8_t number = 0;
  for (model::Proposal& p : offer.proposals) {
    p.number = ++number;
    p.spi = spi_octets(offer.spi_in);
  }
  add_wishes(policy, offer.mode, policy.non_first_fragments, payloads);
  if (wish.old ? wish.old->per_resource : policy.resources > 0) payloads.push_back(resources::info(wish.resource));
  private_notifies::add(sa, {policy.boundary, policy.guaranteed_encryption}, payloads);
  payloads.push_back(SaPayload{offer.proposals});
  payloads.push_back(TsPayload{true, offer.local});
  payloads.push_back(TsPayload{false, offer.remote});
  return offer;
}

void forget_at_peer(IkeSa& sa, const ChildOffer& offer) {
  Task away(Task::Kind::delete_child);
  away.spi = offer.spi_in;
  away.protocol = offer.policy.protocol;
  sa.queue(std::move(away));
}

// What the responder's notifies make of the Child SA.
static void read_wishes(const ChildOffer& offer, const std::vector<Payload>& payloads, ChildAgreement& agreed) {
  agreed.peer_takes_tfc = !has(payloads, NotifyType::ESP_TFC_PADDING_NOT_SUPPORTED);
  agreed.non_first_fragments = offer.policy.non_first_fragments && has(payloads, NotifyType::NON_FIRST_FRAGMENTS_ALSO);
  agreed.per_resource = offer.policy.resources > 0 && resources::has_info(payloads);
  // RFC 9611 3: what is not confirmed is an ordinary Child SA; a rekeyed one stays what it was.
  if (agreed.per_resource || offer.rekeys) agreed.resource = offer.resource;
}

// RFC 7296 2.9: the answer may be narrower than the question, never wider. In transport mode the addresses are set
// right before anything is compared (2.23.1).
static std::optional<ChildRefusal> read_selectors(const IkeSa& sa, const ChildOffer& offer, const TsPayload& ts_i,
                                                  const TsPayload& ts_r, ChildAgreement& agreed) {
  SeenSelectors local{ts_i.selectors, {}}, remote{ts_r.selectors, {}};
  if (agreed.mode == model::Mode::transport) {
    const IpAddr here = *only_address(offer.local), there = *only_address(offer.remote);
    local = as_seen(ts_i.selectors, sa.nat_local, here);
    remote = as_seen(ts_r.selectors, sa.nat_remote, there);
  }
  if (local.selectors.empty() || remote.selectors.empty() || !model::covers(offer.local, local.selectors) ||
      !model::covers(offer.remote, remote.selectors)) {
    return ChildRefusal{Error{Errc::ts_unacceptable, 0},
                        "the peer answered with traffic selectors that were not offered",
                        both_sides(offer.local, offer.remote),
                        both_sides(ts_i.selectors, ts_r.selectors),
                        {}};
  }
  agreed.ts_local = std::move(local.selectors);
  agreed.ts_remote = std::move(remote.selectors);
  agreed.original_destination = local.original;
  agreed.original_source = remote.original;
  return std::nullopt;
}

// RFC 7296 1.3.1: transport mode stands when both have said so. A peer that declines makes a tunnel, which the policy
// may take or not; a notify that was not asked for is an error of the peer.
static std::optional<ChildRefusal> read_mode(const ChildOffer& offer, const std::vector<Payload>& payloads,
                                             ChildAgreement& agreed) {
  agreed.mode = has(payloads, NotifyType::USE_TRANSPORT_MODE) ? model::Mode::transport : model::Mode::tunnel;
  if (agreed.mode == offer.mode) return std::nullopt;
  const bool declined = offer.mode == model::Mode::transport;
  if (declined && offer.policy.accept_tunnel) return std::nullopt;
  return ChildRefusal{
      Error{Errc::no_proposal_chosen, 0},
      declined ? "we want transport mode for child " + offer.policy.name + ", the peer agrees to tunnel mode only"
               : "we want tunnel mode for child " + offer.policy.name + ", the peer answers with transport mode",
      std::string(model::to_string(offer.mode)),
      std::string(model::to_string(agreed.mode)),
      {}};
}

ChildResult<ChildAgreement> read_child_answer(IkeSa& sa, const ChildOffer& offer,
                                              const std::vector<Payload>& payloads) {
  const SaPayload* answer = find<SaPayload>(payloads);
  const TsPayload* ts_i = find_ts(payloads, true);
  const TsPayload* ts_r = find_ts(payloads, false);
  if (!answer || !ts_i || !ts_r) {
    return refuse(Errc::missing_payload, "the peer's answer lacks the SA or a traffic selector payload");
  }
  // RFC 7296 2.7: exactly one proposal, and one of those we made.
  if (answer->proposals.size() != 1 || !model::answers(offer.proposals, answer->proposals[0], offer.first)) {
    return refuse(Errc::no_proposal_chosen, "the peer answered with a proposal that was not offered",
                  model::to_string(offer.proposals), model::to_string(answer->proposals));
  }
  ChildAgreement agreed;
  agreed.policy = offer.policy;
  agreed.answer = answer->proposals[0];
  auto chosen = model::chosen_child(agreed.answer);
  const auto spi = read_spi(agreed.answer);
  if (!chosen || !spi) return refuse(Errc::bad_value, "the peer's answer holds no usable SPI or proposal");
  agreed.chosen = *chosen;
  agreed.lease = offer.lease;
  agreed.spi_in = offer.spi_in;
  agreed.spi_out = *spi;
  if (auto why = read_mode(offer, payloads, agreed)) return tl::unexpected<ChildRefusal>(std::move(*why));
  if (auto why = read_selectors(sa, offer, *ts_i, *ts_r, agreed)) return tl::unexpected<ChildRefusal>(std::move(*why));
  read_wishes(offer, payloads, agreed);
  agreed.peer_boundary = private_notifies::read(sa, payloads).boundary;
  agreed.guaranteed_encryption = offer.policy.guaranteed_encryption;
  return agreed;
}

// ---- the responder's choice

namespace {

// One request for a Child SA, and what there is to compare it with.
struct Request {
  const std::vector<Payload>& payloads;
  const SaPayload& offered;
  const model::Selectors& ts_i;
  const model::Selectors& ts_r;
  SeenSelectors seen_i, seen_r;  // in transport mode, where that was asked for
  bool transport = false;
  bool first = false;
  const ChildSa* old = nullptr;
};

// The refusal that came closest to an agreement is the one to tell.
struct Closest {
  enum Step : int { none, selectors, protocol, mode, proposals, last };
  Step step = none;
  ChildRefusal why;
  tl::unexpected<ChildRefusal> keep(Step reached, ChildRefusal refusal) {
    if (reached >= step) {
      step = reached;
      why = std::move(refusal);
    }
    return tl::unexpected<ChildRefusal>(why);
  }
};

bool narrow_to(const model::ChildPolicy& policy, const Request& request, ChildAgreement& agreed) {
  const bool transport = agreed.mode == model::Mode::transport;
  agreed.ts_local = narrow(policy.local, transport ? request.seen_r.selectors : request.ts_r);
  agreed.ts_remote = narrow(policy.remote, transport ? request.seen_i.selectors : request.ts_i);
  if (transport) {
    agreed.original_source = request.seen_i.original;
    agreed.original_destination = request.seen_r.original;
  }
  return !agreed.ts_local.empty() && !agreed.ts_remote.empty();
}

// Whether the child's policy has room for all that is asked for.
bool takes_all(const model::ChildPolicy& policy, model::Mode mode, const Request& request) {
  const bool transport = mode == model::Mode::transport;
  return model::covers(policy.local, transport ? request.seen_r.selectors : request.ts_r) &&
         model::covers(policy.remote, transport ? request.seen_i.selectors : request.ts_i);
}

Result<model::Selected> select(const model::ChildPolicy& policy, const Request& request) {
  if (request.old) {
    auto same = model::select_proposal(alike(policy.proposals, request.old->chosen), request.offered.proposals);
    if (same) return same;
  }
  return model::select_proposal(policy.proposals, request.offered.proposals, request.first);
}

// Whether the child can be had in that mode. RFC 7296 2.23.1: transport mode is compared with the addresses in the IKE
// packets, tunnel mode with those that the peer wrote.
ChildResult<ChildAgreement> try_child(IkeSa& sa, const model::ChildPolicy& policy, model::Mode mode,
                                      const Request& request, Closest& closest) {
  ChildAgreement agreed;
  agreed.policy = policy;
  agreed.mode = mode;
  if (!narrow_to(policy, request, agreed)) {
    return closest.keep(Closest::selectors, ChildRefusal{Error{Errc::ts_unacceptable, 0}, {}, {}, {}, {}});
  }
  const auto same_protocol = [&](const model::Proposal& p) { return p.protocol == policy.protocol; };
  const model::Proposals& theirs = request.offered.proposals;
  if (std::none_of(theirs.begin(), theirs.end(), same_protocol)) {
    const std::string ours(model::to_string(policy.protocol)), peers(model::to_string(theirs.front().protocol));
    return closest.keep(Closest::protocol,
                        ChildRefusal{Error{Errc::no_proposal_chosen, 0},
                                     "we want " + ours + " for child " + policy.name + ", the peer asks for " + peers,
                                     ours + " " + model::to_string(policy.proposals),
                                     peers + " " + model::to_string(theirs),
                                     {}});
  }
  if (auto why = refuse_ah_through_nat(sa, policy)) return closest.keep(Closest::protocol, std::move(*why));
  if (mode == model::Mode::tunnel && policy.mode == model::Mode::transport && !policy.accept_tunnel) {
    return closest.keep(Closest::mode, ChildRefusal{Error{Errc::unsupported, 0},
                                                    "we want transport mode for child " + policy.name +
                                                        ", the peer asks for tunnel mode",
                                                    "transport",
                                                    "tunnel",
                                                    {}});
  }
  const auto selected = select(policy, request);
  if (!selected) {
    return closest.keep(Closest::proposals, ChildRefusal{Error{Errc::no_proposal_chosen, 0},
                                                         model::explain_mismatch(policy.proposals, theirs),
                                                         model::to_string(policy.proposals),
                                                         model::to_string(theirs),
                                                         {}});
  }
  auto chosen = model::chosen_child(selected->chosen);
  const auto spi = read_spi(selected->chosen);
  if (!chosen || !spi) return refuse(Errc::bad_value, "the request holds no usable SPI");
  const auto said = private_notifies::read(sa, request.payloads);
  if (said.guaranteed_encryption && !model::encrypts(chosen->protocol, chosen->encr)) {
    return closest.keep(Closest::proposals, ChildRefusal{Error{Errc::no_proposal_chosen, 0},
                                                         "the peer's flow must be encrypted, and child " + policy.name +
                                                             " only authenticates what the peer offers",
                                                         model::to_string(policy.proposals),
                                                         model::to_string(theirs),
                                                         {}});
  }
  agreed.peer_boundary = said.boundary;
  agreed.guaranteed_encryption = said.guaranteed_encryption;
  agreed.per_resource = policy.resources > 0 && resources::has_info(request.payloads);
  if (request.old) {
    agreed.resource = request.old->resource;
  } else if (agreed.per_resource) {
    auto place = resources::place(sa, policy);
    if (!place) return closest.keep(Closest::last, std::move(place.error()));
    agreed.resource = *place;
  }
  agreed.chosen = *chosen;
  agreed.peer_takes_tfc = !has(request.payloads, NotifyType::ESP_TFC_PADDING_NOT_SUPPORTED);
  agreed.non_first_fragments =
      policy.non_first_fragments && has(request.payloads, NotifyType::NON_FIRST_FRAGMENTS_ALSO);
  agreed.spi_out = *spi;
  agreed.lease = std::make_shared<SpiLease>(sa.host, place_of(sa, mode, agreed.resource));
  agreed.spi_in = agreed.lease->spi;
  agreed.answer = selected->chosen;
  agreed.answer.spi = spi_octets(agreed.spi_in);
  return agreed;
}

}  // namespace

ChildResult<ChildAgreement> choose_child(IkeSa& sa, const std::vector<Payload>& payloads, bool first,
                                         const ChildSa* old) {
  const SaPayload* offered = find<SaPayload>(payloads);
  const TsPayload* ts_i = find_ts(payloads, true);
  const TsPayload* ts_r = find_ts(payloads, false);
  const model::ConnectionPolicy* connection = sa.connection();
  if (!offered || !ts_i || !ts_r || !connection) {
    return refuse(Errc::missing_payload, "the request lacks the SA or a traffic selector payload");
  }
  Request request{payloads, *offered, ts_i->selectors, ts_r->selectors, {}, {}, false, first, old};
  request.transport = has(payloads, NotifyType::USE_TRANSPORT_MODE);
  if (request.transport) {
    request.seen_i = as_seen(ts_i->selectors, sa.nat_remote, sa.remote.addr);
    request.seen_r = as_seen(ts_r->selectors, sa.nat_local, sa.local.addr);
  }
  Closest closest;
  std::string all_ours;
  // Whoever asks for transport mode gets it where a child allows it; tunnel mode is what remains (RFC 7296 2.23.1).
  for (const model::Mode mode : {model::Mode::transport, model::Mode::tunnel}) {
    if (mode == model::Mode::transport && !request.transport) continue;
    // RFC 7296 2.9: policy that takes all that is asked for comes before policy that would narrow it.
    for (const bool whole : {true, false}) {
      for (const model::ChildPolicy& policy : connection->children) {
        if (old && policy.name != old->name) continue;
        if (mode == model::Mode::transport && policy.mode != mode) continue;
        // Tried above, and it takes no tunnel.
        const bool tried = request.transport && policy.mode == model::Mode::transport && !policy.accept_tunnel;
        if (mode == model::Mode::tunnel && tried) continue;
        if (takes_all(policy, mode, request) != whole) continue;
        auto agreed = try_child(sa, policy, mode, request, closest);
        if (agreed) return agreed;
      }
    }
  }
  for (const model::ChildPolicy& policy : connection->children) {
    if (old && policy.name != old->name) continue;
    all_ours += (all_ours.empty() ? "" : "; ") + both_sides(policy.local, policy.remote);
  }
  if (closest.step <= Closest::selectors) {
    return refuse(Errc::ts_unacceptable, "no child of this connection covers the traffic selectors asked for",
                  std::move(all_ours), both_sides(ts_r->selectors, ts_i->selectors));
  }
  return tl::unexpected<ChildRefusal>(std::move(closest.why));
}

void add_child_answer(const IkeSa& sa, const ChildAgreement& agreed, std::vector<Payload>& payloads) {
  add_wishes(agreed.policy, agreed.mode, agreed.non_first_fragments, payloads);
  if (agreed.per_resource) payloads.push_back(resources::info(agreed.resource));
  // MS-IKEE 3.7.5.3: the responder says only what its own policy is.
  private_notifies::add(sa, {agreed.policy.boundary, false}, payloads);
  payloads.push_back(SaPayload{{agreed.answer}});
  payloads.push_back(TsPayload{true, agreed.ts_remote});
  payloads.push_back(TsPayload{false, agreed.ts_local});
}

}  // namespace sallyport::ike::v2
