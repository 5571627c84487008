// See status_report.h.
#include "runtime/status_report.h"

#include <algorithm>

#include "policy/app_id.h"
#include "runtime/dosp_counters.h"
#include "runtime/policy_report.h"
#include "stack/peer_names.h"

namespace sallyport::runtime {
namespace {

uint64_t whole_seconds(Duration d) {
  return d.count() <= 0 ? 0 : static_cast<uint64_t>(std::chrono::duration_cast<seconds>(d).count());
}

std::vector<std::string> texts(const model::Selectors& selectors) {
  std::vector<std::string> out;
  for (const auto& selector : selectors) out.push_back(selector.to_string());
  return out;
}

std::string_view state_name(stack::Connections::State state) {
  switch (state) {
    case stack::Connections::State::down: return "down";
    case stack::Connections::State::negotiating: return "negotiating";
    case stack::Connections::State::up: return "up";
  }
  return "down";
}

std::string_view start_name(model::ChildPolicy::Start start) {
  switch (start) {
    case model::ChildPolicy::Start::none: return "none";
    case model::ChildPolicy::Start::up: return "up";
    case model::ChildPolicy::Start::route: return "route";
  }
  return "none";
}

ctl::ChildSaEntry child_entry(const std::string& connection, const ike::ChildSaStatus& child,
                              const std::vector<ipsec::SaStatus>& sas) {
  ctl::ChildSaEntry out;
  out.connection = connection;
  out.child = child.child;
  out.state = child.state;
  out.child_id = child.child_id;
  out.spi_in = child.spi_in;
  out.spi_out = child.spi_out;
  out.algorithms = child.chosen;
  out.mode = child.mode;
  out.udp_encap = child.udp_encap;
  out.peer_boundary = child.peer_boundary;
  out.guaranteed_encryption = child.guaranteed_encryption;
  out.protocol = model::to_string(child.protocol);
  out.esn = child.esn;
  out.resource = child.resource;
  out.local = texts(child.ts_local);
  out.remote = texts(child.ts_remote);
  const auto sa = std::find_if(sas.begin(), sas.end(), [&](const auto& s) { return s.child_id == child.child_id; });
  if (sa == sas.end()) return out;
  out.provider = sa->provider;
  out.bytes_in = sa->octets_in;
  out.packets_in = sa->packets_in;
  out.bytes_out = sa->octets_out;
  out.packets_out = sa->packets_out;
  out.installed_seconds = whole_seconds(sa->age);
  return out;
}

ctl::IkeSaEntry ike_entry(TimePoint now, const ike::IkeSaStatus& ike, const std::vector<ipsec::SaStatus>& sas) {
  ctl::IkeSaEntry out;
  out.connection = ike.connection;
  out.state = ike.state;
  out.ike_id = ike.ike_id;
  out.spi_i = ike.spi_i;
  out.spi_r = ike.spi_r;
  out.initiator = ike.initiator;
  out.local = ike.local;
  out.remote = ike.remote;
  out.local_id = stack::shown_identity(ike.local_identity);
  out.remote_id = stack::shown_identity(ike.remote_identity);
  out.local_user = stack::shown_identity(ike.local_user);
  out.remote_user = stack::shown_identity(ike.remote_user);
  out.nat_local = ike.nat_local;
  out.nat_remote = ike.nat_remote;
  out.algorithms = ike.chosen;
  if (ike.established != TimePoint{}) out.established_seconds = whole_seconds(now - ike.established);
  if (ike.rekey_at) out.rekey_in = whole_seconds(*ike.rekey_at - now);
  for (const auto& child : ike.children) out.children.push_back(child_entry(ike.connection, child, sas));
  return out;
}

ctl::ConfiguredConnection configured(TimePoint now, const model::ConnectionPolicy& policy,
                                     const std::vector<stack::ConnectionStatus>& states) {
  ctl::ConfiguredConnection out;
  out.name = policy.name;
  out.local_addrs = policy.local_addrs;
  out.remote_addrs = policy.remote_addrs;
  out.local_id = policy.local_id.to_string();
  if (policy.remote_id) out.remote_id = policy.remote_id->to_string();
  out.proves_user = policy.local_user.has_value();
  if (policy.remote_user) out.remote_user = policy.remote_user->id ? policy.remote_user->id->to_string() : "any";
  out.proposals = model::to_string(policy.ike_proposals);
  out.keep_up = policy.keep_up;
  auto best = stack::Connections::State::down;
  for (const auto& child : policy.children) {
    ctl::ConfiguredChild entry;
    entry.name = child.name;
    entry.start = start_name(child.start);
    entry.local = texts(child.local);
    entry.remote = texts(child.remote);
    entry.proposals = model::to_string(child.proposals);
    entry.state = state_name(stack::Connections::State::down);
    for (const auto& state : states) {
      if (state.connection != policy.name || state.child != child.name) continue;
      entry.state = state_name(state.state);
      best = std::max(best, state.state);
      if (!state.last_failure.sentence.empty()) out.last_error = state.last_failure.sentence;
      if (state.retry_at) out.retry_in = whole_seconds(*state.retry_at - now);
    }
    out.children.push_back(std::move(entry));
  }
  out.state = state_name(best);
  return out;
}

std::vector<ctl::Counter> counters_of(const Driver& driver, const PacketReport& packets) {
  const PacketCounters io = driver.counters();
  const auto& ike = driver.control().ike_counters();
  return {{"datagrams_in", io.datagrams_in},
          {"datagrams_out", io.datagrams_out},
          {"send_refused", io.send_refused},
          {"device_refused", io.device_refused},
          {"not_for_us", io.not_for_us},
          {"no_socket", io.no_socket},
          {"bypass_refused", io.bypass_refused},
          {"handed_over", io.handed_over},
          {"hand_over_full", io.hand_over_full},
          {"ike_dropped", io.ike_dropped},
          {"held_dropped", packets.held_dropped},
          {"ike_datagrams", ike.datagrams},
          {"ike_malformed", ike.malformed},
          {"ike_unknown_spi", ike.unknown_spi},
          {"ike_hints", ike.hints},
          {"ike_hints_followed", ike.hints_followed},
          {"ike_bad_integrity", ike.bad_integrity},
          {"ike_out_of_window", ike.out_of_window},
          {"ike_repeated_requests", ike.repeated_requests},
          {"ike_retransmissions", ike.retransmissions},
          {"ike_cookies_demanded", ike.cookies_demanded},
          {"ike_half_open_refused", ike.half_open_refused},
          {"ike_authentications_postponed", ike.authentications_postponed},
          {"ike_rekeys_postponed", ike.rekeys_postponed},
          {"ike_requests_postponed", ike.requests_postponed},
          {"ike_initiated", ike.initiated},
          {"ike_responded", ike.responded},
          {"ike_established", ike.established},
          {"ike_failed", ike.failed}};
}

ctl::DaemonFacts daemon_facts(TimePoint now, const Driver& driver, const ReportFacts& facts) {
  ctl::DaemonFacts out;
  const auto& settings = driver.settings();
  out.version = facts.version;
  out.pid = facts.pid;
  out.uptime_seconds = whole_seconds(now - facts.started);
  out.config_file = facts.config_file;
  out.ike_port = settings.daemon.ike_port;
  out.natt_port = settings.daemon.natt_port;
  out.split = facts.split;
  const bool tun = settings.device.type == config::DeviceSettings::Type::tun;
  out.device_type = tun ? "tun" : "internal";
  out.device_name = tun ? driver.device_name() : "";
  out.device_mtu = settings.device.mtu;
  for (const auto& address : settings.device.addresses) out.device_addresses.push_back(address.to_string());
  const PacketCounters io = driver.counters();
  out.device_packets_in = io.device_packets_in;
  out.device_packets_out = io.device_packets_out;
  out.native_esp = driver.native_esp();
  out.key_log = driver.key_log();
  return out;
}

}  // namespace

ctl::StatusReply make_status(TimePoint now, const Driver& driver, const ReportFacts& facts,
                             const std::string& connection) {
  ctl::StatusReply out;
  out.daemon = daemon_facts(now, driver, facts);
  const auto states = driver.control().connections();
  for (const auto& policy : driver.control().policy()->connections) {
    if (connection.empty() || policy.name == connection) out.connections.push_back(configured(now, policy, states));
  }
  const PacketReport packets = driver.packets();
  for (const auto& ike : driver.control().ike_sas()) {
    if (connection.empty() || ike.connection == connection) out.ike_sas.push_back(ike_entry(now, ike, packets.sas));
  }
  const auto& drops = packets.drops;
  for (size_t i = 0; i < ipsec::kDropCount; ++i) {
    const auto drop = static_cast<ipsec::Drop>(i);
    if (drops[drop] != 0) out.drops.push_back({std::string(ipsec::to_string(drop)), drops[drop]});
  }
  out.counters = counters_of(driver, packets);
  return out;
}

void add_guard(ctl::StatusReply& status, const GuardReport& report) {
  status.daemon.fail_closed = report.enforced;
  status.daemon.fail_closed_note = report.sentence;
  for (const auto& [name, value] :
       {std::pair("clear_in", report.counters.clear_in), std::pair("clear_out", report.counters.clear_out),
        std::pair("other_family_out", report.counters.other_family_out),
        std::pair("filtered_in", report.counters.filtered_in), std::pair("filtered_out", report.counters.filtered_out),
        std::pair("secured_in", report.counters.secured_in), std::pair("captured_out", report.counters.captured_out)}) {
    status.counters.push_back({name, value});
  }
  if (report.dosp_lost) status.counters.push_back({"dosp_lost", 1});
  if (!report.dosp) return;
  for (const DospCounter& each : kDospCounters)
    status.counters.push_back({std::string("dosp_") + each.name, (*report.dosp).*each.value});
  status.counters.push_back({"dosp_states", report.dosp->current_state_entries});
  status.counters.push_back({"dosp_queues", report.dosp->current_per_ip_queues});
}

ctl::ExplainReply make_explain(TimePoint, const Driver& driver, const ctl::Explain& question) {
  ctl::ExplainReply out;
  const model::FlowKey flow{question.source,      question.destination,      question.protocol,
                            question.source_port, question.destination_port, true};
  stack::SocketOwner owner;
  if (question.uid)
    owner.user = std::make_shared<const policy::Token>(stack::token_of_account(*question.uid, question.gids));
  if (!question.program.empty()) owner.program = policy::app_id_of(question.program);
  explain_packet(driver, flow, &owner, out);
  return out;
}

ctl::Done make_not_up(const Driver& driver, Duration waited, const std::string& connection, const std::string& child) {
  ctl::Done out;
  out.code = ctl::ResultCode::timeout;
  const auto tenths = std::chrono::duration_cast<milliseconds>(waited).count() / 100;
  out.sentence = "\"" + connection + (child.empty() ? "" : "." + child) + "\" is not up after " +
                 std::to_string(tenths / 10) + (tenths % 10 != 0 ? "." + std::to_string(tenths % 10) : "") + " s";
  for (const auto& ike : driver.control().ike_sas()) {
    if (ike.connection != connection || ike.established != TimePoint{}) continue;
    out.sentence += "; no answer from " + ike.remote.to_string() + " so far (IKE SA " + std::to_string(ike.ike_id) +
                    " is " + ike.state + ")";
  }
  for (const auto& state : driver.control().connections()) {
    if (state.connection != connection || (!child.empty() && state.child != child)) continue;
    if (state.state == stack::Connections::State::up || state.last_failure.sentence.empty()) continue;
    out.sentence += "; the last attempt failed: " + state.last_failure.sentence;
    out.ours = state.last_failure.ours;
    out.peers = state.last_failure.peers;
    break;
  }
  return out;
}

ctl::Event make_event(int64_t unix_milliseconds, const stack::Notice& notice) {
  ctl::Event out;
  out.kind = stack::to_string(notice.kind);
  out.unix_milliseconds = unix_milliseconds;
  out.connection = notice.connection;
  out.child = notice.child;
  const bool failed =
      notice.kind == stack::Notice::Kind::attempt_failed || notice.kind == stack::Notice::Kind::ike_down;
  if (failed) out.error = to_string(notice.code);
  out.sentence = notice.sentence;
  out.ours = notice.ours;
  out.peers = notice.peers;
  if (notice.kind == stack::Notice::Kind::ike_state) {
    out.ike_id = notice.ike_id;
    out.row = notice.row;
    out.from = notice.from;
    out.to = notice.to;
  }
  return out;
}

}  // namespace sallyport::runtime
