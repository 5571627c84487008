// Memory of results: everything that one call returns lies in a few blocks behind its root, so that FwpmFreeMemory0 on
// the root frees all of it. Wiped when freed, because policies hold keys. Any thread; one result belongs to one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace sallyport::api::windows {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // Zeroed. The first thing made is the root. An array of none is a valid address.
  template <class T>
  T* make(size_t count = 1) {
    static_assert(std::is_trivial_v<T>);
    return static_cast<T*>(take(sizeof(T), count));
  }
  // The caller of the library owns it from here on.
  void release() { first_ = last_ = nullptr; }

  static void free(void* root);  // what is no root of ours is left alone

 private:
  struct Block;
  void* take(size_t size, size_t count);
  static void free_all(Block* first);
  Block* first_ = nullptr;
  Block* last_ = nullptr;
};

}  // namespace sallyport::api::windows
