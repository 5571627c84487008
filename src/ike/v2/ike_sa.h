// One IKE SA: roles, state, keys, message window, the queue of exchanges it is to start. No exchange logic: each
// exchange is a file beside this one, offering
//     void start(IkeSa&, TimePoint now);                                        our task at the head of the queue
//     void handle_response(IkeSa&, TimePoint now, const wire::ike2::Message&);  to the request it sent
//     void handle_request(IkeSa&, TimePoint now, const wire::ike2::Message&);   of the peer
// Messages given to them are opened and parsed: payloads are the inner ones, integrity has been verified.
// A started task ends with finish_task(); a request in hand ends with respond(). Both may happen later, when key work
// has come back. RFC 7296 2.2, 2.3: one request outstanding in each direction. Pure; one thread.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/deadlines.h"
#include "ike/fragments.h"
#include "ike/message_window.h"
#include "ike/pace.h"
#include "ike/protection.h"
#include "ike/v2/host.h"
#include "ike/v2/keymat.h"
#include "wire/ike2/message.h"

namespace sallyport::ike::v2 {

struct ChildSa;  // v2/child_sa.h

enum class IkeState : uint8_t {
  STARTING,       // names or key exchange under way; nothing sent or answered
  INIT_SENT,      // initiator: IKE_SA_INIT request out
  INIT_DONE,      // both have keys, nobody is authenticated
  AUTH_SENT,      // initiator: IKE_AUTH request out
  AUTH_CHECKING,  // responder: IKE_AUTH request in hand, key work out
  USER_SENT,      // initiator: the machines are authenticated, the second IKE_AUTH request is out (RFC 4739)
  USER_AWAITED,   // responder: the machines are authenticated, the second IKE_AUTH request has to come
  ESTABLISHED,
  REKEYED,   // a successor carries the Child SAs; only deletion is left to do
  DELETING,  // our Delete is out
  CLOSED,    // over; a repeated last request still gets its stored reply, until Timer::discard
  DEAD,      // removed when the endpoint's turn ends
};
std::string_view to_string(IkeState state);

// One exchange to be started by us.
struct Task {
  enum class Kind : uint8_t {
    ike_sa_init,
    ike_auth,
    create_child,  // child, resource
    rekey_child,   // child_id
    rekey_ike,
    delete_child,  // child_id
    delete_ike,    // reason
    liveness,
    report,  // an error notify of ours: notify, and spi where it names one
  };
  Task() = default;
  explicit Task(Kind k) : kind(k) {}
  Task(Kind k, std::string child_name) : kind(k), child(std::move(child_name)) {}
  Task(Kind k, model::ChildId which) : kind(k), child_id(which) {}

  Kind kind = Kind::liveness;
  std::string child;
  model::ChildId child_id = 0;
  std::string reason;
  uint16_t notify = 0;
  bool by_command = false;        // delete_ike: the user asked for it
  std::optional<model::Spi> spi;  // delete_child without a child_id: our inbound SPI of one never installed
  model::Protocol protocol = model::Protocol::ESP;  // of that one
  std::optional<uint32_t> resource;                 // create_child: a per-resource copy (RFC 9611)
  unsigned tries = 0;                               // how often it was put back after TEMPORARY_FAILURE
  std::optional<TimePoint> not_before;              // stays in the queue until then
};

// What an exchange keeps between its steps; each exchange file derives its own.
struct Scratch {
  virtual ~Scratch() = default;
};

enum class Timer : uint8_t {
  retransmit,
  half_open,
  liveness,
  rekey,
  over_time,
  task,
  fragments,
  discard,
  switch_over,
  kCount_
};

class IkeSa {
 public:
  IkeSa(Host& host, bool original_initiator, std::shared_ptr<const model::IkePolicySet> policy);
  ~IkeSa();
  IkeSa(const IkeSa&) = delete;
  IkeSa& operator=(const IkeSa&) = delete;

  // The IKE SA that a rekey makes: same peer, identities, addresses and connection; ESTABLISHED, message IDs from 0.
  // algorithm_refused when the keys do not fit the library. The caller moves the children, adopts it and tells the
  // world.
  static Result<std::unique_ptr<IkeSa>> successor(TimePoint now, IkeSa& old, bool original_initiator,
                                                  model::IkeSpi spi_i, model::IkeSpi spi_r,
                                                  const model::ChosenIke& chosen, IkeKeys keys);

