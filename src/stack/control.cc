// Control: commands in, machine driven, outputs in order. What the events of the keying module mean is in
// control_events.cc.
#include "stack/control.h"

#include <algorithm>

namespace sallyport::stack {

Control::Control(ike::Config config, Rng& rng)
    : engine_(rng), filters_(engine_.snapshot()), endpoint_(config, rng), direct_(endpoint_, rng, config.natt_port) {}

void Control::handle_datagram(TimePoint now, const ike::Datagram& in) {
  endpoint_.handle_datagram(now, in);
  drain(now);
}

void Control::handle_reply(TimePoint now, model::RequestId id, model::KeyReply reply) {
  endpoint_.handle_reply(now, id, std::move(reply));
  drain(now);
}

void Control::handle_dataplane_event(TimePoint now, DataplaneEvent event) {
  std::visit([&](auto& e) { apply(now, e); }, event);
  drain(now);
}

void Control::handle_command(TimePoint now, ControlCommand command) {
  std::visit([&](const auto& c) { apply(now, c); }, command);
  drain(now);
}

void Control::handle_deadline(TimePoint now) {
  endpoint_.handle_deadline(now);
  engine_.handle_deadline(now);
  forget_old_negotiations(now);
  direct_.handle_deadline(now);
  if (settled_.handle_deadline(now)) tell_host_filters();
  for (const Connections::Key& key : connections_.take_due(now)) initiate(now, key);
  for (auto& [id, keepalive] : keepalives_) {
    if (keepalive.next > now) continue;
    keepalive.next = now + keepalive.interval;
    outputs_.emplace_back(NatKeepalive{keepalive.local, keepalive.remote});
  }
  drain(now);
}

std::optional<ControlOutput> Control::poll(TimePoint now) {
  if (outputs_.empty()) drain(now);
  if (outputs_.empty()) return std::nullopt;
  ControlOutput out = std::move(outputs_.front());
  outputs_.pop_front();
  return out;
}

std::optional<TimePoint> Control::next_deadline() const {
  std::optional<TimePoint> first = endpoint_.next_deadline();
  const auto sooner = [&](std::optional<TimePoint> at) {
    if (at && (!first || *at < *first)) first = at;
  };
  sooner(connections_.next_deadline());
  sooner(engine_.next_deadline());
  sooner(direct_.next_deadline());
  sooner(settled_.next_deadline());
  for (const auto& [id, keepalive] : keepalives_) sooner(keepalive.next);
  return first;
}

std::vector<ConnectionStatus> Control::connections() const {
  std::vector<ConnectionStatus> out;
  for (const auto& connection : connections_.policy()->connections) {
    for (const auto& child : connection.children) {
      const Connections::Key key{connection.name, child.name};
      const auto failure = last_failure_.find(key);
      out.push_back({connection.name, child.name, connections_.state(key), connections_.retry_at(key),
                     failure == last_failure_.end() ? LastFailure{} : failure->second});
    }
  }
  return out;
}

void Control::initiate(TimePoint now, const Connections::Key& key) {
  endpoint_.handle_command(now, ike::Initiate{key.connection, key.child});
}

// Refuses a command that names what is not configured. True: go on.
bool Control::known(CommandToken token, const std::string& connection, const std::string& child) {
  const auto* policy = connections_.policy()->connection(connection);
  if (policy == nullptr) {
    settle({token}, Errc::not_found, "there is no connection \"" + connection + "\"");
    return false;
  }
  const auto named = [&](const auto& c) { return c.name == child; };
  if (child.empty() || std::any_of(policy->children.begin(), policy->children.end(), named)) return true;
  settle({token}, Errc::not_found, "connection \"" + connection + "\" has no child \"" + child + "\"");
  return false;
}

void Control::apply(TimePoint now, const UpCommand& command) {
  if (!known(command.token, command.connection, command.child)) return;
  const auto* policy = connections_.policy()->connection(command.connection);
  if (policy->remote_addrs.empty()) {
    settle({command.token}, Errc::unsupported,
           "connection \"" + command.connection + "\" has no remote address: only the peer can start it");
    return;
  }
  std::vector<Connections::Key> to_start;
  size_t waits = 0;
  for (const auto& child : policy->children) {
    if (!command.child.empty() && child.name != command.child) continue;
    const Connections::Key key{command.connection, child.name};
    if (connections_.want(key, command.token)) to_start.push_back(key);
    if (connections_.state(key) != Connections::State::up) ++waits;
  }
  if (waits == 0) {
    settle({command.token}, std::nullopt, "\"" + command.connection + "\" is up already");
    return;
  }
  up_waits_[command.token] = waits;
  for (const Connections::Key& key : to_start) initiate(now, key);
}

void Control::apply(TimePoint now, const DownCommand& command) {
  if (!known(command.token, command.connection, command.child)) return;
  if (command.ike_id) return down_one(now, command);
  for (const Connections::Key& key : connections_.children_of(command.connection)) {
    if (!command.child.empty() && key.child != command.child) continue;
    const auto waiters = connections_.unwant(key);
    settle(waiters, Errc::state, "taken down by command");
  }
  endpoint_.handle_command(now, ike::Terminate{command.connection, command.child, std::nullopt});
  const std::string what = command.connection + (command.child.empty() ? "" : "/" + command.child);
  settle({command.token}, std::nullopt, "\"" + what + "\" is taken down");
}

void Control::down_one(TimePoint now, const DownCommand& command) {
  const auto all = endpoint_.status();
  const bool there = std::any_of(all.begin(), all.end(), [&](const ike::IkeSaStatus& sa) {
    return sa.ike_id == *command.ike_id && sa.connection == command.connection;
  });
  const std::string number = std::to_string(*command.ike_id);
  if (!there) {
    settle({command.token}, Errc::not_found, "\"" + command.connection + "\" has no IKE SA " + number);
    return;
  }
  endpoint_.handle_command(now, ike::Terminate{command.connection, command.child, command.ike_id});
  settle({command.token}, std::nullopt, "IKE SA " + number + " of \"" + command.connection + "\" is taken down");
}

bool Control::stands(const Connections::Key& key) const {
  return std::any_of(children_.begin(), children_.end(), [&](const auto& row) {
    return row.second.key.connection == key.connection && (key.child.empty() || row.second.key.child == key.child);
  });
}

void Control::apply(TimePoint now, const RekeyCommand& command) {
  // What filters asked for has names too, which are not of the configuration.
  if (!keying_.owns(command.connection) && !known(command.token, command.connection, command.child)) return;
  if (!stands({command.connection, command.child})) {
    settle({command.token}, Errc::not_found, "\"" + command.connection + "\" is not up");
    return;
  }
  if (command.child.empty() && !command.spi) {
    endpoint_.handle_command(now, ike::RekeyIke{command.connection});
  } else {
    endpoint_.handle_command(now, ike::RekeyChild{command.connection, command.child, command.spi});
  }
  settle({command.token}, std::nullopt, "rekey started");
}

void Control::apply(TimePoint now, const ReloadCommand& command) {
  const Connections::Changes changes = connections_.set_policy(command.policy);
  const auto refused = set_configured_filters(now, configured_objects(command.filters, command.policy->connections));
  if (refused) tell_filters_refused(*refused);
  for (const std::string& connection : changes.gone)
    endpoint_.handle_command(now, ike::Terminate{connection, {}, std::nullopt});
  // Packets go first: what is protected by the new policy is not sent in clear in between.
  drain_engine(now);
  give_policy(now);
  settle(changes.abandoned, Errc::state, "the configuration of the connection was changed meanwhile");
  for (const Connections::Key& key : changes.start) initiate(now, key);
  outputs_.emplace_back(Notice{Notice::Kind::reloaded, {}, {}, Errc::state, "configuration loaded", {}, {}});
  if (command.token == 0) return;
  if (refused) {
    settle({command.token}, Errc::bad_config, *refused);
  } else {
    settle({command.token}, std::nullopt, "configuration loaded");
  }
}

void Control::settle(const std::vector<CommandToken>& tokens, std::optional<Errc> error, const std::string& sentence,
                     const std::string& ours, const std::string& peers) {
  for (const CommandToken token : tokens) {
    const auto waits = up_waits_.find(token);
    // An Up of several children succeeds with the last of them and fails with the first.
    if (waits != up_waits_.end()) {
      if (!error && --waits->second > 0) continue;
      up_waits_.erase(waits);
    }
    outputs_.emplace_back(CommandResult{token, error, sentence, ours, peers});
  }
}

void Control::drain_engine(TimePoint now) {
  while (auto output = engine_.poll()) {
    if (output->kind == policy::EngineOutput::Kind::snapshot_changed) {
      take_up(now, std::move(output->snapshot));
    } else if (output->session == configuration_session_ && configured_later_) {
      const FilterObjects objects = *std::exchange(configured_later_, std::nullopt);
      const bool started = output->kind == policy::EngineOutput::Kind::txn_started;
      const auto refused = started ? write_configured_filters(now, objects)
                                   : std::optional<std::string>("another session kept the filter engine for itself");
      if (refused) tell_filters_refused(*refused);
    } else {
      outputs_.emplace_back(std::move(*output));
    }
  }
}

void Control::note_sa(model::ChildId id, const SaFacts& sa, bool added) {
  if (sa_changes_.size() >= kMostSaChanges) sa_changes_.pop_front();
  sa_changes_.push_back({id, added, sa.local.addr, sa.remote.addr});
}

std::deque<SaChange> Control::take_sa_changes() {
  std::deque<SaChange> out = std::exchange(sa_changes_, {});
  for (SaChange& each : direct_.take_changes()) out.push_back(std::move(each));
  return out;
}

void Control::want_keys(bool wanted) {
  want_keys_ = wanted;
  if (!wanted) keys_.clear();
}

void Control::note_keys(const Connections::Key& key, const model::SaSpec& sa) {
  if (!want_keys_ || keys_.size() >= kMostSaKeys) return;
  const FilterKeying::Origin* origin = keying_.origin_of(key.connection, key.child);
  if (!origin || !gives_keys_away(*filters_, *origin)) return;
  keys_.push_back(
      {sa.child_id, {sa.in.encr.clone(), sa.in.integ.clone()}, {sa.out.encr.clone(), sa.out.integ.clone()}});
}

bool Control::delete_child(TimePoint now, model::ChildId child, bool expire) {
  const auto found = children_.find(child);
  if (found == children_.end()) return false;
  if (expire) found->second.expiring = true;
  endpoint_.handle_command(now, ike::DeleteChild{child});
  drain(now);
  return true;
}

bool Control::delete_ike(TimePoint now, model::IkeId ike) {
  const auto sa = endpoint_.status(ike);
  if (!sa || sa->established == TimePoint{}) return false;
  endpoint_.handle_command(now, ike::Terminate{{}, {}, ike});
  drain(now);
  return true;
}

void Control::drain(TimePoint now) {
  drain_engine(now);
  while (auto command = direct_.poll()) outputs_.emplace_back(std::move(*command));
  while (auto output = endpoint_.poll()) {
    if (auto* datagram = std::get_if<ike::Datagram>(&*output)) {
      outputs_.emplace_back(std::move(*datagram));
    } else if (auto* request = std::get_if<ike::Request>(&*output)) {
      outputs_.emplace_back(std::move(*request));
    } else {
      std::visit([&](auto& event) { on_event(now, event); }, std::get<ike::Event>(*output));
    }
  }
}

}  // namespace sallyport::stack
