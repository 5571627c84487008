#include "config/units.h"

#include <charconv>
#include <limits>

namespace sallyport::config {

namespace {

std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

std::string_view take_unit(std::string_view& text) {
  size_t n = 0;
  while (n < text.size() && (text[n] < '0' || text[n] > '9')) ++n;
  const std::string_view unit = text.substr(0, n);
  text.remove_prefix(n);
  return unit;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    uint64_t milliseconds;
  };
  static constexpr Unit kUnits[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
  static constexpr uint64_t kMost = 3650ull * 86400000;
  if (text.empty()) return std::nullopt;
  uint64_t total = 0;
  size_t next = 0;  // units must follow from large to small
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const std::string_view name = take_unit(text);
    while (next < std::size(kUnits) && kUnits[next].name != name) ++next;
    if (next == std::size(kUnits) || *number > kMost / kUnits[next].milliseconds) return std::nullopt;
    total += *number * kUnits[next].milliseconds;
    if (total > kMost) return std::nullopt;
    ++next;
  }
  return milliseconds(static_cast<int64_t>(total));
}

std::optional<uint64_t> parse_size(std::string_view text) {
  struct Unit {
    std::string_view name;
    uint64_t octets;
  };
  static constexpr Unit kUnits[] = {{"", 1},
                                    {"B", 1},
                                    {"KB", 1000},
                                    {"MB", 1000000},
                                    {"GB", 1000000000},
                                    {"TB", 1000000000000},
                                    {"KiB", 1ull << 10},
                                    {"MiB", 1ull << 20},
                                    {"GiB", 1ull << 30},
                                    {"TiB", 1ull << 40}};
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (unit.name != text) continue;
    if (*number > std::numeric_limits<uint64_t>::max() / unit.octets) return std::nullopt;
    return *number * unit.octets;
  }
  return std::nullopt;
}

}  // namespace sallyport::config
