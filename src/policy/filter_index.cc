// Segments of shapes. A segment is built once: its rows sorted by shape, key, and order of filters, and for each shape
// a table with open addressing from key to first row.
#include "policy/filter_index.h"

#include <algorithm>
#include <map>

#include "policy/shape.h"

namespace sallyport::policy {
namespace {

constexpr size_t kMergeFactor = 8;   // a segment is merged into the next when it has an eighth of its rows
constexpr size_t kDeadAtLeast = 64;  // fewer removed filters are not worth a rebuild

struct Row {
  uint64_t key;
  uint64_t weight;
  const IndexedFilter* filter;
};

struct TableSlot {
  uint32_t tag = 0;    // upper half of the key
  uint32_t first = 0;  // row, plus one; zero: free
};

struct ShapeTable {
  Shape shape;
  uint64_t heaviest = 0;
  std::vector<TableSlot> slots;
  uint32_t mask = 0;

  uint32_t find(uint64_t key, const std::vector<Row>& rows) const {  // first row plus one; zero: none
    const auto tag = static_cast<uint32_t>(key >> 32);
    for (uint32_t at = static_cast<uint32_t>(key) & mask;; at = (at + 1) & mask) {
      if (slots[at].first == 0) return 0;
      if (slots[at].tag == tag && rows[slots[at].first - 1].key == key) return slots[at].first;
    }
  }
};

}  // namespace

struct ShapeSegment {
  std::vector<FilterIndex::Entry> entries;
  std::vector<Row> rows;
  std::vector<ShapeTable> tables;  // the heaviest first

  explicit ShapeSegment(std::vector<FilterIndex::Entry> from);
};

namespace {

void fill_table(ShapeTable& table, const std::vector<Row>& rows, size_t begin, size_t end) {
  size_t distinct = 0;
  for (size_t i = begin; i < end; ++i) distinct += i == begin || rows[i].key != rows[i - 1].key;
  size_t size = 4;
  while (size < distinct * 2) size *= 2;
  table.slots.resize(size);
  table.mask = static_cast<uint32_t>(size - 1);
  for (size_t i = begin; i < end; ++i) {
    table.heaviest = std::max(table.heaviest, rows[i].weight);
    if (i != begin && rows[i].key == rows[i - 1].key) continue;
    uint32_t at = static_cast<uint32_t>(rows[i].key) & table.mask;
    while (table.slots[at].first != 0) at = (at + 1) & table.mask;
    table.slots[at] = {static_cast<uint32_t>(rows[i].key >> 32), static_cast<uint32_t>(i + 1)};
  }
}

}  // namespace

ShapeSegment::ShapeSegment(std::vector<FilterIndex::Entry> from) : entries(std::move(from)) {
  std::map<Shape, std::vector<Row>> by_shape;
  for (const FilterIndex::Entry& entry : entries) {
    ShapeKeys found = shape_keys(entry->tests);
    std::vector<Row>& into = by_shape[std::move(found.shape)];
    for (uint64_t key : found.keys) into.push_back({key, entry->weight, entry.get()});
  }
  for (auto& [shape, of_shape] : by_shape) {
    std::sort(of_shape.begin(), of_shape.end(), [](const Row& a, const Row& b) {
      return a.key != b.key ? a.key < b.key : comes_before(*a.filter, *b.filter);
    });
    const size_t begin = rows.size();
    rows.insert(rows.end(), of_shape.begin(), of_shape.end());
    ShapeTable table;
    table.shape = shape;
    fill_table(table, rows, begin, rows.size());
    tables.push_back(std::move(table));
  }
  std::stable_sort(tables.begin(), tables.end(),
                   [](const ShapeTable& a, const ShapeTable& b) { return a.heaviest > b.heaviest; });
}

std::shared_ptr<const IndexedFilter> make_indexed(const LayerInfo& layer, std::shared_ptr<const Filter> filter) {
  IndexedFilter out;
  out.tests = make_tests(layer, filter->conditions);
  out.weight = filter->effective_weight;
  out.id = filter->id;
  out.filter = std::move(filter);
  return std::make_shared<const IndexedFilter>(std::move(out));
}

void FilterIndex::add(std::vector<Entry> entries) {
  if (entries.empty()) return;
  size_ += entries.size();
  const auto alive = [this](const Entry& entry) { return dead_.empty() || !dead_.find(entry->id); };
  while (!segments_.empty() && segments_.back()->entries.size() < entries.size() * kMergeFactor) {
    for (const Entry& entry : segments_.back()->entries) {
      if (alive(entry)) {
        entries.push_back(entry);
      } else {
        dead_.erase(entry->id);
      }
    }
    segments_.pop_back();
  }
  segments_.push_back(std::make_shared<const ShapeSegment>(std::move(entries)));
}

void FilterIndex::remove(const std::vector<FilterId>& ids) {
  for (FilterId id : ids) dead_.set(id);
  size_ -= ids.size();
  if (dead_.size() < kDeadAtLeast && size_ != 0) return;
  if (dead_.size() < size_) return;
  std::vector<Entry> left;
  for (const auto& segment : segments_)
    for (const Entry& entry : segment->entries)
      if (!dead_.find(entry->id)) left.push_back(entry);
  segments_.clear();
  dead_ = {};
  size_ = 0;
  add(std::move(left));
}

const IndexedFilter* FilterIndex::next(const FieldValues& values, AtomHashes& hashes,
                                       const IndexedFilter* after) const {
  const IndexedFilter* best = nullptr;
  for (const auto& segment : segments_) {
    for (const ShapeTable& table : segment->tables) {
      if (best && table.heaviest < best->weight) break;
      uint64_t key = 0;
      for (uint16_t atom : table.shape) key += hashes.get(atom);
      const uint32_t first = table.find(key, segment->rows);
      if (first == 0) continue;
      for (size_t i = first - 1; i < segment->rows.size() && segment->rows[i].key == key; ++i) {
        const Row& row = segment->rows[i];
        if (best && row.weight < best->weight) break;
        if (best && !comes_before(*row.filter, *best)) break;
        if (after && !comes_before(*after, *row.filter)) continue;
        if (!all_hold(row.filter->tests, values)) continue;
        if (!dead_.empty() && dead_.find(row.filter->id)) continue;
        best = row.filter;
        break;
      }
    }
  }
  return best;
}

size_t FilterIndex::shapes() const {
  size_t out = 0;
  for (const auto& segment : segments_) out += segment->tables.size();
  return out;
}

size_t FilterIndex::octets() const {
  size_t out = 0;
  for (const auto& segment : segments_) {
    out += segment->entries.capacity() * sizeof(Entry) + segment->rows.capacity() * sizeof(Row);
    for (const ShapeTable& table : segment->tables)
      out += sizeof(ShapeTable) + table.slots.capacity() * sizeof(TableSlot);
  }
  return out;
}

}  // namespace sallyport::policy
