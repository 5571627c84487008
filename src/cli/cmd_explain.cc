// sallyport explain SOURCE DESTINATION [PROTOCOL [PORT [SOURCE_PORT]]]: which SPD entry decides about such a packet,
// and which SA would carry it.
#include <grp.h>
#include <limits.h>
#include <pwd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

namespace {

std::optional<uint8_t> protocol_number(const std::string& text) {
  if (text == "any") return 0;
  if (text == "icmp") return 1;
  if (text == "tcp") return 6;
  if (text == "udp") return 17;
  if (text == "icmpv6") return 58;
  if (text == "sctp") return 132;
  if (text.empty() || text.size() > 3 || text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const int number = std::atoi(text.c_str());
  return number <= 255 ? std::optional(static_cast<uint8_t>(number)) : std::nullopt;
}

// Fills in an account and its groups; false: there is none of that name or number.
bool take_account(const std::string& text, ctl::Explain& request) {
  const bool number = !text.empty() && text.size() <= 10 && text.find_first_not_of("0123456789") == std::string::npos;
  const passwd* entry = ::getpwnam(text.c_str());
  if (entry == nullptr && number) {
    const unsigned long uid = std::strtoul(text.c_str(), nullptr, 10);
    if (uid >= 0xffffffff) return false;
    request.uid = static_cast<uint32_t>(uid);
    entry = ::getpwuid(*request.uid);
    if (entry == nullptr) return true;  // an account without a name has no groups
  }
  if (entry == nullptr) return false;
  request.uid = entry->pw_uid;
  std::vector<gid_t> groups(256);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(entry->pw_name, entry->pw_gid, groups.data(), &count) < 0) return false;
  request.gids.assign(groups.begin(), groups.begin() + count);
  return true;
}

std::string resolved(const std::string& path) {
  char room[PATH_MAX];
  return ::realpath(path.c_str(), room) != nullptr ? std::string(room) : path;
}

void show(Shared& shared, const ctl::ExplainReply& reply) {
  if (shared.json) {
    Json json;
    json.object().field("action", reply.action).field("connection", reply.connection).field("child", reply.child);
    json.field("entry", reply.entry).field("spi_out", hex(reply.spi_out, 8)).field("sentence", reply.sentence);
    json.key("layers").array();
    for (const auto& layer : reply.layers) {
      json.object().field("layer", layer.layer).field("action", layer.action).field("filter", layer.filter);
      json.field("name", layer.name).field("sentence", layer.sentence).close();
    }
    json.close().close();
    *shared.out << json.text() << "\n";
    return;
  }
  *shared.out << printable(reply.action);
  if (!reply.connection.empty()) *shared.out << "  by " << printable(reply.connection) << "." << printable(reply.child);
  if (!reply.entry.empty()) *shared.out << "  (" << printable(reply.entry) << ")";
  if (reply.spi_out != 0) *shared.out << "  on SPI " << hex(reply.spi_out, 8);
  *shared.out << "\n";
  if (!reply.sentence.empty()) *shared.out << printable(reply.sentence) << "\n";
  for (const auto& layer : reply.layers) {
    *shared.out << "  " << printable(layer.layer) << ": " << printable(layer.action);
    if (layer.filter != 0) *shared.out << " by filter " << layer.filter << " \"" << printable(layer.name) << "\"";
    if (!layer.sentence.empty()) *shared.out << " (" << printable(layer.sentence) << ")";
    *shared.out << "\n";
  }
}

}  // namespace

void add_explain(CLI::App& app, Shared& shared) {
  struct Words {
    std::string source, destination;
    std::string protocol = "any";
    uint16_t port = 0;
    uint16_t source_port = 0;
    std::string user, program;
  };
  auto words = std::make_shared<Words>();
  const auto address = [](const std::string& text) -> std::string {
    return IpAddr::parse(text) ? "" : "\"" + text + "\" is no IP address.";
  };
  const auto protocol = [](const std::string& text) -> std::string {
    return protocol_number(text) ? ""
                                 : "\"" + text + "\" is no protocol: tcp, udp, icmp, icmpv6, sctp, any or a number.";
  };
  CLI::App* verb = app.add_subcommand("explain", "Tell what would happen to a packet, and why");
  verb->add_option("source", words->source, "Source address")->required()->check(address);
  verb->add_option("destination", words->destination, "Destination address")->required()->check(address);
  verb->add_option("protocol", words->protocol, "tcp, udp, icmp, … or a number")
      ->capture_default_str()
      ->check(protocol);
  verb->add_option("port", words->port, "Destination port");
  verb->add_option("source-port", words->source_port, "Source port");
  verb->add_option("--user", words->user, "Account of this host, by name or number, whose socket it would be");
  verb->add_option("--program", words->program, "Program of this host whose socket it would be");
  verb->callback([words, &shared] {
    ctl::Explain request{*IpAddr::parse(words->source), *IpAddr::parse(words->destination),
                         *protocol_number(words->protocol), words->source_port, words->port};
    if (!words->user.empty() && !take_account(words->user, request)) {
      report(shared, {ctl::ResultCode::usage, "There is no user " + words->user + ".", "", ""});
      return;
    }
    if (!words->program.empty()) request.program = resolved(words->program);
    if (request.source.family() != request.destination.family()) {
      report(shared, {ctl::ResultCode::usage, "Source and destination are of different IP versions.", "", ""});
      return;
    }
    call(shared, request, [&](const ctl::Reply& reply) {
      if (const auto* explained = std::get_if<ctl::ExplainReply>(&reply)) show(shared, *explained);
      return true;
    });
  });
}

}  // namespace sallyport::cli
