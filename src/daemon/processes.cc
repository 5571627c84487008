// See processes.h. Children are forked, never executed anew; each leaves by _exit, so that nothing of the parent's ends
// with it.
#include "daemon/processes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <deque>

#include "crypto/self_test.h"
#include "daemon/dosp_report.h"
#include "daemon/file_broker.h"
#include "daemon/key_channel.h"
#include "daemon/sandbox.h"
#include "daemon/syscall_filter.h"
#include "runtime/clock.h"
#include "runtime/filter_plan.h"
#include "runtime/socket_caller.h"

namespace sallyport::daemon {
namespace {

using runtime::ChannelMessage;
using runtime::DescriptorChannel;
using runtime::Fd;
using runtime::LogLevel;

// Parent to child: bundle (memory file), token; stop; a channel to a peer process. Child to parent: ready;
// reload_wanted,
// check_wanted and guard_wanted with a token.
enum class Word : uint8_t {
  descriptors = 1,
  keys_channel,
  helper_channel,
  worker_channel,
  settings,
  refused,
  checked,
  stop,
  remark,
  ready,
  reload_wanted,
  check_wanted,
  guard_wanted,
  guard,
  filter_plan_begins,  // worker to parent: a plan of filter_plan.h in pieces, the last one under its own word
  filter_plan_goes_on,
  filter_plan_ends,
  dosp_wanted,  // from it with a token, and to it: a policy::DospReport in a memory file, or none
  dosp,
  policy,          // to the worker: what the policy store holds, in memory files
  policy_damaged,  // from it: the newest was not good
  policy_part,     // from it: more of a store to be written, and the last of it
  policy_end,
  secure_socket,    // from it: a program's socket with a token, to be marked and filtered
  socket_secured,   // to it: what came of it
  earlier_sockets,  // to it: those that a daemon before it has secured, in a memory file
  find_socket,      // from it: whether a packet is for such a one, with a token
  socket_found,     // to it: the socket, or nothing
  find_owner,       // from it: an OwnerQuestion with a token
  owner_found,      // to it: the OwnerAnswer
  judge_caller,     // from it: a program's connection with a token
  caller_judged,    // to it: whether it may call, and why not
  open_file,        // from it: a connection and the folder that is its root, with a token and a PeerFile
  file_opened       // to it: the file, or an errno, and why not
};
uint8_t code(Word word) { return static_cast<uint8_t>(word); }

Bytes token_and_octets(stack::CommandToken token, ByteView octets) {
  Writer out;
  out.u64(token);
  out.bytes(octets);
  return out.take();
}
Bytes token_and_text(stack::CommandToken token, const std::string& text = {}) {
  return token_and_octets(token, as_bytes(text));
}
stack::CommandToken token_of(const Bytes& body) { return body.size() >= 8 ? load_be64(body.data()) : 0; }
std::string text_of(const Bytes& body) {
  return body.size() > 8 ? std::string(as_text(ByteView(body).subspan(8))) : std::string();
}

[[noreturn]] void leave(const char* who, const std::string& sentence) {
  std::fprintf(stderr, "sallyportd %s: %s\n", who, sentence.c_str());
  ::_exit(1);
}

// Nothing but the standard streams and the child's own channel stays open.
DescriptorChannel keep_only(DescriptorChannel channel) {
  const int to = 3;
  const int from = channel.release().release();
  if (from != to) (void)::dup2(from, to);
  (void)::close_range(to + 1, ~0u, 0);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  return DescriptorChannel(Fd(to));
}

std::optional<Loaded> loaded_of(const ChannelMessage& message, const std::string& path,
                                std::shared_ptr<runtime::BundledFiles>& files) {
  if (message.descriptors.empty()) return std::nullopt;
  auto bytes = runtime::read_memory_file(message.descriptors.front());
  if (!bytes) return std::nullopt;
  auto bundle = runtime::FileBundle::parse(*bytes);
  if (!bundle) return std::nullopt;
  files = std::make_shared<runtime::BundledFiles>(std::move(*bundle));
  Loaded out = load_all(*files, path);
  if (!out.problems.empty()) return std::nullopt;
  return out;
}

// Only the key process has a use for secrets. True: it was such a message.
bool take_secret(VerifyAgent&, const ChannelMessage& message) { return message.word != 0; }
bool take_secret(KeyAgent& agent, ChannelMessage& message) {
  if (message.word == 0) return false;
  if (message.word == kForgetPolicySecrets) agent.forget_policy_secrets();
  if (message.word == kLearnPolicySecret) {
    if (auto frame = parse_policy_secret(message.body)) agent.learn_policy_secret(frame->name, frame->secret.view());
    wipe(message.body);
  }
  return true;
}

// The key process and the helper: an agent, its parent, one worker at a time.
// Its first word to the parent carries a remark, or nothing.
template <class Agent, class Reload>
[[noreturn]] void run_agent(DescriptorChannel& parent, Agent& agent, const std::string& remark, Reload reload) {
  DescriptorChannel worker;
  (void)parent.send(code(Word::ready), token_and_text(0, remark));
  for (;;) {
    pollfd wait[2] = {{parent.fd(), POLLIN, 0}, {worker ? worker.fd() : -1, POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0) continue;
    if (wait[0].revents != 0) {
      auto message = parent.receive(false);
      if (!message) ::_exit(0);
      if (message->has_value()) {
        ChannelMessage& got = **message;
        if (got.word == code(Word::stop)) ::_exit(0);
        if (got.word == code(Word::worker_channel) && !got.descriptors.empty())
          worker = DescriptorChannel(std::move(got.descriptors.front()));
        if (got.word == code(Word::settings)) (void)parent.send(code(Word::ready), token_and_text(0, reload(got)));
      }
    }
    if (wait[1].revents != 0 && worker) {
      auto message = worker.receive(false);
      if (!message) {
        worker = DescriptorChannel();
      } else if (message->has_value()) {
        if (take_secret(agent, **message)) continue;
        auto frame = parse_key_request((*message)->body);
        if (frame) (void)worker.send(0, write_key_reply(frame->id, agent.answer(frame->work)));
      }
    }
  }
}

void tell_warnings(DescriptorChannel& parent, const KeyAgent& agent) {
  for (const auto& sentence : agent.warnings()) (void)parent.send(code(Word::remark), token_and_text(0, sentence));
}

[[noreturn]] void run_keys(DescriptorChannel parent, const Loaded& loaded, const std::string& path) {
  if (auto done = enter_keys(); !done) leave("keys", runtime::explain("rights cannot be dropped", done.error()));
  die_with_parent();
  KeyAgent agent;
  if (auto refused = agent.load(loaded.settings.credentials); !refused.empty()) leave("keys", refused.front());
  std::string remark;
  if (auto locked = lock_memory(); !locked)
    remark = runtime::explain("the key process may not lock its memory, so secrets could reach a swap device",
                              locked.error());
  if (auto done = forbid_system_calls(FilterFor::keys); !done)
    leave("keys", runtime::explain("the system call filter cannot be set", done.error()));
  tell_warnings(parent, agent);
  run_agent(parent, agent, remark, [&](const ChannelMessage& message) -> std::string {
    std::shared_ptr<runtime::BundledFiles> files;
    const auto again = loaded_of(message, path, files);
    if (!again) return "the configuration cannot be read";
    const auto refused = agent.load(again->settings.credentials);
    (void)lock_memory();  // what a refusal means was said at the start
    tell_warnings(parent, agent);
    return refused.empty() ? "" : refused.front();
  });
}

[[noreturn]] void run_helper(DescriptorChannel parent, const Loaded& loaded, const std::string& path) {
  runtime::SystemFiles system;
  VerifyAgent agent;
  if (auto refused = agent.load(system, loaded.settings.trust); !refused.empty()) leave("helper", refused.front());
  if (auto done = enter_helper(loaded.settings.daemon.user); !done)
    leave("helper", runtime::explain("rights cannot be dropped", done.error()));
  die_with_parent();
  if (auto done = forbid_system_calls(FilterFor::helper); !done)
    leave("helper", runtime::explain("the system call filter cannot be set", done.error()));
  run_agent(parent, agent, {}, [&](const ChannelMessage& message) -> std::string {
    std::shared_ptr<runtime::BundledFiles> files;
    const auto again = loaded_of(message, path, files);
    if (!again) return "the configuration cannot be read";
    const auto refused = agent.load(*files, again->settings.trust);
    return refused.empty() ? "" : refused.front();
  });
}

struct WorkerProcess {
  DescriptorChannel parent;
  std::string path;
  runtime::Loop loop;
  runtime::TraceLog log;
  RemoteKeys keys;
  std::unique_ptr<Worker> worker;

  WorkerProcess(DescriptorChannel p, std::string config_path, const config::LogSettings& settings, Fd log_file)
      : parent(std::move(p)),
        path(std::move(config_path)),
        log("sallyportd", settings, std::move(log_file)),
        keys(loop) {
    keys.on_lost = [this](const std::string& sentence) { log.line(LogLevel::warning, sentence); };
  }

  void on_message(ChannelMessage& message) {
    auto& service = worker->service();
    if (message.word == code(Word::keys_channel) && !message.descriptors.empty()) {
      keys.use_keys(DescriptorChannel(std::move(message.descriptors.front())));
    } else if (message.word == code(Word::helper_channel) && !message.descriptors.empty()) {
      keys.use_helper(DescriptorChannel(std::move(message.descriptors.front())));
    } else if (message.word == code(Word::settings)) {
      std::shared_ptr<runtime::BundledFiles> files;
      auto again = loaded_of(message, path, files);
      if (!again) return service.reload_failed(token_of(message.body), "the configuration cannot be read");
      Fd log_file = message.descriptors.size() > 1 ? std::move(message.descriptors[1]) : Fd();
      log.apply(again->settings.daemon.log, std::move(log_file));
      worker->driver().reload(std::move(again->settings), std::move(again->policy), token_of(message.body));
    } else if (message.word == code(Word::refused)) {
      log.line(LogLevel::error, "not reloaded: " + text_of(message.body));
      service.reload_failed(token_of(message.body), text_of(message.body));
    } else if (message.word == code(Word::checked)) {
      ctl::CheckReply reply;
      reply.files.push_back(path);
      if (const std::string text = text_of(message.body); !text.empty()) reply.problems.push_back({path, 0, {}, text});
      service.checked(token_of(message.body), reply);
    } else if (message.word == code(Word::remark)) {
      log.remember(LogLevel::warning, text_of(message.body));
    } else if (message.word == code(Word::guard) && message.body.size() > 8) {
      if (auto report = runtime::parse_guard_report(ByteView(message.body).subspan(8)))
        service.guard_reported(token_of(message.body), *report);
    } else if (message.word == code(Word::dosp)) {
      service.policy().dosp_reported(token_of(message.body), dosp_report_of(message));
    } else if (message.word == code(Word::policy)) {
      restore_policy(message);
    } else if (message.word == code(Word::socket_secured) && message.body.size() == 20 && worker->sockets()) {
      worker->sockets()->secured(load_be64(message.body.data()), static_cast<int>(load_be32(&message.body[8])),
                                 load_be64(&message.body[12]));
    } else if (message.word == code(Word::earlier_sockets) && !message.descriptors.empty() && worker->sockets()) {
      adopt_sockets(message.descriptors.front());
    } else if (message.word == code(Word::socket_found) && message.body.size() >= 8 && worker->sockets()) {
      const auto found = runtime::EarlierSocket::parse(ByteView(message.body).subspan(8));
      worker->sockets()->found(token_of(message.body), found ? std::optional(*found) : std::nullopt);
    } else if (message.word == code(Word::owner_found) && message.body.size() >= 8) {
      const auto answer = runtime::OwnerAnswer::parse(ByteView(message.body).subspan(8));
      worker->owners().found(token_of(message.body), answer ? *answer : runtime::OwnerAnswer{});
    } else if (message.word == code(Word::caller_judged) && worker->sockets()) {
      const std::string sentence = text_of(message.body);  // of every refusal
      worker->sockets()->judged(token_of(message.body), sentence.empty(), sentence);
    } else if (message.word == code(Word::file_opened) && message.body.size() >= 12 && worker->sockets()) {
      const Fd file = message.descriptors.empty() ? Fd() : std::move(message.descriptors.front());
      worker->sockets()->opened(token_of(message.body), static_cast<int>(load_be32(&message.body[8])), file,
                                std::string(as_text(ByteView(message.body).subspan(12))));
    } else if (message.word == code(Word::stop)) {
      worker->stop();
    }
  }
  void adopt_sockets(const Fd& file) {
    const auto octets = runtime::read_memory_file(file);
    if (!octets) return;
    constexpr size_t kEach = runtime::EarlierSocket::kOctets;
    for (ByteView rest = *octets; rest.size() >= kEach; rest = rest.subspan(kEach)) {
      if (const auto one = runtime::EarlierSocket::parse(rest.first(kEach))) worker->sockets()->adopt(*one);
    }
  }
  // The store comes before the first packet is read.
  void restore_policy(const ChannelMessage& message) {
    runtime::StoredPolicy stored;
    stored.kept = !message.body.empty() && message.body[0] != 0;
    if (message.body.size() > 1) stored.complaints.push_back(std::string(as_text(ByteView(message.body).subspan(1))));
    const auto take = [&](size_t which, Bytes& into) {
      if (which >= message.descriptors.size()) return;
      if (auto octets = runtime::read_memory_file(message.descriptors[which])) into = std::move(*octets);
    };
    take(0, stored.newest);
    take(1, stored.previous);
    if (worker->service().policy().restore(stored)) (void)parent.send(code(Word::policy_damaged));
  }
  // In parts, because this process may make no memory file.
  void store_policy(ByteView octets) {
    constexpr size_t kPart = runtime::kMaxChannelOctets / 2;
    for (; octets.size() > kPart; octets = octets.subspan(kPart))
      (void)parent.send(code(Word::policy_part), octets.first(kPart));
    (void)parent.send(code(Word::policy_end), octets);
  }
  void read() {
    for (;;) {
      auto message = parent.receive(false);
      if (!message) ::_exit(0);
      if (!message->has_value()) return;
      on_message(**message);
    }
  }
};

void send_filter_plan(DescriptorChannel& parent, ByteView plan) {
  Word word = Word::filter_plan_begins;
  do {
    const ByteView piece = plan.first(std::min(plan.size(), runtime::kMaxChannelOctets));
    plan = plan.subspan(piece.size());
    (void)parent.send(code(word), piece);
    word = Word::filter_plan_goes_on;
  } while (!plan.empty());
  (void)parent.send(code(Word::filter_plan_ends));
}

[[noreturn]] void run_worker(DescriptorChannel parent, const Loaded& loaded, const std::string& path,
                             runtime::ReportFacts facts) {
  auto first = parent.receive(true);
  if (!first || !first->has_value()) ::_exit(1);
  auto descriptors = runtime::Descriptors::assemble((*first)->body, std::move((*first)->descriptors));
  if (!descriptors) leave("worker", "descriptors did not arrive");
  if (auto done = enter_worker(loaded.settings.daemon.user); !done)
    leave("worker", runtime::explain("rights cannot be dropped", done.error()));
  die_with_parent();
  {
    WorkerProcess process(std::move(parent), path, loaded.settings.daemon.log, std::move(descriptors->log_file));
    process.worker = std::make_unique<Worker>(process.loop, process.log, process.keys, loaded, std::move(*descriptors),
                                              std::move(facts));
    process.worker->service().on_reload = [&](stack::CommandToken token) {
      (void)process.parent.send(code(Word::reload_wanted), token_and_text(token));
    };
    process.worker->service().on_check = [&](stack::CommandToken token) {
      (void)process.parent.send(code(Word::check_wanted), token_and_text(token));
    };
    process.worker->service().on_guard = [&](stack::CommandToken token) {
      (void)process.parent.send(code(Word::guard_wanted), token_and_text(token));
    };
    process.worker->service().policy().on_dosp = [&](uint64_t token) {
      (void)process.parent.send(code(Word::dosp_wanted), token_and_text(token));
    };
    process.worker->driver().on_host_filters = [&](const stack::HostFilters& filters) {
      send_filter_plan(process.parent, runtime::write_filter_plan(filters));
    };
    process.worker->owners().on_question = [&](uint64_t token, const runtime::OwnerQuestion& question) {
      if (!process.parent.send(code(Word::find_owner), token_and_octets(token, question.write()), {}, false))
        process.worker->owners().found(token, {});
    };
    if (auto* sockets = process.worker->sockets()) {
      sockets->on_secure = [&process, sockets](uint64_t token, Fd socket, const runtime::SecuringWish& wish) {
        Writer out;
        out.u64(token);
        out.u16(wish.number());
        if (!process.parent.send(code(Word::secure_socket), out.view(), {socket.get()}, false))
          sockets->secured(token, EAGAIN, 0);
      };
      sockets->on_unknown = [&process, sockets](uint64_t token, uint8_t protocol, const IpEndpoint& local,
                                                const IpEndpoint& remote) {
        Writer out;
        out.u64(token);
        runtime::EarlierSocket asked;
        asked.protocol = protocol;
        asked.socket.local = local;
        asked.socket.remote = remote;
        out.bytes(asked.write());
        if (!process.parent.send(code(Word::find_socket), out.view(), {}, false)) sockets->found(token, std::nullopt);
      };
      sockets->on_caller = [&process, sockets](uint64_t token, int connection) {
        if (!process.parent.send(code(Word::judge_caller), token_and_text(token), {connection}, false))
          sockets->judged(token, false, "a call about sockets is refused: too many at once");
      };
      sockets->on_open = [&process, sockets](uint64_t token, int connection, const Fd& root,
                                             const runtime::PeerFile& wanted) {
        Writer out;
        out.u64(token);
        out.bytes(wanted.write());
        if (!process.parent.send(code(Word::open_file), out.view(), {connection, root.get()}, false))
          sockets->opened(token, EAGAIN, Fd(), {});
      };
    }
    process.worker->service().policy().on_store = [&](Bytes octets) { process.store_policy(octets); };
    process.loop.watch(process.parent.fd(), [&] { process.read(); });
    process.read();  // the channels to the key process and the helper
    if (auto done = forbid_system_calls(FilterFor::worker); !done)
      leave("worker", runtime::explain("the system call filter cannot be set", done.error()));
    process.worker->start();
    process.log.line(LogLevel::info, "sallyportd " + std::string(kVersion) + " runs");
    process.loop.run();
  }
  ::_exit(0);
}

struct Child {
  pid_t pid = -1;
  DescriptorChannel channel;
  TimePoint started{};
};

class Parent {
 public:
  Parent(std::string path, Loaded loaded, Privileges& privileges)
      : path_(std::move(path)),
        loaded_(std::move(loaded)),
        privileges_(privileges),
        log_("sallyportd", loaded_.settings.daemon.log, privileges.share().log_file.duplicate()),
        started_(runtime::monotonic_now()) {}

  Ending run() {
    sigset_t caught;
    ::sigemptyset(&caught);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&caught, number);
    ::sigprocmask(SIG_BLOCK, &caught, nullptr);
    signals_ = Fd(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
    for (const auto& warning : privileges_.warnings()) say(warning);
    broker_.on_opened = [this](uint64_t token, int error, Fd file) { tell_file(token, error, file, {}); };
    if (!start(keys_, Kind::keys) || !wait_ready(keys_) || !start(helper_, Kind::helper) || !wait_ready(helper_) ||
        !start(worker_, Kind::worker)) {
      stop_all();
      return Ending::not_started;
    }
    connect_worker();
    tell_worker();
    while (!ending_) turn();
    stop_all();
    return failed_ ? Ending::failed : Ending::clean;
  }

 private:
  enum class Kind { keys, helper, worker };

  // As ps shows them: at most 15 octets.
  static const char* name_of(Kind kind) {
    switch (kind) {
      case Kind::keys: return "sallyport-keys";
      case Kind::helper: return "sallyport-help";
      case Kind::worker: return "sallyport-work";
    }
    return "sallyport";
  }

  // To the log of this process, and to the worker's memory of it: `sallyport log` shows both.
  void say(const std::string& sentence) {
    log_.line(LogLevel::warning, sentence);
    untold_.push_back(sentence);
    tell_worker();
  }
  void tell_worker() {
    while (!untold_.empty() && worker_.channel &&
           worker_.channel.send(code(Word::remark), token_and_text(0, untold_.front()), {}, false)) {
      untold_.pop_front();
    }
    while (untold_.size() > 100) untold_.pop_front();
  }

  bool start(Child& child, Kind kind) {
    auto ends = DescriptorChannel::pair();
    if (!ends) return false;
    const pid_t pid = ::fork();
    if (pid < 0) return false;
    if (pid == 0) {
      (void)::prctl(PR_SET_NAME, name_of(kind), 0, 0, 0);
      DescriptorChannel mine = keep_only(std::move(ends->second));
      if (kind == Kind::keys) run_keys(std::move(mine), loaded_, path_);
      if (kind == Kind::helper) run_helper(std::move(mine), loaded_, path_);
      run_worker(std::move(mine), loaded_, path_,
                 {kVersion, path_, static_cast<uint64_t>(::getppid()), started_, true,
                  std::string(crypto::library_version())});
    }
    child = {pid, std::move(ends->first), runtime::monotonic_now()};
    if (kind == Kind::worker) {
      const auto shared = privileges_.share();
      if (!child.channel.send(code(Word::descriptors), shared.describe(), shared.numbers())) return false;
      if (!send_policy(child) || !send_earlier_sockets(child)) return false;
    }
    return true;
  }

  bool send_policy(Child& child) {
    const runtime::StoredPolicy stored = store_.load();
    auto newest = runtime::memory_file(stored.newest), previous = runtime::memory_file(stored.previous);
    if (!newest || !previous) return false;
    Bytes body{static_cast<uint8_t>(stored.kept)};
    if (!stored.complaints.empty()) append(body, as_bytes(stored.complaints.front()));
    return child.channel.send(code(Word::policy), body, {newest->get(), previous->get()}).has_value();
  }

  bool send_earlier_sockets(Child& child) {
    Bytes all;
    for (const auto& earlier : privileges_.take_earlier_sockets()) append(all, earlier.write());
    if (all.empty()) return true;
    auto file = runtime::memory_file(all);
    return file && child.channel.send(code(Word::earlier_sockets), {}, {file->get()}).has_value();
  }

  // What the worker wants kept. The octets are not read here.
  void take_policy(const ChannelMessage& message) {
    if (coming_policy_.size() + message.body.size() > runtime::kMaxPolicyOctets) {
      coming_policy_ = {};
      return say(runtime::explain_policy_file(store_.path(), Error{Errc::limit}));
    }
    append(coming_policy_, message.body);
    if (message.word != code(Word::policy_end)) return;
    const Bytes whole = std::exchange(coming_policy_, {});
    if (auto saved = store_.save(whole); !saved) say(runtime::explain_policy_file(store_.path(), saved.error()));
  }

  // An agent that refuses its files says so on stderr and ends. What it remarks before it answers is passed on.
  std::optional<std::string> wait_answer(Child& child) {
    for (;;) {
      pollfd wait{child.channel.fd(), POLLIN, 0};
      if (::poll(&wait, 1, 10000) != 1) return std::nullopt;
      auto message = child.channel.receive(false);
      if (!message || !message->has_value()) return std::nullopt;
      if ((*message)->word == code(Word::ready)) return text_of((*message)->body);
      if ((*message)->word != code(Word::remark)) return std::nullopt;
      say(text_of((*message)->body));
    }
  }
  bool wait_ready(Child& child) {
    const auto remark = wait_answer(child);
    if (remark && !remark->empty()) say(*remark);
    return remark.has_value();
  }

  // A channel of their own between the worker and an agent.
  void connect(Child& agent, Word to_worker) {
    auto ends = DescriptorChannel::pair();
    if (!ends) return;
    (void)agent.channel.send(code(Word::worker_channel), {}, {ends->first.fd()});
    (void)worker_.channel.send(code(to_worker), {}, {ends->second.fd()});
  }
  void connect_worker() {
    connect(keys_, Word::keys_channel);
    connect(helper_, Word::helper_channel);
  }

  void turn() {
    std::vector<pollfd> wait{{signals_.get(), POLLIN, 0},
                             {worker_.channel ? worker_.channel.fd() : -1, POLLIN, 0},
                             {privileges_.links_fd(), POLLIN, 0}};
    for (const int opener : broker_.descriptors()) wait.push_back({opener, POLLIN, 0});
    // Late by a moment rather than early by one.
    const auto until = broker_.deadline();
    const int patience = until ? static_cast<int>(std::chrono::ceil<milliseconds>(
                                                      std::max(*until - runtime::monotonic_now(), Duration::zero()))
                                                      .count())
                               : -1;
    if (::poll(wait.data(), wait.size(), patience) < 0) return;
    if (wait[2].revents != 0) {
      if (auto sentence = privileges_.follow_links()) say(*sentence);
    }
    if (wait[0].revents != 0) take_signals();
    if (!broker_.quiet()) broker_.turn(runtime::monotonic_now());
    if (wait[1].revents == 0 || !worker_.channel) return;
    auto message = worker_.channel.receive(false);
    if (!message) {
      worker_.channel = DescriptorChannel();  // its end is reported by SIGCHLD
      return;
    }
    if (!message->has_value()) return;
    if ((*message)->word == code(Word::reload_wanted)) reload(token_of((*message)->body));
    if ((*message)->word == code(Word::check_wanted)) check(token_of((*message)->body));
    if ((*message)->word == code(Word::guard_wanted)) tell_guard(token_of((*message)->body));
    if ((*message)->word == code(Word::dosp_wanted))
      send_dosp_report(worker_.channel, code(Word::dosp), token_of((*message)->body), privileges_.dosp_report());
    if ((*message)->word == code(Word::policy_damaged)) store_.set_aside();
    if ((*message)->word == code(Word::policy_part) || (*message)->word == code(Word::policy_end))
      take_policy(**message);
    if ((*message)->word == code(Word::secure_socket)) secure_socket(**message);
    if ((*message)->word == code(Word::find_socket)) find_socket((*message)->body);
    if ((*message)->word == code(Word::find_owner)) find_owner((*message)->body);
    if ((*message)->word == code(Word::judge_caller)) judge_caller(**message);
    if ((*message)->word == code(Word::open_file)) open_file(**message);
    take_filter_plan(**message);
  }

  void secure_socket(const ChannelMessage& message) {
    if (message.body.size() != 10 || message.descriptors.size() != 1) return;
    uint64_t cookie = 0;
    const int error = privileges_.secure_socket(message.descriptors.front().get(),
                                                runtime::SecuringWish::of_number(load_be16(&message.body[8])), cookie);
    Writer out;
    out.bytes(ByteView(message.body).first(8));
    out.u32(static_cast<uint32_t>(error));
    out.u64(cookie);
    (void)worker_.channel.send(code(Word::socket_secured), out.view(), {}, false);
  }

  void find_socket(const Bytes& body) {
    if (body.size() < 8) return;
    const auto asked = runtime::EarlierSocket::parse(ByteView(body).subspan(8));
    Writer out;
    out.bytes(ByteView(body).first(8));
    if (asked) {
      const auto found = privileges_.find_earlier_socket(asked->protocol, asked->socket.local, asked->socket.remote);
      if (found) out.bytes(found->write());
    }
    (void)worker_.channel.send(code(Word::socket_found), out.view(), {}, false);
  }

  void find_owner(const Bytes& body) {
    const auto asked = runtime::OwnerQuestion::parse(ByteView(body).subspan(body.size() < 8 ? body.size() : 8));
    const Bytes answer = (asked ? privileges_.find_owner(*asked) : runtime::OwnerAnswer{}).write();
    (void)worker_.channel.send(code(Word::owner_found), token_and_octets(token_of(body), answer), {}, false);
  }

  void judge_caller(const ChannelMessage& message) {
    if (message.body.size() != 8 || message.descriptors.size() != 1) return;
    const auto verdict =
        runtime::judge_connection(loaded_.settings.secure_sockets.callers, message.descriptors.front().get());
    (void)worker_.channel.send(code(Word::caller_judged), token_and_text(token_of(message.body), verdict.sentence), {},
                               false);
  }

  void open_file(const ChannelMessage& message) {
    if (message.body.size() < 8 || message.descriptors.size() != 2) return;
    const uint64_t token = token_of(message.body);
    std::string sentence;
    int error = EINVAL;
    if (const auto wanted = runtime::PeerFile::parse(ByteView(message.body).subspan(8)))
      error = broker_.start(loaded_.settings.secure_sockets, token, message.descriptors[0].get(),
                            message.descriptors[1], *wanted, runtime::monotonic_now(), sentence);
    if (error != 0) tell_file(token, error, Fd(), sentence);
  }

  void tell_file(uint64_t token, int error, const Fd& file, const std::string& sentence) {
    Writer out;
    out.u64(token);
    out.u32(static_cast<uint32_t>(error));
    out.bytes(as_bytes(sentence));
    (void)worker_.channel.send(code(Word::file_opened), out.view(),
                               file ? std::vector<int>{file.get()} : std::vector<int>(), false);
  }

  void take_filter_plan(const ChannelMessage& message) {
    if (message.word == code(Word::filter_plan_begins)) filter_plan_.clear();
    if (message.word == code(Word::filter_plan_begins) || message.word == code(Word::filter_plan_goes_on)) {
      if (filter_plan_.size() + message.body.size() <= runtime::kMostPlanOctets) append(filter_plan_, message.body);
      return;
    }
    if (message.word != code(Word::filter_plan_ends)) return;
    auto plan = runtime::parse_filter_plan(std::exchange(filter_plan_, {}));
    if (!plan)
      return say(runtime::explain("rules of the filter engine are not usable and stay as they were", plan.error()));
    if (auto refused = privileges_.set_filters(std::move(*plan))) say(*refused);
  }

  void take_signals() {
    signalfd_siginfo got;
    while (::read(signals_.get(), &got, sizeof got) == static_cast<ssize_t>(sizeof got)) {
      if (got.ssi_signo == SIGTERM || got.ssi_signo == SIGINT) ending_ = true;
      if (got.ssi_signo == SIGHUP) reload(0);
      if (got.ssi_signo == SIGCHLD) take_dead();
    }
  }

  void take_dead() {
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ending_) continue;
      if (pid == worker_.pid) restart(worker_, Kind::worker, "worker", status);
      if (pid == keys_.pid) restart(keys_, Kind::keys, "key process", status);
      if (pid == helper_.pid) restart(helper_, Kind::helper, "helper", status);
    }
  }