  // State. The only writer; refuses nothing, but a move that no row knows is a bug of ours and asserts.
  IkeState state() const { return state_; }
  void transition_to(IkeState next, std::string_view why);
  std::string_view row;  // story of the transition row that is being applied; empty between messages
  bool established() const { return state_ == IkeState::ESTABLISHED; }
  bool authenticated() const;  // ESTABLISHED, REKEYED or DELETING

  // The queue. Tasks start when no request of ours is outstanding, in order.
  void queue(Task task);
  bool has_task(Task::Kind kind, model::ChildId child_id = 0) const;  // queued or active
  bool stands(std::string_view child) const;      // a Child SA of that policy for us, and nobody is about to delete it
  bool has_create(std::string_view child) const;  // a create_child task for that policy, queued or active
  bool has_copy(std::string_view child, uint32_t resource) const;  // the same for one per-resource copy (RFC 9611)
  void drop_tasks();                                               // queued ones
  std::deque<Task> take_tasks();                                   // queued ones leave, for a successor
  const std::optional<Task>& active() const { return active_; }
  void finish_task(TimePoint now);  // the active one is over, whatever came of it; may start the next
  void start_tasks(TimePoint now);  // starts the next if one may start

  // Messages. Payloads are sealed, and fragmented where agreed, in send_request and respond.
  void send_request(TimePoint now, wire::ike::ExchangeType exchange, const std::vector<wire::ike2::Payload>& payloads);
  void respond(TimePoint now, wire::ike::ExchangeType exchange, const std::vector<wire::ike2::Payload>& payloads);
  // INVALID_SYNTAX also ends an authenticated IKE SA (RFC 7296 2.21.3): nothing of it may be touched after that.
  void respond_error(TimePoint now, wire::ike::ExchangeType exchange, wire::ike2::NotifyType type, Bytes content = {});
  void send_clear_request(TimePoint now, Bytes message);  // IKE_SA_INIT
  void respond_clear(TimePoint now, Bytes message);       // IKE_SA_INIT
  void transmit(const std::vector<Bytes>& datagrams);
  void response_received();  // the request outstanding has its answer

  // Keys of this IKE SA become usable. algorithm_refused: S8, a clean failure.
  Result<> install_keys(const model::ChosenIke& chosen, IkeKeys keys);

  // The end. Emits ChildSaRemoved for every child and IkeSaDown (or AttemptFailed where it never was up), then DEAD.
  void destroy(TimePoint now, Errc code, std::string reason, bool by_command = false);
  // The same, but CLOSED for a while: the reply just given may have been lost.
  void close(TimePoint now, Errc code, std::string reason, bool by_command = false);
  void close_quietly(TimePoint now);
  // RFC 7296 2.21.3: our request came back with INVALID_SYNTAX; that ends the IKE SA at both ends, without a Delete.
  void peer_says_invalid_syntax(TimePoint now);
  void destroy_quietly(TimePoint now);  // no events: it was replaced, or failed with an event of its own

  void on_authenticated_received(TimePoint now);  // proof of life: restarts the liveness clock
  // RFC 7296 2.2: an exchange has taken a message ID. When few are left the IKE SA is rekeyed; when that does not come
  // about, closed.
  void on_message_id_taken(TimePoint now);
  void on_established(TimePoint now);  // starts the clocks of an established IKE SA
  std::optional<TimePoint> next_deadline() const;

  const model::ConnectionPolicy* connection() const;  // nullptr until chosen (responder before IKE_AUTH)
  std::string_view connection_name() const;
  model::IkeSpi local_spi() const { return original_initiator ? spi_i : spi_r; }
  bool behind_nat() const { return nat_local || nat_remote; }
  bool udp_encap() const;  // of ESP
  ByteView own_sk_p() const { return original_initiator ? keys.sk_pi.view() : keys.sk_pr.view(); }

  Host& host;
  const bool original_initiator;
  model::IkeId id;
  std::shared_ptr<const model::IkePolicySet> policy;  // snapshot of its birth; the connection lives in it
  size_t connection_index = SIZE_MAX;

