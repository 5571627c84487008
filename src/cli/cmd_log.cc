// sallyport log: the daemon's last log lines, or all of them as they come.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

void add_log(CLI::App& app, Shared& shared) {
  auto request = std::make_shared<ctl::Log>();
  CLI::App* verb = app.add_subcommand("log", "Print the daemon's log");
  verb->add_flag("-f,--follow", request->follow, "Go on printing");
  verb->add_option("-n,--lines", request->lines, "At most so many lines of the past")->capture_default_str();
  verb->add_option("--level", request->level, "Lines at least so important")
      ->check(CLI::IsMember({"error", "warning", "info", "debug", "trace"}));
  verb->callback([request, &shared] {
    call(
        shared, *request,
        [&](const ctl::Reply& reply) {
          const auto* line = std::get_if<ctl::LogLine>(&reply);
          if (line == nullptr) return true;
          if (shared.json) {
            Json json;
            json.object().field("time", time_text(line->unix_milliseconds)).field("level", line->level);
            json.field("text", line->text).close();
            *shared.out << json.text() << std::endl;
          } else {
            *shared.out << time_text(line->unix_milliseconds) << " " << line->level << " " << printable(line->text)
                        << std::endl;
          }
          return true;
        },
        request->follow ? std::nullopt : std::optional<Duration>(seconds(30)));
  });
}

}  // namespace sallyport::cli
