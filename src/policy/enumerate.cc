// Templates. Conditions of a template describe a set of traffic; a filter is wanted when its own set contains that one
// whole, or meets it. Where the two cannot be compared (flags against ranges, say) containing needs equal tests, and
// meeting is assumed.
#include "policy/enumerate.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

using Span = std::pair<U128, U128>;

// The test as ranges of numbers; nothing for the other kinds.
std::optional<std::vector<Span>> spans(const Test& test) {
  if (test.kind == Test::Kind::in_range) return std::vector<Span>{{test.low, test.high}};
  if (test.kind != Test::Kind::not_in_range) return {};
  std::vector<Span> out;
  if (!(test.low == U128{})) out.push_back({{}, minus_one(test.low)});
  const U128 top = low_bits(width_of(test.type));
  if (!(test.high == top)) out.push_back({plus_one(test.high), top});
  return out;
}

// The one value that a template's test stands for.
std::optional<FieldValue> exact_value(const Test& test, Token& token) {
  FieldValue out;
  out.type = test.type;
  if (test.kind == Test::Kind::empty) return FieldValue{};
  if (test.kind == Test::Kind::in_range && test.low == test.high) {
    out.number = test.low;
    return out;
  }
  if (test.kind == Test::Kind::octets && test.match == MatchType::EQUAL) {
    out.octets = *test.operand;
    return out;
  }
  if (test.kind == Test::Kind::sid) {
    token = token_of({*parse_sid(*test.operand)});
    out.token = &token;
    return out;
  }
  return {};
}

bool same_test(const Test& a, const Test& b) {
  const auto equal_operand = [](const auto& x, const auto& y) { return x == y || (x && y && *x == *y); };
  return a.kind == b.kind && a.match == b.match && a.low == b.low && a.high == b.high &&
         equal_operand(a.operand, b.operand) && equal_operand(a.operand_high, b.operand_high) &&
         equal_operand(a.descriptor, b.descriptor);
}

using Tests = std::span<const Test>;

bool contains_test(Tests filter, const Test& wanted) {
  Token token;
  if (const auto value = exact_value(wanted, token))
    return std::any_of(filter.begin(), filter.end(), [&](const Test& t) { return t.holds(*value); });
  const auto inner = spans(wanted);
  if (!inner) return std::any_of(filter.begin(), filter.end(), [&](const Test& t) { return same_test(t, wanted); });
  return std::all_of(inner->begin(), inner->end(), [&](const Span& part) {
    return std::any_of(filter.begin(), filter.end(), [&](const Test& t) {
      const auto outer = spans(t);
      return outer && std::any_of(outer->begin(), outer->end(),
                                  [&](const Span& o) { return o.first <= part.first && part.second <= o.second; });
    });
  });
}

bool meets_test(Tests filter, const Test& wanted) {
  Token token;
  if (const auto value = exact_value(wanted, token))
    return std::any_of(filter.begin(), filter.end(), [&](const Test& t) { return t.holds(*value); });
  const auto inner = spans(wanted);
  return std::any_of(filter.begin(), filter.end(), [&](const Test& t) {
    const auto outer = spans(t);
    if (!inner || !outer) return t.kind != Test::Kind::never && t.kind != Test::Kind::empty;
    return std::any_of(outer->begin(), outer->end(), [&](const Span& o) {
      return std::any_of(inner->begin(), inner->end(),
                         [&](const Span& i) { return o.first <= i.second && i.first <= o.second; });
    });
  });
}

Tests on_field(const std::vector<Test>& tests, Field field) {
  const auto begin = std::find_if(tests.begin(), tests.end(), [&](const Test& t) { return t.field == field; });
  const auto end = std::find_if(begin, tests.end(), [&](const Test& t) { return t.field != field; });
  return {begin, end};
}

// For every field that the filter asks about.
bool covers_template(FilterEnumType type, const std::vector<Test>& filter, const std::vector<Test>& wanted) {
  for (size_t i = 0; i < filter.size();) {
    const Tests mine = on_field(filter, filter[i].field);
    const Tests theirs = on_field(wanted, filter[i].field);
    i += mine.size();
    if (type == FilterEnumType::FULLY_CONTAINED) {
      // A template silent on the field means every value of it.
      if (theirs.empty() ||
          !std::all_of(theirs.begin(), theirs.end(), [&](const Test& t) { return contains_test(mine, t); }))
        return false;
    } else if (!theirs.empty() &&
               !std::any_of(theirs.begin(), theirs.end(), [&](const Test& t) { return meets_test(mine, t); })) {
      return false;
    }
  }
  return true;
}

bool context_fits(const ObjectTemplate& wanted, const ProviderContext& context) {
  return (!wanted.provider || wanted.provider == context.head.provider) &&
         (!wanted.context || *wanted.context == context.type);
}

bool wanted_by_flags(const FilterTemplate& wanted, const Filter& filter) {
  const bool boot = filter.head.flags & Filter::kBootTime;
  if ((wanted.flags & FilterTemplate::kBootTimeOnly) && !boot) return false;
  if (boot && !(wanted.flags & (FilterTemplate::kBootTimeOnly | FilterTemplate::kIncludeBootTime))) return false;
  return !(filter.head.flags & Filter::kDisabled) || (wanted.flags & FilterTemplate::kIncludeDisabled);
}

