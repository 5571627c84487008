// sallyport down CONNECTION[.CHILD]: deletes the SAs; a connection kept up stays down until the next up.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

void add_down(CLI::App& app, Shared& shared) {
  struct Words {
    std::string target;
    std::optional<uint64_t> ike_id;
  };
  auto words = std::make_shared<Words>();
  CLI::App* verb = app.add_subcommand("down", "Take a connection, or one child of it, down");
  verb->add_option("target", words->target, "CONNECTION or CONNECTION.CHILD")->required();
  verb->add_option("--ike-id", words->ike_id, "Only this IKE SA (see status)");
  verb->callback([words, &shared] {
    const Target target = parse_target(words->target);
    const ctl::Down request{target.connection, target.child, words->ike_id};
    conclude(shared, &target, call_quietly(shared, request, {}, seconds(30)), words->target + " is down.");
  });
}

}  // namespace sallyport::cli
