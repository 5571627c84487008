// The keying half of the daemon as one pure machine: IKE SAs, desired state of connections, waiting commands, NAT
// keepalives. Everything that happens comes in by a handle_ function; everything to be done comes out of poll(), in
// order. House §3. One thread.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/rng.h"
#include "ike/endpoint.h"
#include "policy/engine.h"
#include "stack/connection_spd.h"
#include "stack/connections.h"
#include "stack/direct_sas.h"
#include "stack/explain_filters.h"
#include "stack/filter_keying.h"
#include "stack/filter_settings.h"
#include "stack/key_modules.h"
#include "stack/messages.h"
#include "stack/notice.h"
#include "stack/peer_sid.h"
#include "stack/policy_secrets.h"
#include "stack/sa_facts.h"
#include "stack/sa_tally.h"
#include "stack/socket_failures.h"

namespace sallyport::stack {

// From the control socket. Each is answered by one CommandResult with its token, an `Up` when the tunnel stands or has
// failed.
struct UpCommand {
  CommandToken token = 0;
  std::string connection;
  std::string child;  // empty: every child of the connection
};
struct DownCommand {
  CommandToken token = 0;
  std::string connection;
  std::string child;  // empty: the whole connection
  // Only this IKE SA: the connection stays wanted, and one that is kept up negotiates anew.
  std::optional<model::IkeId> ike_id = std::nullopt;
};
struct RekeyCommand {
  CommandToken token = 0;
  std::string connection;
  std::string child;                             // empty: the IKE SA
  std::optional<model::Spi> spi = std::nullopt;  // inbound SPI of one Child SA, which it names alone
};
struct ReloadCommand {
  CommandToken token = 0;
  std::shared_ptr<const model::IkePolicySet> policy;
  config::FilterPolicy filters = {};
};
using ControlCommand = std::variant<UpCommand, DownCommand, RekeyCommand, ReloadCommand>;

struct CommandResult {
  CommandToken token = 0;
  std::optional<Errc> error;  // nothing: it worked
  std::string sentence;
  std::string ours;
  std::string peers;
};

// RFC 3948 4: one octet 0xFF, without marker.
struct NatKeepalive {
  IpEndpoint local;
  IpEndpoint remote;
};

// A packet waits that may be the first one of a secured socket: whose is it? Answered by Control::release_held; where
// the account of its socket's user is what is asked for, by Control::place_user.
struct EndpointWanted {
  HostFlow flow;
  uint32_t held_as = 0;
  std::optional<Acquire> for_user = std::nullopt;  // what its filter wants an SA for
};

using ControlOutput =
    std::variant<ike::Datagram, ike::Request, ike::KeyLog, DataplaneCommand, NatKeepalive, Notice, CommandResult,
                 PolicySecrets,  // what the key process is to know beside the configuration's secrets
                 EndpointWanted,
                 OwnerWanted,            // to be answered by Control::place_owner
                 HostFilters,            // new rules for the host's packet filter
                 policy::EngineOutput>;  // of the engine: what its sessions are to hear; changed snapshots stay inside

// Why the last attempt at a child did not end with an SA, or why the SA it had is gone. An empty sentence: no failure
// since it last stood.
struct LastFailure {
  Errc code = Errc::state;
  std::string sentence;
  std::string ours;  // what each side wanted, where that is the matter
  std::string peers;
};

struct ConnectionStatus {
  std::string connection;
  std::string child;
  Connections::State state = Connections::State::down;
  std::optional<TimePoint> retry_at;
  LastFailure last_failure;
};

class Control {
 public:
  // How many entries each table holds; a quiet Control holds what its SAs need.
  struct Tables {
    size_t children = 0;
    size_t keepalives = 0;
    size_t ike_connections = 0;
    size_t up_waits = 0;
    size_t negotiations = 0;
    size_t machines = 0;
  };

  Control(ike::Config config, Rng& rng);

