// The index against its slow twin on random filters and packets, at two layers, with removals and many segments.
#include "policy/filter_index.h"

#include <doctest/doctest.h>

#include <random>

#include "support/policy_samples.h"
#include "support/slow_classify.h"

TEST_SUITE_BEGIN("policy/filter_index");
using namespace sallyport;
using namespace sallyport::support;

namespace {

struct Dice {
  std::mt19937 random;
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random() % n); }
  // Few values, so that filters and packets meet.
  uint32_t address() { return 0x0a000000u | below(3) << 16 | below(3) << 8 | below(4); }
  uint16_t port() { return static_cast<uint16_t>(below(2) ? 1000 + below(6) : below(65536)); }
  ByteArray16 address6() {
    ByteArray16 out{0x20, 0x01, 0x0d, 0xb8};
    out[5] = static_cast<uint8_t>(below(2));
    out[7] = static_cast<uint8_t>(below(3));
    out[15] = static_cast<uint8_t>(below(4));
    return out;
  }

  Condition address_condition(Field field, bool v6) {
    if (v6) {
      if (below(2)) return equal(field, Value(address6()));
      if (below(2))
        return {field, below(4) ? MatchType::EQUAL : MatchType::NOT_EQUAL,
                V6AddrMask{address6(), static_cast<uint8_t>(below(129))}};
      ByteArray16 a = address6(), b = address6();
      if (b < a) std::swap(a, b);
      return {field, MatchType::RANGE, Range{Value(a), Value(b)}};
    }
    if (below(2)) return equal(field, Value(address()));
    if (below(2)) {
      const uint32_t length = below(33);
      return {field, below(4) ? MatchType::EQUAL : MatchType::NOT_EQUAL,
              V4AddrMask{address(), length ? ~uint32_t{0} << (32 - length) : 0}};
    }
    const uint32_t low = address();
    return {field, MatchType::RANGE, Range{Value(low), Value(low + below(70000))}};
  }
  Condition port_condition(Field field) {
    const uint16_t p = port();
    switch (below(6)) {
      case 0: return {field, MatchType::RANGE, Range{Value(p), Value(static_cast<uint16_t>(p + below(65536u - p)))}};
      case 1: return {field, MatchType::GREATER, Value(p)};
      case 2: return {field, MatchType::LESS, Value(p)};
      case 3: return {field, MatchType::NOT_EQUAL, Value(p)};
      default: return equal(field, Value(p));
    }
  }
  Condition flags_condition() {
    constexpr MatchType kTypes[] = {MatchType::FLAGS_ALL_SET, MatchType::FLAGS_ANY_SET, MatchType::FLAGS_NONE_SET,
                                    MatchType::EQUAL};
    return {Field::FLAGS, kTypes[below(4)], Value(below(8))};
  }
  Condition app_condition() {
    constexpr MatchType kTypes[] = {MatchType::EQUAL, MatchType::EQUAL, MatchType::PREFIX, MatchType::NOT_PREFIX,
                                    MatchType::LESS};
    if (below(10) == 0) return equal(Field::ALE_APP_ID, Value{});
    return {Field::ALE_APP_ID, kTypes[below(5)], Value(app())};
  }
  Blob app() { return Blob{Bytes(1 + below(2), static_cast<uint8_t>('a' + below(3)))}; }

  Filter filter(FilterId id, bool v6) {
    const Layer layer = v6 ? Layer::ALE_AUTH_CONNECT_V6 : Layer::ALE_AUTH_CONNECT_V4;
    Filter out = support::filter(layer, ActionType::PERMIT);
    for (uint32_t n = below(6); n > 0; --n) {
      switch (below(6)) {
        case 0: out.conditions.push_back(address_condition(Field::IP_LOCAL_ADDRESS, v6)); break;
        case 1: out.conditions.push_back(address_condition(Field::IP_REMOTE_ADDRESS, v6)); break;
        case 2:
          out.conditions.push_back(port_condition(below(2) ? Field::IP_LOCAL_PORT : Field::IP_REMOTE_PORT));
          break;
        case 3:
          out.conditions.push_back(equal(Field::IP_PROTOCOL, Value(static_cast<uint8_t>(below(2) ? 6 : 17))));
          break;
        case 4: out.conditions.push_back(flags_condition()); break;
        default: out.conditions.push_back(app_condition()); break;
      }
    }
    out.id = id;
    REQUIRE(check_conditions(*find_layer(layer), out.conditions));
    out.effective_weight = below(3) ? auto_weight(*find_layer(layer), out.conditions) : below(5);
    return out;
  }

  PlainValues packet(bool v6) {
    PlainValues out;
    out[Field::IP_LOCAL_ADDRESS] = v6 ? Value(address6()) : Value(address());
    out[Field::IP_REMOTE_ADDRESS] = v6 ? Value(address6()) : Value(address());
    out[Field::IP_PROTOCOL] = static_cast<uint8_t>(below(2) ? 6 : 17);
    out[Field::FLAGS] = below(8);
    if (below(4)) out[Field::IP_LOCAL_PORT] = port();
    if (below(4)) out[Field::IP_REMOTE_PORT] = port();
    if (below(2)) out[Field::ALE_APP_ID] = app();
    return out;
  }
};