  static std::string how_it_ended(int status) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
      return "made a forbidden system call and was killed for it: somebody may have tried to take it over (the "
             "kernel's audit log names the call)";
    }
    if (WIFSIGNALED(status)) return std::string("was killed by signal ") + ::strsignal(WTERMSIG(status));
    return "has ended with code " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : 0);
  }

  void restart(Child& child, Kind kind, const char* name, int status) {
    child.channel = DescriptorChannel();
    if (kind == Kind::worker) {
      coming_policy_ = {};
      broker_.drop_all();  // a new worker begins its tokens anew
    }
    say(std::string("the ") + name + " " + how_it_ended(status) + "; it is started again");
    // One that dies at once is not started in a busy circle.
    if (runtime::monotonic_now() - child.started < seconds(1)) (void)::usleep(500000);
    if (!start(child, kind) || (kind != Kind::worker && !wait_ready(child))) {
      say(std::string("the ") + name + " cannot be started again: the daemon ends, and what is protected stays closed");
      ending_ = failed_ = true;
      return;
    }
    tell_worker();
    if (kind == Kind::worker) return connect_worker();
    if (kind == Kind::keys) return connect(keys_, Word::keys_channel);
    connect(helper_, Word::helper_channel);
  }

  void reload(stack::CommandToken token) {
    runtime::SystemFiles system;
    runtime::RecordingFiles recording(system);
    Loaded again = load_all(recording, path_);
    if (!again.problems.empty()) return refuse(token, again.problems.front());
    auto file = runtime::memory_file(recording.take().write());
    if (!file) return refuse(token, "no memory for the configuration");
    // The packet filter first: what the new policy protects is not let through from now on.
    if (auto refused = privileges_.protect(again.settings)) return refuse(token, *refused);
    for (Child* agent : {&keys_, &helper_}) {
      (void)agent->channel.send(code(Word::settings), {}, {file->get()});
      const auto answer = wait_answer(*agent);
      if (answer && answer->empty()) continue;
      (void)privileges_.protect(loaded_.settings);
      return refuse(token, answer ? *answer : "a process does not answer");
    }
    // Routes before the worker: what the new policy protects meets the device from now on.
    for (const auto& sentence : privileges_.reconcile(again.settings)) say(sentence);
    loaded_ = std::move(again);
    log_.apply(loaded_.settings.daemon.log, privileges_.share().log_file.duplicate());
    const auto shared = privileges_.share();
    std::vector<int> numbers{file->get()};
    if (shared.log_file) numbers.push_back(shared.log_file.get());
    (void)worker_.channel.send(code(Word::settings), token_and_text(token), numbers);
  }

  void refuse(stack::CommandToken token, const std::string& sentence) {
    (void)worker_.channel.send(code(Word::refused), token_and_text(token, sentence));
  }

  void check(stack::CommandToken token) {
    runtime::SystemFiles system;
    const Loaded again = load_all(system, path_);
    (void)worker_.channel.send(code(Word::checked),
                               token_and_text(token, again.problems.empty() ? std::string() : again.problems.front()));
  }

  void tell_guard(stack::CommandToken token) {
    Writer out;
    out.u64(token);
    out.bytes(runtime::write_guard_report(privileges_.guard_report()));
    (void)worker_.channel.send(code(Word::guard), out.take());
  }

  // What the worker still wants kept when it is told to end.
  void take_last_policy() {
    while (worker_.channel) {
      auto message = worker_.channel.receive(false);
      if (!message) worker_.channel = DescriptorChannel();
      if (!message || !message->has_value()) return;
      const uint8_t word = (*message)->word;
      if (word == code(Word::policy_part) || word == code(Word::policy_end)) take_policy(**message);
    }
  }

  void stop_all() {
    for (Child* child : {&worker_, &keys_, &helper_}) {
      if (child->pid <= 0) continue;
      if (child->channel) (void)child->channel.send(code(Word::stop), {}, {}, false);
      for (int i = 0; i < 200 && ::waitpid(child->pid, nullptr, WNOHANG) == 0; ++i) {
        if (child == &worker_) take_last_policy();
        (void)::usleep(10000);
      }
      if (::kill(child->pid, 0) == 0) {
        (void)::kill(child->pid, SIGKILL);
        (void)::waitpid(child->pid, nullptr, 0);
      }
      child->pid = -1;
    }
  }

  std::string path_;
  Loaded loaded_;
  Privileges& privileges_;
  runtime::TraceLog log_;
  std::deque<std::string> untold_;  // to the worker
  Bytes filter_plan_;               // pieces so far
  runtime::PolicyFile store_{loaded_.settings.daemon.policy_store};
  Bytes coming_policy_;  // parts of a store that is not whole yet
  TimePoint started_;
  Fd signals_;
  Child keys_, helper_, worker_;
  FileBroker broker_;
  bool ending_ = false;
  bool failed_ = false;
};

}  // namespace

Ending run_processes(const std::string& config_path, Loaded loaded, Privileges& privileges) {
  return Parent(config_path, std::move(loaded), privileges).run();
}

}  // namespace sallyport::daemon
