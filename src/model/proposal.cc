// Proposal selection. RFC 7296 2.7, 3.3.
#include "model/proposal.h"

#include <algorithm>
#include <array>

namespace sallyport::model {

static constexpr std::array kTypes = {TransformType::ENCR, TransformType::PRF, TransformType::INTEG, TransformType::KE,
                                      TransformType::ESN};

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::IKE: return "IKE";
    case Protocol::AH: return "AH";
    case Protocol::ESP: return "ESP";
  }
  return "unknown";
}

static bool is_none(const Transform& t) {
  return t.id == 0 && (t.type == TransformType::INTEG || t.type == TransformType::KE || t.type == TransformType::ESN);
}

// Known to the table, allowed for the protocol, and with a key length where one is required. RFC 7296 3.3.5; RFC 8750
// 8: no implicit IV in an IKE SA; RFC 4543 5.2: GMAC is an integrity transform in AH only.
static bool usable(Protocol protocol, const Transform& t) {
  if (t.unusable) return false;
  switch (t.type) {
    case TransformType::ENCR: {
      const auto row = info(static_cast<EncrId>(t.id));
      if (!row || (protocol == Protocol::IKE && row->esp_only)) return false;
      if (!row->variable_key) return t.key_bits == 0;
      return t.key_bits == 128 || t.key_bits == 192 || t.key_bits == 256;
    }
    case TransformType::PRF: return info(static_cast<PrfId>(t.id)).has_value();
    case TransformType::INTEG: {
      const auto row = info(static_cast<IntegId>(t.id));
      return t.id == 0 || (row && (protocol == Protocol::AH || !row->ah_only));
    }
    case TransformType::KE: return t.id == 0 || known(static_cast<GroupId>(t.id));
    case TransformType::ESN: return t.id <= 1;
  }
  return false;
}

static bool all_usable(const Proposal& p) {
  return std::all_of(p.transforms.begin(), p.transforms.end(),
                     [&](const Transform& t) { return usable(p.protocol, t); });
}

static std::vector<Transform> of_type(const Proposal& p, TransformType type) {
  std::vector<Transform> out;
  for (const Transform& t : p.transforms) {
    if (t.type == type) out.push_back(t);
  }
  return out;
}

static bool is_aead(const Transform& encr) {
  const auto row = info(static_cast<EncrId>(encr.id));
  return row && row->aead;
}

// A kind that is absent and a kind that offers NONE mean the same. RFC 7296 3.3.3.
static std::vector<Transform> alternatives(const Proposal& p, TransformType type) {
  std::vector<Transform> out = of_type(p, type);
  const bool has_none = type == TransformType::INTEG || type == TransformType::KE || type == TransformType::ESN;
  if (out.empty() && has_none) out.push_back(Transform{type, 0, 0, false});
  return out;
}

// The choice of one type, in our order. RFC 7296 3.3.
static std::optional<Transform> common(const Proposal& ours, const Proposal& peers, TransformType type) {
  const auto theirs = alternatives(peers, type);
  for (const Transform& t : alternatives(ours, type)) {
    if (usable(ours.protocol, t) && std::find(theirs.begin(), theirs.end(), t) != theirs.end()) return t;
  }
  return std::nullopt;
}

static bool applies(Protocol protocol, TransformType type) {
  switch (type) {
    case TransformType::ENCR: return protocol != Protocol::AH;
    case TransformType::PRF: return protocol == Protocol::IKE;
    case TransformType::INTEG:
    case TransformType::KE: return true;
    case TransformType::ESN: return protocol != Protocol::IKE;
  }
  return false;
}

static std::optional<Proposal> match(const Proposal& ours, const Proposal& peers, bool ignore_ke) {
  if (ours.protocol != peers.protocol || peers.unusable) return std::nullopt;
  Proposal out{peers.number, peers.protocol, peers.spi, {}, false};
  for (const TransformType type : kTypes) {
    const bool offered_oddly = !applies(ours.protocol, type) && !of_type(peers, type).empty();
    if (offered_oddly) return std::nullopt;
    if (!applies(ours.protocol, type) || (ignore_ke && type == TransformType::KE)) continue;
    const auto chosen = common(ours, peers, type);
    if (!chosen) return std::nullopt;
    // A peer that named NONE gets it back; one that left the kind out gets nothing back.
    const bool named = !of_type(peers, type).empty();
    if (!is_none(*chosen) || named) out.transforms.push_back(*chosen);
  }
  // RFC 5282 8: an AEAD stands without integrity algorithm, any other cipher only with one.
  const auto encr = of_type(out, TransformType::ENCR);
  const auto integ = of_type(out, TransformType::INTEG);
  const bool has_integ = !integ.empty() && integ.front().id != 0;
  // RFC 4302 1: AH without integrity is nothing.
  if (ours.protocol == Protocol::AH) return has_integ ? std::optional(std::move(out)) : std::nullopt;
  if (is_aead(encr.front()) == has_integ) return std::nullopt;
  return out;
}

Result<Selected> select_proposal(const Proposals& ours, const Proposals& peers, bool ignore_ke) {
  for (const Proposal& mine : ours) {
    for (const Proposal& theirs : peers) {
      if (auto chosen = match(mine, theirs, ignore_ke)) return Selected{std::move(*chosen)};
    }
  }
  return fail(Errc::no_proposal_chosen);
}

