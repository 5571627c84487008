// One page of an enumeration as it travels (call::Page). Pure.
#pragma once
#include "policy/call.h"

namespace sallyport::policy {

// Entries from `next` on, until as many as wanted or as many octets as an answer may have. make(item) may decline with
// nullopt, for what is gone meanwhile.
template <class Each, class Items, class Make>
Bytes write_page(const Items& items, size_t& next, uint32_t wanted, Make make) {
  ArchiveWriter out;
  out.number(uint32_t{0});
  uint32_t count = 0;
  while (next < items.size() && count < wanted && out.out().size() < call::kPageOctets) {
    std::optional<Each> each = make(items[next]);
    ++next;
    if (!each) continue;
    walk(out, *each);
    ++count;
  }
  out.out().patch_u32(0, count);
  out.number(uint8_t{next == items.size()});
  return out.out().take();
}

}  // namespace sallyport::policy
