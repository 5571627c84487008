// sallyport import windows FILE: a Windows host's IPsec rules as configuration. Works without a daemon.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "cli/verbs.h"
#include "cli/windows_rules.h"

namespace sallyport::cli {
namespace {

constexpr size_t kMostOctets = 64 << 20;

std::optional<std::string> content_of(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  if (!in) return std::nullopt;
  std::string out(std::istreambuf_iterator<char>(in), {});
  if (in.bad() || out.size() > kMostOctets) return std::nullopt;
  return out;
}

void import(const std::string& path, const WindowsImport& options, Shared& shared) {
  const auto document = content_of(path);
  if (!document) {
    *shared.err << "sallyport: " << printable(path) << " cannot be read, or is longer than 64 MiB\n";
    shared.exit_code = static_cast<int>(ctl::ResultCode::failed);
    return;
  }
  const WindowsRules got = import_windows(*document, options);
  if (shared.json) {
    Json json;
    json.object().field("rules", got.rules).field("configuration", got.toml).key("problems").array();
    for (const std::string& problem : got.problems) json.value(problem);
    json.close().key("notes").array();
    for (const std::string& note : got.notes) json.value(note);
    *shared.out << json.close().close().text() << "\n";
  } else {
    *shared.out << got.toml;
    for (const std::string& note : got.notes) *shared.err << "note: " << printable(note) << "\n";
    for (const std::string& problem : got.problems) *shared.err << "sallyport: " << printable(problem) << "\n";
  }
  if (!got.problems.empty()) shared.exit_code = static_cast<int>(ctl::ResultCode::failed);
}

}  // namespace

void add_import(CLI::App& app, Shared& shared) {
  CLI::App* verb = app.add_subcommand("import", "Make configuration of another system's policy");
  verb->require_subcommand(1);
  CLI::App* windows = verb->add_subcommand("windows", "IPsec rules of Windows, printed by ConvertTo-Json");
  auto path = std::make_shared<std::string>();
  auto auth = std::make_shared<std::string>();
  windows->add_option("file", *path, "The JSON document; - is standard input")->required();
  windows->add_option("--auth", *auth, "psk or cert, instead of what the rules ask for (such as Kerberos)")
      ->check(CLI::IsMember({"psk", "cert"}));
  windows->callback([path, auth, &shared] {
    WindowsImport options;
    if (*auth == "psk") options.auth = WindowsImport::Auth::psk;
    if (*auth == "cert") options.auth = WindowsImport::Auth::cert;
    import(*path, options, shared);
  });
}

}  // namespace sallyport::cli
