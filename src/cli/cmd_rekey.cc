// sallyport rekey CONNECTION[.CHILD]: fresh keys for the IKE SA, or for one child.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

void add_rekey(CLI::App& app, Shared& shared) {
  auto text = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("rekey", "Negotiate fresh keys: for the IKE SA, or for one child of it");
  verb->add_option("target", *text, "CONNECTION (its IKE SA) or CONNECTION.CHILD")->required();
  verb->callback([text, &shared] {
    const Target target = parse_target(*text);
    const ctl::Rekey request{target.connection, target.child, {}};
    conclude(shared, &target, call_quietly(shared, request, {}, minutes(2)), *text + " is being rekeyed.");
  });
}

}  // namespace sallyport::cli
