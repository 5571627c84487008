// See trace_log.h. spdlog without threads of its own: a child process may be forked at any time.
#include "runtime/trace_log.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include "runtime/clock.h"

namespace sallyport::runtime {
namespace {

constexpr size_t kPastLines = 1000;
constexpr size_t kMostSubjects = 4096;

// Whole lines straight to a descriptor: what a chrooted process has.
class DescriptorSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    // A log that cannot be written must not stop the daemon.
    if (::write(fd_, text.data(), text.size()) < 0) return;
  }
  void flush_() override {}

 private:
  int fd_;
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::trace: return spdlog::level::trace;
  }
  return spdlog::level::info;
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kDigits[octet >> 4];
      out += kDigits[octet & 15];
    }
  }
  return out;
}

TraceLog::TraceLog(std::string process, const config::LogSettings& settings, Fd file) : process_(std::move(process)) {
  apply(settings, std::move(file));
}

TraceLog::~TraceLog() = default;

void TraceLog::apply(const config::LogSettings& settings, Fd file) {
  std::vector<spdlog::sink_ptr> sinks;
  if (settings.to_stderr) sinks.push_back(std::make_shared<DescriptorSink>(STDERR_FILENO));
  if (file) sinks.push_back(std::make_shared<DescriptorSink>(file.get()));
  logger_ = std::make_shared<spdlog::logger>(process_, sinks.begin(), sinks.end());
  logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%e %-7l %n: %v");
  logger_->set_level(spdlog::level::trace);
  file_ = std::move(file);
  level_ = settings.level;
  rate_limit_ = settings.rate_limit;
}

void TraceLog::line(LogLevel level, std::string_view text) {
  if (wants(level)) write(level, text);
}

void TraceLog::limited(LogLevel level, std::string_view kind, std::string_view subject, std::string_view text) {
  if (!wants(level)) return;
  std::string key = std::string(kind) + '\0' + std::string(subject);
  if (rates_.size() >= kMostSubjects && !rates_.contains(key)) key = std::string(kind);
  if (rates_.size() >= 2 * kMostSubjects) rates_.clear();
  Rate& rate = rates_[key];
  const int64_t second = wall_now().unix_seconds;
  if (rate.second != second) {
    if (rate.left_out > 0) {
      write(level, std::string(kind) + " " + std::string(subject) + ": " + std::to_string(rate.left_out) +
                       " more lines left out");
    }
    rate = {second, 0, 0};
  }
  if (rate_limit_ != 0 && rate.lines >= rate_limit_) {
    ++rate.left_out;
    return;
  }
  ++rate.lines;
  write(level, text);
}

void TraceLog::write(LogLevel level, std::string_view text) {
  logger_->log(spdlog_level(level), spdlog::string_view_t(printable(text)));
  remember(level, text);
}

void TraceLog::remember(LogLevel level, std::string_view text) {
  PastLine past{wall_microseconds() / 1000, level, printable(text)};
  past_.push_back(past);
  if (past_.size() > kPastLines) past_.pop_front();
  if (listener_) listener_(past);
}

}  // namespace sallyport::runtime