  void handle_datagram(TimePoint now, const ike::Datagram& in);
  void handle_reply(TimePoint now, model::RequestId id, model::KeyReply reply);
  void handle_dataplane_event(TimePoint now, DataplaneEvent event);
  void handle_command(TimePoint now, ControlCommand command);
  void handle_deadline(TimePoint now);
  std::optional<ControlOutput> poll(TimePoint now);
  std::optional<TimePoint> next_deadline() const;

  // One Child SA that was negotiated.
  struct Child {
    Connections::Key key;
    model::IkeId ike_id = 0;
    SaFacts sa;
    bool expiring = false;  // its inbound half is to live on for DirectSas::kAfterExpiry when it goes
  };
  const std::map<model::ChildId, Child>& children() const { return children_; }
  const FilterKeying& keying() const { return keying_; }
  const SaTally& tally() const { return tally_; }
  // Deleted here and at the peer. expire: what is on its way to us is taken a while longer. False: there is none.
  bool delete_child(TimePoint now, model::ChildId child, bool expire);
  bool delete_ike(TimePoint now, model::IkeId ike);  // with its Child SAs
  // Since the last call, as far as they are kept.
  std::deque<SaChange> take_sa_changes();
  std::deque<SaEnded> take_ended() { return std::exchange(ended_, {}); }
  // The keys of an SA that was negotiated for a policy that lets key managers have them; nothing while nobody wants
  // them. They are there until they are taken, kMostSaKeys at most.
  struct SaKeys {
    model::ChildId id = 0;
    model::DirectionKeys in, out;
  };
  static constexpr size_t kMostSaKeys = 256;
  void want_keys(bool wanted);
  std::deque<SaKeys> take_keys() { return std::exchange(keys_, {}); }
  DirectSas& direct() { return direct_; }
  const DirectSas& direct() const { return direct_; }
  // What waits under this reqid of an EndpointWanted meets the filters in force, or is dropped.
  void release_held(uint32_t held_as, bool send);
  // A flow is a secured socket's of this group, or of that one no more. Before release_held().
  void place_socket(const HostFlow& flow, std::shared_ptr<const SocketGroup> group);
  void forget_socket(const HostFlow& flow, uint64_t group);
  // The flow is of this account, nothing: of nobody that could be found; the SA of that user is asked for. Requires:
  // wanted.for_user.
  void place_user(TimePoint now, const EndpointWanted& wanted, std::optional<uint32_t> uid);
  // PlaceOwner.
  void place_owner(const HostFlow& flow, std::shared_ptr<const SocketOwner> owner);

  // The group of sockets that a Child SA of this name serves; 0: of none. All groups that have one.
  uint64_t socket_group_of(const std::string& connection, const std::string& child) const;
  // SocketFailures::of().
  uint32_t socket_failure(uint64_t group, const IpAddr& remote) const { return socket_failures_.of(group, remote); }
  std::set<uint64_t> groups_with_sas() const;

  // Before the end: the SAs that filters asked for are deleted at the peers.
  void end_filter_sas(TimePoint now);

  // The filter engine. After a change, poll(): what it says for its sessions comes out there, and a new snapshot is
  // taken up.
  policy::Engine& filter_engine() { return engine_; }
  const policy::Engine& filter_engine() const { return engine_; }
  const std::shared_ptr<const policy::Snapshot>& filters() const { return filters_; }  // in force
  const ConnectionSpd& connection_spd() const { return *connection_spd_; }             // of that
  // A packet that leaves here, and the same one as it would be judged on its arrival, were this the host it is for.
  // owner: whose socket it would be here; nullptr: nobody's.
  FilterExplanation explain_filters(const model::FlowKey& flow, const SocketOwner* owner = nullptr) const {
    return stack::explain_filters(*filters_, *connection_spd_, keying_, leaving_flow(flow), arriving_flow(flow), owner);
  }

