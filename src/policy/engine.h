// The filter engine: sessions, transactions, objects, subscriptions. One writer at a time works on a copy that nobody
// sees until commit; readers keep the snapshot they took, so neither waits for the other. Time comes in with the call;
// what has to be told later comes out of poll(). One thread; snapshots may go to others.
#pragma once
#include <deque>

#include "base/rng.h"
#include "base/time.h"
#include "policy/enumerate.h"
#include "policy/net_event.h"
#include "policy/rules.h"

namespace sallyport::policy {

using SubscriptionId = uint64_t;

struct SessionRequest {
  static constexpr uint32_t kDynamic = 0x1;
  Guid key;  // zero: the engine makes one
  DisplayData display;
  uint32_t flags = 0;
  uint32_t txn_wait_timeout_ms = 0;  // 0: 15 s; kInfinite: for ever
  uint32_t process_id = 0;           // the rest is the caller as its transport knows it
  std::string user_name;
  bool kernel_mode = false;
  Token token;
  bool trusted = false;  // of this process: no access checks
  bool operator==(const SessionRequest&) const = default;
};
inline constexpr uint32_t kInfinite = 0xffffffffu;

struct Added {
  Guid key;
  uint64_t id = 0;
};

enum class TxnMode : uint8_t { read_write, read_only };
enum class Began : uint8_t { started, waiting };

// What the engine has to say.
struct EngineOutput {
  enum class Kind : uint8_t {
    txn_started,       // of a begin() that was told to wait
    txn_timed_out,     // FWP_E_TIMEOUT for that begin()
    snapshot_changed,  // `snapshot` is the policy from here on
    change_notice,     // `change`, for `subscription` of `session`
    net_event,         // `event`, for `subscription` of `session`
  };
  Kind kind = Kind::snapshot_changed;
  SessionId session = 0;
  SubscriptionId subscription = 0;
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const Change> change;
  std::shared_ptr<const NetEvent> event = nullptr;
};

struct Subscription {
  static constexpr uint32_t kOnAdd = 1;
  static constexpr uint32_t kOnDelete = 2;
  ObjectKind kind = ObjectKind::filter;
  uint32_t flags = kOnAdd | kOnDelete;
  std::optional<FilterTemplate> filter;  // of the kind filter
  std::optional<ObjectTemplate> object;  // of the others
};

// FWPM_ENGINE_OPTION.
enum class EngineOption : uint32_t {
  COLLECT_NET_EVENTS,
  NET_EVENT_MATCH_ANY_KEYWORDS,
  NAME_CACHE,
  MONITOR_IPSEC_CONNECTIONS,
  PACKET_QUEUING,
  TXN_WATCHDOG_TIMEOUT_IN_MSEC
};
inline constexpr size_t kEngineOptions = 6;
using EngineOptions = std::array<uint32_t, kEngineOptions>;  // by their numbers

// Besides the objects: the protection of the engine, of containers and of databases, and the options.
struct EngineSettings {
  Containers containers;
  EngineOptions options{1, 0, 0, 0, 0, 0};
  bool operator==(const EngineSettings&) const = default;
};

class Engine {
 public:
  explicit Engine(Rng& rng);  // with the built-in sublayers, callouts and providers

  // Sessions. ALREADY_EXISTS, NULL_DISPLAY_NAME never; ACCESS_DENIED without OPEN.
  Outcome<SessionId> open(SessionRequest request);
  void close(TimePoint now,
             SessionId session);  // rolls back, and takes the objects of a dynamic session with it; unknown: nothing
  void abort_session(TimePoint now, SessionId session);  // the same, but calls still get SESSION_ABORTED until close()
  std::vector<SessionRequest> sessions() const;

