// A map whose copies share everything that is equal: a hash trie of 32 branches, copied along the path that changes.
// Copying is one pointer; a change to a map that nobody else shares happens in place, so that many changes in a row
// cost no copies. The reference counts are atomic: copies may be read and dropped by different threads, each copy by
// one.
#pragma once
#include <bit>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace sallyport::policy {

// Traits: Key, Value (regular), static const Key& key(const Value&), static uint64_t hash(const Key&).
template <class Traits>
class PersistentMap {
 public:
  using Key = typename Traits::Key;
  using Value = typename Traits::Value;

  PersistentMap() = default;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  const Value* find(const Key& key) const {
    const uint64_t hash = Traits::hash(key);
    const Node* node = root_.get();
    for (unsigned shift = 0; node; shift += kBits) {
      if (shift >= kLeafShift) return find_in(*node, key);
      const uint32_t bit = branch(hash, shift);
      if (!(node->bitmap & bit)) return nullptr;
      const Slot& slot = node->slots[node->index(bit)];
      if (!slot.child) return Traits::key(slot.value) == key ? &slot.value : nullptr;
      node = slot.child.get();
    }
    return nullptr;
  }

  void set(Value value) {  // adds, or replaces the one with that key
    const uint64_t hash = Traits::hash(Traits::key(value));
    if (set_in(root_, hash, 0, std::move(value))) ++size_;
  }

  bool erase(const Key& key) {
    if (!find(key)) return false;
    erase_in(root_, Traits::hash(key), 0, key);
    --size_;
    return true;
  }

  // Every value, in an order that depends on the keys alone.
  template <class Visit>
  void for_each(Visit&& visit) const {
    if (root_) visit_all(*root_, visit);
  }

 private:
  static constexpr unsigned kBits = 5;
  static constexpr unsigned kLeafShift = 60;  // the hash is used up: a plain list

  struct Node;
  using Ref = std::shared_ptr<Node>;
  struct Slot {
    Ref child;
    Value value{};
  };
  struct Node {
    uint32_t bitmap = 0;
    std::vector<Slot> slots;
    size_t index(uint32_t bit) const { return static_cast<size_t>(std::popcount(bitmap & (bit - 1))); }
  };

  static uint32_t branch(uint64_t hash, unsigned shift) { return uint32_t{1} << ((hash >> shift) & 31); }

  static const Value* find_in(const Node& leaf, const Key& key) {
    for (const Slot& slot : leaf.slots)
      if (Traits::key(slot.value) == key) return &slot.value;
    return nullptr;
  }

  // Makes the node ours alone.
  static Node& own(Ref& ref) {
    if (!ref) {
      ref = std::make_shared<Node>();
    } else if (ref.use_count() != 1) {
      ref = std::make_shared<Node>(*ref);
    } else {
      // Whoever dropped it last has finished reading: giving up one more reference acquires what they released. (A
      // fence would do, but thread sanitizers do not see it.)
      (void)Ref(ref);
    }
    return *ref;
  }

  static bool set_in(Ref& ref, uint64_t hash, unsigned shift, Value&& value) {
    Node& node = own(ref);
    if (shift >= kLeafShift) {
      for (Slot& slot : node.slots)
        if (Traits::key(slot.value) == Traits::key(value)) return slot.value = std::move(value), false;
      node.slots.push_back({nullptr, std::move(value)});
      return true;
    }
    const uint32_t bit = branch(hash, shift);
    const size_t at = node.index(bit);
    if (!(node.bitmap & bit)) {
      node.bitmap |= bit;
      node.slots.insert(node.slots.begin() + static_cast<std::ptrdiff_t>(at), Slot{nullptr, std::move(value)});
      return true;
    }
    Slot& slot = node.slots[at];
    if (slot.child) return set_in(slot.child, hash, shift + kBits, std::move(value));
    if (Traits::key(slot.value) == Traits::key(value)) return slot.value = std::move(value), false;
    // Two keys in one branch: both go a level down.
    Value other = std::move(slot.value);
    slot.value = Value{};
    const uint64_t other_hash = Traits::hash(Traits::key(other));
    set_in(slot.child, other_hash, shift + kBits, std::move(other));
    return set_in(slot.child, hash, shift + kBits, std::move(value));
  }

  static void erase_in(Ref& ref, uint64_t hash, unsigned shift, const Key& key) {
    Node& node = own(ref);
    if (shift >= kLeafShift) {
      std::erase_if(node.slots, [&](const Slot& slot) { return Traits::key(slot.value) == key; });
    } else {
      const uint32_t bit = branch(hash, shift);
      const size_t at = node.index(bit);
      if (node.slots[at].child) {
        erase_in(node.slots[at].child, hash, shift + kBits, key);
        if (node.slots[at].child) return;
      }
      node.slots.erase(node.slots.begin() + static_cast<std::ptrdiff_t>(at));
      node.bitmap &= ~bit;
    }
    if (node.slots.empty()) ref = nullptr;
  }

  template <class Visit>
  static void visit_all(const Node& node, Visit& visit) {
    for (const Slot& slot : node.slots) {
      if (slot.child) {
        visit_all(*slot.child, visit);
      } else {
        visit(slot.value);
      }
    }
  }

  Ref root_;
  size_t size_ = 0;
};

// A map of shared immutable objects, by the key that Get reads.
template <class Object, class K, class Get, class Hash>
struct ObjectTraits {
  using Key = K;
  using Value = std::shared_ptr<const Object>;
  static Key key(const Value& value) { return Get{}(*value); }
  static uint64_t hash(const Key& key) { return Hash{}(key); }
};

}  // namespace sallyport::policy
