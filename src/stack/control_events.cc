// What the events of the keying module and of the data plane mean for connections, commands and the data plane.
#include <algorithm>

#include "stack/control.h"
#include "stack/nat_numbers.h"
#include "stack/net_events.h"
#include "stack/peer_names.h"

namespace sallyport::stack {

void Control::apply(TimePoint now, Acquire& event) {
  ++tally_.of(event.flow.destination.family()).acquires;
  if (event.filter != 0) return acquire_for_filter(now, event);
  const Connections::Key key{event.connection, event.child};
  if (!connections_.on_traffic(key)) return;
  outputs_.emplace_back(Notice{Notice::Kind::acquire,
                               key.connection,
                               key.child,
                               Errc::state,
                               "traffic from " + event.flow.source.to_string() + " to " +
                                   event.flow.destination.to_string() + " asks for this SA",
                               {},
                               {}});
  initiate(now, key);
}

void Control::apply(TimePoint now, LifetimeReached& event) {
  if (direct_.carries(event.child_id)) return direct_.lifetime_reached(event.child_id);
  endpoint_.handle_command(now, ike::ChildLifetime{event.spi_in, event.hard});
}

void Control::apply(TimePoint now, FirstInbound& event) {
  endpoint_.handle_command(now, ike::InboundSeen{event.child_id});
}

void Control::apply(TimePoint now, InboundSeenOn& event) {
  ike::InboundActivity activity;
  for (const model::ChildId id : event.child_ids) {
    const auto found = children_.find(id);
    if (found == children_.end()) continue;
    const model::IkeId ike_id = found->second.ike_id;
    if (std::find(activity.ike_ids.begin(), activity.ike_ids.end(), ike_id) == activity.ike_ids.end())
      activity.ike_ids.push_back(ike_id);
  }
  if (!activity.ike_ids.empty()) endpoint_.handle_command(now, std::move(activity));
}

// Whether the peer is followed is for the keying module to say, which knows who is behind a NAT.
void Control::apply(TimePoint now, PeerMoved& event) {
  const auto found = children_.find(event.child_id);
  if (found == children_.end()) return;
  endpoint_.handle_command(now, ike::PeerSeenAt{found->second.ike_id, event.local, event.remote});
}

void Control::apply(TimePoint now, UnknownSpiSeen& event) {
  endpoint_.handle_command(now, ike::UnknownSpi{event.local, event.remote, event.spi, event.udp, event.octets});
}

void Control::apply(TimePoint, OwnerWanted& event) { outputs_.emplace_back(event); }

void Control::apply(TimePoint now, CopyWanted& event) {
  endpoint_.handle_command(now, ike::WantCopy{event.child_id, event.shard});
}

void Control::apply(TimePoint, SaEnded& event) {
  if (ended_.size() >= kMostSaChanges) ended_.pop_front();
  ended_.push_back(event);
}

void Control::apply(TimePoint now, PacketsDropped& event) { engine_.record(now, std::move(event.event)); }

void Control::on_event(TimePoint now, ike::IkeSaUp& event) {
  SaTally::Modes& modes = tally_.of(event.remote.addr.family());
  ++modes.main_succeeded;
  if (!event.initiator) ++modes.main_responder;
  ike_connections_[event.ike_id] = event.connection;
  note_authenticated(event);
  if (event.nat_remote && !event.initiator) {
    nat_clients_[event.ike_id] = number_of_nat_client(event.remote, nat_clients_, [&](model::IkeId id) {
      const auto sa = endpoint_.status(id);
      return sa && sa->remote == event.remote && sa->remote_identity == event.remote_identity;
    });
  }
  const auto* policy = connections_.policy()->connection(event.connection);
  if (policy == nullptr) policy = keying_.connection(event.connection);
  // RFC 3948 4: the side behind the NAT keeps the mapping alive.
  if (event.nat_local && policy != nullptr && policy->nat_keepalive > Duration::zero())
    keepalives_[event.ike_id] = {event.local, event.remote, policy->nat_keepalive, now + policy->nat_keepalive};
  outputs_.emplace_back(Notice{Notice::Kind::ike_up,
                               event.connection,
                               {},
                               Errc::state,
                               "IKE SA with " + shown_identity(event.remote_identity) +
                                   (event.remote_user.empty() ? "" : ", user " + shown_identity(event.remote_user)) +
                                   " at " + event.remote.to_string() + " is up (" + event.chosen + ")",
                               {},
                               {}});
}

void Control::note_authenticated(const ike::IkeSaUp& event) {
  Authenticated known;
  const auto sa = endpoint_.status(event.ike_id);
  const auto token = [](const std::string& identity, const std::optional<ike::Proof>& proof) {
    const ByteView certificate = proof ? ByteView(proof->certificate) : ByteView();
    return std::make_shared<const policy::Token>(token_of_names(names_of_peer(identity, certificate)));
  };
  if (sa && keying_.proves_identity(event.connection)) known.machine = token(event.remote_identity, sa->remote_proof);
  if (sa && !event.remote_user.empty()) known.user = token(event.remote_user, sa->remote_user_proof);
  known.own_user = number_of_user(event);
  if (known.machine || known.user || known.own_user != 0) machines_[event.ike_id] = std::move(known);
}

void Control::on_event(TimePoint now, ike::IkeSaDown& event) {
  keepalives_.erase(event.ike_id);
  ike_connections_.erase(event.ike_id);
  machines_.erase(event.ike_id);
  nat_clients_.erase(event.ike_id);
  outputs_.emplace_back(Notice{Notice::Kind::ike_down, event.connection, {}, event.code, event.reason, {}, {}});
  for (const Connections::Key& key : connections_.children_of(event.connection)) {
    if (stands(key) || connections_.state(key) != Connections::State::up) continue;
    if (!event.by_command) last_failure_[key] = {event.code, event.reason, {}, {}};
    settle(connections_.on_down(now, key), event.code, event.reason);
  }
}

void Control::on_event(TimePoint, ike::IkeSaRekeyed& event) {
  std::string connection;
  if (const auto old = ike_connections_.find(event.old_id); old != ike_connections_.end()) {
    connection = old->second;
    ike_connections_.erase(old);
    ike_connections_[event.new_id] = connection;
  }
  for (auto& [id, child] : children_) {
    if (child.ike_id == event.old_id) child.ike_id = event.new_id;
  }
  if (auto node = machines_.extract(event.old_id)) {
    node.key() = event.new_id;
    machines_.insert(std::move(node));
  }
  if (auto node = nat_clients_.extract(event.old_id)) {
    node.key() = event.new_id;
    nat_clients_.insert(std::move(node));
  }
  if (auto node = keepalives_.extract(event.old_id)) {
    node.key() = event.new_id;
    keepalives_.insert(std::move(node));
  }
  outputs_.emplace_back(Notice{Notice::Kind::ike_rekeyed, connection, {}, Errc::state, "IKE SA rekeyed", {}, {}});
}

void Control::on_event(TimePoint, ike::ChildSaOffered& event) {
  outputs_.emplace_back(DataplaneCommand{ExpectSa{event.spi_in}});
}

void Control::on_event(TimePoint now, ike::ChildSaReady& event) {
  const Connections::Key key{event.sa.connection, event.sa.child};
  children_[event.sa.child_id] = {key, event.ike_id, facts_of(event.sa, event.group), false};
  note_sa(event.sa.child_id, children_[event.sa.child_id].sa, true);
  last_failure_.erase(key);
  const bool rekeyed = event.sa.replaces.has_value();
  ++tally_.of(event.sa.remote.addr.family()).quick_succeeded;
  ++tally_.added;
  if (rekeyed) ++tally_.rekeyed;
  std::string sentence = model::to_string(event.sa.ts_local) + " === " + model::to_string(event.sa.ts_remote);
  InstallSa install;
  std::optional<uint32_t> also_release;
  prepare_filter_sa(event, install, also_release);
  note_behind_nat(event, install);
  settle_later(now, event.sa);
  note_keys(key, event.sa);
  install.sa = std::move(event.sa);
  outputs_.emplace_back(DataplaneCommand{std::move(install)});
  if (also_release) outputs_.emplace_back(DataplaneCommand{ReleaseHeld{*also_release}});
  outputs_.emplace_back(Notice{rekeyed ? Notice::Kind::child_rekeyed : Notice::Kind::child_up,
                               key.connection,
                               key.child,
                               Errc::state,
                               std::move(sentence),
                               {},
                               {}});
  settle(connections_.on_up(key), std::nullopt, "\"" + key.connection + "/" + key.child + "\" is up");
}

// The SAs of a connection have one reqid, whoever the peer is.
void Control::note_behind_nat(const ike::ChildSaReady& event, InstallSa& install) const {
  const model::SaSpec& sa = event.sa;
  const auto client = nat_clients_.find(event.ike_id);
  if (client == nat_clients_.end() || !sa.udp_encap || sa.mode != model::Mode::transport) return;
  const uint32_t reqid = install.of_filter ? sa.reqid : reqid_of_nat_client(sa.reqid, client->second);
  install.behind_nat = ipsec::NatClient{client->second, reqid, sa.original_source, sa.original_destination};
}

void Control::on_event(TimePoint now, ike::ChildSaRemoved& event) {
  const auto found = children_.find(event.child_id);
  const bool expiring = found != children_.end() && found->second.expiring;
  outputs_.emplace_back(DataplaneCommand{
      RemoveSa{event.child_id, expiring ? std::max(event.linger, DirectSas::kAfterExpiry) : event.linger}});
  answering_.erase(event.child_id);
  settled_.remove(now, event.child_id);
  if (found == children_.end()) return;
  const Connections::Key key = found->second.key;
  note_sa(event.child_id, found->second.sa, false);
  children_.erase(found);
  ++tally_.deleted;
  if (stands(key)) return;
  outputs_.emplace_back(
      Notice{Notice::Kind::child_down, key.connection, key.child, Errc::state, "Child SA is gone", {}, {}});
  settle(connections_.on_down(now, key), Errc::state, "the Child SA was deleted");
}

void Control::on_event(TimePoint, ike::SwitchOutbound& event) {
  outputs_.emplace_back(DataplaneCommand{SwitchSaOutbound{event.child_id}});
}

void Control::on_event(TimePoint now, ike::AttemptFailed& event) {
  outputs_.emplace_back(Notice{Notice::Kind::attempt_failed, event.connection, event.child, event.code, event.sentence,
                               event.ours, event.peers});
  tally_.count_failure(event.remote ? event.remote->family() : Family::v4, event.child.empty(), event.code);
  engine_.record(now, failed_negotiation(event, keying_));
  // What became of the peer's attempt says nothing about ours.
  if (!event.initiated) return;
  if (keying_.owns(event.connection)) return filter_attempt_failed(now, event);
  if (!event.child.empty()) {
    child_failed(now, {event.connection, event.child}, event);
    return;
  }
  for (const Connections::Key& key : connections_.children_of(event.connection)) {
    if (connections_.state(key) == Connections::State::negotiating) child_failed(now, key, event);
  }
}

void Control::child_failed(TimePoint now, const Connections::Key& key, const ike::AttemptFailed& why) {
  last_failure_[key] = {why.code, why.sentence, why.ours, why.peers};
  if (connections_.state(key) != Connections::State::negotiating) return;
  settle(connections_.on_failed(now, key), why.code, why.sentence, why.ours, why.peers);
  const auto* policy = connections_.policy()->connection(key.connection);
  if (policy == nullptr) return;
  for (const auto& child : policy->children) {
    if (child.name == key.child) outputs_.emplace_back(DataplaneCommand{ForgetHeld{child.reqid}});
  }
}

void Control::on_event(TimePoint, ike::KeyLog& event) { outputs_.emplace_back(std::move(event)); }

void Control::on_event(TimePoint, ike::StateChanged& event) {
  Notice notice{Notice::Kind::ike_state, std::move(event.connection), {}, Errc::state, {}, {}, {}};
  notice.sentence = "IKE SA " + std::to_string(event.ike_id) + ": ";
  notice.sentence.append(event.from);
  if (event.to != event.from) notice.sentence.append(" -> ").append(event.to);
  if (!event.why.empty()) notice.sentence.append(" (").append(event.why).append(")");
  if (!event.row.empty()) notice.sentence.append(" by \"").append(event.row).append("\"");
  notice.ike_id = event.ike_id;
  notice.row = event.row;
  notice.from = event.from;
  notice.to = event.to;
  outputs_.emplace_back(std::move(notice));
}

void Control::on_event(TimePoint, ike::RemoteMoved& event) {
  if (auto keepalive = keepalives_.find(event.ike_id); keepalive != keepalives_.end()) {
    keepalive->second.local = event.local;
    keepalive->second.remote = event.remote;
  }
  const auto connection = ike_connections_.find(event.ike_id);
  if (connection != ike_connections_.end()) {
    outputs_.emplace_back(Notice{Notice::Kind::remote_moved,
                                 connection->second,
                                 {},
                                 Errc::state,
                                 "the peer is now at " + event.remote.to_string(),
                                 {},
                                 {}});
  }
  // RFC 7296 2.23: every Child SA of the IKE SA goes with it.
  MoveSa move{{}, event.local, event.remote};
  for (auto& [id, child] : children_) {
    if (child.ike_id != event.ike_id) continue;
    move.child_ids.push_back(id);
    child.sa.local = event.local;
    child.sa.remote = event.remote;
  }
  if (!move.child_ids.empty()) outputs_.emplace_back(DataplaneCommand{std::move(move)});
}

}  // namespace sallyport::stack
