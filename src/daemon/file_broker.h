// Files for programs that may not take a peer's account themselves: each is opened by a process of its own, which has
// become that account for good, opens one file, hands its descriptor back and ends. Who may ask is judged here, in the
// privileged process, and not by the worker's word. docs/secure-sockets.md. One thread.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/settings.h"
#include "runtime/descriptor_channel.h"
#include "runtime/peer_file.h"

namespace sallyport::daemon {

class FileBroker {
 public:
  static constexpr size_t kMost = 32, kMostOfUser = 8;  // at work at once
  static constexpr Duration kPatience = seconds(5);     // for a file system that does not answer

  FileBroker() = default;
  ~FileBroker() { drop_all(); }
  FileBroker(const FileBroker&) = delete;
  FileBroker& operator=(const FileBroker&) = delete;

  // Of what was started: an errno, or 0 with the file. ETIMEDOUT: it took too long.
  std::function<void(uint64_t token, int error, runtime::Fd file)> on_opened;

  // connection: the caller's. 0: on_opened() will come. EACCES: no rule gives this caller the right, or the account is
  // in no line of the account map; `sentence` says which. EINVAL: flags or mode. EAGAIN: too many at once.
  int start(const config::SecureSocketSettings& settings, uint64_t token, int connection, const runtime::Fd& root,
            const runtime::PeerFile& wanted, TimePoint now, std::string& sentence);
  std::vector<int> descriptors() const;  // turn() is wanted when one can be read
  std::optional<TimePoint> deadline() const;
  void turn(TimePoint now);  // also when a child process has ended
  bool quiet() const { return openers_.empty() && ended_.empty(); }
  void drop_all();  // nobody waits any more

 private:
  struct Opener {
    uint64_t token = 0;
    uint32_t uid = 0;  // whom it works for
    runtime::Fd process;
    runtime::DescriptorChannel channel;
    TimePoint until{};
  };
  void reap();

  std::vector<Opener> openers_;
  std::vector<Opener> ended_;  // not waited for yet
};

}  // namespace sallyport::daemon
