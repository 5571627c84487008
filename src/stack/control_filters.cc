// What the filter engine means for the keying half: snapshots that are taken up, and the negotiations that filters ask
// for. One negotiation for a pair of hosts at a time; one that failed is not tried again at once, whatever new flows
// ask (MS-IKEE 3.3: a negative cache beside the flag of each flow).
#include <algorithm>

#include "stack/control.h"
#include "stack/filter_flows.h"
#include "stack/net_events.h"
#include "stack/peer_names.h"
#include "stack/socket_filters.h"

namespace sallyport::stack {

namespace {

constexpr uint64_t kNobody = 1, kFirstUser = 2;

std::string pair_text(const FilterKeying::Wanted& wanted) {
  return wanted.local.to_string() + " and " + wanted.remote.to_string();
}

// As number_of_user() counts them: 1 has no certificate of its own.
std::optional<model::LocalUser> user_numbered(const model::IkePolicySet& policy, uint64_t number) {
  for (const auto& each : policy.users)
    if (number == uint64_t{each.uid} + kFirstUser) return each.user;
  return std::nullopt;
}

// IKE SAs for accounts that have another certificate by now, or none.
template <class Authenticated>
std::vector<model::IkeId> of_former_users(const std::map<model::IkeId, Authenticated>& known,
                                          const ike::Endpoint& endpoint, const model::IkePolicySet& policy) {
  std::vector<model::IkeId> out;
  for (const auto& [id, peer] : known) {
    if (peer.own_user < kFirstUser) continue;
    const auto user = user_numbered(policy, peer.own_user);
    const auto* credential = user ? policy.credential(user->credential) : nullptr;
    const auto sa = endpoint.status(id);
    const bool proved = sa && sa->local_user_proof && credential != nullptr && !credential->chain.empty();
    const bool same =
        credential != nullptr && (!proved || sa->local_user_proof->certificate == credential->chain.front());
    if (!same) out.push_back(id);
  }
  return out;
}

// Of the user whom the IKE SA is for.
std::string credential_of(const FilterKeying::Wanted& wanted, const FilterKeying& keying) {
  if (wanted.user) return wanted.user->credential;
  const auto* connection = keying.connection(wanted.connection);
  return connection != nullptr && connection->local_user ? connection->local_user->credential : std::string();
}

}  // namespace

void Control::take_up(TimePoint now, std::shared_ptr<const policy::Snapshot> snapshot) {
  filters_ = std::move(snapshot);
  // Packets first: what the new policy protects is not sent by the old one in between.
  const bool written = connections_written_ != 0 && connections_written_ <= filters_->generation;
  if (written) {
    connections_written_ = 0;
    connection_spd_ = std::make_shared<const ConnectionSpd>(stack::connection_spd(*filters_));
  }
  outputs_.emplace_back(DataplaneCommand{SetFilters{filters_, connection_spd_}});
  // Behind the filters, which know what prevails over an entry.
  if (written) outputs_.emplace_back(DataplaneCommand{SetSpd{connection_spd_->entries}});
  direct_.filters_changed(*filters_);
  give_policy(now);
  tell_host_filters();
}

void Control::tell_host_filters() {
  HostFilters rules = host_filters(*filters_, settled_.traffic());
  if (rules == host_filters_) return;
  host_filters_ = rules;
  outputs_.emplace_back(std::move(rules));
}

// Where negotiation discovery takes clear packets, those of this SA are not taken for ever.
void Control::settle_later(TimePoint now, const model::SaSpec& sa) {
  const Duration after = keying_.clear_timeout(sa.connection, sa.child);
  if (after != Duration::zero()) settled_.add(now, sa.child_id, {sa.ts_local, sa.ts_remote}, after, sa.replaces);
}

// The endpoint's policy is the configuration's connections and those that the filters amount to.
void Control::give_policy(TimePoint now) {
  const auto before = keying_.connections();
  auto all = std::make_shared<model::IkePolicySet>(*connections_.policy());
  // Before anything asks for them.
  if (PolicySecrets secrets = policy_secrets(*filters_); !(secrets == secrets_)) {
    secrets_ = std::move(secrets);
    outputs_.emplace_back(secrets_);
  }
  add_credentials(secrets_, *all);
  keying_.set(filters_, *connections_.policy());
  all->trust.insert(all->trust.end(), keying_.trust().begin(), keying_.trust().end());
  all->connections.insert(all->connections.end(), keying_.connections().begin(), keying_.connections().end());
  std::shared_ptr<const FilterAuthorization> authorization;
  if (!filters_->banks(policy::Layer::KM_AUTHORIZATION).empty())
    authorization = std::make_shared<const FilterAuthorization>(filters_, keying_.policy_keys());
  all->authorization = authorization;
  end_changed_connections(now, before);
  const std::shared_ptr<const model::IkePolicySet> policy = std::move(all);
  endpoint_.handle_command(now, ike::SetPolicy{policy});
  if (authorization) end_unauthorized(now, *authorization, *policy);
  for (const model::IkeId id : of_former_users(machines_, endpoint_, *policy))
    endpoint_.handle_command(now, ike::Terminate{{}, {}, id});
  // What was refused by the old policy may be possible by the new one.
  std::erase_if(negotiations_, [](const auto& each) { return !each.second.under_way; });
}

std::optional<std::string> Control::set_configured_filters(TimePoint now, FilterObjects objects) {
  // A host without filters has no session either.
  if (objects.empty() && configuration_session_ == 0) return std::nullopt;
  if (configuration_session_ == 0) {
    policy::SessionRequest request;
    request.display = {"configuration", {}};
    request.txn_wait_timeout_ms = policy::kInfinite;
    request.trusted = true;
    const auto opened = engine_.open(request);
    if (!opened) return std::string(policy::describe(opened.error().code));
    configuration_session_ = *opened;
  }
  if (configured_later_) {
    configured_later_ = std::move(objects);
    return std::nullopt;
  }
  const auto began = engine_.begin(now, configuration_session_, policy::TxnMode::read_write);
  if (!began)
    return "the filter engine does not take the configuration: " + std::string(policy::describe(began.error().code));
  if (*began == policy::Began::waiting) {
    configured_later_ = std::move(objects);
    return std::nullopt;
  }
  return write_configured_filters(now, objects);
}

std::optional<std::string> Control::write_configured_filters(TimePoint now, const FilterObjects& objects) {
  auto done = reconcile(engine_, configuration_session_, objects);
  if (done) done = engine_.commit(now, configuration_session_);
  if (done) {
    connections_written_ = engine_.snapshot()->generation;
    return std::nullopt;
  }
  (void)engine_.abort(now, configuration_session_);
  return "the filter engine refuses the configuration, and the filters stay as they were: " +
         std::string(policy::describe(done.error().code));
}

void Control::tell_filters_refused(const std::string& sentence) {
  outputs_.emplace_back(Notice{Notice::Kind::attempt_failed, {}, {}, Errc::bad_config, sentence, {}, {}});
}

// Whom the policy of today would not let in does not stay either.
void Control::end_unauthorized(TimePoint now, const FilterAuthorization& authorization,
                               const model::IkePolicySet& policy) {
  for (const ike::IkeSaStatus& sa : endpoint_.status()) {
    if (sa.remote_identity.empty()) continue;  // not authenticated: asked then
    const auto* connection = policy.connection(sa.connection);
    if (connection == nullptr) continue;
    auto why = authorization.refusal(sa.remote_identity, sa.connection, connection->remote_auth.kind, sa.initiator);
    if (!why && !sa.remote_user.empty())
      why = authorization.refusal(sa.remote_user, sa.connection, model::AuthPolicy::Kind::cert, sa.initiator, true);
    if (!why) continue;
    outputs_.emplace_back(Notice{Notice::Kind::attempt_failed,
                                 sa.connection,
                                 {},
                                 Errc::permission,
                                 "the IKE SA with " + shown_identity(sa.remote_identity) + " has to end: " + *why,
                                 {},
                                 {}});
    endpoint_.handle_command(now, ike::Terminate{sa.connection, {}, sa.ike_id});
  }
}

// SAs go with the filter that they belong to. Numbers of filters are never used twice, so a name means one policy.
void Control::end_changed_connections(TimePoint now, const std::vector<model::ConnectionPolicy>& before) {
  const auto& after = keying_.connections();
  for (const auto& old : before) {
    const auto same = std::find_if(after.begin(), after.end(), [&](const auto& c) { return c.name == old.name; });
    auto without_children = old;
    if (same != after.end()) without_children.children = same->children;
    if (same == after.end() || without_children != *same) {
      endpoint_.handle_command(now, ike::Terminate{old.name, {}, std::nullopt});
      continue;
    }
    std::map<std::string_view, const model::ChildPolicy*> kept;
    for (const auto& child : same->children) kept.emplace(child.name, &child);
    for (const auto& child : old.children) {
      const auto at = kept.find(child.name);
      if (at == kept.end() || *at->second != child)
        endpoint_.handle_command(now, ike::Terminate{old.name, child.name, std::nullopt});
    }
  }
}

void Control::release_held(uint32_t held_as, bool send) {
  outputs_.emplace_back(send ? DataplaneCommand{ReleaseHeld{held_as}} : DataplaneCommand{ForgetHeld{held_as}});
}

void Control::place_socket(const HostFlow& flow, std::shared_ptr<const SocketGroup> group) {
  outputs_.emplace_back(DataplaneCommand{PlaceSocket{flow, std::move(group)}});
}

void Control::forget_socket(const HostFlow& flow, uint64_t group) {
  outputs_.emplace_back(DataplaneCommand{ForgetSocket{flow, group}});
}

void Control::acquire_for_filter(TimePoint now, const Acquire& event) {
  if (event.filter == kAskForEndpoint) {
    outputs_.emplace_back(EndpointWanted{leaving_flow(event.flow), event.held_as});
    return;
  }
  forget_old_negotiations(now);
  const auto user = users_by_reqid_.find(event.held_as);
  const auto asked = keying_.look_up(leaving_flow(event.flow), event.filter, event.encrypted);
  if (user == users_by_reqid_.end() && asked && asks_for_user(*asked)) {
    outputs_.emplace_back(EndpointWanted{leaving_flow(event.flow), event.held_as, event});
    return;
  }
  const auto known = negotiations_.find(event.held_as);
  if (known != negotiations_.end() && now < known->second.until) {
    if (!known->second.under_way) outputs_.emplace_back(DataplaneCommand{ForgetHeld{event.held_as}});
    return;
  }
  if (known == negotiations_.end() && negotiations_.size() >= kMostNegotiations) {
    outputs_.emplace_back(DataplaneCommand{ForgetHeld{event.held_as}});
    return;
  }
  Negotiation& negotiation = negotiations_[event.held_as];
  if (direct_.serves(event.filter)) {
    negotiation.wanted = {{}, {}, event.flow.source, event.flow.destination};
    return refuse_filter(now, event.held_as, "the filter has SAs made by hand, and none of them covers this packet");
  }
  const auto& wanted = asked;
  if (!wanted) {
    negotiation.wanted = {{}, {}, event.flow.source, event.flow.destination};
    engine_.record(now, refused_negotiation(leaving_flow(event.flow), wanted.error()));
    if (const auto* filter = filters_->filters_by_id.find(event.filter))
      socket_failures_.note(group_of(**filter).number, event.flow.destination, refusal_code(wanted.error()));
    return refuse_filter(now, event.held_as, wanted.error().sentence);
  }
  negotiation.wanted = *wanted;
  if (user != users_by_reqid_.end()) negotiation.wanted.user = user_numbered(*connections_.policy(), user->second);
  negotiation.under_way = true;
  negotiation.until = now + kNegotiationMost;
  outputs_.emplace_back(Notice{Notice::Kind::acquire,
                               wanted->connection,
                               wanted->child,
                               Errc::state,
                               "traffic from " + event.flow.source.to_string() + " to " +
                                   event.flow.destination.to_string() + " asks for an SA by filter " +
                                   std::to_string(event.filter),
                               {},
                               {}});
  initiate_for_filter(now, FilterKeying::Wanted(negotiation.wanted));
}

void Control::initiate_for_filter(TimePoint now, const FilterKeying::Wanted& wanted) {
  ike::Initiate command{wanted.connection, wanted.child};
  if (!wanted.by_connection) {
    command.local = wanted.local;
    command.remote = wanted.remote;
  }
  command.user = wanted.user;
  endpoint_.handle_command(now, std::move(command));
}

bool Control::asks_for_user(const FilterKeying::Wanted& wanted) const {
  const auto* connection = keying_.connection(wanted.connection);
  return connection != nullptr && connection->users_of_accounts;
}

uint64_t Control::number_of_user(const ike::IkeSaUp& event) const {
  const auto* connection = keying_.connection(event.connection);
  if (!event.initiator || connection == nullptr || !connection->users_of_accounts) return 0;
  for (const auto& each : connections_.policy()->users)
    if (each.user.credential == event.own_user) return uint64_t{each.uid} + kFirstUser;
  return kNobody;
}

uint32_t Control::reqid_of(const model::SaSpec& sa, uint64_t filter, model::IkeId ike, bool encrypted) const {
  const uint32_t out = reqid_of_filter(filter, sa.local.addr, sa.remote.addr, encrypted);
  const auto known = machines_.find(ike);
  const uint64_t user = known != machines_.end() ? known->second.own_user : 0;
  return user != 0 ? reqid_of_user(out, user) : out;
}

// Only a TCP connection is one account's for certain: of other protocols the next packet may be another program's.
void Control::place_user(TimePoint now, const EndpointWanted& wanted, std::optional<uint32_t> uid) {
  constexpr uint8_t kTcp = 6;
  const bool known = uid && wanted.flow.protocol == kTcp &&
                     user_numbered(*connections_.policy(), uint64_t{*uid} + kFirstUser).has_value();
  const uint64_t user = known ? uint64_t{*uid} + kFirstUser : kNobody;
  Acquire event = *wanted.for_user;
  event.held_as = reqid_of_user(reqid_of_filter(event.filter, wanted.flow.local, wanted.flow.remote, true), user);
  if (users_by_reqid_.size() >= kMostNegotiations) users_by_reqid_.clear();
  users_by_reqid_[event.held_as] = user;
  outputs_.emplace_back(DataplaneCommand{PlaceUser{wanted.flow, user}});
  // What left in the clear meanwhile does not ask again by itself.
  const auto asked = keying_.look_up(wanted.flow, event.filter, event.encrypted);
  const bool there = asked && std::any_of(children_.begin(), children_.end(), [&](const auto& each) {
                       const Child& child = each.second;
                       const auto of = machines_.find(child.ike_id);
                       return child.key == Connections::Key{asked->connection, asked->child} &&
                              child.sa.remote.addr == asked->remote && of != machines_.end() &&
                              of->second.own_user == user;
                     });
  if (!there) acquire_for_filter(now, event);
  // Meets the filters again, and waits for that user's SA.
  outputs_.emplace_back(DataplaneCommand{ReleaseHeld{wanted.held_as}});
}

void Control::place_owner(const HostFlow& flow, std::shared_ptr<const SocketOwner> owner) {
  outputs_.emplace_back(DataplaneCommand{PlaceOwner{flow, std::move(owner)}});
}

void Control::refuse_filter(TimePoint now, uint32_t reqid, const std::string& sentence) {
  Negotiation& negotiation = negotiations_[reqid];
  negotiation.under_way = false;
  negotiation.until = now + kNegotiationRetry;
  outputs_.emplace_back(Notice{Notice::Kind::attempt_failed,
                               negotiation.wanted.connection,
                               negotiation.wanted.child,
                               Errc::unsupported,
                               "no SA between " + pair_text(negotiation.wanted) + ": " + sentence,
                               {},
                               {}});
  outputs_.emplace_back(DataplaneCommand{ForgetHeld{reqid}});
}

void Control::end_filter_sas(TimePoint now) {
  for (const auto& connection : keying_.connections())
    endpoint_.handle_command(now, ike::Terminate{connection.name, {}, std::nullopt});
}

// The notice is out already.
void Control::filter_attempt_failed(TimePoint now, const ike::AttemptFailed& event) {
  std::vector<uint32_t> next, again;
  for (auto& [reqid, negotiation] : negotiations_) {
    const FilterKeying::Wanted& wanted = negotiation.wanted;
    if (!negotiation.under_way || wanted.connection != event.connection) continue;
    if (event.remote && !wanted.by_connection && wanted.remote != *event.remote) continue;
    if (event.remote && credential_of(wanted, keying_) != event.own_user) continue;
    if (!event.child.empty() && wanted.child != event.child) continue;
    if (const std::string esp = keying_.without_ah(wanted.connection, wanted.child);
        !esp.empty() && event.code == Errc::no_proposal_chosen) {
      // RFC 7296 2.23: proposals of AH are passed over where there is a NAT.
      negotiation.wanted.child = esp;
      again.push_back(reqid);
      continue;
    }
    if (!negotiation.wanted.others.empty()) {
      // Endpoints of a tunnel are tried in their order. Not from within the table: what comes of it may change it.
      next.push_back(reqid);
      continue;
    }
    negotiation.under_way = false;
    socket_failures_.note(socket_group_of(wanted.connection, wanted.child), wanted.remote, ipsec_error(event.code));
    // A peer that says no may be about to say yes, when its server listens; one that is not there is not.
    const Duration pause = event.code == Errc::timeout
                               ? kNegotiationRetry
                               : kNegotiationRetryFirst * (1u << std::min(negotiation.failures++, 10u));
    negotiation.until = now + std::min<Duration>(pause, kNegotiationRetry);
    outputs_.emplace_back(DataplaneCommand{ForgetHeld{reqid}});
  }
  for (const uint32_t reqid : again) initiate_for_filter(now, FilterKeying::Wanted(negotiations_[reqid].wanted));
  for (const uint32_t reqid : next) {
    FilterKeying::Wanted& wanted = negotiations_[reqid].wanted;
    wanted.remote = wanted.others.front();
    wanted.others.erase(wanted.others.begin());
    initiate_for_filter(now, FilterKeying::Wanted(wanted));
  }
}

void Control::forget_old_negotiations(TimePoint now) {
  if (negotiations_.size() < kMostNegotiations / 2) return;
  std::erase_if(negotiations_, [&](const auto& each) { return each.second.until <= now; });
}

// The SA of a filter gets the reqid that the data plane looks for, whoever initiated; what it is worth (encryption or
// authentication alone) decides which of the two.
void Control::prepare_filter_sa(ike::ChildSaReady& event, InstallSa& install, std::optional<uint32_t>& also_release) {
  model::SaSpec& sa = event.sa;
  const uint64_t filter = keying_.filter_of(sa.connection, sa.child);
  if (filter == 0) return;
  install.of_filter = true;
  if (const auto known = machines_.find(event.ike_id); known != machines_.end()) {
    install.machine = known->second.machine;
    install.user = known->second.user;
  }
  install.tunnel = keying_.tunnel_of(sa.connection, sa.child);
  if (install.tunnel != 0) {
    sa.reqid = reqid_of_tunnel(install.tunnel);
    negotiations_.erase(sa.reqid);
    return;
  }
  socket_failures_.forget(socket_group_of(sa.connection, sa.child), sa.remote.addr);
  const bool encrypted = encrypts(sa);
  const uint32_t held_as = reqid_of(sa, filter, event.ike_id, true);
  sa.reqid = encrypted ? held_as : reqid_of(sa, filter, event.ike_id, false);
  // Nothing of ours can ask for an SA with such a peer; its flows are answered by the SAs they came by.
  if (const auto client = nat_clients_.find(event.ike_id); client != nat_clients_.end() && sa.udp_encap) {
    sa.reqid = reqid_of_nat_client(sa.reqid, client->second);
    install.nat_client = true;
  }
  if (answer_for_sockets(sa, install) || install.nat_client) return;
  if (!encrypted && sa.outbound_ready) also_release = held_as;
  if (encrypted || !sa.child.ends_with("-encrypted")) negotiations_.erase(held_as);
}

uint64_t Control::socket_group_of(const std::string& connection, const std::string& child) const {
  const auto* filter = filters_->filters_by_id.find(keying_.filter_of(connection, child));
  return filter == nullptr ? 0 : group_of(**filter).number;
}

std::set<uint64_t> Control::groups_with_sas() const {
  std::set<uint64_t> out;
  for (const auto& [id, child] : children_) out.insert(socket_group_of(child.key.connection, child.key.child));
  return out;
}

// Two users of the peer's host may have asked this host, each by an SA of its own: what comes by one of them is not
// answered by the other. True: nothing of ours waits for this SA.
bool Control::answer_for_sockets(model::SaSpec& sa, InstallSa& install) {
  install.group = socket_group_of(sa.connection, sa.child);
  if (install.group == 0 && install.user == nullptr) return false;
  if (sa.replaces) {
    const auto before = answering_.find(*sa.replaces);
    if (before == answering_.end()) return false;
    sa.reqid = before->second;
  } else {
    if (!sa.asked_by_peer) return false;
    sa.reqid = reqid_of_answers(sa.reqid, sa.child_id);
  }
  install.answered = true;
  answering_[sa.child_id] = sa.reqid;
  return true;
}

}  // namespace sallyport::stack
