// See wiring.h.
#include "daemon/wiring.h"

#include <unistd.h>

#include "crypto/key_exchange.h"
#include "daemon/key_channel.h"
#include "daemon/policy_files.h"
#include "runtime/clock.h"

namespace sallyport::daemon {

using runtime::DescriptorChannel;

void LocalKeys::replace(std::shared_ptr<KeyAgent> keys, std::shared_ptr<const VerifyAgent> verify) {
  keys_ = std::move(keys);
  verify_ = std::move(verify);
  set_policy_secrets(stack::PolicySecrets(secrets_));
}

void LocalKeys::set_policy_secrets(const stack::PolicySecrets& secrets) {
  secrets_ = secrets;
  if (!keys_) return;
  keys_->forget_policy_secrets();
  for (const auto& [name, secret] : secrets_.secrets) keys_->learn_policy_secret(name, secret.view());
}

// Never from within submit(): the driver is in the middle of its outputs.
void LocalKeys::answer_later(model::RequestId id, std::shared_ptr<model::KeyReply> reply) {
  loop_.post([this, id, reply] {
    if (on_reply) on_reply(id, std::move(*reply));
  });
}

void LocalKeys::submit(model::RequestId id, model::KeyRequest work) {
  const auto* ke = std::get_if<model::KeWork>(&work);
  const bool slow =
      ke ? crypto::ke_is_slow(ke->group)
         : std::holds_alternative<model::VerifyPeer>(work) || std::holds_alternative<model::Resolve>(work);
  auto shared = std::make_shared<model::KeyRequest>(std::move(work));
  auto run = [keys = keys_, verify = verify_, shared]() -> model::KeyReply {
    if (const auto* exchange = std::get_if<model::KeWork>(shared.get())) return crypto::run_ke(*exchange);
    const bool verifies =
        std::holds_alternative<model::VerifyPeer>(*shared) || std::holds_alternative<model::Resolve>(*shared);
    if (verifies && verify) return verify->answer(*shared);
    if (!verifies && keys) return keys->answer(*shared);
    return model::Refused{Errc::permission, "this process does no such work"};
  };
  if (!slow) return answer_later(id, std::make_shared<model::KeyReply>(run()));
  loop_.offload(std::move(run), [this, id](model::KeyReply reply) {
    if (on_reply) on_reply(id, std::move(reply));
  });
}

RemoteKeys::~RemoteKeys() {
  if (keys_.channel) loop_.unwatch(keys_.channel.fd());
  if (helper_.channel) loop_.unwatch(helper_.channel.fd());
}

void RemoteKeys::submit(model::RequestId id, model::KeyRequest work) {
  if (std::holds_alternative<model::KeWork>(work)) {
    local_.on_reply = on_reply;
    return local_.submit(id, std::move(work));
  }
  const bool verifies = std::holds_alternative<model::VerifyPeer>(work) || std::holds_alternative<model::Resolve>(work);
  Agent& to = verifies ? helper_ : keys_;
  if (!to.channel) return refuse(id, std::string("the ") + to.name + " is not there");
  const auto sent = to.channel.send(0, write_key_request(id, work), {}, false);
  if (sent) {
    to.outstanding.insert(id);
  } else if (sent.error().code == Errc::limit) {
    refuse(id, std::string("the request is too long for the ") + to.name);
  } else {
    refuse(id, std::string("the ") + to.name + " does not take work: " + std::string(describe(sent.error().code)));
  }
}

void RemoteKeys::set_policy_secrets(const stack::PolicySecrets& secrets) {
  secrets_ = secrets;
  hand_over_secrets();
}

// What does not get there is missed where it is asked for: that negotiation fails with a sentence.
void RemoteKeys::hand_over_secrets() {
  if (!keys_.channel || (secrets_.secrets.empty() && !secrets_there_)) return;
  secrets_there_ = !secrets_.secrets.empty();
  (void)keys_.channel.send(kForgetPolicySecrets, {}, {}, false);
  for (const auto& [name, secret] : secrets_.secrets) {
    Bytes message = write_policy_secret(name, secret.view());
    (void)keys_.channel.send(kLearnPolicySecret, message, {}, false);
    wipe(message);
  }
}

// Never from within submit(): the driver is in the middle of its outputs.
void RemoteKeys::refuse(model::RequestId id, std::string why) {
  loop_.post([this, id, why = std::move(why)] {
    if (on_reply) on_reply(id, model::Refused{Errc::io, why});
  });
}

void RemoteKeys::use(Agent& agent, runtime::DescriptorChannel channel) {
  if (agent.channel) lost(agent);
  agent.channel = std::move(channel);
  loop_.watch(agent.channel.fd(), [this, &agent] { read(agent); });
}

void RemoteKeys::read(Agent& agent) {
  for (;;) {
    auto message = agent.channel.receive(false);
    if (!message) return lost(agent);  // the parent starts another one and sends its channel
    if (!message->has_value()) return;
    auto frame = parse_key_reply((*message)->body);
    // Only what was asked for, and once.
    if (!frame || agent.outstanding.erase(frame->id) == 0) continue;
    if (on_reply) on_reply(frame->id, std::move(frame->reply));
    if (!agent.channel) return;
  }
}

void RemoteKeys::lost(Agent& agent) {
  loop_.unwatch(agent.channel.fd());
  agent.channel = DescriptorChannel();
  const auto unanswered = std::exchange(agent.outstanding, {});
  for (const model::RequestId id : unanswered) {
    refuse(id, std::string("the ") + agent.name + " ended while it worked on this");
  }
  if (on_lost) {
    on_lost(std::string("the ") + agent.name + " has ended; " + std::to_string(unanswered.size()) +
            " requests it had in hand are refused");
  }
}

namespace {

// Lines "ACCOUNT PRINCIPAL"; what stands behind # and empty lines say nothing.
std::optional<std::string> read_accounts(config::FileSource& files, config::SecureSocketSettings& settings) {
  if (settings.account_map.empty()) return std::nullopt;
  const auto text = files.read_trusted(settings.account_map);
  if (!text && text.error().code == Errc::permission && text.error().detail == 0)
    return "the account map " + settings.account_map + " can be written by others than root, who could be anybody then";
  if (!text) return runtime::explain("the account map " + settings.account_map + " cannot be read", text.error());
  size_t number = 0;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    std::string line = text->substr(at, end - at);
    at = end + 1;
    ++number;
    if (const size_t hash = line.find('#'); hash != std::string::npos) line.resize(hash);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.pop_back();
    if (line.empty()) continue;
    const size_t blank = line.find_first_of(" \t");
    const size_t name = blank == std::string::npos ? blank : line.find_first_not_of(" \t", blank);
    if (blank == 0 || name == std::string::npos)
      return settings.account_map + ":" + std::to_string(number) + ": is no line of an account and a principal.";
    settings.accounts.emplace_back(line.substr(name), line.substr(0, blank));
  }
  return std::nullopt;
}

// A number is one without being looked up, as in chown(1) where no name is meant.
Result<uint32_t> number_or(const std::string& name, Result<uint32_t> named) {
  if (named || name.empty() || name.size() > 9 || name.find_first_not_of("0123456789") != std::string::npos)
    return named;
  return static_cast<uint32_t>(std::stoul(name));
}

// Of [[user]]. Sentences for names that are none, and for two names of one account.
std::vector<config::ConfigError> look_up_accounts(config::FileSource& files, const std::string& path,
                                                  std::vector<config::AccountUserFiles>& users) {
  std::vector<config::ConfigError> out;
  std::set<uint32_t> seen;
  for (auto& each : users) {
    const auto uid = number_or(each.account, files.user(each.account));
    if (!uid) {
      out.push_back({path, 0, "user.account", "there is no account " + each.account + "."});
    } else if (!seen.insert(*uid).second) {
      out.push_back({path, 0, "user.account", each.account + " has a certificate already, under another name."});
    } else {
      each.uid = *uid;
    }
  }
  return out;
}

// Sentences for names that are none.
std::vector<config::ConfigError> look_up_users(config::FileSource& files, const std::string& path,
                                               config::SecureSocketSettings& settings) {
  std::vector<config::ConfigError> out;
  for (const std::string& name : settings.identify_only) {
    const auto user = name == "*" ? Result<uint32_t>(0) : files.user(name);
    if (name == "*") {
      settings.identify_only_all = true;
    } else if (!user) {
      out.push_back({path, 0, "secure_sockets.identify_only", "there is no user " + name + "."});
    } else {
      settings.identify_only_uids.push_back(*user);
    }
  }
  for (auto& rule : settings.callers) {
    const auto look_up = [&](const std::string& name, const char* what, Result<uint32_t> found,
                             std::vector<uint32_t>& into) {
      if (found) return into.push_back(*found);
      out.push_back({rule.file, rule.line, std::string("secure_sockets.") + what,
                     std::string("there is no ") + what + " " + name + " (of " + rule.name + ")."});
    };
    for (const auto& name : rule.users) look_up(name, "user", number_or(name, files.user(name)), rule.uids);
    for (const auto& name : rule.groups) look_up(name, "group", number_or(name, files.group(name)), rule.gids);
  }
  return out;
}

// Of [[filter]]: whose sockets it is about.
std::vector<config::ConfigError> look_up_owners(config::FileSource& files, config::FilterPolicy& filters) {
  std::vector<config::ConfigError> out;
  for (auto& filter : filters.filters) {
    for (const std::string& name : filter.users) {
      const auto uid = number_or(name, files.user(name));
      if (uid) {
        filter.uids.push_back(*uid);
      } else {
        out.push_back({filter.file, filter.line, "filter.condition.user",
                       "there is no user " + name + " (of \"" + filter.name + "\")."});
      }
    }
  }
  return out;
}

}  // namespace

