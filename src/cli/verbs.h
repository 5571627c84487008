// The verbs of the command, one file each. add_VERB declares its words and options and sets what runs when it is given;
// the exit code is left in Shared::exit_code (docs/exit-codes.md).
#pragma once
#include <optional>
#include <ostream>
#include <string>

#include "api/client.h"
#include "base/time.h"
#include "cli/json.h"

namespace CLI {
class App;
}

namespace sallyport::cli {

struct Shared {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  std::string socket = api::kDefaultSocket;
  bool json = false;
  int exit_code = 0;
};

void add_up(CLI::App& app, Shared& shared);
void add_down(CLI::App& app, Shared& shared);
void add_rekey(CLI::App& app, Shared& shared);
void add_status(CLI::App& app, Shared& shared);
void add_watch(CLI::App& app, Shared& shared);
void add_check(CLI::App& app, Shared& shared);
void add_explain(CLI::App& app, Shared& shared);
void add_filter(CLI::App& app, Shared& shared);  // with layer and context
void add_events(CLI::App& app, Shared& shared);
void add_log(CLI::App& app, Shared& shared);
void add_version(CLI::App& app, Shared& shared);
void add_ping(CLI::App& app, Shared& shared);
void add_reload(CLI::App& app, Shared& shared);
void add_import(CLI::App& app, Shared& shared);
void add_run(CLI::App& app, Shared& shared);  // does not come back where it succeeds

// The whole command; argv as main gets it. Returns the exit code.
int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

// --- shared by the verbs ---
// "west" or "west.net".
struct Target {
  std::string connection;
  std::string child;
};
Target parse_target(const std::string& text);
std::optional<Duration> parse_wait(const std::string& text);  // "10", "10s", "500ms", "2m"
std::string check_wait(const std::string& text);              // for CLI11: empty when good

// Connects and calls; what is no success is told on err, with both sides' proposals where they came.
ctl::Done call(Shared& shared, const ctl::Request& request, const api::Client::OnReply& on_reply = {},
               std::optional<Duration> patience = seconds(30));
// The same without printing; for verbs that print their own way.
ctl::Done call_quietly(Shared& shared, const ctl::Request& request, const api::Client::OnReply& on_reply,
                       std::optional<Duration> patience);
void report(Shared& shared, const ctl::Done& done);
// The end of a verb that does something: its Done as one JSON object with --json, else `success` where the daemon said
// nothing, or why not on err. target: what the verb was about, if anything.
void conclude(Shared& shared, const Target* target, const ctl::Done& done, const std::string& success);
void put_done(Json& json, const ctl::Done& done);  // fields of an open object
std::string printable(std::string_view text);      // control octets, which could move a terminal's cursor, become '?'
std::string hex(uint64_t value, int digits);
std::string time_text(int64_t unix_milliseconds);  // UTC, 2026-01-31T12:00:00.000Z
std::string ago(uint64_t seconds_count);           // 3h12m

}  // namespace sallyport::cli
