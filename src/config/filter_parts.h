// What the readers of [quick_mode.NAME], [tunnel.NAME] and [[filter]] have in common. Pure.
#pragma once
#include <span>

#include "config/read_parts.h"

namespace sallyport::config {

struct Bit {
  std::string_view name;
  uint64_t value;
};
// A list of the words of `bits`, whose values are added to `out`. True: the key is there and good.
bool read_bits(Section& section, std::string_view key, std::span<const Bit> bits, uint64_t& out);
// `esp` or `ah`, or what is taken without them. both: `ah` with `esp` behind it, for where AH cannot be had.
void read_quick_mode_proposals(Section& section, bool both, model::Proposals& out);
void read_seconds(Section& section, std::string_view key, Duration least, Duration most, uint32_t& out);
// Those of out.layer.
void read_conditions(Section section, FilterSettings& out);

}  // namespace sallyport::config