FieldValues field_values(const PlainValues& plain) {
  FieldValues out;
  for (const auto& [field, value] : plain) {
    if (const auto number = numeric_key(value)) {
      out.set(field, value.type(), *number);
    } else {
      out.set_octets(field, value.type(), *octets_of(value));
    }
  }
  return out;
}

std::vector<FilterId> walk(const FilterIndex& index, const FieldValues& values) {
  std::vector<FilterId> out;
  AtomHashes hashes(values);
  for (const IndexedFilter* at = index.next(values, hashes, nullptr); at; at = index.next(values, hashes, at))
    out.push_back(at->id);
  return out;
}

void compare_with_twin(uint32_t seed, bool v6) {
  Dice dice{std::mt19937(seed)};
  std::vector<Filter> twin;
  FilterIndex index;
  FilterId last = 0;
  size_t met = 0;
  for (int round = 0; round < 12; ++round) {
    std::vector<FilterIndex::Entry> batch;
    for (uint32_t n = dice.below(120); n > 0; --n) {
      twin.push_back(dice.filter(++last, v6));
      batch.push_back(make_indexed(*find_layer(twin.back().layer), std::make_shared<const Filter>(twin.back())));
    }
    index.add(std::move(batch));
    std::vector<FilterId> gone;
    for (uint32_t n = dice.below(round % 4 == 3 ? 150 : 10); n > 0 && !twin.empty(); --n) {
      const auto at = twin.begin() + dice.below(static_cast<uint32_t>(twin.size()));
      gone.push_back(at->id);
      twin.erase(at);
    }
    index.remove(gone);
    REQUIRE(index.size() == twin.size());
    for (int packet = 0; packet < 60; ++packet) {
      const PlainValues plain = dice.packet(v6);
      const auto expected = plain_order(twin, plain);
      met += expected.size();
      REQUIRE(walk(index, field_values(plain)) == expected);
    }
  }
  CHECK(met > 100);  // the comparison compared something
}

}  // namespace

TEST_CASE("random filters: the index gives every match in the order of the slow twin, IPv4") {
  for (uint32_t seed = 1; seed <= 12; ++seed) compare_with_twin(seed, false);
}

TEST_CASE("the same, IPv6") {
  for (uint32_t seed = 1; seed <= 12; ++seed) compare_with_twin(seed, true);
}

TEST_CASE("a copy of the index does not see what is added or removed later") {
  const LayerInfo& layer = *find_layer(Layer::IPSEC_V4);
  const auto entry = [&](FilterId id) {
    Filter f = filter(Layer::IPSEC_V4, ActionType::PERMIT);
    f.id = id;
    return make_indexed(layer, std::make_shared<const Filter>(f));
  };
  FilterIndex index;
  index.add({entry(1), entry(2)});
  const FilterIndex before = index;
  index.remove({1});
  index.add({entry(3)});
  CHECK(walk(before, FieldValues{}) == std::vector<FilterId>{1, 2});
  CHECK(walk(index, FieldValues{}) == std::vector<FilterId>{2, 3});
}

TEST_SUITE_END();
