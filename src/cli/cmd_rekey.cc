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
    const ctl::Done done = call(shared, ctl::Rekey{target.connection, target.child, {}}, {}, minutes(2));
    if (done.code == ctl::ResultCode::ok) {
      *shared.out << (done.sentence.empty() ? *text + " is being rekeyed." : printable(done.sentence)) << "\n";
    }
  });
}

}  // namespace sallyport::cli
