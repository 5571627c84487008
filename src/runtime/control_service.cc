// See control_service.h.
#include "runtime/control_service.h"

#include <algorithm>

#include "runtime/clock.h"
#include "runtime/net_event_report.h"
#include "runtime/policy_report.h"

namespace sallyport::runtime {

ControlService::ControlService(Loop& loop, TraceLog& log, Driver& driver, ControlServer& server, ReportFacts facts)
    : loop_(loop),
      log_(log),
      driver_(driver),
      server_(server),
      facts_(std::move(facts)),
      policy_(loop, log, driver, server) {
  server_.on_request = [this](ClientId client, const ctl::RequestFrame& frame) { serve(client, frame); };
  server_.on_closed = [this](ClientId client) { forget(client); };
  server_.on_audit = [this](const std::string& text) { log_.limited(LogLevel::info, "control", "", text); };
  driver_.on_result = [this](const stack::CommandResult& result) { on_result(result); };
  driver_.on_notice = [this](const stack::Notice& notice) { on_notice(notice); };
  driver_.on_pong = [this](const stack::InnerHost::Pong& pong) {
    const auto at = pings_.find(pong.token);
    if (at == pings_.end() || pong.sequence != at->second.sent) return;  // too late
    ping_answered(
        pong.token,
        {pong.sequence, true, static_cast<uint32_t>(pong.octets), static_cast<uint64_t>(pong.round_trip.count()), {}});
  };
  log_.on_line([this](const PastLine& line) { on_log_line(line); });
}

ControlService::~ControlService() {
  log_.on_line(nullptr);
  driver_.on_result = nullptr;
  driver_.on_notice = nullptr;
  driver_.on_pong = nullptr;
  server_.on_request = nullptr;
  server_.on_closed = nullptr;
  server_.on_audit = nullptr;
}

void ControlService::done(Address to, ctl::ResultCode code, const std::string& sentence) {
  answer(to, ctl::Done{code, sentence, {}, {}});
}

stack::CommandToken ControlService::new_token(Address to) {
  const stack::CommandToken token = next_token_++;
  waiting_.emplace(token, to);
  return token;
}

void ControlService::serve(ClientId client, const ctl::RequestFrame& frame) {
  const Address to{client, frame.id};
  const TimePoint now = monotonic_now();
  if (const auto* call = std::get_if<ctl::PolicyCall>(&frame.request)) return policy_.call(client, frame.id, *call);
  if (const auto* up = std::get_if<ctl::Up>(&frame.request)) return handle(to, *up);
  if (const auto* down = std::get_if<ctl::Down>(&frame.request)) return handle(to, *down);
  if (const auto* rekey = std::get_if<ctl::Rekey>(&frame.request)) return handle(to, *rekey);
  if (const auto* log = std::get_if<ctl::Log>(&frame.request)) return handle(to, *log);
  if (const auto* events = std::get_if<ctl::NetEvents>(&frame.request)) return handle(to, *events);
  if (const auto* ping = std::get_if<ctl::Ping>(&frame.request)) return handle(to, *ping);
  if (const auto* cancel = std::get_if<ctl::Cancel>(&frame.request)) return handle(to, *cancel);
  if (const auto* status = std::get_if<ctl::Status>(&frame.request)) return handle(to, *status);
  if (const auto* explain = std::get_if<ctl::Explain>(&frame.request)) {
    answer(to, make_explain(now, driver_, *explain));
    return done(to, ctl::ResultCode::ok);
  }
  if (const auto* listing = std::get_if<ctl::ListPolicy>(&frame.request)) {
    answer(to, make_policy_listing(driver_, *listing));
    return done(to, ctl::ResultCode::ok);
  }
  if (std::holds_alternative<ctl::Watch>(frame.request)) {
    watchers_.emplace(to, 0);
    return;
  }
  if (std::holds_alternative<ctl::Version>(frame.request)) {
    ctl::VersionReply reply;
    reply.version = facts_.version;
    reply.openssl = facts_.crypto_library;
    reply.build = std::string("C++ compiler ") + __VERSION__;
    answer(to, reply);
    return done(to, ctl::ResultCode::ok);
  }
  if (std::holds_alternative<ctl::Reload>(frame.request) && on_reload) return on_reload(new_token(to));
  if (const auto* check = std::get_if<ctl::Check>(&frame.request); check && on_check) {
    if (check->path.empty() || check->path == facts_.config_file) return on_check(new_token(to));
    return done(to, ctl::ResultCode::usage,
                "the daemon checks only the file it runs with; sallyportd --check --config FILE checks any");
  }
  done(to, ctl::ResultCode::failed, "this daemon does not serve that request");
}

void ControlService::handle(Address to, const ctl::Status& request) {
  if (!request.connection.empty() && !driver_.control().policy()->connection(request.connection)) {
    return done(to, ctl::ResultCode::not_found, "there is no connection \"" + printable(request.connection) + "\"");
  }
  const stack::CommandToken token = new_token(to);
  statuses_.emplace(token, request.connection);
  if (on_guard) return on_guard(token);
  guard_reported(token, {});
}

void ControlService::guard_reported(stack::CommandToken token, const GuardReport& report) {
  const auto status = statuses_.find(token);
  if (status == statuses_.end()) return;
  const std::string connection = std::move(status->second);
  statuses_.erase(status);
  const auto at = waiting_.find(token);
  if (at == waiting_.end()) return;
  const Address to = at->second;
  waiting_.erase(at);
  ctl::StatusReply reply = make_status(monotonic_now(), driver_, facts_, connection);
  add_guard(reply, report);
  answer(to, reply);
  done(to, ctl::ResultCode::ok);
}

void ControlService::handle(Address to, const ctl::Up& request) {
  const stack::CommandToken token = new_token(to);
  if (request.wait <= Duration::zero()) {
    driver_.command(stack::UpCommand{token, request.connection, request.child});
    // What was refused at once has been answered already.
    if (waiting_.erase(token) > 0) done(to, ctl::ResultCode::ok, "negotiation has begun");
    return;
  }
  loop_.set_timer(timer_of(token), monotonic_now() + std::min<Duration>(request.wait, hours(24)),
                  [this, token, request] {
                    const auto at = waiting_.find(token);
                    if (at == waiting_.end()) return;
                    const Address address = at->second;
                    waiting_.erase(at);
                    answer(address, make_not_up(driver_, request.wait, request.connection, request.child));
                  });
  driver_.command(stack::UpCommand{token, request.connection, request.child});
}

void ControlService::handle(Address to, const ctl::Down& request) {
  driver_.command(stack::DownCommand{new_token(to), request.connection, request.child, request.ike_id});
}

void ControlService::handle(Address to, const ctl::Rekey& request) {
  driver_.command(stack::RekeyCommand{new_token(to), request.connection, request.child, request.spi});
}

void ControlService::handle(Address to, const ctl::Log& request) {
  LogLevel level = driver_.settings().daemon.log.level;
  if (!request.level.empty()) {
    const auto named = config::log_level_from(request.level);
    if (!named) return done(to, ctl::ResultCode::usage, "there is no log level \"" + printable(request.level) + "\"");
    level = *named;
  }
  std::vector<const PastLine*> lines;
  for (const auto& line : log_.past()) {
    if (line.level <= level) lines.push_back(&line);
  }
  const size_t first = lines.size() > request.lines ? lines.size() - request.lines : 0;
  for (size_t i = first; i < lines.size(); ++i) {
    answer(to,
           ctl::LogLine{lines[i]->unix_milliseconds, std::string(config::to_string(lines[i]->level)), lines[i]->text});
  }
  if (!request.follow) return done(to, ctl::ResultCode::ok);
  followers_[to] = level;
}

void ControlService::handle(Address to, const ctl::NetEvents& request) {
  if (!server_.may_operate(to.client))
    return done(to, ctl::ResultCode::failed, "net events are for administrators of this host");
  const auto kept = policy_.net_events();
  if (!kept) return done(to, ctl::ResultCode::failed, std::string(policy::describe(kept.error().code)));
  for (const auto& event : *kept) answer(to, make_net_event(*event));
  if (!request.follow) return done(to, ctl::ResultCode::ok);
  policy_.watch_net_events([this](const policy::NetEvent& event) {
    const auto followers = event_followers_;  // a reply may close a client and change the map
    for (const auto& [follower, unused] : followers) answer(follower, make_net_event(event));
  });
  event_followers_.emplace(to, 0);
}

void ControlService::handle(Address to, const ctl::Cancel& request) {
  const Address target{to.client, request.id};
  const bool stream = watchers_.erase(target) + followers_.erase(target) + event_followers_.erase(target) > 0;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (at->second == target) {
      pings_.erase(at->first);
      at = waiting_.erase(at);
      done(target, ctl::ResultCode::failed, "cancelled");
    } else {
      ++at;
    }
  }
  if (stream) done(target, ctl::ResultCode::ok);
  done(to, ctl::ResultCode::ok);
}

