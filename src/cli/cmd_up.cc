// sallyport up CONNECTION[.CHILD]: negotiates, waits, says why it failed.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

void add_up(CLI::App& app, Shared& shared) {
  struct Words {
    std::string target;
    std::string wait = "30s";
    bool no_wait = false;
  };
  auto words = std::make_shared<Words>();
  CLI::App* verb = app.add_subcommand("up", "Bring a connection, or one child of it, up and wait until it is");
  verb->add_option("target", words->target, "CONNECTION or CONNECTION.CHILD")->required();
  verb->add_option("--wait", words->wait, "Longest wait, like 10s; 0 returns at once")
      ->capture_default_str()
      ->check(check_wait);
  verb->add_flag("--no-wait", words->no_wait, "Return as soon as the negotiation has begun");
  verb->callback([words, &shared] {
    const Target target = parse_target(words->target);
    const Duration wait = words->no_wait ? Duration::zero() : *parse_wait(words->wait);
    const ctl::Done done = call_quietly(shared, ctl::Up{target.connection, target.child, wait}, {}, wait + seconds(15));
    conclude(shared, &target, done, words->target + (wait == Duration::zero() ? " is being negotiated." : " is up."));
  });
}

}  // namespace sallyport::cli
