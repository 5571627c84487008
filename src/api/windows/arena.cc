// See arena.h. Out of memory ends the process, as everywhere.
#include "api/windows/arena.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>

namespace sallyport::api::windows {
namespace {

constexpr uint64_t kRoot = 0x53504d454d524f54;
constexpr size_t kBlockOctets = 4096;

}  // namespace

struct alignas(16) Arena::Block {
  Block* next;
  size_t size;  // behind this header
  size_t used;
  uint64_t mark;  // kRoot in the first
};

Arena::~Arena() { free_all(first_); }

void* Arena::take(size_t size, size_t count) {
  if (count != 0 && size > SIZE_MAX / 2 / count) ::abort();
  const size_t wanted = std::max<size_t>((size * count + 15) & ~size_t{15}, 16);
  if (!last_ || last_->size - last_->used < wanted) {
    const size_t room = std::max(wanted, kBlockOctets - sizeof(Block));
    auto* block = static_cast<Block*>(::calloc(1, sizeof(Block) + room));
    if (!block) ::abort();
    block->size = room;
    block->mark = last_ ? 0 : kRoot;
    (last_ ? last_->next : first_) = block;
    last_ = block;
  }
  void* out = reinterpret_cast<uint8_t*>(last_ + 1) + last_->used;
  last_->used += wanted;
  return out;
}

void Arena::free_all(Block* first) {
  while (first) {
    Block* const next = first->next;
    ::explicit_bzero(first, sizeof(Block) + first->size);
    ::free(first);
    first = next;
  }
}

void Arena::free(void* root) {
  if (!root || reinterpret_cast<uintptr_t>(root) % 16 != 0) return;
  auto* block = static_cast<Block*>(root) - 1;
  if (block->mark == kRoot) free_all(block);
}

}  // namespace sallyport::api::windows
