// sallyportd --config FILE [--one-process] [--check] [--remove-protection]: the daemon's door. Reads the configuration,
// opens what needs rights, and starts the processes of house §8, or does all in this one.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "crypto/self_test.h"
#include "daemon/file_broker.h"
#include "daemon/privileges.h"
#include "daemon/processes.h"
#include "daemon/wiring.h"
#include "runtime/clock.h"
#include "runtime/socket_caller.h"

namespace sallyport::daemon {
namespace {

struct Options {
  std::string config = "/etc/sallyport/sallyport.toml";
  bool one_process = false;
  bool check = false;
  bool remove_protection = false;
};

int usage() {
  std::fputs("usage: sallyportd [--config FILE] [--one-process] [--check] [--remove-protection] [--version]\n", stderr);
  return 2;
}

int complain(const std::vector<std::string>& sentences) {
  for (const auto& sentence : sentences) std::fprintf(stderr, "sallyportd: %s\n", sentence.c_str());
  return 1;
}

// Judging callers and opening files for them, as the parent does.
void serve_callers(runtime::Loop& loop, Worker& worker, FileBroker& broker) {
  constexpr int kBrokerTimer = 5;
  static constexpr Duration kTurn = milliseconds(5);
  auto* const sockets = worker.sockets();
  sockets->on_caller = [&worker, sockets](uint64_t token, int connection) {
    const auto verdict = runtime::judge_connection(worker.driver().settings().secure_sockets.callers, connection);
    sockets->judged(token, verdict.allowed, verdict.sentence);
  };
  broker.on_opened = [sockets](uint64_t token, int error, runtime::Fd file) {
    sockets->opened(token, error, file, {});
  };
  const auto turn = std::make_shared<std::function<void()>>();
  *turn = [&loop, &broker, again = std::weak_ptr(turn)] {
    broker.turn(runtime::monotonic_now());
    if (!broker.quiet()) loop.set_timer(kBrokerTimer, runtime::monotonic_now() + kTurn, *again.lock());
  };
  sockets->on_open = [&worker, &broker, sockets, turn](uint64_t token, int connection, const runtime::Fd& root,
                                                       const runtime::PeerFile& wanted) {
    std::string sentence;
    const int error = broker.start(worker.driver().settings().secure_sockets, token, connection, root, wanted,
                                   runtime::monotonic_now(), sentence);
    if (error != 0) sockets->opened(token, error, runtime::Fd(), sentence);
    (*turn)();
  };
}

// One process: what the parent, the key process and the helper do, done here by the same objects.
int run_alone(const Options& options, Loaded loaded, Privileges& privileges) {
  runtime::SystemFiles files;
  auto keys = std::make_shared<KeyAgent>();
  auto verify = std::make_shared<VerifyAgent>();
  if (auto refused = keys->load(loaded.settings.credentials); !refused.empty()) return complain(refused);
  if (auto refused = verify->load(files, loaded.settings.trust); !refused.empty()) return complain(refused);
  auto descriptors = privileges.share();
  runtime::Loop loop;
  runtime::TraceLog log("sallyportd", loaded.settings.daemon.log, std::move(descriptors.log_file));
  for (const auto& warning : privileges.warnings()) log.line(runtime::LogLevel::warning, warning);
  for (const auto& warning : keys->warnings()) log.line(runtime::LogLevel::warning, warning);
  LocalKeys port(loop, keys, verify);
  Worker worker(loop, log, port, loaded, std::move(descriptors),
                {kVersion, options.config, static_cast<uint64_t>(::getpid()), runtime::monotonic_now(), false,
                 std::string(crypto::library_version())});
  const auto reload = [&](stack::CommandToken token) {
    Loaded again = load_all(files, options.config);
    auto new_keys = std::make_shared<KeyAgent>();
    auto new_verify = std::make_shared<VerifyAgent>();
    if (again.problems.empty()) {
      for (auto& line : new_keys->load(again.settings.credentials)) again.problems.push_back(line);
      for (auto& line : new_verify->load(files, again.settings.trust)) again.problems.push_back(line);
    }
    if (!again.problems.empty()) {
      for (const auto& problem : again.problems) log.line(runtime::LogLevel::error, "not reloaded: " + problem);
      return worker.service().reload_failed(token, again.problems.front());
    }
    if (auto refused = privileges.protect(again.settings)) {
      log.line(runtime::LogLevel::error, "not reloaded: " + *refused);
      return worker.service().reload_failed(token, *refused);
    }
    for (const auto& sentence : privileges.reconcile(again.settings)) log.line(runtime::LogLevel::warning, sentence);
    for (const auto& warning : new_keys->warnings()) log.line(runtime::LogLevel::warning, warning);
    port.replace(new_keys, new_verify);
    log.apply(again.settings.daemon.log, privileges.share().log_file.duplicate());
    worker.driver().reload(std::move(again.settings), std::move(again.policy), token);
  };
  worker.service().on_reload = reload;
  worker.service().on_check = [&](stack::CommandToken token) {
    worker.service().checked(token, load_all(files, options.config).check);
  };
  worker.service().on_guard = [&](stack::CommandToken token) {
    worker.service().guard_reported(token, privileges.guard_report());
  };
  worker.service().policy().on_dosp = [&](uint64_t token) {
    worker.service().policy().dosp_reported(token, privileges.dosp_report());
  };
  worker.owners().on_question = [&](uint64_t token, const runtime::OwnerQuestion& question) {
    worker.owners().found(token, privileges.find_owner(question));
  };
  FileBroker broker;
  if (auto* sockets = worker.sockets()) {
    sockets->on_secure = [&privileges, sockets](uint64_t token, runtime::Fd socket, const runtime::SecuringWish& wish) {
      uint64_t cookie = 0;
      const int error = privileges.secure_socket(socket.get(), wish, cookie);
      sockets->secured(token, error, cookie);
    };
    sockets->on_unknown = [&privileges, sockets](uint64_t token, uint8_t protocol, const IpEndpoint& local,
                                                 const IpEndpoint& remote) {
      sockets->found(token, privileges.find_earlier_socket(protocol, local, remote));
    };
    for (const auto& earlier : privileges.take_earlier_sockets()) sockets->adopt(earlier);
    serve_callers(loop, worker, broker);
  }
  worker.driver().on_host_filters = [&](const stack::HostFilters& filters) {
    if (auto refused = privileges.set_filters(filters)) log.line(runtime::LogLevel::error, *refused);
  };
  if (const int links = privileges.links_fd(); links >= 0) {
    loop.watch(links, [&] {
      if (auto sentence = privileges.follow_links()) log.line(runtime::LogLevel::warning, *sentence);
    });
  }
  for (const int number : {SIGTERM, SIGINT}) loop.on_signal(number, [&] { worker.stop(); });
  loop.on_signal(SIGHUP, [&] { reload(0); });
  const runtime::PolicyFile store(loaded.settings.daemon.policy_store);
  if (worker.service().policy().restore(store.load())) store.set_aside();
  worker.service().policy().on_store = [&](Bytes octets) {
    if (auto saved = store.save(octets); !saved)
      log.line(runtime::LogLevel::error, runtime::explain_policy_file(store.path(), saved.error()));
  };
  worker.start();
  log.line(runtime::LogLevel::info, "sallyportd " + std::string(kVersion) + " runs in one process");
  loop.run();
  return 0;
}

int run(const Options& options) {
  if (options.remove_protection) {
    if (auto refused = remove_protection()) return complain({*refused});
    std::puts("packet filter, rules and routes are removed");
    return 0;
  }
  // Before anything is read or opened: with a library that answers wrongly nothing here is safe. It also makes OpenSSL
  // read its own configuration now, which the children no longer could.
  if (auto tested = crypto::self_test(); !tested) {
    return complain({"the cryptographic library does not pass its self-test (step " +
                     std::to_string(tested.error().detail) + ", " + std::string(describe(tested.error().code)) +
                     "): not started"});
  }
  runtime::SystemFiles files;
  Loaded loaded = load_all(files, options.config);
  if (!loaded.problems.empty()) return complain(loaded.problems) + 1;
  if (options.check) {
    // Secrets that this user may read; the others are for the daemon to complain about.
    KeyAgent keys;
    (void)keys.load(loaded.settings.credentials);
    for (const auto& warning : keys.warnings()) std::fprintf(stderr, "sallyportd: warning: %s\n", warning.c_str());
    std::printf("%s: the configuration is good\n", options.config.c_str());
    return 0;
  }
  Privileges privileges;
  if (auto refused = privileges.open_all(loaded.settings)) {
    privileges.remove_all(Privileges::End::refused);
    return complain({*refused});
  }
  if (loaded.settings.daemon.split && !options.one_process) {
    const Ending ending = run_processes(options.config, std::move(loaded), privileges);
    privileges.remove_all(ending == Ending::clean         ? Privileges::End::asked
                          : ending == Ending::not_started ? Privileges::End::refused
                                                          : Privileges::End::failed);
    return ending == Ending::clean ? 0 : ending == Ending::not_started ? 1 : 3;
  }
  const int code = run_alone(options, std::move(loaded), privileges);
  privileges.remove_all(code == 0   ? Privileges::End::asked
                        : code == 1 ? Privileges::End::refused
                                    : Privileges::End::failed);
  return code;
}

int start(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--config" && i + 1 < count) {
      options.config = words[++i];
    } else if (word.starts_with("--config=")) {
      options.config = word.substr(9);
    } else if (word == "--one-process") {
      options.one_process = true;
    } else if (word == "--check") {
      options.check = true;
    } else if (word == "--remove-protection") {
      options.remove_protection = true;
    } else if (word == "--version") {
      std::printf("sallyportd %s\n", kVersion);
      return 0;
    } else if (word != "--foreground") {
      return usage();
    }
  }
  ::signal(SIGPIPE, SIG_IGN);
  (void)::clearenv();
  return run(options);
}

}  // namespace
}  // namespace sallyport::daemon

int main(int count, char** words) { return sallyport::daemon::start(count, words); }