  IpEndpoint local;
  IpEndpoint remote;
  uint32_t interface_index = 0;
  bool natt = false;
  bool nat_local = false;
  bool nat_remote = false;
  bool peer_fragments = false;                     // IKEV2_FRAGMENTATION_SUPPORTED from both
  bool peer_is_ours = false;                       // both have announced the vendor ID of private_notifies.h
  std::vector<uint16_t> peer_hashes;               // SIGNATURE_HASH_ALGORITHMS; empty: RFC 7427 not offered
  std::optional<model::Identity> remote_identity;  // authenticated
  std::optional<model::Identity> local_identity;   // as sent
  std::optional<Proof> local_proof, remote_proof;  // of these two
  // The same of the users beside the machines. RFC 4739.
  std::optional<model::LocalUser> own_user;  // whom we would prove, where the peer takes it
  std::optional<model::Identity> remote_user, local_user;
  std::optional<Proof> local_user_proof, remote_user_proof;
  bool by_rekey = false;  // made by the rekeying of another, not by IKE_AUTH
  bool replaced = false;  // a successor lives: the end of this IKE SA is no loss (set with REKEYED)

  // Of the IKE SA that IKE_AUTH made and from which this one descends by rekeying. initiator: we were its initiator.
  struct Origin {
    model::IkeSpi spi_i = 0, spi_r = 0;
    bool initiator = false;
  };
  std::optional<Origin> origin;  // nothing: this is the first of its line
  // Made by a rekey of the peer that ran into one of ours: which of the two stays is not known yet, and until then
  // nothing is started on it.
  bool tentative = false;

  model::IkeId successor_id = 0;  // of the IKE SA that took the Child SAs over

  model::IkeSpi spi_i = 0;
  model::IkeSpi spi_r = 0;
  model::ChosenIke chosen{};
  IkeKeys keys;
  std::unique_ptr<Protection> protection;
  MessageWindow window;
  FragmentStore fragments;
  Digest first_fragment{};  // of the message being collected in fragments

  Pace peer_rekeys, peer_requests;  // how much the peer may ask for; a successor goes on with them

  std::vector<std::unique_ptr<ChildSa>> children;
  std::set<std::string, std::less<>> copies_refused;  // RFC 9611: policies of which the peer makes no more copies

  std::unique_ptr<Scratch> handshake;      // IKE_SA_INIT and IKE_AUTH
  std::unique_ptr<Scratch> own_exchange;   // of the active task
  std::unique_ptr<Scratch> peer_exchange;  // of the request in hand
  std::unique_ptr<Scratch> collision;      // rekey collisions: lives longer than one exchange

  Deadlines<Timer> timers;
  TimePoint born{};
  TimePoint established_at{};
  TimePoint last_received{};
  model::MessageId first_request_after_auth = 0;  // responder: 0 where there was no IKE_AUTH
  std::optional<TimePoint> hinted_at;             // a liveness check was last started by a hint
  std::optional<TimePoint> reported_at;           // the peer was last told of an unknown SPI
  bool ids_asked = false;                         // message IDs have asked for a rekey
  std::string state_why;
  IpEndpoint first_from;                      // the endpoint's own: where its IKE_SA_INIT came from
  std::optional<TimePoint> indexed_deadline;  // the endpoint's own: where it stands in the order of deadlines
  std::optional<std::pair<std::string, std::string>> indexed_peer;  // and among the IKE SAs of its connection

 private:
  size_t fragment_octets() const;  // largest datagram; 0: do not fragment
  Result<std::vector<Bytes>> sealed(wire::ike::ExchangeType exchange, bool response, model::MessageId message_id,
                                    const std::vector<wire::ike2::Payload>& payloads);

  void end(IkeState last, std::string_view why);
  std::vector<std::string> wanted_children() const;  // of create_child tasks, queued or active
  void report_lost(TimePoint now, const std::vector<std::string>& children, Errc code, const std::string& reason);
  void report_end(Errc code, std::string reason, bool by_command, bool was_up, bool was_replaced, std::string name);

  IkeState state_ = IkeState::STARTING;
  std::deque<Task> tasks_;
  std::optional<Task> active_;
};

// With addresses, identities and number of the IKE SA that it was about.
AttemptFailed describe_ends(const IkeSa& sa, AttemptFailed event);

// Hands the task at the head to its exchange file. v2/exchanges.cc.
void start_exchange(IkeSa& sa, TimePoint now);
void handle_request(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);
void handle_response(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);

}  // namespace sallyport::ike::v2