  // Transactions.
  Outcome<Began> begin(TimePoint now, SessionId session, TxnMode mode);
  Outcome<> commit(TimePoint now, SessionId session);
  Outcome<> abort(TimePoint now, SessionId session);
  // A change outside a transaction is one of its own. While another session writes it is refused with TIMEOUT: begin()
  // and wait first.
  bool may_write(SessionId session) const { return writer_ == 0 || writer_ == session; }

  Outcome<Added> add(SessionId session, Provider object);
  Outcome<Added> add(SessionId session, SubLayer object);
  Outcome<Added> add(SessionId session, Callout object);
  Outcome<Added> add(SessionId session, ProviderContext object);
  Outcome<Added> add(SessionId session, Filter object);
  Outcome<> remove(SessionId session, ObjectKind kind, const Guid& key);
  Outcome<> remove(SessionId session, ObjectKind kind, uint64_t id);  // callouts, contexts, filters

  // What the session sees: its own transaction, else the newest. Get and enumerate on it (enumerate.h), asking
  // may_read() of each object.
  Outcome<std::shared_ptr<const Snapshot>> view(SessionId session) const;
  Outcome<> may_read(SessionId session, ObjectKind kind, const ObjectHead& head) const;
  // A right on the container of that kind, or on the engine itself: ACCESS_DENIED.
  Outcome<> may(SessionId session, std::optional<ObjectKind> container, uint32_t right) const;
  std::shared_ptr<const Snapshot> snapshot() const { return current_; }

  // Security. An absent key means the container. TXN_IN_PROGRESS inside a transaction; from a dynamic session only its
  // own objects.
  Outcome<SecurityDescriptor> protection(SessionId session, ObjectKind kind, const std::optional<Guid>& key) const;
  Outcome<> protect(SessionId session, ObjectKind kind, const std::optional<Guid>& key, SecurityDescriptor protection);

  // Of the engine itself: who may open it, begin transactions, set options.
  Outcome<SecurityDescriptor> engine_protection(SessionId session) const;
  Outcome<> protect_engine(SessionId session, SecurityDescriptor protection);

  // Of databases beside the objects.
  Outcome<> may(SessionId session, Database which, uint32_t right) const;
  Outcome<SecurityDescriptor> protection(SessionId session, Database which) const;
  Outcome<> protect(SessionId session, Database which, SecurityDescriptor protection);

  // For calls whose work is done elsewhere. SESSION_ABORTED; TXN_IN_PROGRESS.
  Outcome<const SessionRequest*> caller(SessionId session) const;
  Outcome<> outside_txn(SessionId session) const;

  Outcome<SubscriptionId> subscribe(SessionId session, Subscription subscription);
  Outcome<> unsubscribe(SessionId session, SubscriptionId id);
  std::vector<Subscription> subscriptions(SessionId session) const;

  // Net events: engine_net_events.cc. While COLLECT_NET_EVENTS is 0 nothing is recorded and asking for them is
  // NET_EVENTS_DISABLED. unsubscribe() serves their subscriptions too.
  void record(TimePoint now, NetEvent event);
  void set_wall(TimePoint now, uint64_t filetime) { net_events_.set_wall(now, filetime); }
  uint64_t wall() const { return net_events_.wall(); }
  bool collects_net_events() const { return options_[static_cast<size_t>(EngineOption::COLLECT_NET_EVENTS)] != 0; }
  Outcome<std::vector<std::shared_ptr<const NetEvent>>> net_events(SessionId session,
                                                                   const NetEventTemplate& wanted) const;
  Outcome<SubscriptionId> subscribe(SessionId session, NetEventTemplate wanted);
  Outcome<std::vector<NetEventTemplate>> net_event_subscriptions(SessionId session) const;
  Outcome<SecurityDescriptor> net_event_protection(SessionId session) const;
  Outcome<> protect_net_events(SessionId session, SecurityDescriptor protection);
  uint64_t lost_notices() const { return lost_notices_; }

