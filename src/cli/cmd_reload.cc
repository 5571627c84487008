// sallyport reload: the daemon reads its configuration again; what did not change is not touched.
#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace sallyport::cli {

void add_reload(CLI::App& app, Shared& shared) {
  app.add_subcommand("reload", "Read the configuration again; what did not change is not touched")->callback([&shared] {
    conclude(shared, nullptr, call_quietly(shared, ctl::Reload{}, {}, seconds(30)), "Reloaded.");
  });
}

}  // namespace sallyport::cli