Loaded load_all(config::FileSource& files, const std::string& path) {
  Loaded out;
  auto loaded = config::load(files, path);
  out.check.files = loaded.files;
  for (const auto& error : loaded.errors) {
    out.problems.push_back(config::to_string(error));
    out.check.problems.push_back({error.file, error.line, error.key, error.sentence});
  }
  if (!loaded.ok()) return out;
  for (const auto& error : look_up_accounts(files, path, loaded.settings.users)) {
    out.problems.push_back(config::to_string(error));
    out.check.problems.push_back({error.file, error.line, error.key, error.sentence});
  }
  for (const auto& error : look_up_owners(files, loaded.settings.filters)) {
    out.problems.push_back(config::to_string(error));
    out.check.problems.push_back({error.file, error.line, error.key, error.sentence});
  }
  auto built = build_policy(loaded.settings, files);
  for (auto& complaint : built.complaints) {
    out.check.problems.push_back({path, 0, {}, complaint});
    out.problems.push_back(std::move(complaint));
  }
  if (auto refused = read_accounts(files, loaded.settings.secure_sockets)) {
    out.check.problems.push_back({loaded.settings.secure_sockets.account_map, 0, {}, *refused});
    out.problems.push_back(std::move(*refused));
  }
  for (const auto& error : look_up_users(files, path, loaded.settings.secure_sockets)) {
    out.problems.push_back(config::to_string(error));
    out.check.problems.push_back({error.file, error.line, error.key, error.sentence});
  }
  out.settings = std::move(loaded.settings);
  out.policy = std::move(built.policy);
  return out;
}

