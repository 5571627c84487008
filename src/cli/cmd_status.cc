// sallyport status [CONNECTION]: what is configured, also while it is down, and the SAs there are.
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/verbs.h"

namespace sallyport::cli {

void put_status(Json& json, const ctl::StatusReply& status);           // status_json.cc
void print_status(std::ostream& out, const ctl::StatusReply& status);  // status_text.cc

void add_status(CLI::App& app, Shared& shared) {
  struct Words {
    std::string connection;
    bool watch = false;
  };
  auto words = std::make_shared<Words>();
  CLI::App* verb = app.add_subcommand("status", "Show connections, IKE SAs, Child SAs and counters");
  verb->add_option("connection", words->connection, "Only this connection");
  verb->add_flag("--watch", words->watch, "Show it again every second");
  verb->callback([words, &shared] {
    while (true) {
      ctl::StatusReply status;
      const ctl::Done done = call(shared, ctl::Status{words->connection}, [&](const ctl::Reply& reply) {
        if (const auto* got = std::get_if<ctl::StatusReply>(&reply)) status = *got;
        return true;
      });
      if (done.code != ctl::ResultCode::ok) return;
      if (shared.json) {
        Json json;
        put_status(json, status);
        *shared.out << json.text() << std::endl;
      } else {
        if (words->watch) *shared.out << "\033[H\033[2J";
        print_status(*shared.out, status);
        shared.out->flush();
      }
      if (!words->watch) return;
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  });
}

}  // namespace sallyport::cli
