// The command's frame: options common to all verbs, and what the verbs share.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "cli/verbs.h"

namespace sallyport::cli {

Target parse_target(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos) return {text, ""};
  return {text.substr(0, dot), text.substr(dot + 1)};
}

std::optional<Duration> parse_wait(const std::string& text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 6) return std::nullopt;
  const int64_t number = std::strtoll(text.c_str(), nullptr, 10);
  const std::string unit = text.substr(digits);
  if (unit.empty() || unit == "s") return Duration(seconds(number));
  if (unit == "ms") return Duration(milliseconds(number));
  if (unit == "m") return Duration(minutes(number));
  if (unit == "h") return Duration(hours(number));
  return std::nullopt;
}

std::string check_wait(const std::string& text) {
  return parse_wait(text) ? "" : "\"" + text + "\" is no duration: write 10s, 500ms or 2m.";
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet < 0x20 && c != '\n' && c != '\t') || octet == 0x7f) c = '?';
  }
  return out;
}

std::string hex(uint64_t value, int digits) {
  char buffer[20];
  std::snprintf(buffer, sizeof(buffer), "%0*llx", digits, static_cast<unsigned long long>(value));
  return buffer;
}

std::string time_text(int64_t unix_milliseconds) {
  const time_t whole = static_cast<time_t>(unix_milliseconds / 1000);
  tm parts{};
  gmtime_r(&whole, &parts);
  char date[40];
  const size_t n = std::strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[32];
  std::snprintf(fraction, sizeof(fraction), ".%03dZ", static_cast<int>(unix_milliseconds % 1000));
  return std::string(date, n) + fraction;
}

std::string ago(uint64_t s) {
  if (s < 60) return std::to_string(s) + "s";
  if (s < 3600) return std::to_string(s / 60) + "m" + std::to_string(s % 60) + "s";
  if (s < 86400) return std::to_string(s / 3600) + "h" + std::to_string(s / 60 % 60) + "m";
  return std::to_string(s / 86400) + "d" + std::to_string(s / 3600 % 24) + "h";
}

void put_done(Json& json, const ctl::Done& done) {
  json.field("result", ctl::to_string(done.code)).field("exit_code", uint64_t{static_cast<uint8_t>(done.code)});
  json.field("sentence", done.sentence).field("ours", done.ours).field("peers", done.peers);
}

void report(Shared& shared, const ctl::Done& done) {
  shared.exit_code = static_cast<int>(done.code);
  if (done.code == ctl::ResultCode::ok) return;
  *shared.err << "sallyport: "
              << printable(done.sentence.empty() ? std::string(ctl::to_string(done.code)) : done.sentence) << "\n";
  if (!done.ours.empty()) *shared.err << "  ours:       " << printable(done.ours) << "\n";
  if (!done.peers.empty()) *shared.err << "  the peer's: " << printable(done.peers) << "\n";
}

void conclude(Shared& shared, const Target* target, const ctl::Done& done, const std::string& success) {
  shared.exit_code = static_cast<int>(done.code);
  if (shared.json) {
    Json json;
    json.object();
    if (target != nullptr) json.field("connection", target->connection).field("child", target->child);
    put_done(json, done);
    *shared.out << json.close().text() << "\n";
    return;
  }
  report(shared, done);
  if (done.code == ctl::ResultCode::ok) {
    *shared.out << (done.sentence.empty() ? success : printable(done.sentence)) << "\n";
  }
}

ctl::Done call_quietly(Shared& shared, const ctl::Request& request, const api::Client::OnReply& on_reply,
                       std::optional<Duration> patience) {
  api::Client client;
  ctl::Done done = client.connect(shared.socket, "sallyport");
  if (done.code == ctl::ResultCode::ok) done = client.call(request, on_reply, patience);
  shared.exit_code = static_cast<int>(done.code);
  return done;
}

ctl::Done call(Shared& shared, const ctl::Request& request, const api::Client::OnReply& on_reply,
               std::optional<Duration> patience) {
  ctl::Done done = call_quietly(shared, request, on_reply, patience);
  report(shared, done);
  return done;
}

int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  Shared shared;
  shared.out = &out;
  shared.err = &err;
  if (const char* path = std::getenv("SALLYPORT_SOCKET"); path != nullptr && *path != '\0') shared.socket = path;
  CLI::App app{"Talks to sallyportd: brings IPsec connections up and down and shows what they do."};
  app.name("sallyport");
  app.require_subcommand(1);
  app.fallthrough();  // --socket and --json may stand after the verb
  app.add_option("--socket", shared.socket, "Control socket of the daemon (or SALLYPORT_SOCKET)")
      ->capture_default_str();
  app.add_flag("--json", shared.json, "Machine-readable output");
  app.footer(
      "Exit codes: 0 ok, 1 other failure, 2 usage, 3 not found, 4 peer refused, 5 timeout,\n"
      "6 authentication failed, 7 daemon not reachable.");
  for (auto* add : {add_up, add_down, add_rekey, add_status, add_watch, add_check, add_explain, add_filter, add_events,
                    add_log, add_version, add_ping, add_reload, add_import, add_run}) {
    add(app, shared);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? 0 : static_cast<int>(ctl::ResultCode::usage);
  }
  out.flush();
  return shared.exit_code;
}

}  // namespace sallyport::cli