  std::vector<ike::IkeSaStatus> ike_sas() const { return endpoint_.status(); }
  std::vector<ConnectionStatus> connections() const;
  Tables tables() const {
    return {children_.size(), keepalives_.size(),   ike_connections_.size(),
            up_waits_.size(), negotiations_.size(), machines_.size()};
  }
  const ike::Endpoint& endpoint() const { return endpoint_; }
  const ike::Counters& ike_counters() const { return endpoint_.counters(); }
  bool proves_identity(const std::string& connection) const { return keying_.proves_identity(connection); }
  const std::shared_ptr<const model::IkePolicySet>& policy() const { return connections_.policy(); }

 private:
  struct Keepalive {
    IpEndpoint local;
    IpEndpoint remote;
    Duration interval{};
    TimePoint next{};
  };

  void apply(TimePoint now, const UpCommand& command);
  void apply(TimePoint now, const DownCommand& command);
  void down_one(TimePoint now, const DownCommand& command);
  void apply(TimePoint now, const RekeyCommand& command);
  void apply(TimePoint now, const ReloadCommand& command);
  void apply(TimePoint now, Acquire& event);
  void apply(TimePoint now, LifetimeReached& event);
  void apply(TimePoint now, FirstInbound& event);
  void apply(TimePoint now, InboundSeenOn& event);
  void apply(TimePoint now, PeerMoved& event);
  void apply(TimePoint now, UnknownSpiSeen& event);
  void apply(TimePoint now, CopyWanted& event);
  void apply(TimePoint now, OwnerWanted& event);
  void apply(TimePoint now, SaEnded& event);
  void apply(TimePoint now, PacketsDropped& event);
  void on_event(TimePoint now, ike::IkeSaUp& event);
  void on_event(TimePoint now, ike::IkeSaDown& event);
  void on_event(TimePoint now, ike::IkeSaRekeyed& event);
  void on_event(TimePoint now, ike::ChildSaOffered& event);
  void on_event(TimePoint now, ike::ChildSaReady& event);
  void on_event(TimePoint now, ike::ChildSaRemoved& event);
  void on_event(TimePoint now, ike::SwitchOutbound& event);
  void on_event(TimePoint now, ike::AttemptFailed& event);
  void on_event(TimePoint now, ike::KeyLog& event);
  void on_event(TimePoint now, ike::RemoteMoved& event);
  void on_event(TimePoint now, ike::StateChanged& event);

  void initiate(TimePoint now, const Connections::Key& key);
  void child_failed(TimePoint now, const Connections::Key& key, const ike::AttemptFailed& why);
  void settle(const std::vector<CommandToken>& tokens, std::optional<Errc> error, const std::string& sentence,
              const std::string& ours = {}, const std::string& peers = {});
  bool known(CommandToken token, const std::string& connection, const std::string& child);
  bool stands(const Connections::Key& key) const;
  void drain(TimePoint now);
  // What filters ask for: control_filters.cc.
  void acquire_for_filter(TimePoint now, const Acquire& event);
  void initiate_for_filter(TimePoint now, const FilterKeying::Wanted& wanted);
  void refuse_filter(TimePoint now, uint32_t reqid, const std::string& sentence);
  void end_unauthorized(TimePoint now, const FilterAuthorization& authorization, const model::IkePolicySet& policy);
  void filter_attempt_failed(TimePoint now, const ike::AttemptFailed& event);
  void note_sa(model::ChildId id, const SaFacts& sa, bool added);
  void note_keys(const Connections::Key& key, const model::SaSpec& sa);
  void prepare_filter_sa(ike::ChildSaReady& event, InstallSa& install, std::optional<uint32_t>& also_release);
  void note_behind_nat(const ike::ChildSaReady& event, InstallSa& install) const;
  bool answer_for_sockets(model::SaSpec& sa, InstallSa& install);
  void give_policy(TimePoint now);
  std::optional<std::string> set_configured_filters(TimePoint now, FilterObjects objects);
  std::optional<std::string> write_configured_filters(TimePoint now, const FilterObjects& objects);
  void end_changed_connections(TimePoint now, const std::vector<model::ConnectionPolicy>& before);
  void forget_old_negotiations(TimePoint now);
  bool asks_for_user(const FilterKeying::Wanted& wanted) const;
  uint64_t number_of_user(const ike::IkeSaUp& event) const;
  uint32_t reqid_of(const model::SaSpec& sa, uint64_t filter, model::IkeId ike, bool encrypted) const;
  void tell_filters_refused(const std::string& sentence);
  void drain_engine(TimePoint now);
  void take_up(TimePoint now, std::shared_ptr<const policy::Snapshot> snapshot);
  void tell_host_filters();
  void settle_later(TimePoint now, const model::SaSpec& sa);
  void note_authenticated(const ike::IkeSaUp& event);

