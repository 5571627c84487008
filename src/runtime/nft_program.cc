// See nft_program.h.
#include "runtime/nft_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/descriptor_channel.h"

namespace sallyport::runtime {
namespace {

constexpr const char* kPrograms[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"};

const char* program() {
  for (const char* path : kPrograms) {
    if (::access(path, X_OK) == 0) return path;
  }
  return nullptr;
}

// The child begins with no signal blocked or ignored, whatever our own loop does with them.
class Spawning {
 public:
  Spawning(int input, int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, input, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 2);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Spawning() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;

  Result<pid_t> run(const char* path, char* const* words) {
    char* const environment[] = {nullptr};
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, path, &actions_, &attributes_, words, environment);
    if (error == 0) return pid;
    errno = error;
    return fail_errno();
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Result<NftRun> run_nft(const std::vector<std::string>& words, const std::string& input, size_t most_octets) {
  const char* path = program();
  if (!path) return fail(Errc::not_found);
  SP_TRY(const Fd text, memory_file(as_bytes(input)));
  if (::lseek(text.get(), 0, SEEK_SET) != 0) return fail_errno();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno();
  const Fd from(ends[0]);
  Fd to(ends[1]);
  std::vector<std::string> copies{"nft"};
  copies.insert(copies.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (auto& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  SP_TRY(const pid_t pid, Spawning(text.get(), to.get()).run(path, argv.data()));
  to.reset();
  NftRun out;
  char piece[65536];
  for (;;) {
    const ssize_t n = ::read(from.get(), piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.said.append(piece, std::min(static_cast<size_t>(n), most_octets - out.said.size()));
  }
  while (::waitpid(pid, &out.status, 0) < 0 && errno == EINTR) {
  }
  return out;
}

bool NftRun::good() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

std::string explain_refusal(const Result<NftRun>& ran) {
  if (!ran && ran.error().code == Errc::not_found) {
    return "the program nft (Debian package nftables) is not installed";
  }
  if (!ran) return explain("nft cannot be run", ran.error());
  if (ran->said.find("Operation not permitted") != std::string::npos) {
    return "nftables may not be set without root or CAP_NET_ADMIN";
  }
  return "nft refuses the rules: " + ran->said.substr(0, ran->said.find('\n'));
}

}  // namespace sallyport::runtime
