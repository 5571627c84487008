// Calls of the filter engine that come over the control socket: each connection has at most one session, which ends
// with it. Who asks is known from the socket; persistent policy is handed to whoever may write files. One thread, the
// driver's.
#pragma once
#include <functional>
#include <map>

#include "policy/call_route.h"
#include "runtime/control_server.h"
#include "runtime/driver.h"
#include "runtime/policy_file.h"

namespace sallyport::runtime {

class PolicyService {
 public:
  PolicyService(Loop& loop, TraceLog& log, Driver& driver, ControlServer& server);
  PolicyService(const PolicyService&) = delete;
  PolicyService& operator=(const PolicyService&) = delete;
  ~PolicyService();

  // What was stored comes to force. A damaged file is told of, and the one before it is taken; with neither, filters
  // block all that the engine is asked about, until somebody deletes them or a restart finds a good store. True: the
  // newest file is damaged and is to be set aside.
  bool restore(const StoredPolicy& stored);
  // Called with the octets of the store soon after persistent objects have changed.
  std::function<void(Bytes)> on_store;
  // Writes now what would be written soon.
  void flush();

  // Whoever may read the packet filter: answers by dosp_reported(). Calls about IPsec DoS protection wait for it.
  std::function<void(uint64_t token)> on_dosp;
  // Nothing: no setting is in force, or the packet filter cannot be read.
  void dosp_reported(uint64_t token, const std::optional<policy::DospReport>& report);

  // What the engine keeps of net events; NET_EVENTS_DISABLED. Then those that come, until this is called anew.
  policy::Outcome<std::vector<std::shared_ptr<const policy::NetEvent>>> net_events();
  void watch_net_events(std::function<void(const policy::NetEvent&)> on_event);

  void call(ClientId client, uint64_t id, const ctl::PolicyCall& call);
  void closed(ClientId client);

 private:
  struct Waiting {  // for what the packet filter says
    ClientId client = 0;
    uint64_t id = 0;
    ctl::PolicyCall call;
  };
  void call_now(ClientId client, uint64_t id, const ctl::PolicyCall& call);
  void tell();
  policy::Outcome<policy::SessionId> own_session();
  void watch_store();

  Loop& loop_;
  TraceLog& log_;
  Driver& driver_;
  ControlServer& server_;
  policy::CallRoute route_;
  Bytes stored_;                // what was last handed to on_store, or found good
  uint64_t seen_ = 0;           // generation of the snapshot that stored_ was made from
  uint64_t seen_settings_ = 0;  // and of the settings
  bool pending_ = false;
  std::map<uint64_t, Waiting> waiting_;
  uint64_t last_token_ = 0;
  policy::SessionId session_ = 0;  // for net events; 0: not open yet
  std::function<void(const policy::NetEvent&)> on_net_event_;
};

// What the kernel says about a caller, as a token: SIDs of Samba's form for Unix users and groups (S-1-22-1-UID,
// S-1-22-2-GID), everyone, and administrators for whoever may operate the daemon.
policy::Token token_of_peer(const ControlServer::Peer& peer, bool operates);

}  // namespace sallyport::runtime
