// The worker put together: loop, log, driver, control socket, key work. The same in one process and in several: only
// the KeyPort and where the configuration comes from differ. One thread.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/key_agent.h"
#include "daemon/verify_agent.h"
#include "runtime/control_service.h"
#include "runtime/descriptor_channel.h"
#include "runtime/entropy.h"
#include "runtime/file_store.h"
#include "runtime/owner_lookup.h"
#include "runtime/socket_service.h"
#include "runtime/user_lookup.h"

namespace sallyport::daemon {

// Key work done here: what is cheap at once, what is slow or may wait for a name server on the pool.
class LocalKeys final : public runtime::KeyPort {
 public:
  LocalKeys(runtime::Loop& loop, std::shared_ptr<KeyAgent> keys, std::shared_ptr<const VerifyAgent> verify)
      : loop_(loop), keys_(std::move(keys)), verify_(std::move(verify)) {}
  void submit(model::RequestId id, model::KeyRequest work) override;
  void set_policy_secrets(const stack::PolicySecrets& secrets) override;
  void replace(std::shared_ptr<KeyAgent> keys, std::shared_ptr<const VerifyAgent> verify);

 private:
  void answer_later(model::RequestId id, std::shared_ptr<model::KeyReply> reply);
  runtime::Loop& loop_;
  std::shared_ptr<KeyAgent> keys_;
  std::shared_ptr<const VerifyAgent> verify_;
  stack::PolicySecrets secrets_;  // a new agent is told them again
};

// Key work done by the key process and the helper; key exchanges, which need no long-term key, stay here. Every request
// gets its reply: what a process had in hand when it ended is refused, and so is what comes while it is not there.
class RemoteKeys final : public runtime::KeyPort {
 public:
  explicit RemoteKeys(runtime::Loop& loop) : loop_(loop), local_(loop, nullptr, nullptr) {}
  ~RemoteKeys() override;
  void submit(model::RequestId id, model::KeyRequest work) override;
  void set_policy_secrets(const stack::PolicySecrets& secrets) override;
  void use_keys(runtime::DescriptorChannel channel) {
    use(keys_, std::move(channel));
    secrets_there_ = false;
    hand_over_secrets();
  }
  void use_helper(runtime::DescriptorChannel channel) { use(helper_, std::move(channel)); }
  // Called with one sentence when a process is lost.
  std::function<void(const std::string&)> on_lost;

 private:
  struct Agent {
    const char* name;
    runtime::DescriptorChannel channel;
    std::set<model::RequestId> outstanding;
  };
  void use(Agent& agent, runtime::DescriptorChannel channel);
  void read(Agent& agent);
  void lost(Agent& agent);
  void refuse(model::RequestId id, std::string why);
  void hand_over_secrets();
  runtime::Loop& loop_;
  Agent keys_{"key process", {}, {}};
  Agent helper_{"helper", {}, {}};
  LocalKeys local_;
  stack::PolicySecrets secrets_;  // a key process that starts anew is told them again
  bool secrets_there_ = false;    // it has been told some
};

struct Loaded {
  config::Settings settings;
  std::shared_ptr<const model::IkePolicySet> policy;
  std::vector<std::string> problems;  // none: usable
  ctl::CheckReply check;
};
Loaded load_all(config::FileSource& files, const std::string& path);

class Worker {
 public:
  Worker(runtime::Loop& loop, runtime::TraceLog& log, runtime::KeyPort& keys, const Loaded& loaded,
         runtime::Descriptors descriptors, runtime::ReportFacts facts);
  void start() { driver_.start(); }
  void stop();  // deletes the SAs at the peers and ends the loop
  runtime::Driver& driver() { return driver_; }
  runtime::ControlService& service() { return *service_; }
  runtime::OwnerLookup& owners() { return *owners_; }
  runtime::SocketService* sockets() { return sockets_.get(); }  // nullptr: programs may not secure sockets

 private:
  runtime::Loop& loop_;
  runtime::SystemRng rng_;
  runtime::Fd listening_, socket_calls_, socket_lookup_, asked_packets_, whole_v4_, whole_v6_;
  runtime::Driver driver_;
  std::unique_ptr<runtime::ControlServer> server_;
  std::unique_ptr<runtime::ControlService> service_;
  std::unique_ptr<runtime::SocketService> sockets_;
  std::unique_ptr<runtime::OwnerLookup> owners_;
  std::unique_ptr<runtime::UserLookup> users_;  // nullptr: sockets cannot be looked up
};

constexpr const char* kVersion = "0.1.0";

}  // namespace sallyport::daemon
