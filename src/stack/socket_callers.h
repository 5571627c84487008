// Which program may call about sockets, by the administrator's rules. Pure.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"

namespace sallyport::stack {

// What the kernel says of a process that calls. Nothing: it could not be found out.
struct SocketCaller {
  uint32_t uid = 0;
  std::vector<uint32_t> gids;  // its group first, then the supplementary ones
  std::optional<std::string> cgroup, executable;
  std::string to_string() const;
};

struct CallerVerdict {
  bool allowed = false;
  config::SocketCallerRule::Broker broker = config::SocketCallerRule::Broker::none;
  std::string sentence;  // of a refusal: who was refused by which rule
  uint32_t uid = 0;
};

// Whether any rule asks for more than users and groups.
bool asks_for_process(const std::vector<config::SocketCallerRule>& rules);

// The first rule that fits decides; where none does, nobody may, unless there are no rules at all. What could not be
// found out fits a rule that refuses, and none that allows.
CallerVerdict judge_caller(const std::vector<config::SocketCallerRule>& rules, const SocketCaller& caller);

}  // namespace sallyport::stack
