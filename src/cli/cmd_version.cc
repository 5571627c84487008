// sallyport version: of the command and, when it can be reached, of the daemon.
#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace sallyport::cli {

void add_version(CLI::App& app, Shared& shared) {
  app.add_subcommand("version", "Versions of the daemon and of the control protocol")->callback([&shared] {
    ctl::VersionReply version;
    const ctl::Done done = call(shared, ctl::Version{}, [&](const ctl::Reply& reply) {
      if (const auto* got = std::get_if<ctl::VersionReply>(&reply)) version = *got;
      return true;
    });
    if (done.code != ctl::ResultCode::ok) return;
    if (shared.json) {
      Json json;
      json.object().field("version", version.version).field("build", version.build).field("openssl", version.openssl);
      json.field("protocol", version.protocol).close();
      *shared.out << json.text() << "\n";
      return;
    }
    *shared.out << "sallyportd " << printable(version.version) << "\n"
                << "built with " << printable(version.build) << ", runs with " << printable(version.openssl) << "\n"
                << "control protocol " << version.protocol << "\n";
  });
}

}  // namespace sallyport::cli
