// Objects of one type side by side in a few large pieces of memory, so that many of them share pages and cache lines
// that are fetched together. Addresses stay. Pure; one thread; the pool outlives what it gave.
#pragma once
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace sallyport::ipsec {

template <class T>
class SlotPool {
 public:
  struct Return {
    SlotPool* pool = nullptr;
    void operator()(T* object) const {
      object->~T();
      pool->free_.push_back(object);
    }
  };
  using Owner = std::unique_ptr<T, Return>;

  SlotPool() = default;
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;

  template <class... Arguments>
  Owner make(Arguments&&... arguments) {
    if (free_.empty()) grow();
    T* const at = static_cast<T*>(free_.back());
    free_.pop_back();
    return Owner(new (at) T(std::forward<Arguments>(arguments)...), Return{this});
  }

 private:
  struct alignas(T) Room {
    std::byte octets[sizeof(T)];
  };
  static constexpr size_t kFirst = 8, kMost = 4096;  // objects in a piece

  void grow() {
    const size_t count = pieces_.empty() ? kFirst : std::min(kMost, next_);
    next_ = count * 2;
    pieces_.push_back(std::make_unique<Room[]>(count));
    free_.reserve(free_.size() + count);
    for (size_t i = count; i-- > 0;) free_.push_back(&pieces_.back()[i]);
  }

  std::vector<std::unique_ptr<Room[]>> pieces_;
  std::vector<void*> free_;
  size_t next_ = kFirst;
};

}  // namespace sallyport::ipsec
