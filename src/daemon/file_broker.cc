// See file_broker.h.
#include "daemon/file_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "daemon/sandbox.h"
#include "daemon/syscall_filter.h"
#include "runtime/socket_caller.h"

namespace sallyport::daemon {
namespace {

using config::SocketCallerRule;
using runtime::DescriptorChannel;
using runtime::Fd;
using runtime::PeerFile;

constexpr auto kByDescriptor = static_cast<idtype_t>(3);  // P_PIDFD of linux/wait.h, which knows the others otherwise
constexpr int kChannel = 3, kRoot = 4;                    // all that an opener keeps beside the standard streams

void keep_two(int channel, int root) {
  // Out of each other's way first.
  const int high_channel = ::fcntl(channel, F_DUPFD, 16), high_root = ::fcntl(root, F_DUPFD, 16);
  if (::dup2(high_channel, kChannel) != kChannel || ::dup2(high_root, kRoot) != kRoot) ::_exit(1);
  (void)::close_range(kRoot + 1, ~0u, 0);
}

int become_and_open(const PeerFile& wanted, Fd& file) {
  const pid_t parent = ::getppid();
  if (!enter_account(wanted.account)) return EACCES;
  die_with_parent();  // after the account: the kernel forgets it with the old one
  if (::getppid() != parent) ::_exit(1);
  (void)::close_range(kRoot + 1, ~0u, 0);  // of the account's look-up
  (void)::umask(0);
  if (!forbid_system_calls(FilterFor::opener)) return EACCES;
  return runtime::open_peer_file(kRoot, wanted, file);
}

[[noreturn]] void run_opener(int channel_fd, int root, const PeerFile& wanted) {
  (void)::prctl(PR_SET_NAME, "sallyport-open", 0, 0, 0);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  keep_two(channel_fd, root);
  Fd file;
  const int error = become_and_open(wanted, file);
  DescriptorChannel channel{Fd(kChannel)};
  Writer out;
  out.u32(static_cast<uint32_t>(error));
  (void)channel.send(0, out.view(), file ? std::vector<int>{file.get()} : std::vector<int>());
  ::_exit(0);
}

void kill_it(const Fd& process) { (void)::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0); }

bool may_broker(const stack::CallerVerdict& verdict, const PeerFile& wanted) {
  return verdict.allowed && (verdict.broker == SocketCallerRule::Broker::write ||
                             (verdict.broker == SocketCallerRule::Broker::read && !wanted.writes()));
}

}  // namespace

int FileBroker::start(const config::SecureSocketSettings& settings, uint64_t token, int connection, const Fd& root,
                      const PeerFile& wanted, TimePoint now, std::string& sentence) {
  if (!wanted.is_allowed()) return EINVAL;
  const auto verdict = runtime::judge_connection(settings.callers, connection);
  if (!may_broker(verdict, wanted)) {
    sentence = verdict.sentence;
    if (verdict.allowed)
      sentence = "a file of a peer is not opened for user " + std::to_string(verdict.uid) +
                 ": its rule of [[secure_sockets.caller]] does not say broker = \"" +
                 (wanted.writes() ? "write" : "read") + "\"";
    return EACCES;
  }
  const auto& accounts = settings.accounts;
  if (std::none_of(accounts.begin(), accounts.end(), [&](const auto& line) { return line.second == wanted.account; })) {
    sentence = "a file is not opened as " + wanted.account + ", which is no account of the account map";
    return EACCES;
  }
  reap();
  const auto of_user =
      std::count_if(openers_.begin(), openers_.end(), [&](const auto& each) { return each.uid == verdict.uid; });
  if (openers_.size() + ended_.size() >= kMost || static_cast<size_t>(of_user) >= kMostOfUser) return EAGAIN;
  auto ends = DescriptorChannel::pair();
  if (!ends) return EAGAIN;
  const pid_t pid = ::fork();
  if (pid < 0) return EAGAIN;
  if (pid == 0) run_opener(ends->second.fd(), root.get(), wanted);
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    (void)::kill(pid, SIGKILL);  // not waited for yet, so it is still the same
    (void)::waitpid(pid, nullptr, 0);
    return EAGAIN;
  }
  openers_.push_back({token, verdict.uid, std::move(process), std::move(ends->first), now + kPatience});
  return 0;
}

std::vector<int> FileBroker::descriptors() const {
  std::vector<int> out;
  for (const auto& each : openers_) out.push_back(each.channel.fd());
  return out;
}

std::optional<TimePoint> FileBroker::deadline() const {
  std::optional<TimePoint> out;
  for (const auto& each : openers_) out = out ? std::min(*out, each.until) : each.until;
  return out;
}

void FileBroker::turn(TimePoint now) {
  for (size_t i = 0; i < openers_.size();) {
    auto message = openers_[i].channel.receive(false);
    const bool answered = message && message->has_value();
    if (message && !answered && now < openers_[i].until) {
      ++i;
      continue;
    }
    Opener done = std::move(openers_[i]);
    openers_.erase(openers_.begin() + static_cast<ptrdiff_t>(i));
    int error = answered ? EIO : message ? ETIMEDOUT : EIO;
    Fd file;
    if (answered && (*message)->body.size() == 4) {
      error = static_cast<int>(load_be32((*message)->body.data()));
      if (error == 0 && (*message)->descriptors.size() == 1) file = std::move((*message)->descriptors.front());
      if (error == 0 && !file) error = EIO;
    }
    kill_it(done.process);
    done.channel = DescriptorChannel();
    const uint64_t token = done.token;
    ended_.push_back(std::move(done));
    if (on_opened) on_opened(token, error, std::move(file));
  }
  reap();
}

void FileBroker::drop_all() {
  for (auto& each : openers_) {
    kill_it(each.process);
    each.channel = DescriptorChannel();
    ended_.push_back(std::move(each));
  }
  openers_.clear();
  reap();
}

void FileBroker::reap() {
  std::erase_if(ended_, [](const Opener& each) {
    siginfo_t how{};
    const int got = ::waitid(kByDescriptor, static_cast<id_t>(each.process.get()), &how, WEXITED | WNOHANG);
    return got != 0 || how.si_pid != 0;
  });
}

}  // namespace sallyport::daemon