  Outcome<uint32_t> option(SessionId session, EngineOption option) const;
  Outcome<> set_option(SessionId session, EngineOption option, const Value& value);
  void set_connection_watchers(uint32_t count) {
    connection_watchers_ = count;
  }  // while there are any, monitoring stays on
  bool monitors_connections() const {
    return options_[static_cast<size_t>(EngineOption::MONITOR_IPSEC_CONNECTIONS)] != 0;
  }

  // What of the engine itself outlives it. A new generation with every change.
  EngineSettings settings() const { return {containers_, options_}; }
  void take_settings(EngineSettings settings);
  uint64_t settings_generation() const { return settings_generation_; }

  void handle_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline() const;
  std::optional<EngineOutput> poll();

  static constexpr Duration kDefaultWait = seconds(15);
  static constexpr Duration kLongestTxn = hours(1);
  static constexpr size_t kMostNotices = 4096;

 private:
  struct Txn {
    TxnMode mode = TxnMode::read_write;
    TimePoint ends;
    std::shared_ptr<const Snapshot> view;  // read-only
    std::optional<Work> work;              // read-write
  };
  struct Session {
    SessionRequest request;
    std::optional<Txn> txn;
    std::vector<ObjectRef> owned;  // dynamic objects, in the order added
    bool aborted = false;          // the session
    bool txn_aborted = false;      // its transaction, not yet told
    bool dynamic() const { return request.flags & SessionRequest::kDynamic; }
  };
  struct Waiting {
    SessionId session;
    std::optional<TimePoint> until;
  };
  struct Subscribed {
    SessionId session;
    Subscription what;
  };
  struct Watching {
    SessionId session;
    NetEventChoice choice;
  };

  Outcome<Session*> live(SessionId id);
  Outcome<const Session*> live(SessionId id) const;
  static Author author(SessionId id, const Session& session);
  template <class Op>
  auto change(SessionId id, Op op) -> decltype(op(std::declval<Work&>(), std::declval<const Author&>()));
  template <class Object>
  Outcome<Added> add_object(SessionId id, Object object);
  Outcome<> remove_from(Work& work, const Author& author, ObjectKind kind, const Guid& key);
  void publish(SessionId by, Work& work);
  void notify(SessionId by, const std::vector<Change>& changes);
  void exempt(Work& work);  // adds or removes the engine's own filters for IKE
  void install_builtin();
  void drop_owned(SessionId id, const std::vector<ObjectRef>& owned, Work& work);
  void end_session(TimePoint now, SessionId id, Session& session);
  void release_writer(TimePoint now);
  Outcome<const Session*> may_see_net_events(SessionId id, uint32_t right) const;
  Guid new_guid();
  uint64_t number(const Provider&) { return 0; }
  uint64_t number(const SubLayer&) { return 0; }
  uint64_t number(Callout& object) { return object.id = ++last_callout_id_; }
  uint64_t number(ProviderContext& object) { return object.id = ++last_context_id_; }
  uint64_t number(Filter& object) { return object.id = ++last_filter_id_; }

  Rng& rng_;
  std::shared_ptr<const Snapshot> current_;
  Containers containers_;
  std::map<SessionId, Session> sessions_;
  SessionId writer_ = 0;
  std::deque<Waiting> waiting_;
  std::map<SubscriptionId, Subscribed> subscriptions_;
  NetEventLog net_events_;
  std::map<SubscriptionId, Watching> watching_;  // net events
  std::deque<EngineOutput> outputs_;
  size_t notices_queued_ = 0;
  uint64_t lost_notices_ = 0;
  SessionId last_session_ = 0;
  SubscriptionId last_subscription_ = 0;
  uint64_t last_filter_id_ = 0, last_context_id_ = 0;
  uint32_t last_callout_id_ = 0;
  EngineOptions options_ = EngineSettings{}.options;
  uint64_t settings_generation_ = 0;
  uint32_t connection_watchers_ = 0;
};

}  // namespace sallyport::policy
