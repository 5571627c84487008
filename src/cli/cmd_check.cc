// sallyport check [FILE]: the daemon reads and judges a configuration without using it. Without a daemon,
// `sallyportd --check --config FILE` does the same.
#include <CLI/CLI.hpp>
#include <climits>
#include <cstdlib>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

void add_check(CLI::App& app, Shared& shared) {
  auto path = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("check", "Judge a configuration without using it");
  verb->add_option("file,--config", *path, "Configuration file; left out: the one the daemon runs with");
  verb->callback([path, &shared] {
    // The daemon has another working directory.
    char absolute[PATH_MAX];
    if (!path->empty() && realpath(path->c_str(), absolute) != nullptr) *path = absolute;
    ctl::CheckReply check;
    const ctl::Done done = call_quietly(
        shared, ctl::Check{*path},
        [&](const ctl::Reply& reply) {
          if (const auto* got = std::get_if<ctl::CheckReply>(&reply)) check = *got;
          return true;
        },
        seconds(30));
    if (shared.json) {
      Json json;
      json.object();
      put_done(json, done);
      json.field("files", check.files).key("problems").array();
      for (const auto& problem : check.problems) {
        json.object().field("file", problem.file).field("line", problem.line).field("key", problem.key);
        json.field("sentence", problem.sentence).close();
      }
      *shared.out << json.close().close().text() << "\n";
    } else {
      for (const auto& problem : check.problems) {
        *shared.out << printable(problem.file) << ":" << problem.line << ": " << printable(problem.key)
                    << (problem.key.empty() ? "" : ": ") << printable(problem.sentence) << "\n";
      }
      if (check.problems.empty()) report(shared, done);
      if (done.code == ctl::ResultCode::ok && check.problems.empty()) *shared.out << "The configuration is good.\n";
    }
    if (!check.problems.empty()) shared.exit_code = static_cast<int>(ctl::ResultCode::failed);
  });
}

}  // namespace sallyport::cli
