// Calls of programs, from octets to the engine and back: one session for each connection, its enumerations, and the
// calls that wait for the write lock. Whoever owns the engine hands in what came and fetches what goes out; what the
// engine says for a session is handed in too. Pure; one thread, the engine's.
#pragma once
#include <deque>
#include <map>

#include "policy/call.h"
#include "policy/dosp.h"
#include "policy/sa_calls.h"

namespace sallyport::policy {

class CallRoute {
 public:
  using ConnectionId = uint64_t;
  using RequestId = uint64_t;

  // The caller as its transport knows it.
  struct Caller {
    Token token;
    uint32_t process_id = 0;
    std::string user_name;
  };
  struct Output {
    enum class Kind : uint8_t { answer, notice, end };
    Kind kind = Kind::answer;
    ConnectionId connection = 0;
    RequestId request = 0;
    uint32_t code = 0;   // of an answer: 0, or a refusal's number
    uint32_t index = 0;  // which of several parts was refused
    Bytes octets;        // the result, a call::Notice, or a NetEvent
    // An answer to subscribe() that worked is not the last word: notices follow under the same request until an end.
    // Notices of key managers hold keys.
    bool more = false;
  };

  explicit CallRoute(Engine& engine) : engine_(engine) {}

  // WIN32_INVALID_PARAMETER for octets that are no such call, SESSION_ABORTED without a session, NOT_SUPPORTED for a
  // number that is none.
  void call(TimePoint now, ConnectionId connection, RequestId request, const Caller& caller, uint32_t function,
            ByteView octets);
  void closed(TimePoint now, ConnectionId connection);
  void heard(TimePoint now, const EngineOutput& output);
  std::optional<Output> poll();
  // Whether persistent objects outlive the engine. While they do not, adding one is NOT_SUPPORTED.
  void keep_persistent(bool kept) { kept_ = kept; }
  // A call that is answered with what the packet filter says: whoever can reads it first, where the caller may know.
  bool wants_dosp(ConnectionId connection, uint32_t function) const;
  // What call() answers them with, until it is told otherwise; nullptr: no setting is in force.
  void set_dosp(const DospReport* report) { dosp_ = report; }
  // Who answers calls about SAs; without it they are NOT_SUPPORTED. It outlives this.
  void serve_sas(SaCalls* sas) { sas_ = sas; }

 private:
  struct Enumeration {
    std::vector<std::shared_ptr<const Provider>> providers;
    std::vector<std::shared_ptr<const SubLayer>> sublayers;
    std::vector<std::shared_ptr<const Callout>> callouts;
    std::vector<std::shared_ptr<const ProviderContext>> contexts;
    Filters filters;
    std::vector<call::FoundSession> sessions;
    std::vector<std::shared_ptr<const NetEvent>> events;
    std::vector<DospState> dosp_states;
    SaCalls::Pages pages;  // of SAs, instead of all the others
    uint32_t what = 0;
    size_t next = 0;
  };
  struct Waiting {
    RequestId request = 0;
    uint32_t function = 0;  // txn_begin, or a change that is a transaction of its own
    Bytes octets;
  };
  struct Connected {
    SessionId session = 0;
    std::map<uint64_t, Enumeration> enumerations;
    std::map<SubscriptionId, RequestId> subscriptions;
    std::deque<Waiting> waiting;
    uint64_t last_handle = 0;
  };
  // A result's octets, nothing while the call waits.
  using Answer = Outcome<std::optional<Bytes>>;

  Answer serve(TimePoint now, ConnectionId id, RequestId request, const Caller& caller, uint32_t function,
               ByteView octets);
  Answer open(ConnectionId id, const Caller& caller, ByteView octets);
  Answer begin(TimePoint now, Connected& at, RequestId request, ByteView octets);
  // A change; one that finds the lock taken waits for it, unless `waited`.
  Answer change(TimePoint now, Connected& at, RequestId request, uint32_t function, ByteView octets);
  Answer change_now(TimePoint now, SessionId session, uint32_t function, ByteView octets);
  Answer serve_sa(TimePoint now, Connected& at, RequestId request, uint32_t function, ByteView octets);
  Answer get(SessionId session, ByteView octets) const;
  Answer create_enumeration(Connected& at, ByteView octets);
  Outcome<> fill(Enumeration& into, SessionId session, const call::EnumCreate& wanted) const;
  Answer keep_enumeration(Connected& at, Enumeration made);
  Answer next_page(Connected& at, ByteView octets);
  Answer get_protection(SessionId session, ByteView octets) const;
  Answer set_protection(SessionId session, ByteView octets);
  Answer subscriptions(SessionId session, ByteView octets) const;
  void hear_sas();
  Answer subscribe(Connected& at, RequestId request, ByteView octets);
  Answer unsubscribe(ConnectionId id, Connected& at, ByteView octets);
  // call_events.cc
  Answer enumerate_events(Connected& at, ByteView octets);
  Answer subscribe_events(Connected& at, RequestId request, ByteView octets);
  Answer event_subscriptions(const Connected& at) const;
  // call_dosp.cc
  Answer dosp_statistics(const Connected& at) const;
  Answer dosp_states(Connected& at, ByteView octets);
  static Bytes write_event(const NetEvent& event);
  void answer(ConnectionId id, RequestId request, Answer answer, bool more = false);
  void run_waiting(TimePoint now, ConnectionId id, Connected& at, bool started);

  Engine& engine_;
  std::map<ConnectionId, Connected> connected_;
  std::map<SessionId, ConnectionId> by_session_;
  std::deque<Output> outputs_;
  bool kept_ = true;
  SaCalls* sas_ = nullptr;
  const DospReport* dosp_ = nullptr;
};

}  // namespace sallyport::policy
