// See processes.h.
#include "daemon/processes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>

#include "crypto/self_test.h"
#include "daemon/agent_processes.h"
#include "daemon/child_process.h"
#include "daemon/dosp_report.h"
#include "daemon/file_broker.h"
#include "daemon/process_words.h"
#include "daemon/worker_process.h"
#include "runtime/clock.h"
#include "runtime/filter_plan.h"
#include "runtime/socket_caller.h"

namespace sallyport::daemon {
namespace {

using runtime::ChannelMessage;
using runtime::DescriptorChannel;
using runtime::Fd;
using runtime::LogLevel;

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
           worker_.channel.send(code(ToChild::remark), token_and_text(0, untold_.front()), {}, false)) {
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
      if (!child.channel.send(code(ToChild::descriptors), shared.describe(), shared.numbers())) return false;
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
    return child.channel.send(code(ToChild::policy), body, {newest->get(), previous->get()}).has_value();
  }

  bool send_earlier_sockets(Child& child) {
    Bytes all;
    for (const auto& earlier : privileges_.take_earlier_sockets()) append(all, earlier.write());
    if (all.empty()) return true;
    auto file = runtime::memory_file(all);
    return file && child.channel.send(code(ToChild::earlier_sockets), {}, {file->get()}).has_value();
  }

