// sallyport ping ADDRESS: echo requests from the inner host of the internal device, through the tunnel.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/verbs.h"

namespace sallyport::cli {

namespace {

std::string milliseconds_text(uint64_t nanoseconds) {
  const std::string thousandths = std::to_string(nanoseconds / 1000 % 1000);
  return std::to_string(nanoseconds / 1000000) + "." + std::string(3 - thousandths.size(), '0') + thousandths + " ms";
}

void show(Shared& shared, const ctl::PingAnswer& answer) {
  if (answer.answered) {
    *shared.out << answer.octets << " bytes, sequence " << answer.sequence << ", "
                << milliseconds_text(answer.nanoseconds);
  } else {
    *shared.out << "sequence " << answer.sequence << ": " << (answer.why.empty() ? "no answer" : printable(answer.why));
  }
  *shared.out << std::endl;
}

}  // namespace

void add_ping(CLI::App& app, Shared& shared) {
  struct Words {
    std::string address, source;
    std::string interval = "1s", timeout = "2s";
    uint32_t count = 4, size = 56;
  };
  auto words = std::make_shared<Words>();
  const auto address = [](const std::string& text) -> std::string {
    return IpAddr::parse(text) ? "" : "\"" + text + "\" is no IP address.";
  };
  CLI::App* verb = app.add_subcommand("ping", "Send echo requests from the internal device");
  verb->add_option("address", words->address, "Inner address of the other side")->required()->check(address);
  verb->add_option("--source", words->source, "Inner address of our side")->check(address);
  verb->add_option("-c,--count", words->count, "Number of requests")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  verb->add_option("-s,--size", words->size, "Octets of data")->capture_default_str()->check(CLI::Range(0, 65000));
  verb->add_option("-i,--interval", words->interval, "Between two requests")->capture_default_str()->check(check_wait);
  verb->add_option("-W,--timeout", words->timeout, "For each answer")->capture_default_str()->check(check_wait);
  verb->callback([words, &shared] {
    ctl::Ping request{*IpAddr::parse(words->address), {}, words->count, words->size, *parse_wait(words->interval),
                      *parse_wait(words->timeout)};
    if (!words->source.empty()) request.source = *IpAddr::parse(words->source);
    std::vector<ctl::PingAnswer> answers;
    const ctl::Done done = call(
        shared, request,
        [&](const ctl::Reply& reply) {
          const auto* answer = std::get_if<ctl::PingAnswer>(&reply);
          if (answer == nullptr) return true;
          answers.push_back(*answer);
          if (!shared.json) show(shared, *answer);
          return true;
        },
        request.interval + request.timeout + seconds(30));
    uint64_t answered = 0;
    for (const auto& answer : answers) answered += answer.answered ? 1 : 0;
    if (shared.json) {
      Json json;
      json.object();
      put_done(json, done);
      json.field("sent", uint64_t{answers.size()}).field("answered", answered).key("answers").array();
      for (const auto& answer : answers) {
        json.object().field("sequence", answer.sequence).field("answered", answer.answered);
        json.field("octets", answer.octets).field("nanoseconds", answer.nanoseconds).field("why", answer.why).close();
      }
      *shared.out << json.close().close().text() << "\n";
    } else if (!answers.empty()) {
      *shared.out << answered << " of " << answers.size() << " answered\n";
    }
    if (done.code == ctl::ResultCode::ok && answered == 0) {
      shared.exit_code = static_cast<int>(ctl::ResultCode::timeout);
    }
  });
}

}  // namespace sallyport::cli
