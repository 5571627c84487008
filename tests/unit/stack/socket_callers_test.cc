// Who may call about sockets: rules over what the kernel says of a caller.
#include "stack/socket_callers.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::stack;
using Rule = config::SocketCallerRule;

namespace {

Rule rule(bool allow, std::vector<uint32_t> uids = {}, std::vector<uint32_t> gids = {},
          std::vector<std::string> cgroups = {}, std::vector<std::string> executables = {}) {
  Rule out;
  out.name = allow ? "allows" : "refuses";
  out.allow = allow;
  for (const uint32_t uid : uids) out.users.push_back(std::to_string(uid));
  for (const uint32_t gid : gids) out.groups.push_back(std::to_string(gid));
  out.uids = std::move(uids);
  out.gids = std::move(gids);
  out.cgroups = std::move(cgroups);
  out.executables = std::move(executables);
  return out;
}

SocketCaller caller(uint32_t uid, std::vector<uint32_t> gids, std::optional<std::string> cgroup = {},
                    std::optional<std::string> executable = {}) {
  return {uid, std::move(gids), std::move(cgroup), std::move(executable)};
}

bool allowed(const std::vector<Rule>& rules, const SocketCaller& who) { return judge_caller(rules, who).allowed; }

}  // namespace

TEST_SUITE("stack/socket_callers") {
  TEST_CASE("without rules everybody may, with rules whom one allows, and nobody is asked twice") {
    const auto who = caller(7, {7, 20});
    CHECK(allowed({}, who));
    CHECK_FALSE(allowed({rule(true, {8})}, who));
    CHECK(allowed({rule(true, {8}), rule(true, {9, 7})}, who));
    CHECK_FALSE(allowed({rule(false, {7}), rule(true)}, who));
    CHECK(allowed({rule(true, {7}), rule(false)}, who));
    CHECK(allowed({rule(false, {8}), rule(true)}, who));
  }

  TEST_CASE("a group is the caller's own or a supplementary one, and what a rule names has to fit all at once") {
    CHECK(allowed({rule(true, {}, {20})}, caller(7, {7, 20})));
    CHECK(allowed({rule(true, {}, {7})}, caller(7, {7, 20})));
    CHECK_FALSE(allowed({rule(true, {}, {21})}, caller(7, {7, 20})));
    CHECK_FALSE(allowed({rule(true, {8}, {20})}, caller(7, {7, 20})));
    CHECK(allowed({rule(true, {7}, {20}, {"/a"}, {"/b"})}, caller(7, {20}, "/a", "/b")));
    CHECK_FALSE(allowed({rule(true, {7}, {20}, {"/a"}, {"/b"})}, caller(7, {20}, "/a", "/c")));
  }

  TEST_CASE("a name that was not looked up fits nobody") {
    Rule unknown = rule(true);
    unknown.users = {"somebody"};
    CHECK_FALSE(allowed({unknown}, caller(0, {0})));
    unknown.users.clear();
    unknown.groups = {"some"};
    CHECK_FALSE(allowed({unknown}, caller(0, {0})));
  }

  TEST_CASE("a cgroup is meant with all below it, by whole names") {
    const auto in = [](const char* pattern, const char* path) {
      return allowed({rule(true, {}, {}, {pattern})}, caller(7, {}, path));
    };
    CHECK(in("/system.slice/a.service", "/system.slice/a.service"));
    CHECK(in("/system.slice", "/system.slice/a.service/worker"));
    CHECK_FALSE(in("/system.slice", "/system.slice.other/a"));
    CHECK_FALSE(in("/system.slice/a.service", "/system.slice"));
    CHECK(in("/user.slice/user-*.slice", "/user.slice/user-1000.slice/session-2.scope"));
    CHECK_FALSE(in("/user.slice/user-*.slice", "/user.slice/user-1/x.slice"));
    CHECK(in("/", "/"));
    CHECK(in("/", "/a/b"));
    CHECK_FALSE(in("/a", "/"));
    CHECK_FALSE(in("/a", "/a (deleted)"));
  }

  TEST_CASE("a program is meant exactly, and a star does not cross a slash") {
    const auto runs = [](const char* pattern, const char* path) {
      return allowed({rule(true, {}, {}, {}, {pattern})}, caller(7, {}, {}, path));
    };
    CHECK(runs("/usr/bin/curl", "/usr/bin/curl"));
    CHECK_FALSE(runs("/usr/bin/curl", "/usr/bin/curl2"));
    CHECK_FALSE(runs("/usr/bin", "/usr/bin/curl"));
    CHECK(runs("/usr/bin/python3.*", "/usr/bin/python3.11"));
    CHECK(runs("/usr/*/python*", "/usr/bin/python"));
    CHECK_FALSE(runs("/usr/*", "/usr/bin/python"));
    CHECK(runs("/*a*b", "/xaxaxb"));
    CHECK_FALSE(runs("/*a*b", "/xaxaxc"));
    CHECK(runs("/a*", "/a"));
    CHECK_FALSE(runs("", "/a"));
  }

  TEST_CASE("what is not known of a caller is refused by a rule that refuses, and allowed by none") {
    const auto nobody_knows = caller(7, {});
    CHECK_FALSE(allowed({rule(true, {}, {}, {}, {"/*"})}, nobody_knows));
    CHECK_FALSE(allowed({rule(true, {}, {}, {"/"})}, nobody_knows));
    CHECK_FALSE(allowed({rule(false, {}, {}, {}, {"/bad"}), rule(true)}, nobody_knows));
    CHECK_FALSE(allowed({rule(false, {}, {}, {"/bad"}), rule(true)}, nobody_knows));
    CHECK(allowed({rule(false, {8}, {}, {}, {"/bad"}), rule(true)}, nobody_knows));
  }

  TEST_CASE("a refusal says who was refused by which rule, and the right to have files opened is the rule's") {
    const auto who = caller(7, {}, "/c", "/bin/p");
    CHECK(judge_caller({rule(false)}, who).sentence ==
          "a call about sockets of user 7, program /bin/p, cgroup /c is refused: by the rule \"refuses\" of "
          "[[secure_sockets.caller]]");
    CHECK(judge_caller({rule(true, {8})}, who).sentence.ends_with("no rule of [[secure_sockets.caller]] allows it"));
    Rule broker = rule(true, {7});
    broker.broker = Rule::Broker::read;
    CHECK(judge_caller({broker, rule(true)}, who).broker == Rule::Broker::read);
    CHECK(judge_caller({rule(true), broker}, who).broker == Rule::Broker::none);
    CHECK(judge_caller({rule(true)}, who).sentence.empty());
  }

  TEST_CASE("a process is looked at only where a rule asks for more than users and groups") {
    CHECK_FALSE(asks_for_process({}));
    CHECK_FALSE(asks_for_process({rule(true, {1}, {2})}));
    CHECK(asks_for_process({rule(true), rule(false, {}, {}, {"/a"})}));
    CHECK(asks_for_process({rule(true, {}, {}, {}, {"/a"})}));
  }
}