void ControlService::handle(Address to, const ctl::Ping& request) {
  if (request.count == 0 || request.count > 65535) {
    return done(to, ctl::ResultCode::usage, "a ping sends between 1 and 65535 packets");
  }
  const stack::CommandToken token = new_token(to);
  pings_[token].request = request;
  ping_next(token);
}

void ControlService::ping_next(uint64_t token) {
  const auto at = pings_.find(token);
  const auto to = waiting_.find(token);
  if (at == pings_.end() || to == waiting_.end()) return;
  Pinging& ping = at->second;
  if (ping.sent == ping.request.count) {
    const Address address = to->second;
    const bool any = ping.answered > 0;
    const std::string sentence = std::to_string(ping.answered) + " of " + std::to_string(ping.sent) + " answered";
    pings_.erase(at);
    waiting_.erase(to);
    return done(address, any ? ctl::ResultCode::ok : ctl::ResultCode::timeout, sentence);
  }
  const uint32_t sequence = ++ping.sent;
  ping.waiting = true;
  const auto timeout = ping.request.timeout;
  auto begun = driver_.ping(token, ping.request.address, static_cast<uint16_t>(sequence), ping.request.size);
  if (!begun) {
    const Address address = waiting_.at(token);
    pings_.erase(token);
    waiting_.erase(token);
    const std::string why =
        begun.error().code == Errc::unsupported
            ? "only the internal device pings; with a TUN device use the system's ping"
            : "cannot ping " + ping.request.address.to_string() + ": " + std::string(describe(begun.error().code));
    return done(address, ctl::ResultCode::usage, why);
  }
  if (!pings_.contains(token) || !pings_.at(token).waiting || pings_.at(token).sent != sequence)
    return;  // answered in the call
  loop_.set_timer(timer_of(token), monotonic_now() + timeout, [this, token, sequence] {
    if (pings_.contains(token)) ping_answered(token, {sequence, false, 0, 0, "no answer in time"});
  });
}

