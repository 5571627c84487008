// sallyport watch: one line for each thing that happens, until interrupted.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

namespace {

void show(Shared& shared, const ctl::Event& event) {
  if (shared.json) {
    Json json;
    json.object().field("time", time_text(event.unix_milliseconds)).field("kind", event.kind);
    json.field("connection", event.connection).field("child", event.child).field("error", event.error);
    json.field("sentence", event.sentence).field("ours", event.ours).field("peers", event.peers);
    json.maybe("ike_id", event.ike_id).field("row", event.row).field("from", event.from).field("to", event.to).close();
    *shared.out << json.text() << std::endl;
    return;
  }
  *shared.out << time_text(event.unix_milliseconds) << "  " << event.kind << "  " << printable(event.connection)
              << (event.child.empty() ? "" : "." + printable(event.child)) << "  " << printable(event.sentence) << "\n";
  if (!event.ours.empty()) *shared.out << "    ours:       " << printable(event.ours) << "\n";
  if (!event.peers.empty()) *shared.out << "    the peer's: " << printable(event.peers) << "\n";
  shared.out->flush();
}

}  // namespace

void add_watch(CLI::App& app, Shared& shared) {
  auto count = std::make_shared<uint64_t>(0);
  CLI::App* verb = app.add_subcommand("watch", "Print events as they happen");
  verb->add_option("--count", *count, "End after so many events; 0: never")->capture_default_str();
  verb->callback([count, &shared] {
    uint64_t seen = 0;
    call(
        shared, ctl::Watch{},
        [&](const ctl::Reply& reply) {
          const auto* event = std::get_if<ctl::Event>(&reply);
          if (event == nullptr) return true;
          show(shared, *event);
          return *count == 0 || ++seen < *count;
        },
        std::nullopt);
  });
}

}  // namespace sallyport::cli
