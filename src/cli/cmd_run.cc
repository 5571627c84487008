// sallyport run -- COMMAND…: every IP socket of a program and of its children is a secure socket.
#include <errno.h>
#include <sallyport/secure_socket.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <filesystem>
#include <memory>

#include "api/run/inherited.h"
#include "api/run/preload.h"
#include "api/run/preload_reach.h"
#include "api/run/supervisor.h"
#include "cli/verbs.h"

namespace sallyport::cli {

namespace {

constexpr int kCannotRun = 126, kNoSuchProgram = 127;  // as shells have them

// "00112233-4455-6677-8899-aabbccddeeff", with or without braces: the octets in the order of the text.
bool read_key(const std::string& text, std::array<uint8_t, 16>& out) {
  std::string digits;
  for (const char c : text)
    if (c != '-' && c != '{' && c != '}') digits += c;
  if (digits.size() != 32 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return false;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<uint8_t>(std::strtoul(digits.substr(2 * i, 2).c_str(), nullptr, 16));
  return true;
}

std::string hex_text(const std::array<uint8_t, 16>& octets) {
  std::string out;
  for (const uint8_t octet : octets) out += hex(octet, 2);
  return out;
}

// Neither the process that makes sockets nor a program that changes its folder would find the daemon by another path.
bool make_daemon_path_absolute() {
  const char* named = ::secure_getenv("SALLYPORT_SOCKETS");
  if (named == nullptr || *named == '/') return true;
  std::error_code failed;
  const auto path = std::filesystem::absolute(named, failed);
  return !failed && ::setenv("SALLYPORT_SOCKETS", path.c_str(), 1) == 0;
}

std::string preload(const api::run::Wanted& wanted, const std::string& program) {
  const char* named = ::secure_getenv("SALLYPORT_PRELOAD");
  const std::string library = named != nullptr ? named : SALLYPORT_PRELOAD_LIBRARY;
  for (const std::string& objection :
       {api::run::library_objection(library), api::run::program_objection(program), api::run::inherited_socket()})
    if (!objection.empty()) return objection;
  const int probe = api::run::secured_socket(wanted, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return std::string("the daemon does not secure such a socket: ") + std::strerror(-probe);
  ::close(probe);
  const char* others = ::getenv("LD_PRELOAD");
  ::setenv("LD_PRELOAD", (library + (others != nullptr ? ":" + std::string(others) : "")).c_str(), 1);
  ::setenv(api::run::kFlagsVariable, hex(wanted.flags, 1).c_str(), 1);
  ::setenv(api::run::kPolicyVariable, hex_text(wanted.policy).c_str(), 1);
  ::setenv(api::run::kPeerVariable, wanted.peer.c_str(), 1);
  return {};
}

}  // namespace

void add_run(CLI::App& app, Shared& shared) {
  struct Words {
    bool encrypt = false, insecure = false, preload = false;
    std::string peer, policy;
    std::vector<std::string> command;
  };
  auto words = std::make_shared<Words>();
  CLI::App* verb = app.add_subcommand("run", "Run a program whose every IP socket is secured");
  auto* encrypt = verb->add_flag("--require-encryption", words->encrypt, "No packet that is authenticated alone");
  verb->add_flag("--allow-insecure", words->insecure, "In the clear where the peer cannot")->excludes(encrypt);
  verb->add_option("--peer", words->peer, "Who has to be at the other end of its connections; TCP alone")
      ->check([](const std::string& name) {
        return name.empty() || name.size() > 1024 ? "a name has 1 to 1024 octets." : "";
      });
  verb->add_option("--policy", words->policy, "Key of a quick mode context of the filter engine")
      ->check([](const std::string& key) {
        std::array<uint8_t, 16> octets{};
        return read_key(key, octets) ? "" : "\"" + key + "\" is no key: write 00112233-4455-6677-8899-aabbccddeeff.";
      });
  verb->add_flag("--preload", words->preload, "The light variant: by LD_PRELOAD, not for static programs");
  verb->add_option("command", words->command, "The program and its words, behind --");
  verb->callback([words, &shared] {
    std::vector<std::string>& command = words->command;
    const auto fail = [&](int code, const std::string& sentence) {
      *shared.err << "sallyport: " << printable(sentence) << std::endl;
      shared.exit_code = code;
    };
    if (command.empty())
      return fail(static_cast<int>(ctl::ResultCode::usage), "run: which program? write sallyport run -- PROGRAM WORDS");
    api::run::Wanted wanted;
    wanted.flags =
        (words->encrypt ? SALLYPORT_GUARANTEE_ENCRYPTION : 0) | (words->insecure ? SALLYPORT_ALLOW_INSECURE : 0);
    wanted.peer = words->peer;
    if (!words->policy.empty()) (void)read_key(words->policy, wanted.policy);
    if (!make_daemon_path_absolute()) return fail(kCannotRun, "run: SALLYPORT_SOCKETS is no path from here");
    const std::string why_not = words->preload ? preload(wanted, command.front()) : api::run::begin(wanted);
    if (!why_not.empty()) return fail(kCannotRun, "run: " + why_not);
    std::vector<char*> argv;
    for (std::string& word : command) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp(argv.front(), argv.data());
    fail(errno == ENOENT ? kNoSuchProgram : kCannotRun, command.front() + ": " + std::strerror(errno));
  });
}

}  // namespace sallyport::cli
