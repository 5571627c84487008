// Atoms and keys. The key of a shape is the sum of its atoms' hashes, so that a packet works out each atom once for all
// shapes.
#include "policy/shape.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

constexpr size_t kMostKeys = 16;  // of one filter; beyond, the field with the most alternatives is left to the tests
constexpr uint64_t kEmptyHash = 0x7c1e5a2b9d3f4861u;
constexpr uint8_t kNone = 0xff;

// Ignored low bits for each coarseness, by the width of the field.
struct Widths {
  uint8_t bits;
  uint8_t ignored[kCoarsenesses];
};
constexpr Widths kWidths[] = {{8, {0, kNone, kNone, kNone}},  {16, {0, 6, 10, kNone}},        {32, {0, 8, 16, 24}},
                              {48, {0, kNone, kNone, kNone}}, {64, {0, kNone, kNone, kNone}}, {128, {0, 64, 80, 96}}};

const Widths* widths(DataType type) {
  const unsigned bits = width_of(type);
  for (const Widths& row : kWidths)
    if (row.bits == bits) return &row;
  return nullptr;
}

uint16_t make_atom(Field field, size_t coarseness) {
  return static_cast<uint16_t>(static_cast<size_t>(field) * kCoarsenesses + coarseness);
}

U128 shifted(U128 v, unsigned bits) {
  if (bits == 0) return v;
  if (bits >= 64) return {0, bits == 64 ? v.high : v.high >> (bits - 64)};
  return {v.high >> bits, v.high << (64 - bits) | v.low >> bits};
}

uint64_t number_hash(uint16_t atom, U128 block) {
  return mix64(block.low ^ mix64(block.high + uint64_t{atom} * 0x9e3779b97f4a7c15u));
}

uint64_t octets_hash(uint16_t atom, ByteView octets) {
  uint64_t h = 0xcbf29ce484222325u ^ uint64_t { atom };
  for (uint8_t octet : octets) h = (h ^ octet) * 0x100000001b3u;
  return mix64(h + octets.size());
}

uint64_t empty_hash(uint16_t atom) { return mix64(kEmptyHash + atom); }

// How coarse a field has to be looked at so that this test has few keys. Nothing: it cannot be looked up.
std::optional<size_t> coarseness_of(const Test& test) {
  if (test.kind == Test::Kind::empty) return 0;
  if (test.kind == Test::Kind::octets && test.match == MatchType::EQUAL) return 0;
  const Widths* row = test.kind == Test::Kind::in_range ? widths(test.type) : nullptr;
  if (!row) return {};
  const unsigned needed = significant_bits(minus(test.high, test.low));  // blocks of that size: two cover the range
  for (size_t c = 0; c < kCoarsenesses; ++c)
    if (row->ignored[c] != kNone && row->ignored[c] >= needed) return c;
  return {};
}

struct Part {
  uint16_t atom;
  std::vector<uint64_t> hashes;
};

void add_hashes(const Test& test, size_t coarseness, Part& part) {
  if (test.kind == Test::Kind::empty) {
    part.hashes.push_back(empty_hash(part.atom));
  } else if (test.kind == Test::Kind::octets) {
    part.hashes.push_back(octets_hash(part.atom, *test.operand));
  } else {
    const unsigned ignored = widths(test.type)->ignored[coarseness];
    part.hashes.push_back(number_hash(part.atom, shifted(test.low, ignored)));
    part.hashes.push_back(number_hash(part.atom, shifted(test.high, ignored)));
  }
}

// The tests of one field, or nothing where one of them cannot be looked up.
std::optional<Part> part_of(std::span<const Test> tests) {
  size_t coarsest = 0;
  for (const Test& test : tests) {
    const auto coarseness = coarseness_of(test);
    if (!coarseness) return {};
    coarsest = std::max(coarsest, *coarseness);
  }
  Part part{make_atom(tests[0].field, coarsest), {}};
  for (const Test& test : tests) add_hashes(test, coarsest, part);
  std::sort(part.hashes.begin(), part.hashes.end());
  part.hashes.erase(std::unique(part.hashes.begin(), part.hashes.end()), part.hashes.end());
  return part;
}

}  // namespace

uint64_t atom_hash(uint16_t atom, const FieldValue& value) {
  if (value.type == DataType::EMPTY) return empty_hash(atom);
  const Widths* row = widths(value.type);
  if (!row) return octets_hash(atom, value.octets);
  const uint8_t ignored = row->ignored[atom % kCoarsenesses];
  return ignored == kNone ? empty_hash(atom) : number_hash(atom, shifted(value.number, ignored));
}

void AtomHashes::work_out(uint16_t atom) {
  known_[atom / 64] |= uint64_t{1} << (atom % 64);
  hashes_[atom] = atom_hash(atom, values_.get(static_cast<Field>(atom / kCoarsenesses)));
}

ShapeKeys shape_keys(const std::vector<Test>& tests) {
  std::vector<Part> parts;
  size_t keys = 1;
  for (size_t i = 0; i < tests.size();) {
    size_t end = i;
    while (end < tests.size() && tests[end].field == tests[i].field) ++end;
    if (auto part = part_of(std::span(tests).subspan(i, end - i))) {
      parts.push_back(std::move(*part));
      keys *= parts.back().hashes.size();
      while (keys > kMostKeys) {
        const auto most = std::max_element(
            parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.hashes.size() < b.hashes.size(); });
        keys /= most->hashes.size();
        parts.erase(most);
      }
    }
    i = end;
  }
  ShapeKeys out{{}, {0}};
  for (const Part& part : parts) {
    out.shape.push_back(part.atom);
    std::vector<uint64_t> sums;
    for (uint64_t key : out.keys)
      for (uint64_t hash : part.hashes) sums.push_back(key + hash);
    out.keys = std::move(sums);
  }
  std::sort(out.keys.begin(), out.keys.end());
  out.keys.erase(std::unique(out.keys.begin(), out.keys.end()), out.keys.end());
  return out;
}

}  // namespace sallyport::policy
