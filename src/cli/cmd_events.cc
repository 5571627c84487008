// sallyport events: what failed and what was dropped, as the filter engine's net events tell it.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

namespace {

std::string end_text(const std::string& address, uint32_t port) {
  const std::string text = printable(address);
  if (port == 0 || text.empty()) return text;
  return (text.find(':') == std::string::npos ? text : "[" + text + "]") + ":" + std::to_string(port);
}

void show_json(Shared& shared, const ctl::NetEvent& event) {
  Json json;
  json.object().field("time", time_text(event.unix_milliseconds)).field("type", event.type);
  json.field("local", event.local).field("local_port", event.local_port);
  json.field("remote", event.remote).field("remote_port", event.remote_port).field("protocol", event.protocol);
  json.field("code", event.code).field("point", event.point).field("role", event.role);
  json.field("filter", event.filter).field("layer", event.layer).field("direction", event.direction);
  json.field("spi", hex(event.spi, 8)).field("local_name", event.local_name).field("remote_name", event.remote_name);
  json.field("sentence", event.sentence).close();
  *shared.out << json.text() << std::endl;
}

void show(Shared& shared, const ctl::NetEvent& event) {
  if (shared.json) return show_json(shared, event);
  std::ostream& out = *shared.out;
  out << time_text(event.unix_milliseconds) << "  " << printable(event.type) << "  "
      << end_text(event.local, event.local_port) << " - " << end_text(event.remote, event.remote_port);
  if (!event.point.empty()) out << "  at " << printable(event.point) << ", " << printable(event.role);
  if (event.code != 0)
    out << "  code " << (event.layer.empty() ? std::to_string(event.code) : "0x" + hex(event.code, 8));
  if (event.filter != 0) out << "  filter " << event.filter;
  if (!event.layer.empty()) out << "  " << printable(event.layer);
  if (event.spi != 0) out << "  SPI " << hex(event.spi, 8);
  out << "\n    " << printable(event.sentence) << std::endl;
}

}  // namespace

void add_events(CLI::App& app, Shared& shared) {
  auto request = std::make_shared<ctl::NetEvents>();
  CLI::App* verb = app.add_subcommand("events", "Print what failed and what was dropped: the engine's net events");
  verb->add_flag("-f,--follow", request->follow, "Go on printing");
  verb->callback([request, &shared] {
    call(
        shared, *request,
        [&](const ctl::Reply& reply) {
          if (const auto* event = std::get_if<ctl::NetEvent>(&reply)) show(shared, *event);
          return true;
        },
        request->follow ? std::nullopt : std::optional<Duration>(seconds(30)));
  });
}

}  // namespace sallyport::cli
