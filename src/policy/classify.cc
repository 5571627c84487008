// Arbitration. The table of combining, by what stands so far and what the next sublayer says:
//   nothing, or a permit or block whose right to override is still set  -> the new result stands, but a permit never
//   replaces a permit's
//                                                                          hardness and a soft block gives way to a
//                                                                          permit
//   hard permit + block by a callout -> veto: blocked, final            hard permit + block by a filter -> stays
//   permitted hard block -> final
#include "policy/classify.h"

namespace sallyport::policy {
namespace {

struct Said {
  enum class Kind : uint8_t { carry_on, permit, block };
  Kind kind = Kind::carry_on;
  bool hard = false;
  bool by_callout = false;
  bool unregistered = false;
};

bool ends_sublayer(const Filter& filter) {
  const ActionType type = filter.action.type;
  return type == ActionType::PERMIT || type == ActionType::BLOCK ||
         (type == ActionType::CALLOUT_TERMINATING && !filter.may_pass_on);
}

// Defaults: a filter's permit is soft and its block hard; a callout's answers are soft. The flag makes either hard.
Said ask(const Filter& filter, const FieldValues& values, CalloutRunner* callouts) {
  const bool clear = filter.head.flags & Filter::kClearActionRight;
  if (filter.action.type == ActionType::PERMIT) return {Said::Kind::permit, clear};
  if (filter.action.type == ActionType::BLOCK) return {Said::Kind::block, true};
  const auto answer = callouts ? callouts->run(filter, values) : std::nullopt;
  const bool inspects = filter.action.type == ActionType::CALLOUT_INSPECTION;
  if (!answer) {
    // A filter whose callout does not exist blocks, unless it says otherwise. An inspection decides nothing in any
    // case.
    if (inspects) return {Said::Kind::carry_on, false, false, true};
    const bool permit = filter.head.flags & Filter::kPermitIfCalloutUnregistered;
    return {permit ? Said::Kind::permit : Said::Kind::block, clear || !permit, false, true};
  }
  if (inspects) return {};
  const bool hard = clear || answer->clears_right;
  if (answer->kind == CalloutAnswer::Kind::permit) return {Said::Kind::permit, hard, true};
  if (answer->kind == CalloutAnswer::Kind::block) return {Said::Kind::block, hard, true};
  // A terminating callout has to decide; one that does not is taken to block.
  return ends_sublayer(filter) ? Said{Said::Kind::block, true, true} : Said{};
}

// Takes a sublayer's result into the layer's. True: it stands now.
bool combine(Decision& decision, const Said& said, const Filter* filter) {
  const Verdict verdict = said.kind == Said::Kind::permit ? Verdict::permit : Verdict::block;
  if (decision.decided && decision.hard) {
    if (decision.verdict == Verdict::block || verdict == Verdict::permit || !said.by_callout) return false;
    decision = {Verdict::block, true, true, true, filter};
    return true;
  }
  // Two soft permits: the higher sublayer's stands, and the lower can still take the right away.
  if (decision.decided && decision.verdict == verdict) {
    if (!said.hard) return false;
    decision.hard = true;
    decision.filter = filter;
    return true;
  }
  decision = {verdict, true, said.hard, false, filter};
  return true;
}

}  // namespace

void collect(const Snapshot& snapshot, Layer layer, const FieldValues& values, Matches& out) {
  out.clear();
  AtomHashes hashes(values);
  const LayerBanks& banks = snapshot.banks(layer);
  for (size_t b = 0; b < banks.size(); ++b) {
    const IndexedFilter* found = nullptr;
    while ((found = banks[b].index.next(values, hashes, found))) {
      out.list.push_back({found, static_cast<uint16_t>(b)});
      if (ends_sublayer(*found->filter)) break;
    }
  }
}

Decision arbitrate(const Matches& matches, const FieldValues& values, CalloutRunner* callouts) {
  Decision decision;
  for (size_t i = 0; i < matches.list.size();) {
    const uint16_t bank = matches.list[i].bank;
    for (; i < matches.list.size() && matches.list[i].bank == bank; ++i) {
      const Filter& filter = *matches.list[i].filter->filter;
      const Said said = ask(filter, values, callouts);
      if (said.kind == Said::Kind::carry_on) continue;
      combine(decision, said, &filter);
      break;
    }
    while (i < matches.list.size() && matches.list[i].bank == bank) ++i;
  }
  return decision;
}

Decision classify(const Snapshot& snapshot, Layer layer, const FieldValues& values, CalloutRunner* callouts,
                  Matches& scratch) {
  collect(snapshot, layer, values, scratch);
  return arbitrate(scratch, values, callouts);
}

Explanation explain(const Snapshot& snapshot, Layer layer, const FieldValues& values, CalloutRunner* callouts) {
  Explanation out;
  out.layer = layer;
  Matches matches;
  collect(snapshot, layer, values, matches);
  const LayerBanks& banks = snapshot.banks(layer);
  size_t at = 0;
  for (size_t b = 0; b < banks.size(); ++b) {
    Explained part;
    part.sublayer = banks[b].sublayer;
    for (; at < matches.list.size() && matches.list[at].bank == b; ++at) {
      if (part.decided) continue;
      const auto& filter = matches.list[at].filter->filter;
      const Said said = ask(*filter, values, callouts);
      part.unregistered = part.unregistered || said.unregistered;
      if (said.kind == Said::Kind::carry_on) {
        part.passed.push_back(filter);
        continue;
      }
      part.filter = filter;
      part.decided = true;
      part.verdict = said.kind == Said::Kind::permit ? Verdict::permit : Verdict::block;
      part.hard = said.hard;
      if (combine(out.decision, said, filter.get())) {
        for (Explained& earlier : out.sublayers) earlier.stands = false;
        part.stands = true;
        part.veto = out.decision.veto;
      }
    }
    out.sublayers.push_back(std::move(part));
  }
  return out;
}

}  // namespace sallyport::policy
