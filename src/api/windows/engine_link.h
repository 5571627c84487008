// One open engine: a connection to the daemon whose session ends with it. Any number of threads may call; whoever waits
// for an answer reads for all. The first subscription starts a thread for callbacks, with every signal blocked; they
// come one at a time. In the child of a fork every call fails, and the parent's session is not touched.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "api/windows/frames.h"
#include "base/secret.h"
#include "ctl/framing.h"
#include "policy/call.h"

namespace sallyport::api::windows {

class EngineLink : public std::enable_shared_from_this<EngineLink> {
 public:
  using OnNotice = std::function<void(ByteView)>;  // the octets of a notice, as its function says
  struct Answer {
    uint32_t code = 0;
    Bytes octets;
  };

  // A code, or an open session: RPC_S_SERVER_UNAVAILABLE without a daemon, ERROR_ACCESS_DENIED where its socket may not
  // be used, and what the engine says.
  static uint32_t open(const policy::call::Open& session, std::shared_ptr<EngineLink>& out);
  ~EngineLink();
  EngineLink(const EngineLink&) = delete;
  EngineLink& operator=(const EngineLink&) = delete;

  // FWP_E_SESSION_ABORTED once the daemon is gone.
  Answer call(policy::call::Function function, Bytes octets);
  // The handle, 0 with a code. Callbacks may come before this returns.
  // function: one whose answer is a handle and which notices follow.
  uint64_t subscribe(policy::call::Function function, Bytes wanted, OnNotice on_notice, uint32_t& code);
  // No callback of it runs once this has returned, unless it is called from one.
  uint32_t unsubscribe(uint64_t handle);
  void close();

 private:
  explicit EngineLink(int socket);
  struct Pending {
    bool answered = false;
    Answer answer;
  };
  struct Subscribed {
    uint64_t at_daemon = 0;
    OnNotice on_notice;
  };

  Answer call_as(uint64_t id, policy::call::Function function, Bytes octets);
  Answer exchange(uint64_t id, Bytes body);
  uint64_t new_id();
  bool send(const Bytes& octets);
  void read_once(std::unique_lock<std::mutex>& lock);  // Requires: nobody reads
  void dispatch(Reply& reply);
  void deliver();  // the thread
  bool foreign() const;

  const int socket_;
  const int owner_;  // process
  std::mutex sending_;
  std::mutex mutex_;  // of everything below
  std::condition_variable changed_;
  ctl::FrameReader reader_{ctl::kMaxReplyOctets};
  bool reading_ = false;
  bool lost_ = false;
  bool closing_ = false;
  uint64_t next_id_ = 1;
  std::map<uint64_t, Pending> pending_;
  std::map<uint64_t, Subscribed> subscribed_;
  std::deque<std::pair<uint64_t, SecretBytes>> notices_;  // key managers are told keys
  uint64_t delivering_ = 0;
  std::thread thread_;
  std::thread::id thread_id_;
};

// Handles of open engines: numbers, so that a wrong one is noticed.
void* remember(std::shared_ptr<EngineLink> link);
std::shared_ptr<EngineLink> find_link(void* handle);  // nullptr: no such handle
std::shared_ptr<EngineLink> forget(void* handle);

}  // namespace sallyport::api::windows
