// What the daemon is doing, as the control protocol tells it. Pure: reads the machines, changes nothing.
#pragma once
#include "ctl/messages.h"
#include "runtime/driver.h"
#include "runtime/guard_report.h"

namespace sallyport::runtime {

struct ReportFacts {
  std::string version;
  std::string config_file;
  uint64_t pid = 0;  // of the parent, or the only process
  TimePoint started{};
  bool split = false;
  std::string crypto_library;
};

// connection: empty for all.
ctl::StatusReply make_status(TimePoint now, const Driver& driver, const ReportFacts& facts,
                             const std::string& connection);
void add_guard(ctl::StatusReply& status, const GuardReport& report);
ctl::ExplainReply make_explain(TimePoint now, const Driver& driver, const ctl::Explain& question);
// The end of an `up` whose wait is over: what is being waited for, and why the last attempt failed, with what each side
// wanted. child: empty for all of the connection.
ctl::Done make_not_up(const Driver& driver, Duration waited, const std::string& connection, const std::string& child);
ctl::Event make_event(int64_t unix_milliseconds, const stack::Notice& notice);

}  // namespace sallyport::runtime
