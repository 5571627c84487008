// The sockets that programs have secured: calls about them, where each one is, its filters in the engine for as long as
// it lives. A socket is known by its cookie, never by a descriptor: none is kept. One thread, the driver's.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <set>

#include "policy/socket_call.h"
#include "runtime/driver.h"
#include "runtime/earlier_socket.h"
#include "runtime/peer_file.h"
#include "runtime/secured_socket.h"
#include "runtime/socket_lookup.h"
#include "runtime/socket_policy.h"
#include "runtime/socket_server.h"
#include "stack/socket_filters.h"

namespace sallyport::runtime {

class SocketService {
 public:
  SocketService(Loop& loop, TraceLog& log, Driver& driver, Fd listening, Fd lookup);
  ~SocketService();
  SocketService(const SocketService&) = delete;
  SocketService& operator=(const SocketService&) = delete;

  // Whoever may: marks and filters the socket (secure_socket()) and answers by secured() with the token.
  std::function<void(uint64_t token, Fd socket, const SecuringWish& wish)> on_secure;
  void secured(uint64_t token, int error, uint64_t cookie);
  // Whoever may: judges the caller at the other end of a connection (judge_connection()), where there are rules, and
  // answers by judged() with a sentence for a refusal.
  std::function<void(uint64_t token, int connection)> on_caller;
  void judged(uint64_t token, bool allowed, const std::string& sentence);
  // Whoever may: judges it too, has the file opened and answers by opened(). The sentence is for the log.
  std::function<void(uint64_t token, int connection, const Fd& root, const PeerFile& wanted)> on_open;
  void opened(uint64_t token, int error, const Fd& file, const std::string& sentence);
  // What a daemon before this one has secured goes on with the wish that its mark tells. What its mark does not tell (a
  // name, policy of the program's own) is needed: such a socket stays shut.
  void adopt(const EarlierSocket& earlier);
  // Whoever may: says by found() with the token whether a packet between these two is for such a socket.
  std::function<void(uint64_t token, uint8_t protocol, const IpEndpoint& local, const IpEndpoint& remote)> on_unknown;
  void found(uint64_t token, const std::optional<EarlierSocket>& earlier);
  size_t sockets() const { return sockets_.size(); }

 private:
  using Answer = policy::socket_call::Answer;
  using Request = policy::socket_call::Request;
  struct Secured {
    uint32_t uid = 0;
    stack::SocketWish wish;
    bool datagrams = false;
    std::vector<stack::NamedPeer> names;
    std::vector<stack::SocketPlace> places;  // empty: not known yet
    bool listener = false;
    std::vector<policy::Guid> filters;                // of its own
    std::shared_ptr<const stack::SocketGroup> group;  // of a connection, or its own
    bool shares = false;                              // the group is of others too
    uint64_t number = 0;                              // in the order they came
  };
  struct Waiting {
    SocketServer::ClientId client = 0;
    Secured socket;
  };
  struct Call {  // that waits for a word about its caller
    SocketServer::ClientId client = 0;
    uint32_t uid = 0;
    Request request;
    Fd socket;
  };
  void take(SocketServer::ClientId client, uint32_t uid, ByteView octets, std::vector<Fd> passed);
  void serve(Call asked);
  void open_file(Call asked, Fd root);
  void refuse(SocketServer::ClientId client, int error);
  void set_security(SocketServer::ClientId client, uint32_t uid, const Request& request, Fd socket);
  int wish_of(const policy::socket_call::Settings& settings, stack::SocketWish& out) const;
  bool names_others(const std::vector<stack::NamedPeer>& names) const;
  void set_peer_name(Call asked, const SocketFacts& facts);
  int set_name(uint32_t uid, const Request& request, const Fd& socket, const SocketFacts& facts);
  int delete_name(const Request& request, const Fd& socket, const SocketFacts& facts);
  int query(uint32_t uid, const Request& request, uint64_t cookie, const SocketFacts& facts, Answer& out);
  void make_room(uint32_t uid);
  size_t of_user(uint32_t uid) const;
  // Why there is no SA between a socket and this host: ERROR_IPSEC_*, or 0.
  uint32_t failure_of(uint64_t cookie, const IpAddr& remote) const;
  // The account of a secured socket of this host that is the flow's other end.
  std::optional<uint32_t> local_peer_of(const stack::HostFlow& flow);
  bool is_secured(const FoundSocket& socket) const;
  uint32_t why_over(uint64_t cookie, const SocketFacts& facts) const;
  uint32_t why_gone(uint64_t cookie, const stack::SocketPlace& place) const;
  void remember_failure(uint64_t cookie, uint32_t code);
  using Sockets = std::map<uint64_t, Secured>;  // by cookie
  void erase(Sockets::iterator at);

  void on_endpoint(const stack::EndpointWanted& wanted);
  bool place(uint64_t cookie, Secured& socket, const FoundSocket& found);
  bool join(Secured& socket, const stack::SocketPlace& place);
  bool write_filters(uint64_t cookie, Secured& socket, const std::vector<stack::SocketPlace>& places);
  bool name_changed(uint64_t cookie, Secured& socket);
  bool leave_place(uint64_t cookie, Secured& socket);
  void let_close(TimePoint now, Secured& socket);
  void end_closing(TimePoint now);
  void look();
  bool look_for_new();
  void look_for_peer();
  using Ends = std::pair<IpEndpoint, IpEndpoint>;   // local, remote
  struct Census {                                   // what the kernel has, at one moment
    std::set<std::pair<uint8_t, uint64_t>> living;  // protocol and cookie
    std::set<uint16_t> accepted;                    // local ports with connections
    std::set<IpEndpoint> listening;
    // Closed by us and not yet by the peer: the kernel keeps these two alone, under another cookie.
    std::set<Ends> half_closed;
  };
  Census take_census();
  void arm();

  Loop& loop_;
  TraceLog& log_;
  Driver& driver_;
  SocketServer server_;
  SocketLookup lookup_;
  SocketPolicy policy_;
  Sockets sockets_;
  std::map<uint32_t, size_t> users_;  // how many each has
  struct EarlyNames {
    uint32_t uid = 0;
    std::vector<stack::NamedPeer> names;
  };
  std::map<uint64_t, EarlyNames> early_names_;  // of sockets that are not secured yet, by cookie
  struct Closing {
    stack::SocketPlace place;
    uint64_t group = 0;
    TimePoint until{};
  };
  std::map<Ends, Closing> closing_;  // connections that both ends have closed, while a peer may ask again
  std::deque<std::pair<uint64_t, uint32_t>> failed_;  // connections that have gone, by cookie, and why; oldest first
  std::map<uint64_t, Waiting> waiting_;
  std::map<uint64_t, SocketServer::ClientId> naming_;
  std::map<uint64_t, stack::EndpointWanted> unknown_;
  std::map<uint64_t, Call> unjudged_;
  std::map<uint64_t, SocketServer::ClientId> opening_;
  uint64_t next_token_ = 1, next_number_ = 1;
  std::optional<TimePoint> hurry_until_;
  TimePoint census_at_{}, look_for_peer_at_{};
  std::optional<TimePoint> look_at_;
};

}  // namespace sallyport::runtime