bool matches_with(const Snapshot& snapshot, const FilterTemplate& wanted, const std::vector<Test>& tests,
                  const Filter& filter) {
  if (filter.layer != wanted.layer || (wanted.provider && wanted.provider != filter.head.provider) ||
      !wanted_by_flags(wanted, filter))
    return false;
  if (wanted.action_mask != 0xffffffffu && !(static_cast<uint32_t>(filter.action.type) & wanted.action_mask))
    return false;
  if (wanted.callout && (!is_callout(filter.action.type) || filter.action.callout != *wanted.callout)) return false;
  if (wanted.context) {
    const auto* context = filter.has_provider_context() ? snapshot.contexts.find(filter.provider_context) : nullptr;
    if (!context || !context_fits(*wanted.context, **context)) return false;
  }
  // No condition in the template: nothing is asked of the traffic.
  return tests.empty() || covers_template(wanted.type, make_tests(*find_layer(filter.layer), filter.conditions), tests);
}

uint16_t sublayer_weight(const Snapshot& snapshot, const Filter& filter) {
  const auto* sublayer = snapshot.sublayers.find(filter.sublayer);
  return sublayer ? (*sublayer)->weight : uint16_t{0};
}

void sort_filters(const Snapshot& snapshot, Filters& filters) {
  std::sort(filters.begin(), filters.end(), [&](const auto& a, const auto& b) {
    const uint16_t wa = sublayer_weight(snapshot, *a), wb = sublayer_weight(snapshot, *b);
    if (wa != wb) return wa > wb;
    if (a->sublayer != b->sublayer) return a->sublayer < b->sublayer;
    return a->effective_weight != b->effective_weight ? a->effective_weight > b->effective_weight : a->id < b->id;
  });
}

template <class Object, class Keep>
std::vector<std::shared_ptr<const Object>> keep_if(const ByKey<Object>& from, Keep keep) {
  std::vector<std::shared_ptr<const Object>> out;
  from.for_each([&](const std::shared_ptr<const Object>& object) {
    if (keep(*object)) out.push_back(object);
  });
  return out;
}

}  // namespace

Outcome<> check_template(const FilterTemplate& wanted) {
  const LayerInfo* layer = find_layer(wanted.layer);
  if (!layer) return refuse(Fwp::LAYER_NOT_FOUND);
  if (wanted.type != FilterEnumType::FULLY_CONTAINED && wanted.type != FilterEnumType::OVERLAPPING)
    return refuse(Fwp::INVALID_ENUMERATOR);
  if (wanted.flags & ~FilterTemplate::kKnownFlags) return refuse(Fwp::INVALID_FLAGS);
  // An action shares no bit with an empty mask, and a callout's action has the callout bit.
  if (wanted.action_mask == 0 || (wanted.callout && !(wanted.action_mask & kActionCallout)))
    return refuse(Fwp::NEVER_MATCH);
  return check_conditions(*layer, wanted.conditions, true);
}

bool matches(const Snapshot& snapshot, const FilterTemplate& wanted, const Filter& filter) {
  return matches_with(snapshot, wanted, make_tests(*find_layer(wanted.layer), wanted.conditions), filter);
}

Outcome<Filters> enumerate_filters(const Snapshot& snapshot, const FilterTemplate* wanted) {
  Filters out;
  if (!wanted) {
    snapshot.filters.for_each([&](const auto& filter) {
      if (takes_part(*filter)) out.push_back(filter);
    });
    return out;
  }
  SP_CHECK(check_template(*wanted));
  const std::vector<Test> tests = make_tests(*find_layer(wanted->layer), wanted->conditions);
  snapshot.filters.for_each([&](const auto& filter) {
    if (matches_with(snapshot, *wanted, tests, *filter)) out.push_back(filter);
  });
  if (wanted->flags & (FilterTemplate::kSorted | FilterTemplate::kBestTerminatingMatch)) sort_filters(snapshot, out);
  if (wanted->flags & FilterTemplate::kBestTerminatingMatch) {
    const auto best = std::find_if(out.begin(), out.end(), [](const auto& f) {
      return static_cast<uint32_t>(f->action.type) & kActionTerminating;
    });
    out = best == out.end() ? Filters{} : Filters{*best};
  }
  return out;
}

std::vector<std::shared_ptr<const Provider>> enumerate_providers(const Snapshot& snapshot) {
  return keep_if(snapshot.providers, [](const Provider&) { return true; });
}
std::vector<std::shared_ptr<const SubLayer>> enumerate_sublayers(const Snapshot& snapshot,
                                                                 const ObjectTemplate& wanted) {
  return keep_if(snapshot.sublayers,
                 [&](const SubLayer& s) { return !wanted.provider || wanted.provider == s.head.provider; });
}
std::vector<std::shared_ptr<const Callout>> enumerate_callouts(const Snapshot& snapshot, const ObjectTemplate& wanted) {
  return keep_if(snapshot.callouts, [&](const Callout& c) {
    return (!wanted.provider || wanted.provider == c.head.provider) && (!wanted.layer || *wanted.layer == c.layer);
  });
}
std::vector<std::shared_ptr<const ProviderContext>> enumerate_contexts(const Snapshot& snapshot,
                                                                       const ObjectTemplate& wanted) {
  return keep_if(snapshot.contexts, [&](const ProviderContext& c) { return context_fits(wanted, c); });
}

}  // namespace sallyport::policy
