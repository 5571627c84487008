#include "config/settings.h"

namespace sallyport::config {

namespace {
constexpr LogLevel kLevels[] = {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug, LogLevel::trace};
}

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warning: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
    case LogLevel::trace: return "trace";
  }
  return "info";
}

std::optional<LogLevel> log_level_from(std::string_view text) {
  for (LogLevel level : kLevels) {
    if (to_string(level) == text) return level;
  }
  return std::nullopt;
}

}  // namespace sallyport::config