  policy::Engine engine_;
  std::shared_ptr<const policy::Snapshot> filters_;  // the snapshot in force
  // What its filters of connections amount to: looked at again when the configuration has written, as nobody else may.
  std::shared_ptr<const ConnectionSpd> connection_spd_ = std::make_shared<ConnectionSpd>();
  uint64_t connections_written_ = 0;  // generation of the snapshot that is to be looked at; 0: none is
  FilterKeying keying_;
  policy::SessionId configuration_session_ = 0;
  HostFilters host_filters_;  // told last
  SettledPeers settled_;
  PolicySecrets secrets_;                          // told last
  std::optional<FilterObjects> configured_later_;  // while another session writes
  // One for each pair of hosts that a filter has asked for an SA and has none yet, by the reqid that packets wait
  // under.
  struct Negotiation {
    FilterKeying::Wanted wanted;
    bool under_way = false;
    TimePoint until{};  // failed: not tried again before; under way: given up then
    unsigned failures = 0;
  };
  static constexpr size_t kMostNegotiations = 4096;
  // The first pause is over when TCP sends its second SYN; each is twice the one before.
  static constexpr Duration kNegotiationRetry = seconds(10), kNegotiationRetryFirst = milliseconds(900);
  static constexpr Duration kNegotiationMost = minutes(5);
  std::map<uint32_t, Negotiation> negotiations_;
  SocketFailures socket_failures_;
  // Who authenticated an IKE SA of a filter, and for whom of this host it is (reqid_of_user(); 0: for all).
  struct Authenticated {
    std::shared_ptr<const policy::Token> machine, user;
    uint64_t own_user = 0;
  };
  std::map<model::IkeId, Authenticated> machines_;
  // The users that packets wait for, by the reqid that they wait under; one that is forgotten is asked for again.
  std::map<uint32_t, uint64_t> users_by_reqid_;
  // Begun by a peer behind a NAT, where others may be too: the port tells them apart, that of encapsulation when the
  // IKE SA came up, or another one where somebody else has had that.
  std::map<model::IkeId, IpEndpoint> nat_clients_;
  // The reqids of SAs that peers have asked our sockets for: an SA that replaces another one has its.
  std::map<model::ChildId, uint32_t> answering_;
  ike::Endpoint endpoint_;
  DirectSas direct_;
  SaTally tally_;
  Connections connections_;
  std::map<model::ChildId, Child> children_;
  std::deque<SaChange> sa_changes_;
  std::deque<SaEnded> ended_;
  std::deque<SaKeys> keys_;
  bool want_keys_ = false;
  std::map<model::IkeId, Keepalive> keepalives_;
  std::map<model::IkeId, std::string> ike_connections_;
  std::map<CommandToken, size_t> up_waits_;  // how many children an Up still waits for
  std::map<Connections::Key, LastFailure> last_failure_;
  std::deque<ControlOutput> outputs_;
};

}  // namespace sallyport::stack
