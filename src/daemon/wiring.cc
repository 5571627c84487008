// See wiring.h.
#include "daemon/wiring.h"

#include <unistd.h>

#include "crypto/key_exchange.h"
#include "daemon/key_channel.h"
#include "daemon/policy_files.h"
#include "runtime/clock.h"

namespace sallyport::daemon {

using runtime::DescriptorChannel;

void LocalKeys::replace(std::shared_ptr<const KeyAgent> keys, std::shared_ptr<const VerifyAgent> verify) {
  keys_ = std::move(keys);
  verify_ = std::move(verify);
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
  if (keys_) loop_.unwatch(keys_.fd());
  if (helper_) loop_.unwatch(helper_.fd());
}

void RemoteKeys::submit(model::RequestId id, model::KeyRequest work) {
  if (std::holds_alternative<model::KeWork>(work)) {
    local_.on_reply = on_reply;
    return local_.submit(id, std::move(work));
  }
  const bool verifies = std::holds_alternative<model::VerifyPeer>(work) || std::holds_alternative<model::Resolve>(work);
  DescriptorChannel& to = verifies ? helper_ : keys_;
  if (to && to.send(0, write_key_request(id, work), {}, false)) return;
  loop_.post([this, id] {
    if (on_reply) on_reply(id, model::Refused{Errc::io, "the process that does this work is not there"});
  });
}

void RemoteKeys::use(DescriptorChannel& which, DescriptorChannel channel) {
  if (which) loop_.unwatch(which.fd());
  which = std::move(channel);
  loop_.watch(which.fd(), [this, &which] { read(which); });
}

void RemoteKeys::read(DescriptorChannel& from) {
  for (;;) {
    auto message = from.receive(false);
    if (!message) {
      loop_.unwatch(from.fd());
      from = DescriptorChannel();  // the parent starts another one and sends its channel
      return;
    }
    if (!message->has_value()) return;
    auto frame = parse_key_reply((*message)->body);
    if (frame && on_reply) on_reply(frame->id, std::move(frame->reply));
    if (!from) return;
  }
}

Loaded load_all(config::FileSource& files, const std::string& path) {
  Loaded out;
  auto loaded = config::load(files, path);
  out.check.files = loaded.files;
  for (const auto& error : loaded.errors) {
    out.problems.push_back(config::to_string(error));
    out.check.problems.push_back({error.file, error.line, error.key, error.sentence});
  }
  if (!loaded.ok()) return out;
  auto built = build_policy(loaded.settings, files);
  for (auto& complaint : built.complaints) {
    out.check.problems.push_back({path, 0, {}, complaint});
    out.problems.push_back(std::move(complaint));
  }
  out.settings = std::move(loaded.settings);
  out.policy = std::move(built.policy);
  return out;
}

Worker::Worker(runtime::Loop& loop, runtime::TraceLog& log, runtime::KeyPort& keys, const Loaded& loaded,
               runtime::Descriptors descriptors, runtime::ReportFacts facts)
    : loop_(loop),
      listening_(std::move(descriptors.control)),
      driver_(loop, log, keys, rng_, {loaded.settings, loaded.policy, std::move(descriptors)}) {
  const uint32_t own = ::geteuid();
  server_ = std::make_unique<runtime::ControlServer>(loop.io(), std::move(listening_), facts.version,
                                                     [own](uint32_t uid) { return uid == 0 || uid == own; });
  service_ = std::make_unique<runtime::ControlService>(loop, log, driver_, *server_, std::move(facts));
}

void Worker::stop() {
  driver_.take_all_down();
  // The deletes are on the wire; the answers are not waited for longer than this.
  loop_.set_timer(2, runtime::monotonic_now() + milliseconds(200), [this] { loop_.stop(); });
}

}  // namespace sallyport::daemon