  // What the worker wants kept. The octets are not read here.
  void take_policy(const ChannelMessage& message) {
    if (coming_policy_.size() + message.body.size() > runtime::kMaxPolicyOctets) {
      coming_policy_ = {};
      return say(runtime::explain_policy_file(store_.path(), Error{Errc::limit}));
    }
    append(coming_policy_, message.body);
    if (message.word != code(ToParent::policy_end)) return;
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
      if ((*message)->word == code(ToParent::ready)) return text_of((*message)->body);
      if ((*message)->word != code(ToParent::remark)) return std::nullopt;
      say(text_of((*message)->body));
    }
  }
  bool wait_ready(Child& child) {
    const auto remark = wait_answer(child);
    if (remark && !remark->empty()) say(*remark);
    return remark.has_value();
  }

  // A channel of their own between the worker and an agent.
  void connect(Child& agent, ToChild to_worker) {
    auto ends = DescriptorChannel::pair();
    if (!ends) return;
    (void)agent.channel.send(code(ToChild::worker_channel), {}, {ends->first.fd()});
    (void)worker_.channel.send(code(to_worker), {}, {ends->second.fd()});
  }
  void connect_worker() {
    connect(keys_, ToChild::keys_channel);
    connect(helper_, ToChild::helper_channel);
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
    on_message(**message);
  }

  void on_message(const ChannelMessage& message) {
    switch (static_cast<ToParent>(message.word)) {
      case ToParent::reload_wanted: return reload(token_of(message.body));
      case ToParent::check_wanted: return check(token_of(message.body));
      case ToParent::guard_wanted: return tell_guard(token_of(message.body));
      case ToParent::dosp_wanted:
        return send_dosp_report(worker_.channel, code(ToChild::dosp), token_of(message.body),
                                privileges_.dosp_report());
      case ToParent::policy_damaged: return store_.set_aside();
      case ToParent::policy_part:
      case ToParent::policy_end: return take_policy(message);
      case ToParent::filter_plan_begins:
      case ToParent::filter_plan_goes_on:
      case ToParent::filter_plan_ends: return take_filter_plan(message);
      case ToParent::secure_socket: return secure_socket(message);
      case ToParent::find_socket: return find_socket(message.body);
      case ToParent::find_owner: return find_owner(message.body);
      case ToParent::judge_caller: return judge_caller(message);
      case ToParent::open_file: return open_file(message);
      case ToParent::ready:
      case ToParent::remark: return;  // an agent's
    }
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
    (void)worker_.channel.send(code(ToChild::socket_secured), out.view(), {}, false);
  }

  void find_socket(const Bytes& body) {
    if (body.size() < 8) return;
    const auto asked = runtime::EarlierSocket::parse(after_token(body));
    Writer out;
    out.bytes(ByteView(body).first(8));
    if (asked) {
      const auto found = privileges_.find_earlier_socket(asked->protocol, asked->socket.local, asked->socket.remote);
      if (found) out.bytes(found->write());
    }
    (void)worker_.channel.send(code(ToChild::socket_found), out.view(), {}, false);
  }

  void find_owner(const Bytes& body) {
    const auto asked = runtime::OwnerQuestion::parse(after_token(body));
    const Bytes answer = (asked ? privileges_.find_owner(*asked) : runtime::OwnerAnswer{}).write();
    (void)worker_.channel.send(code(ToChild::owner_found), token_and_octets(token_of(body), answer), {}, false);
  }

  void judge_caller(const ChannelMessage& message) {
    if (message.body.size() != 8 || message.descriptors.size() != 1) return;
    const auto verdict =
        runtime::judge_connection(loaded_.settings.secure_sockets.callers, message.descriptors.front().get());
    (void)worker_.channel.send(code(ToChild::caller_judged), token_and_text(token_of(message.body), verdict.sentence),
                               {}, false);
  }

  void open_file(const ChannelMessage& message) {
    if (message.body.size() < 8 || message.descriptors.size() != 2) return;
    const uint64_t token = token_of(message.body);
    std::string sentence;
    int error = EINVAL;
    if (const auto wanted = runtime::PeerFile::parse(after_token(message.body)))
      error = broker_.start(loaded_.settings.secure_sockets, token, message.descriptors[0].get(),
                            message.descriptors[1], *wanted, runtime::monotonic_now(), sentence);
    if (error != 0) tell_file(token, error, Fd(), sentence);
  }

  void tell_file(uint64_t token, int error, const Fd& file, const std::string& sentence) {
    Writer out;
    out.u64(token);
    out.u32(static_cast<uint32_t>(error));
    out.bytes(as_bytes(sentence));
    (void)worker_.channel.send(code(ToChild::file_opened), out.view(),
                               file ? std::vector<int>{file.get()} : std::vector<int>(), false);
  }

  void take_filter_plan(const ChannelMessage& message) {
    if (message.word == code(ToParent::filter_plan_begins)) filter_plan_.clear();
    if (message.word == code(ToParent::filter_plan_begins) || message.word == code(ToParent::filter_plan_goes_on)) {
      if (filter_plan_.size() + message.body.size() <= runtime::kMostPlanOctets) append(filter_plan_, message.body);
      return;
    }
    if (message.word != code(ToParent::filter_plan_ends)) return;
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
    if (kind == Kind::keys) return connect(keys_, ToChild::keys_channel);
    connect(helper_, ToChild::helper_channel);
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
      (void)agent->channel.send(code(ToChild::settings), {}, {file->get()});
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
    (void)worker_.channel.send(code(ToChild::settings), token_and_text(token), numbers);
  }

  void refuse(stack::CommandToken token, const std::string& sentence) {
    (void)worker_.channel.send(code(ToChild::refused), token_and_text(token, sentence));
  }

  void check(stack::CommandToken token) {
    runtime::SystemFiles system;
    const Loaded again = load_all(system, path_);
    (void)worker_.channel.send(code(ToChild::checked),
                               token_and_text(token, again.problems.empty() ? std::string() : again.problems.front()));
  }

  void tell_guard(stack::CommandToken token) {
    Writer out;
    out.u64(token);
    out.bytes(runtime::write_guard_report(privileges_.guard_report()));
    (void)worker_.channel.send(code(ToChild::guard), out.take());
  }

  // What the worker still wants kept when it is told to end.
  void take_last_policy() {
    while (worker_.channel) {
      auto message = worker_.channel.receive(false);
      if (!message) worker_.channel = DescriptorChannel();
      if (!message || !message->has_value()) return;
      const uint8_t word = (*message)->word;
      if (word == code(ToParent::policy_part) || word == code(ToParent::policy_end)) take_policy(**message);
    }
  }

  void stop_all() {
    for (Child* child : {&worker_, &keys_, &helper_}) {
      if (child->pid <= 0) continue;
      if (child->channel) (void)child->channel.send(code(ToChild::stop), {}, {}, false);
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
