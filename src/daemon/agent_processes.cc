// See agent_processes.h.
#include "daemon/agent_processes.h"

#include <poll.h>
#include <unistd.h>

#include "daemon/child_process.h"
#include "daemon/key_channel.h"
#include "daemon/process_words.h"
#include "daemon/sandbox.h"
#include "daemon/syscall_filter.h"

namespace sallyport::daemon {
namespace {

using runtime::ChannelMessage;
using runtime::DescriptorChannel;

// Only the key process has a use for secrets. True: it was such a message.
bool take_secret(VerifyAgent&, const ChannelMessage& message) { return message.word != 0; }
bool take_secret(KeyAgent& agent, ChannelMessage& message) {
  if (message.word == 0) return false;
  if (message.word == kForgetPolicySecrets) agent.forget_policy_secrets();
  if (message.word == kLearnPolicySecret) {
    if (auto frame = parse_policy_secret(message.body)) agent.learn_policy_secret(frame->name, frame->secret.view());
    wipe(message.body);
  }
  return true;
}

// The key process and the helper: an agent, its parent, one worker at a time.
// Its first word to the parent carries a remark, or nothing.
template <class Agent, class Reload>
[[noreturn]] void run_agent(DescriptorChannel& parent, Agent& agent, const std::string& remark, Reload reload) {
  DescriptorChannel worker;
  (void)parent.send(code(ToParent::ready), token_and_text(0, remark));
  for (;;) {
    pollfd wait[2] = {{parent.fd(), POLLIN, 0}, {worker ? worker.fd() : -1, POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0) continue;
    if (wait[0].revents != 0) {
      auto message = parent.receive(false);
      if (!message) ::_exit(0);
      if (message->has_value()) {
        ChannelMessage& got = **message;
        if (got.word == code(ToChild::stop)) ::_exit(0);
        if (got.word == code(ToChild::worker_channel) && !got.descriptors.empty())
          worker = DescriptorChannel(std::move(got.descriptors.front()));
        if (got.word == code(ToChild::settings))
          (void)parent.send(code(ToParent::ready), token_and_text(0, reload(got)));
      }
    }
    if (wait[1].revents != 0 && worker) {
      auto message = worker.receive(false);
      if (!message) {
        worker = DescriptorChannel();
      } else if (message->has_value()) {
        if (take_secret(agent, **message)) continue;
        auto frame = parse_key_request((*message)->body);
        if (frame) (void)worker.send(0, write_key_reply(frame->id, agent.answer(frame->work)));
      }
    }
  }
}

void tell_warnings(DescriptorChannel& parent, const KeyAgent& agent) {
  for (const auto& sentence : agent.warnings()) (void)parent.send(code(ToParent::remark), token_and_text(0, sentence));
}

}  // namespace

void run_keys(DescriptorChannel parent, const Loaded& loaded, const std::string& path) {
  if (auto done = enter_keys(); !done) leave("keys", runtime::explain("rights cannot be dropped", done.error()));
  die_with_parent();
  KeyAgent agent;
  if (auto refused = agent.load(loaded.settings.credentials); !refused.empty()) leave("keys", refused.front());
  std::string remark;
  if (auto locked = lock_memory(); !locked)
    remark = runtime::explain("the key process may not lock its memory, so secrets could reach a swap device",
                              locked.error());
  if (auto done = forbid_system_calls(FilterFor::keys); !done)
    leave("keys", runtime::explain("the system call filter cannot be set", done.error()));
  tell_warnings(parent, agent);
  run_agent(parent, agent, remark, [&](const ChannelMessage& message) -> std::string {
    std::shared_ptr<runtime::BundledFiles> files;
    const auto again = loaded_of(message, path, files);
    if (!again) return "the configuration cannot be read";
    const auto refused = agent.load(again->settings.credentials);
    (void)lock_memory();  // what a refusal means was said at the start
    tell_warnings(parent, agent);
    return refused.empty() ? "" : refused.front();
  });
}

void run_helper(DescriptorChannel parent, const Loaded& loaded, const std::string& path) {
  runtime::SystemFiles system;
  VerifyAgent agent;
  if (auto refused = agent.load(system, loaded.settings.trust); !refused.empty()) leave("helper", refused.front());
  if (auto done = enter_helper(loaded.settings.daemon.user); !done)
    leave("helper", runtime::explain("rights cannot be dropped", done.error()));
  die_with_parent();
  if (auto done = forbid_system_calls(FilterFor::helper); !done)
    leave("helper", runtime::explain("the system call filter cannot be set", done.error()));
  run_agent(parent, agent, {}, [&](const ChannelMessage& message) -> std::string {
    std::shared_ptr<runtime::BundledFiles> files;
    const auto again = loaded_of(message, path, files);
    if (!again) return "the configuration cannot be read";
    const auto refused = agent.load(*files, again->settings.trust);
    return refused.empty() ? "" : refused.front();
  });
}

}  // namespace sallyport::daemon
