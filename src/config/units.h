// Durations and sizes as the configuration writes them. Pure.
#pragma once
#include <optional>
#include <string_view>

#include "base/time.h"

namespace sallyport::config {

// "30s", "1h30m", "250ms", "7d"; units ms s m h d, largest first, each at most once. Nothing for anything else, or past
// ten years. "never" is the caller's matter.
std::optional<Duration> parse_duration(std::string_view text);

// "1000", "64KiB", "10GiB", "5MB"; units B KB MB GB TB (thousands) and KiB MiB GiB TiB.
std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace sallyport::config
