// The slow, obvious twin of the filter index: every filter of the sublayer is looked at, each condition straight from
// the words of its match type, on values as they stand. Shares no code with make_tests() or the shapes.
#pragma once
#include <algorithm>
#include <map>
#include <vector>

#include "policy/filter.h"

namespace sallyport::support {

using PlainValues = std::map<policy::Field, policy::Value>;

inline std::vector<uint8_t> plain_octets(const policy::Value& v) {  // big-endian, so that order is order of numbers
  std::vector<uint8_t> out;
  const auto number = [&](uint64_t n, int octets) {
    for (int i = octets - 1; i >= 0; --i) out.push_back(static_cast<uint8_t>(n >> (8 * i)));
  };
  if (auto* a = v.as<uint8_t>()) number(*a, 1);
  if (auto* b = v.as<uint16_t>()) number(*b, 2);
  if (auto* c = v.as<uint32_t>()) number(*c, 4);
  if (auto* d = v.as<uint64_t>()) number(*d, 8);
  if (auto* e = v.as<policy::ByteArray16>()) out.assign(e->begin(), e->end());
  if (auto* f = v.as<policy::Blob>()) out = f->bytes;
  return out;
}

inline bool plain_prefix(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, unsigned bits) {
  for (unsigned i = 0; i < bits; ++i)
    if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1) return false;
  return true;
}

inline bool plain_holds(const policy::Condition& c, const policy::Value& value) {
  using policy::MatchType;
  const auto* single = std::get_if<policy::Value>(&c.value.held);
  if (single && single->is_empty()) return value.is_empty();
  if (value.is_empty()) return false;
  const auto v = plain_octets(value);
  if (const auto* v4 = std::get_if<policy::V4AddrMask>(&c.value.held)) {
    const bool in = (*value.as<uint32_t>() & v4->mask) == (v4->addr & v4->mask);
    return (c.match == MatchType::EQUAL) == in;
  }
  if (const auto* v6 = std::get_if<policy::V6AddrMask>(&c.value.held)) {
    const bool in = plain_prefix(v, {v6->addr.begin(), v6->addr.end()}, v6->prefix_length);
    return (c.match == MatchType::EQUAL) == in;
  }
  if (const auto* range = std::get_if<policy::Range>(&c.value.held))
    return plain_octets(range->low) <= v && v <= plain_octets(range->high);
  const auto w = plain_octets(*single);
  const auto flags = [&](auto test) {
    for (size_t i = 0; i < v.size(); ++i)
      if (!test(v[i], w[i])) return false;
    return true;
  };
  switch (c.match) {
    case MatchType::EQUAL: return v == w;
    case MatchType::NOT_EQUAL: return v != w;
    case MatchType::GREATER: return v > w;
    case MatchType::LESS: return v < w;
    case MatchType::GREATER_OR_EQUAL: return v >= w;
    case MatchType::LESS_OR_EQUAL: return v <= w;
    case MatchType::FLAGS_ALL_SET: return flags([](uint8_t a, uint8_t b) { return (a & b) == b; });
    case MatchType::FLAGS_NONE_SET: return flags([](uint8_t a, uint8_t b) { return (a & b) == 0; });
    case MatchType::FLAGS_ANY_SET: return !flags([](uint8_t a, uint8_t b) { return (a & b) == 0; });
    case MatchType::PREFIX: return v.size() >= w.size() && std::equal(w.rbegin(), w.rend(), v.rbegin());
    case MatchType::NOT_PREFIX: return !(v.size() >= w.size() && std::equal(w.rbegin(), w.rend(), v.rbegin()));
    case MatchType::RANGE:
    case MatchType::EQUAL_CASE_INSENSITIVE: return false;
  }
  return false;
}

inline bool plain_matches(const policy::Filter& filter, const PlainValues& values) {
  std::map<policy::Field, bool> held;
  for (const policy::Condition& c : filter.conditions) {
    const auto found = values.find(c.field);
    const bool now = plain_holds(c, found == values.end() ? policy::Value{} : found->second);
    held[c.field] = held[c.field] || now;
  }
  return std::all_of(held.begin(), held.end(), [](const auto& each) { return each.second; });
}

// The matching ones, heaviest first, older first among equals.
inline std::vector<policy::FilterId> plain_order(const std::vector<policy::Filter>& filters,
                                                 const PlainValues& values) {
  std::vector<const policy::Filter*> out;
  for (const policy::Filter& f : filters)
    if (plain_matches(f, values)) out.push_back(&f);
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
    return a->effective_weight != b->effective_weight ? a->effective_weight > b->effective_weight : a->id < b->id;
  });
  std::vector<policy::FilterId> ids;
  for (const auto* f : out) ids.push_back(f->id);
  return ids;
}

}  // namespace sallyport::support
