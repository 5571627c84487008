// Log lines: to stderr and a file through spdlog, and into a short memory for `sallyport log`. A line of one kind about
// one subject is limited in rate; what was left out is summed up in one line. Text is cleaned of control octets, since
// parts of it come from peers. Never a secret. One thread.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"
#include "config/settings.h"
#include "runtime/fd.h"

namespace spdlog {
class logger;
}

namespace sallyport::runtime {

using config::LogLevel;

struct PastLine {
  int64_t unix_milliseconds = 0;
  LogLevel level = LogLevel::info;
  std::string text;
};

class TraceLog {
 public:
  // process: "worker", "keys", …, shown in each line. file: already open for appending, or empty.
  TraceLog(std::string process, const config::LogSettings& settings, Fd file);
  ~TraceLog();
  TraceLog(const TraceLog&) = delete;
  TraceLog& operator=(const TraceLog&) = delete;

  void apply(const config::LogSettings& settings, Fd file);  // after a reload
  void line(LogLevel level, std::string_view text);
  // kind and subject together are what the rate limit counts.
  void limited(LogLevel level, std::string_view kind, std::string_view subject, std::string_view text);
  // Into the short memory only: another process has written it.
  void remember(LogLevel level, std::string_view text);
  bool wants(LogLevel level) const { return level <= level_; }

  const std::deque<PastLine>& past() const { return past_; }
  void on_line(std::function<void(const PastLine&)> listener) { listener_ = std::move(listener); }

 private:
  struct Rate {
    int64_t second = 0;
    unsigned lines = 0;
    uint64_t left_out = 0;
  };
  void write(LogLevel level, std::string_view text);

  std::string process_;
  LogLevel level_ = LogLevel::info;
  unsigned rate_limit_ = 20;
  std::shared_ptr<spdlog::logger> logger_;
  Fd file_;
  std::map<std::string, Rate, std::less<>> rates_;
  std::deque<PastLine> past_;
  std::function<void(const PastLine&)> listener_;
};

// Control octets and what is not ASCII become \xNN.
std::string printable(std::string_view text);

}  // namespace sallyport::runtime
