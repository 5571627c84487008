// See worker_process.h.
#include "daemon/worker_process.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/child_process.h"
#include "daemon/dosp_report.h"
#include "daemon/process_words.h"
#include "daemon/sandbox.h"
#include "daemon/syscall_filter.h"
#include "runtime/filter_plan.h"

namespace sallyport::daemon {
namespace {

using runtime::ChannelMessage;
using runtime::DescriptorChannel;
using runtime::Fd;
using runtime::LogLevel;

void send_filter_plan(DescriptorChannel& parent, ByteView plan) {
  ToParent word = ToParent::filter_plan_begins;
  do {
    const ByteView piece = plan.first(std::min(plan.size(), runtime::kMaxChannelOctets));
    plan = plan.subspan(piece.size());
    (void)parent.send(code(word), piece);
    word = ToParent::filter_plan_goes_on;
  } while (!plan.empty());
  (void)parent.send(code(ToParent::filter_plan_ends));
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
    runtime::SocketService* sockets = worker->sockets();
    const stack::CommandToken token = token_of(message.body);
    switch (static_cast<ToChild>(message.word)) {
      case ToChild::descriptors:
      case ToChild::worker_channel: return;  // not a worker's, or not any more
      case ToChild::keys_channel:
        if (!message.descriptors.empty()) keys.use_keys(DescriptorChannel(std::move(message.descriptors.front())));
        return;
      case ToChild::helper_channel:
        if (!message.descriptors.empty()) keys.use_helper(DescriptorChannel(std::move(message.descriptors.front())));
        return;
      case ToChild::settings: return reload(message);
      case ToChild::refused:
        log.line(LogLevel::error, "not reloaded: " + text_of(message.body));
        return service.reload_failed(token, text_of(message.body));
      case ToChild::checked: return checked(token, text_of(message.body));
      case ToChild::remark: return log.remember(LogLevel::warning, text_of(message.body));
      case ToChild::guard:
        if (auto report = runtime::parse_guard_report(after_token(message.body)))
          service.guard_reported(token, *report);
        return;
      case ToChild::dosp: return service.policy().dosp_reported(token, dosp_report_of(message));
      case ToChild::policy: return restore_policy(message);
      case ToChild::owner_found: {
        const auto answer = runtime::OwnerAnswer::parse(after_token(message.body));
        return worker->owners().found(token, answer ? *answer : runtime::OwnerAnswer{});
      }
      case ToChild::socket_secured:
        if (sockets != nullptr) secured(*sockets, token, after_token(message.body));
        return;
      case ToChild::earlier_sockets:
        if (sockets != nullptr && !message.descriptors.empty()) adopt(*sockets, message.descriptors.front());
        return;
      case ToChild::socket_found:
        if (sockets != nullptr) found(*sockets, token, after_token(message.body));
        return;
      case ToChild::caller_judged:
        // Every refusal has a sentence.
        if (sockets != nullptr) sockets->judged(token, text_of(message.body).empty(), text_of(message.body));
        return;
      case ToChild::file_opened:
        if (sockets != nullptr) opened(*sockets, token, message);
        return;
      case ToChild::stop: return worker->stop();
    }
  }
  static void secured(runtime::SocketService& sockets, stack::CommandToken token, ByteView answer) {
    if (answer.size() == 12)
      sockets.secured(token, static_cast<int>(load_be32(answer.data())), load_be64(answer.data() + 4));
  }
  static void found(runtime::SocketService& sockets, stack::CommandToken token, ByteView answer) {
    const auto socket = runtime::EarlierSocket::parse(answer);
    sockets.found(token, socket ? std::optional(*socket) : std::nullopt);
  }
  static void opened(runtime::SocketService& sockets, stack::CommandToken token, ChannelMessage& message) {
    const ByteView answer = after_token(message.body);
    if (answer.size() < 4) return;
    const Fd file = message.descriptors.empty() ? Fd() : std::move(message.descriptors.front());
    sockets.opened(token, static_cast<int>(load_be32(answer.data())), file, std::string(as_text(answer.subspan(4))));
  }
  void reload(ChannelMessage& message) {
    const stack::CommandToken token = token_of(message.body);
    std::shared_ptr<runtime::BundledFiles> files;
    auto again = loaded_of(message, path, files);
    if (!again) return worker->service().reload_failed(token, "the configuration cannot be read");
    Fd log_file = message.descriptors.size() > 1 ? std::move(message.descriptors[1]) : Fd();
    log.apply(again->settings.daemon.log, std::move(log_file));
    worker->driver().reload(std::move(again->settings), std::move(again->policy), token);
  }
  void checked(stack::CommandToken token, const std::string& problem) {
    ctl::CheckReply reply;
    reply.files.push_back(path);
    if (!problem.empty()) reply.problems.push_back({path, 0, {}, problem});
    worker->service().checked(token, reply);
  }
  static void adopt(runtime::SocketService& sockets, const Fd& file) {
    const auto octets = runtime::read_memory_file(file);
    if (!octets) return;
    constexpr size_t kEach = runtime::EarlierSocket::kOctets;
    for (ByteView rest = *octets; rest.size() >= kEach; rest = rest.subspan(kEach)) {
      if (const auto one = runtime::EarlierSocket::parse(rest.first(kEach))) sockets.adopt(*one);
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
    if (worker->service().policy().restore(stored)) (void)parent.send(code(ToParent::policy_damaged));
  }
  // In parts, because this process may make no memory file.
  void store_policy(ByteView octets) {
    constexpr size_t kPart = runtime::kMaxChannelOctets / 2;
    for (; octets.size() > kPart; octets = octets.subspan(kPart))
      (void)parent.send(code(ToParent::policy_part), octets.first(kPart));
    (void)parent.send(code(ToParent::policy_end), octets);
  }
  // What only the parent can do or say.
  void ask_parent() {
    worker->service().on_reload = [this](stack::CommandToken token) {
      (void)parent.send(code(ToParent::reload_wanted), token_and_text(token));
    };
    worker->service().on_check = [this](stack::CommandToken token) {
      (void)parent.send(code(ToParent::check_wanted), token_and_text(token));
    };
    worker->service().on_guard = [this](stack::CommandToken token) {
      (void)parent.send(code(ToParent::guard_wanted), token_and_text(token));
    };
    worker->service().policy().on_dosp = [this](uint64_t token) {
      (void)parent.send(code(ToParent::dosp_wanted), token_and_text(token));
    };
    worker->driver().on_host_filters = [this](const stack::HostFilters& filters) {
      send_filter_plan(parent, runtime::write_filter_plan(filters));
    };
    worker->owners().on_question = [this](uint64_t token, const runtime::OwnerQuestion& question) {
      if (!parent.send(code(ToParent::find_owner), token_and_octets(token, question.write()), {}, false))
        worker->owners().found(token, {});
    };
    worker->service().policy().on_store = [this](Bytes octets) { store_policy(octets); };
    if (worker->sockets() != nullptr) ask_parent_of(worker->sockets());
  }
  void ask_parent_of(runtime::SocketService* sockets) {
    sockets->on_secure = [this, sockets](uint64_t token, Fd socket, const runtime::SecuringWish& wish) {
      Writer out;
      out.u64(token);
      out.u16(wish.number());
      if (!parent.send(code(ToParent::secure_socket), out.view(), {socket.get()}, false))
        sockets->secured(token, EAGAIN, 0);
    };
    sockets->on_unknown = [this, sockets](uint64_t token, uint8_t protocol, const IpEndpoint& local,
                                          const IpEndpoint& remote) {
      Writer out;
      out.u64(token);
      runtime::EarlierSocket asked;
      asked.protocol = protocol;
      asked.socket.local = local;
      asked.socket.remote = remote;
      out.bytes(asked.write());
      if (!parent.send(code(ToParent::find_socket), out.view(), {}, false)) sockets->found(token, std::nullopt);
    };
    sockets->on_caller = [this, sockets](uint64_t token, int connection) {
      if (!parent.send(code(ToParent::judge_caller), token_and_text(token), {connection}, false))
        sockets->judged(token, false, "a call about sockets is refused: too many at once");
    };
    sockets->on_open = [this, sockets](uint64_t token, int connection, const Fd& root,
                                       const runtime::PeerFile& wanted) {
      Writer out;
      out.u64(token);
      out.bytes(wanted.write());
      if (!parent.send(code(ToParent::open_file), out.view(), {connection, root.get()}, false))
        sockets->opened(token, EAGAIN, Fd(), {});
    };
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

}  // namespace

void run_worker(DescriptorChannel parent, const Loaded& loaded, const std::string& path, runtime::ReportFacts facts) {
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
    process.ask_parent();
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

}  // namespace sallyport::daemon
