// See policy_service.h.
#include "runtime/policy_service.h"

#include "base/secret.h"
#include "policy/store.h"
#include "runtime/clock.h"

namespace sallyport::runtime {
namespace {

constexpr int kStoreTimer = 3;
constexpr size_t kMostWaiting = 64;                 // calls, for what the packet filter says
constexpr Duration kStoreAfter = milliseconds(50);  // many changes in a row are written once

// Nothing of the stored policy could be read: what it protected is unknown, so nothing passes.
void seal(TimePoint now, policy::Engine& engine) {
  policy::SessionRequest request;
  request.display.name = "policy store";
  request.trusted = true;
  const auto session = engine.open(std::move(request));
  if (!session) return;
  using policy::Layer;
  for (const Layer layer : {Layer::INBOUND_TRANSPORT_V4, Layer::INBOUND_TRANSPORT_V6, Layer::OUTBOUND_TRANSPORT_V4,
                            Layer::OUTBOUND_TRANSPORT_V6, Layer::IPFORWARD_V4, Layer::IPFORWARD_V6}) {
    policy::Filter filter;
    filter.head.display = {"policy store unreadable", "everything is blocked until the policy store can be read"};
    filter.head.flags = policy::Filter::kClearActionRight;
    filter.layer = layer;
    filter.weight = ~uint64_t{0};
    filter.action.type = policy::ActionType::BLOCK;
    (void)engine.add(*session, std::move(filter));
  }
  engine.close(now, *session);
}

}  // namespace

policy::Token token_of_peer(const ControlServer::Peer& peer, bool operates) {
  policy::Token token = stack::token_of_account(peer.uid, {peer.gid});
  if (operates) token.sids.push_back({policy::known::sid::administrators()});
  return token;
}

PolicyService::PolicyService(Loop& loop, TraceLog& log, Driver& driver, ControlServer& server)
    : loop_(loop), log_(log), driver_(driver), server_(server), route_(driver.filter_engine()) {
  route_.serve_sas(&driver_.sa_calls());
  driver_.on_sa_changes = [this] { tell(); };
  driver_.on_engine = [this](const policy::EngineOutput& output) {
    if (session_ != 0 && output.session == session_) {
      if (output.event && on_net_event_) on_net_event_(*output.event);
      return;
    }
    route_.heard(monotonic_now(), output);
    tell();
  };
}

PolicyService::~PolicyService() {
  driver_.on_engine = nullptr;
  driver_.on_sa_changes = nullptr;
}

bool PolicyService::restore(const StoredPolicy& stored) {
  route_.keep_persistent(stored.kept);
  for (const auto& complaint : stored.complaints) log_.line(LogLevel::error, complaint);
  const auto take = [&](const Bytes& octets, const char* which) {
    if (octets.empty()) return false;
    auto image = policy::read_store(octets);
    if (!image) {
      log_.line(LogLevel::error, std::string(which) + " policy store is damaged and is not used: " +
                                     std::string(describe(image.error().code)));
      return false;
    }
    policy::Outcome<> done;
    driver_.with_filter_engine(
        [&](TimePoint now, policy::Engine& engine) { done = policy::restore(engine, now, std::move(*image)); });
    if (done) return true;
    log_.line(LogLevel::error,
              std::string(which) + " policy store is not used: " + std::string(policy::describe(done.error().code)));
    return false;
  };
  const bool unreadable = !stored.complaints.empty();
  if (take(stored.newest, "the newest")) {
    stored_ = stored.newest;
  } else if (take(stored.previous, "the previous")) {
    stored_ = stored.previous;
    log_.line(LogLevel::error, "the policy of the store before the newest is in force");
  } else if (!stored.newest.empty() || !stored.previous.empty() || unreadable) {
    driver_.with_filter_engine([](TimePoint now, policy::Engine& engine) { seal(now, engine); });
    log_.line(LogLevel::error, "no policy store can be read: the filter engine blocks everything");
  }
  seen_ = driver_.filter_engine().snapshot()->generation;
  seen_settings_ = driver_.filter_engine().settings_generation();
  return !stored.newest.empty() && stored_ != stored.newest;
}

policy::Outcome<policy::SessionId> PolicyService::own_session() {
  if (session_ != 0) return session_;
  policy::SessionRequest request;
  request.display.name = "sallyport events";
  request.trusted = true;
  SP_TRY(session_, driver_.filter_engine().open(std::move(request)));
  return session_;
}

policy::Outcome<std::vector<std::shared_ptr<const policy::NetEvent>>> PolicyService::net_events() {
  SP_TRY(const policy::SessionId session, own_session());
  return driver_.filter_engine().net_events(session, {});
}

void PolicyService::watch_net_events(std::function<void(const policy::NetEvent&)> on_event) {
  const bool watches = static_cast<bool>(on_net_event_);
  on_net_event_ = std::move(on_event);
  const auto session = own_session();
  if (!watches && session) (void)driver_.filter_engine().subscribe(*session, policy::NetEventTemplate{});
}

void PolicyService::call(ClientId client, uint64_t id, const ctl::PolicyCall& call) {
  if (!on_dosp || !route_.wants_dosp(client, call.function)) return call_now(client, id, call);
  if (waiting_.size() >= kMostWaiting) {
    server_.reply(client, id, ctl::PolicyAnswer{number(policy::Fwp::NO_SYSTEM_RESOURCES), 0, {}});
    server_.reply(client, id, ctl::Done{});
    return;
  }
  const uint64_t token = ++last_token_;
  waiting_.emplace(token, Waiting{client, id, call});
  on_dosp(token);
}

void PolicyService::dosp_reported(uint64_t token, const std::optional<policy::DospReport>& report) {
  auto waiting = waiting_.extract(token);
  if (waiting.empty()) return;
  route_.set_dosp(report ? &*report : nullptr);
  call_now(waiting.mapped().client, waiting.mapped().id, waiting.mapped().call);
  route_.set_dosp(nullptr);
}

void PolicyService::call_now(ClientId client, uint64_t id, const ctl::PolicyCall& call) {
  const ControlServer::Peer* peer = server_.peer(client);
  if (!peer) return;
  policy::CallRoute::Caller caller;
  caller.token = token_of_peer(*peer, server_.may_operate(client));
  caller.process_id = peer->pid;
  caller.user_name = "uid " + std::to_string(peer->uid);
  driver_.with_filter_engine(
      [&](TimePoint now, policy::Engine&) { route_.call(now, client, id, caller, call.function, call.octets); });
  tell();
}

void PolicyService::closed(ClientId client) {
  std::erase_if(waiting_, [&](const auto& each) { return each.second.client == client; });
  driver_.with_filter_engine([&](TimePoint now, policy::Engine&) { route_.closed(now, client); });
  tell();
}

void PolicyService::tell() {
  while (auto output = route_.poll()) {
    switch (output->kind) {
      case policy::CallRoute::Output::Kind::answer: {
        ctl::Reply reply = ctl::PolicyAnswer{output->code, output->index, std::move(output->octets)};
        server_.reply(output->connection, output->request, reply);
        wipe(std::get<ctl::PolicyAnswer>(reply).octets);  // policies carry pre-shared keys
        if (!output->more) server_.reply(output->connection, output->request, ctl::Done{});
        break;
      }
      case policy::CallRoute::Output::Kind::notice: {
        ctl::Reply reply = ctl::PolicyNotice{std::move(output->octets)};
        server_.reply(output->connection, output->request, reply);
        wipe(std::get<ctl::PolicyNotice>(reply).octets);  // key managers are told keys
        break;
      }
      case policy::CallRoute::Output::Kind::end: server_.reply(output->connection, output->request, ctl::Done{}); break;
    }
  }
  watch_store();
}

void PolicyService::watch_store() {
  const policy::Engine& engine = driver_.filter_engine();
  if (pending_ || !on_store) return;
  if (engine.snapshot()->generation == seen_ && engine.settings_generation() == seen_settings_) return;
  pending_ = true;
  loop_.set_timer(kStoreTimer, monotonic_now() + kStoreAfter, [this] { flush(); });
}

void PolicyService::flush() {
  if (!pending_) return;
  pending_ = false;
  const policy::Engine& engine = driver_.filter_engine();
  seen_ = engine.snapshot()->generation;
  seen_settings_ = engine.settings_generation();
  Bytes octets = policy::write_store(policy::image_of(engine));
  if (octets == stored_) return;
  // An engine that never held anything persistent makes no file.
  if (stored_.empty() && octets.size() <= policy::write_store({}).size()) return;
  stored_ = octets;
  on_store(std::move(octets));
}

}  // namespace sallyport::runtime
