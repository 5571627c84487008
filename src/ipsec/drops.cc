// Names and texts of proto/drops.def.
#include "ipsec/drops.h"

namespace sallyport::ipsec {

namespace {
constexpr std::string_view kNames[] = {
#define SP_DROP(name, text) #name,
#include "proto/drops.def"
#undef SP_DROP
};
constexpr std::string_view kTexts[] = {
#define SP_DROP(name, text) text,
#include "proto/drops.def"
#undef SP_DROP
};
}  // namespace

std::string_view to_string(Drop drop) { return drop < Drop::kCount_ ? kNames[static_cast<size_t>(drop)] : "none"; }

std::string_view describe(Drop drop) {
  return drop < Drop::kCount_ ? kTexts[static_cast<size_t>(drop)] : "not dropped";
}

uint64_t DropCounters::total() const {
  uint64_t sum = 0;
  for (const uint64_t n : counts_) sum += n;
  return sum;
}

}  // namespace sallyport::ipsec
