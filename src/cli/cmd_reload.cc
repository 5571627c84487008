// sallyport reload: the daemon reads its configuration again; what did not change is not touched.
#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace sallyport::cli {

void add_reload(CLI::App& app, Shared& shared) {
  app.add_subcommand("reload", "Read the configuration again; what did not change is not touched")->callback([&shared] {
    const ctl::Done done = call(shared, ctl::Reload{});
    if (done.code == ctl::ResultCode::ok) {
      *shared.out << (done.sentence.empty() ? "Reloaded." : printable(done.sentence)) << "\n";
    }
  });
}

}  // namespace sallyport::cli