Worker::Worker(runtime::Loop& loop, runtime::TraceLog& log, runtime::KeyPort& keys, const Loaded& loaded,
               runtime::Descriptors descriptors, runtime::ReportFacts facts)
    : loop_(loop),
      listening_(std::move(descriptors.control)),
      socket_calls_(std::move(descriptors.socket_calls)),
      socket_lookup_(std::move(descriptors.socket_lookup)),
      asked_packets_(std::move(descriptors.asked_packets)),
      whole_v4_(descriptors.whole_v4.duplicate()),
      whole_v6_(descriptors.whole_v6.duplicate()),
      driver_(loop, log, keys, rng_, {loaded.settings, loaded.policy, std::move(descriptors)}) {
  const uint32_t own = ::geteuid();
  server_ = std::make_unique<runtime::ControlServer>(loop.io(), std::move(listening_), facts.version,
                                                     [own](uint32_t uid) { return uid == 0 || uid == own; });
  service_ = std::make_unique<runtime::ControlService>(loop, log, driver_, *server_, std::move(facts));
  owners_ = std::make_unique<runtime::OwnerLookup>(loop, driver_, std::move(asked_packets_), std::move(whole_v4_),
                                                   std::move(whole_v6_));
  if (socket_lookup_) users_ = std::make_unique<runtime::UserLookup>(loop, driver_, socket_lookup_.duplicate());
  if (socket_calls_)
    sockets_ = std::make_unique<runtime::SocketService>(loop, log, driver_, std::move(socket_calls_),
                                                        std::move(socket_lookup_));
}

void Worker::stop() {
  service_->policy().flush();
  driver_.take_all_down();
  // The deletes are on the wire; the answers are not waited for longer than this.
  loop_.set_timer(2, runtime::monotonic_now() + milliseconds(200), [this] { loop_.stop(); });
}

}  // namespace sallyport::daemon
