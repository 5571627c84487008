// Requests of the control socket carried out: commands for the driver, answers from it, streams of events and log
// lines, pings. One thread, the driver's.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "runtime/control_server.h"
#include "runtime/policy_service.h"
#include "runtime/status_report.h"

namespace sallyport::runtime {

class ControlService {
 public:
  ControlService(Loop& loop, TraceLog& log, Driver& driver, ControlServer& server, ReportFacts facts);
  ~ControlService();
  ControlService(const ControlService&) = delete;
  ControlService& operator=(const ControlService&) = delete;

  // Whoever may read files: reads the configuration again and calls Driver::reload with the token, or reload_failed.
  std::function<void(stack::CommandToken)> on_reload;
  // The same for a check of the daemon's own configuration file; answered by checked().
  std::function<void(stack::CommandToken)> on_check;

  // Whoever may read the packet filter: answers by guard_reported(). A status request waits for it.
  std::function<void(stack::CommandToken)> on_guard;

  PolicyService& policy() { return policy_; }

  void reload_failed(stack::CommandToken token, const std::string& sentence);
  void checked(stack::CommandToken token, const ctl::CheckReply& reply);
  void guard_reported(stack::CommandToken token, const GuardReport& report);

 private:
  struct Address {
    ClientId client = 0;
    uint64_t id = 0;
    auto operator<=>(const Address&) const = default;
  };
  struct Pinging {
    ctl::Ping request;
    uint32_t sent = 0;
    uint32_t answered = 0;
    bool waiting = false;
  };

  void serve(ClientId client, const ctl::RequestFrame& frame);
  void handle(Address to, const ctl::Up& request);
  void handle(Address to, const ctl::Down& request);
  void handle(Address to, const ctl::Rekey& request);
  void handle(Address to, const ctl::Log& request);
  void handle(Address to, const ctl::NetEvents& request);
  void handle(Address to, const ctl::Ping& request);
  void handle(Address to, const ctl::Cancel& request);
  void handle(Address to, const ctl::Status& request);
  void answer(Address to, const ctl::Reply& reply) { server_.reply(to.client, to.id, reply); }
  void done(Address to, ctl::ResultCode code, const std::string& sentence = {});
  stack::CommandToken new_token(Address to);
  void on_result(const stack::CommandResult& result);
  void on_notice(const stack::Notice& notice);
  void on_log_line(const PastLine& line);
  void ping_next(uint64_t token);
  void ping_answered(uint64_t token, ctl::PingAnswer result);
  void forget(ClientId client);
  int timer_of(uint64_t token) const { return static_cast<int>(1000 + token % 1000000); }

  Loop& loop_;
  TraceLog& log_;
  Driver& driver_;
  ControlServer& server_;
  ReportFacts facts_;
  PolicyService policy_;
  stack::CommandToken next_token_ = 1;
  std::map<stack::CommandToken, Address> waiting_;
  std::map<stack::CommandToken, std::string> statuses_;  // that wait for the packet filter: of which connection
  std::map<Address, int> watchers_;
  std::map<Address, LogLevel> followers_;
  std::map<Address, int> event_followers_;  // of net events
  std::map<stack::CommandToken, Pinging> pings_;
};

}  // namespace sallyport::runtime
