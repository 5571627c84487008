// What the SA, TSi and TSr payloads of a Child SA say, both roles. RFC 7296 1.3.1, 2.7, 2.9, 3.3, 3.13.
#include "ike/v2/child_sa.h"
#include "ike/v2/ts_narrow.h"

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

// The SPI of a proposal for ESP: four octets, none of the reserved ones.
std::optional<model::Spi> read_spi(const model::Proposal& proposal) {
  if (proposal.spi.size() != 4) return std::nullopt;
  const model::Spi spi = load_be32(proposal.spi.data());
  if (spi <= 255) return std::nullopt;
  return spi;
}

bool asks_transport(const std::vector<Payload>& payloads) {
  return find_notify(payloads, NotifyType::USE_TRANSPORT_MODE) != nullptr;
}

}  // namespace

ChildOffer add_child_offer(IkeSa& sa, const model::ChildPolicy& policy, bool first, std::vector<Payload>& payloads) {
  ChildOffer offer;
  offer.policy = policy;
  offer.spi_in = sa.host.new_child_spi();
  offer.first = first;
  offer.proposals = policy.proposals;
  // RFC 7296 1.2: the Child SA of IKE_AUTH is keyed by the IKE SA's own exchange.
  if (first) drop_transforms(offer.proposals, model::TransformType::KE);
  uint8_t number = 0;
  for (model::Proposal& p : offer.proposals) {
    p.number = ++number;
    p.spi = spi_octets(offer.spi_in);
  }
  if (policy.mode == model::Mode::transport) {
    payloads.push_back(NotifyPayload{0, {}, NotifyType::USE_TRANSPORT_MODE, {}});
  }
  payloads.push_back(SaPayload{offer.proposals});
  payloads.push_back(TsPayload{true, policy.local});
  payloads.push_back(TsPayload{false, policy.remote});
  return offer;
}

ChildResult<ChildAgreement> read_child_answer(const ChildOffer& offer, const std::vector<Payload>& payloads) {
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
  agreed.spi_in = offer.spi_in;
  agreed.spi_out = *spi;
  agreed.mode = asks_transport(payloads) ? model::Mode::transport : model::Mode::tunnel;
  // RFC 7296 1.3.1: an initiator that wanted transport mode and does not get it gives the Child SA up; the notify
  // unasked for is an error of the peer.
  if (agreed.mode != offer.policy.mode) {
    return refuse(Errc::unsupported, "the peer answered with the other mode (tunnel or transport)");
  }
  // RFC 7296 2.9: the answer may be narrower than the question, never wider.
  if (ts_i->selectors.empty() || ts_r->selectors.empty() || !model::covers(offer.policy.local, ts_i->selectors) ||
      !model::covers(offer.policy.remote, ts_r->selectors)) {
    return refuse(Errc::ts_unacceptable, "the peer answered with traffic selectors that were not offered",
                  model::to_string(offer.policy.local) + " === " + model::to_string(offer.policy.remote),
                  model::to_string(ts_i->selectors) + " === " + model::to_string(ts_r->selectors));
  }
  agreed.ts_local = ts_i->selectors;
  agreed.ts_remote = ts_r->selectors;
  return agreed;
}

ChildResult<ChildAgreement> choose_child(IkeSa& sa, const std::vector<Payload>& payloads, bool first,
                                         std::optional<std::string> only) {
  const SaPayload* offered = find<SaPayload>(payloads);
  const TsPayload* ts_i = find_ts(payloads, true);
  const TsPayload* ts_r = find_ts(payloads, false);
  const model::ConnectionPolicy* connection = sa.connection();
  if (!offered || !ts_i || !ts_r || !connection) {
    return refuse(Errc::missing_payload, "the request lacks the SA or a traffic selector payload");
  }
  const std::string theirs = model::to_string(ts_r->selectors) + " === " + model::to_string(ts_i->selectors);
  ChildRefusal best{Error{Errc::ts_unacceptable, 0},
                    "no child of this connection covers the traffic selectors asked for",
                    {},
                    theirs};
  std::string all_ours;
  for (const model::ChildPolicy& policy : connection->children) {
    if (only && policy.name != *only) continue;
    all_ours +=
        (all_ours.empty() ? "" : "; ") + model::to_string(policy.local) + " === " + model::to_string(policy.remote);
    ChildAgreement agreed;
    agreed.ts_local = narrow(policy.local, ts_r->selectors);
    agreed.ts_remote = narrow(policy.remote, ts_i->selectors);
    if (agreed.ts_local.empty() || agreed.ts_remote.empty()) continue;
    if (policy.mode == model::Mode::transport && !asks_transport(payloads)) continue;
    auto selected = model::select_proposal(policy.proposals, offered->proposals, first);
    if (!selected) {
      best = ChildRefusal{Error{Errc::no_proposal_chosen, 0},
                          model::explain_mismatch(policy.proposals, offered->proposals),
                          model::to_string(policy.proposals), model::to_string(offered->proposals)};
      continue;
    }
    auto chosen = model::chosen_child(selected->chosen);
    const auto spi = read_spi(selected->chosen);
    if (!chosen || !spi) return refuse(Errc::bad_value, "the request holds no usable SPI");
    agreed.policy = policy;
    agreed.chosen = *chosen;
    agreed.mode = policy.mode;
    agreed.spi_out = *spi;
    agreed.spi_in = sa.host.new_child_spi();
    agreed.answer = selected->chosen;
    agreed.answer.spi = spi_octets(agreed.spi_in);
    return agreed;
  }
  if (best.error.code == Errc::ts_unacceptable) best.ours = all_ours;
  return tl::unexpected<ChildRefusal>(std::move(best));
}

void add_child_answer(const ChildAgreement& agreed, std::vector<Payload>& payloads) {
  if (agreed.mode == model::Mode::transport) {
    payloads.push_back(NotifyPayload{0, {}, NotifyType::USE_TRANSPORT_MODE, {}});
  }
  payloads.push_back(SaPayload{{agreed.answer}});
  payloads.push_back(TsPayload{true, agreed.ts_remote});
  payloads.push_back(TsPayload{false, agreed.ts_local});
}

}  // namespace sallyport::ike::v2