void ControlService::ping_answered(uint64_t token, ctl::PingAnswer result) {
  const auto to = waiting_.find(token);
  if (to == waiting_.end()) return;
  Pinging& ping = pings_.at(token);
  if (!ping.waiting) return;
  ping.waiting = false;
  if (result.answered) ++ping.answered;
  answer(to->second, result);
  const Duration pause = ping.sent == ping.request.count || !result.answered ? Duration::zero() : ping.request.interval;
  loop_.set_timer(timer_of(token), monotonic_now() + pause, [this, token] { ping_next(token); });
}

void ControlService::on_result(const stack::CommandResult& result) {
  const auto at = waiting_.find(result.token);
  if (at == waiting_.end()) return;
  const Address to = at->second;
  waiting_.erase(at);
  loop_.set_timer(timer_of(result.token), std::nullopt, {});
  const auto code = result.error ? ctl::result_code(*result.error) : ctl::ResultCode::ok;
  answer(to, ctl::Done{code, result.sentence, result.ours, result.peers});
}

void ControlService::on_notice(const stack::Notice& notice) {
  if (watchers_.empty()) return;
  const ctl::Event event = make_event(wall_microseconds() / 1000, notice);
  const auto watchers = watchers_;  // a reply may close a client and change the map
  for (const auto& [to, unused] : watchers) answer(to, event);
}

void ControlService::on_log_line(const PastLine& line) {
  const auto followers = followers_;
  for (const auto& [to, level] : followers) {
    if (line.level <= level) {
      answer(to, ctl::LogLine{line.unix_milliseconds, std::string(config::to_string(line.level)), line.text});
    }
  }
}

void ControlService::reload_failed(stack::CommandToken token, const std::string& sentence) {
  on_result({token, Errc::bad_config, sentence, {}, {}});
}

void ControlService::checked(stack::CommandToken token, const ctl::CheckReply& reply) {
  const auto at = waiting_.find(token);
  if (at == waiting_.end()) return;
  const Address to = at->second;
  waiting_.erase(at);
  answer(to, reply);
  done(to, reply.problems.empty() ? ctl::ResultCode::ok : ctl::ResultCode::failed,
       reply.problems.empty() ? "the configuration is good" : "the configuration has errors");
}

void ControlService::forget(ClientId client) {
  policy_.closed(client);
  std::erase_if(watchers_, [&](const auto& row) { return row.first.client == client; });
  std::erase_if(followers_, [&](const auto& row) { return row.first.client == client; });
  std::erase_if(event_followers_, [&](const auto& row) { return row.first.client == client; });
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (at->second.client == client) {
      pings_.erase(at->first);
      at = waiting_.erase(at);
    } else {
      ++at;
    }
  }
}

}  // namespace sallyport::runtime