bool answers(const Proposals& offered, const Proposal& answer, bool ignore_ke) {
  for (const TransformType type : kTypes) {
    if (of_type(answer, type).size() > 1) return false;
  }
  return std::any_of(offered.begin(), offered.end(), [&](const Proposal& mine) {
    return mine.number == answer.number && match(mine, answer, ignore_ke).has_value();
  });
}

static uint16_t id_of(const Proposal& p, TransformType type, uint16_t absent = 0) {
  const auto found = of_type(p, type);
  return found.empty() ? absent : found.front().id;
}

Result<ChosenIke> chosen_ike(const Proposal& chosen) {
  const auto encr = of_type(chosen, TransformType::ENCR);
  if (chosen.protocol != Protocol::IKE || encr.empty() || of_type(chosen, TransformType::PRF).empty() ||
      id_of(chosen, TransformType::KE) == 0)
    return fail(Errc::no_proposal_chosen);
  if (!all_usable(chosen)) return fail(Errc::no_proposal_chosen);
  return ChosenIke{static_cast<EncrId>(encr.front().id), encr.front().key_bits,
                   static_cast<IntegId>(id_of(chosen, TransformType::INTEG)),
                   static_cast<PrfId>(id_of(chosen, TransformType::PRF)),
                   static_cast<GroupId>(id_of(chosen, TransformType::KE))};
}

Result<ChosenChild> chosen_child(const Proposal& chosen) {
  const auto encr = of_type(chosen, TransformType::ENCR);
  if (chosen.protocol == Protocol::IKE || (chosen.protocol == Protocol::ESP && encr.empty()) ||
      (chosen.protocol == Protocol::AH && (!encr.empty() || id_of(chosen, TransformType::INTEG) == 0)))
    return fail(Errc::no_proposal_chosen);
  if (!all_usable(chosen)) return fail(Errc::no_proposal_chosen);
  return ChosenChild{chosen.protocol,
                     encr.empty() ? EncrId::NULL_ENCR : static_cast<EncrId>(encr.front().id),
                     encr.empty() ? uint16_t{0} : encr.front().key_bits,
                     static_cast<IntegId>(id_of(chosen, TransformType::INTEG)),
                     static_cast<GroupId>(id_of(chosen, TransformType::KE)),
                     id_of(chosen, TransformType::ESN) == 1};
}

Proposal to_proposal(const ChosenIke& c) {
  Proposal out{1, Protocol::IKE, {}, {}, false};
  out.transforms.push_back({TransformType::ENCR, static_cast<uint16_t>(c.encr), c.key_bits, false});
  if (c.integ != IntegId::NONE)
    out.transforms.push_back({TransformType::INTEG, static_cast<uint16_t>(c.integ), 0, false});
  out.transforms.push_back({TransformType::PRF, static_cast<uint16_t>(c.prf), 0, false});
  out.transforms.push_back({TransformType::KE, static_cast<uint16_t>(c.group), 0, false});
  return out;
}

Proposal to_proposal(const ChosenChild& c) {
  Proposal out{1, c.protocol, {}, {}, false};
  if (c.protocol == Protocol::ESP)
    out.transforms.push_back({TransformType::ENCR, static_cast<uint16_t>(c.encr), c.key_bits, false});
  if (c.integ != IntegId::NONE)
    out.transforms.push_back({TransformType::INTEG, static_cast<uint16_t>(c.integ), 0, false});
  if (c.group != GroupId::NO_GROUP)
    out.transforms.push_back({TransformType::KE, static_cast<uint16_t>(c.group), 0, false});
  out.transforms.push_back({TransformType::ESN, static_cast<uint16_t>(c.esn ? 1 : 0), 0, false});
  return out;
}

static std::string_view kind_name(TransformType type) {
  switch (type) {
    case TransformType::ENCR: return "encryption";
    case TransformType::PRF: return "prf";
    case TransformType::INTEG: return "integrity";
    case TransformType::KE: return "key exchange";
    case TransformType::ESN: return "extended sequence numbers";
  }
  return "transform";
}

static std::string list(const std::vector<Transform>& transforms) {
  std::string out;
  for (const Transform& t : transforms) out += (out.empty() ? "" : "/") + to_string(t);
  return out.empty() ? "none" : out;
}

std::string explain_mismatch(const Proposals& ours, const Proposals& peers) {
  std::string best = "no proposal for the same protocol";
  int best_depth = -1;
  for (const Proposal& mine : ours) {
    for (const Proposal& theirs : peers) {
      if (mine.protocol != theirs.protocol) continue;
      int depth = 0;
      std::string why;
      for (const TransformType type : kTypes) {
        if (!applies(mine.protocol, type)) continue;
        if (!common(mine, theirs, type)) {
          why = std::string(kind_name(type)) + " differs: we want " + list(of_type(mine, type)) + ", the peer wants " +
                list(of_type(theirs, type));
          break;
        }
        ++depth;
      }
      if (why.empty() && theirs.unusable) {
        why =
            "beside what we have in common the peer wants a transform of a kind that is unknown here, such as the "
            "additional key exchanges of RFC 9370";
      }
      if (!why.empty() && depth > best_depth) {
        best_depth = depth;
        best = why;
      }
    }
  }
  return best;
}

bool encrypts(Protocol protocol, EncrId encr) {
  return protocol == Protocol::ESP && encr != EncrId::NULL_ENCR && encr != EncrId::NULL_AES_GMAC;
}

}  // namespace sallyport::model
