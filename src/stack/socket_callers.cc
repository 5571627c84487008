// See socket_callers.h.
#include "stack/socket_callers.h"

#include <algorithm>
#include <string_view>

namespace sallyport::stack {
namespace {

using config::SocketCallerRule;

// '*' stands for any octets but '/'. Steps back to the last star alone: no more than the product of the lengths.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, after_star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (after_star != std::string_view::npos && text[from] != '/') {
      p = after_star;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// The path itself, or one below it.
bool matches_tree(std::string_view pattern, std::string_view path) {
  if (pattern == "/") return true;
  for (size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    if (matches(pattern, path.substr(0, at))) return true;
    if (at == std::string_view::npos) return false;
  }
}

// Whether one of a rule's texts fits; `unknown` says what is not known does.
template <class Fits>
bool one_fits(const std::vector<std::string>& patterns, const std::optional<std::string>& text, bool unknown,
              Fits fits) {
  if (patterns.empty()) return true;
  if (!text) return unknown;
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return fits(pattern, *text); });
}

bool among(const std::vector<uint32_t>& numbers, uint32_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

bool fits(const SocketCallerRule& rule, const SocketCaller& caller) {
  if (!rule.users.empty() && !among(rule.uids, caller.uid)) return false;
  if (!rule.groups.empty() &&
      std::none_of(caller.gids.begin(), caller.gids.end(), [&](uint32_t gid) { return among(rule.gids, gid); }))
    return false;
  return one_fits(rule.cgroups, caller.cgroup, !rule.allow, matches_tree) &&
         one_fits(rule.executables, caller.executable, !rule.allow, matches);
}

}  // namespace

std::string SocketCaller::to_string() const {
  std::string out = "user " + std::to_string(uid);
  if (executable) out += ", program " + *executable;
  if (cgroup) out += ", cgroup " + *cgroup;
  return out;
}

bool asks_for_process(const std::vector<SocketCallerRule>& rules) {
  return std::any_of(rules.begin(), rules.end(),
                     [](const auto& rule) { return !rule.cgroups.empty() || !rule.executables.empty(); });
}

CallerVerdict judge_caller(const std::vector<SocketCallerRule>& rules, const SocketCaller& caller) {
  if (rules.empty()) return {true, SocketCallerRule::Broker::none, {}, caller.uid};
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& each) { return fits(each, caller); });
  if (rule != rules.end() && rule->allow) return {true, rule->broker, {}, caller.uid};
  return {false, SocketCallerRule::Broker::none,
          "a call about sockets of " + caller.to_string() + " is refused: " +
              (rule == rules.end() ? "no rule of [[secure_sockets.caller]] allows it"
                                   : "by the rule \"" + rule->name + "\" of [[secure_sockets.caller]]"),
          caller.uid};
}

}  // namespace sallyport::stack
