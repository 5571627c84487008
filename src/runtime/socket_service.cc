// See socket_service.h. A socket goes through: secured, place unknown ── placed, with filters or in a group ── gone.
//   client, datagrams: its first packet meets the device, waits there, and tells the place
//   listener: found by looking, because it sends nothing
#include "runtime/socket_service.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>

#include "policy/provider_context.h"
#include "runtime/clock.h"
#include "runtime/own_names.h"
#include "runtime/socket_mark.h"
#include "runtime/socket_query.h"
#include "stack/filter_flows.h"
#include "stack/peer_sid.h"

namespace sallyport::runtime {
namespace {

namespace call = policy::socket_call;
using policy::Guid;
using stack::SocketPlace;

constexpr Duration kHurry = seconds(5);  // after a socket was secured, that may soon listen
constexpr size_t kMostNames = 64;        // of one socket
constexpr size_t kMostEarly = 4096;      // sockets with names that are not secured yet
constexpr size_t kMostEarlyOfUser = 256;
constexpr size_t kMostUnjudged = 1024;  // calls whose callers are being looked at
constexpr uint8_t kTcp = 6;

uint64_t cookie_of(const Fd& socket) {
  uint64_t out = 0;
  socklen_t length = sizeof out;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &out, &length) == 0 ? out : 0;
}

std::optional<IpEndpoint> peer_of(const call::Request& request) {
  if (!request.peer) return std::nullopt;
  const auto address = IpAddr::from_bytes(request.peer->address);
  if (!address || address->is_any() || request.peer->port == 0) return std::nullopt;
  return IpEndpoint{*address, request.peer->port};
}

bool is_loopback(const IpAddr& address) {
  static const IpAddr kV6 = *IpAddr::parse("::1");
  return address.is_v4() ? address.bytes()[0] == 127 : address == kV6;
}

}  // namespace

SocketService::SocketService(Loop& loop, TraceLog& log, Driver& driver, Fd listening, Fd lookup)
    : loop_(loop),
      log_(log),
      driver_(driver),
      server_(loop, std::move(listening)),
      lookup_(std::move(lookup)),
      policy_(log, driver) {
  server_.on_request = [this](SocketServer::ClientId client, uint32_t uid, ByteView octets, std::vector<Fd> passed) {
    take(client, uid, octets, std::move(passed));
  };
  driver_.on_message = [this] { look_for_peer(); };
  driver_.on_endpoint_wanted = [this](const stack::EndpointWanted& wanted) { on_endpoint(wanted); };
}

SocketService::~SocketService() {
  driver_.on_message = nullptr;
  driver_.on_endpoint_wanted = nullptr;
}

void SocketService::refuse(SocketServer::ClientId client, int error) {
  Answer answer;
  answer.error = static_cast<uint32_t>(error);
  server_.reply(client, policy::call::write(answer));
}

// Who calls is judged before anything is looked at; a file's opening is judged with it.
void SocketService::take(SocketServer::ClientId client, uint32_t uid, ByteView octets, std::vector<Fd> passed) {
  auto request = policy::call::read<Request>(octets);
  const bool opens = request && request->function == call::Function::open;
  if (!request || request->version != call::kVersion || passed.size() != (opens ? 2 : 1)) return refuse(client, EPROTO);
  Call asked{client, uid, std::move(*request), std::move(passed.front())};
  if (opens) return open_file(std::move(asked), std::move(passed.back()));
  if (driver_.settings().secure_sockets.callers.empty()) return serve(std::move(asked));
  if (!on_caller) return refuse(client, EACCES);
  if (unjudged_.size() >= kMostUnjudged) return refuse(client, EAGAIN);
  const uint64_t token = next_token_++;
  unjudged_.emplace(token, std::move(asked));
  on_caller(token, server_.connection(client));
}

void SocketService::judged(uint64_t token, bool allowed, const std::string& sentence) {
  auto node = unjudged_.extract(token);
  if (node.empty()) return;
  Call& asked = node.mapped();
  if (allowed) return serve(std::move(asked));
  log_.limited(LogLevel::warning, "socket caller", std::to_string(asked.uid), sentence);
  refuse(asked.client, EACCES);
}

void SocketService::serve(Call asked) {
  const auto& [client, uid, request, socket] = asked;
  SocketFacts facts;
  if (const int error = inspect_socket(socket.get(), facts); error != 0) return refuse(client, error);
  Answer answer;
  int error = EINVAL;
  switch (request.function) {
    case call::Function::set_security:
      if ((error = may_be_secured(facts)) == 0) return set_security(client, uid, request, std::move(asked.socket));
      break;
    case call::Function::set_peer_name: return set_peer_name(std::move(asked), facts);
    case call::Function::delete_peer_name: error = delete_name(request, socket, facts); break;
    case call::Function::query:
    case call::Function::account: error = query(uid, request, cookie_of(socket), facts, answer); break;
    case call::Function::open: break;
  }
  if (error != 0) return refuse(client, error);
  server_.reply(client, policy::call::write(answer));
}

// Nobody may who has no rule that says so, and a program that is to identify alone takes nobody's rights.
void SocketService::open_file(Call asked, Fd root) {
  SocketFacts facts;
  if (const int error = inspect_socket(asked.socket.get(), facts); error != 0) return refuse(asked.client, error);
  const call::File& file = asked.request.file;
  PeerFile wanted{{}, file.path, file.flags, file.mode};
  if (!wanted.is_allowed()) return refuse(asked.client, EINVAL);
  Answer answer;
  asked.request.function = call::Function::account;
  if (const int error = query(asked.uid, asked.request, cookie_of(asked.socket), facts, answer); error != 0)
    return refuse(asked.client, error);
  wanted.account = answer.account;
  if (answer.account.empty() || (answer.flags & call::kIdentifyOnly) != 0 || !on_open)
    return refuse(asked.client, EACCES);
  const uint64_t token = next_token_++;
  opening_.emplace(token, asked.client);
  on_open(token, server_.connection(asked.client), root, wanted);
}

void SocketService::opened(uint64_t token, int error, const Fd& file, const std::string& sentence) {
  const auto node = opening_.extract(token);
  if (node.empty()) return;
  if (!sentence.empty()) log_.limited(LogLevel::warning, "socket broker", sentence, sentence);
  if (error != 0 || !file) return refuse(node.mapped(), error != 0 ? error : EIO);
  server_.reply(node.mapped(), policy::call::write(Answer{}), file.get());
}

int SocketService::wish_of(const call::Settings& settings, stack::SocketWish& out) const {
  constexpr uint32_t kIpsecFlags =
      call::kSkipFilters | call::kOptionalPeerName | call::kFirstInboundUnencrypted | call::kRawPeerName;
  const uint32_t security = settings.security_flags;
  if ((security & ~(call::kGuaranteeEncryption | call::kAllowInsecure)) != 0 ||
      (settings.ipsec_flags & ~kIpsecFlags) != 0)
    return EINVAL;
  out.guarantee_encryption = security & call::kGuaranteeEncryption;
  out.allow_insecure = security & call::kAllowInsecure;
  if (out.guarantee_encryption && out.allow_insecure) return EINVAL;
  out.skip_filters = settings.ipsec_flags & call::kSkipFilters;
  out.optional_peer_name = settings.ipsec_flags & call::kOptionalPeerName;
  out.first_inbound_unencrypted = settings.ipsec_flags & call::kFirstInboundUnencrypted;
  const auto& snapshot = *driver_.filter_engine().snapshot();
  const auto usable = [&](const Guid& key, policy::ContextRole role) {
    const auto* context = snapshot.contexts.find(key);
    return context != nullptr && policy::role_of((*context)->type) == role;
  };
  if (!settings.main_mode.is_zero() && !usable(settings.main_mode, policy::ContextRole::mm)) return EINVAL;
  out.main_mode = settings.main_mode;
  out.quick_mode = settings.quick_mode;
  return usable(stack::quick_mode_of(out), policy::ContextRole::qm_transport) ? 0 : EINVAL;
}

// A socket that was closed before it went anywhere leaves no trace to see it by: the oldest of these of a user goes
// when the user wants more, and is shut from then on.
void SocketService::make_room(uint32_t uid) {
  if (of_user(uid) < driver_.settings().secure_sockets.per_user) return;
  auto oldest = sockets_.end();
  for (auto at = sockets_.begin(); at != sockets_.end(); ++at) {
    if (at->second.uid != uid) continue;
    if (at->second.places.empty() && (oldest == sockets_.end() || at->second.number < oldest->second.number))
      oldest = at;
  }
  if (oldest != sockets_.end()) erase(oldest);
}

size_t SocketService::of_user(uint32_t uid) const {
  const auto found = users_.find(uid);
  return found == users_.end() ? 0 : found->second;
}

void SocketService::erase(Sockets::iterator at) {
  const auto user = users_.find(at->second.uid);
  if (user != users_.end() && --user->second == 0) users_.erase(user);
  sockets_.erase(at);
}

void SocketService::set_security(SocketServer::ClientId client, uint32_t uid, const Request& request, Fd socket) {
  Secured made;
  made.uid = uid;
  if (const int error = wish_of(request.settings, made.wish); error != 0) return refuse(client, error);
  SocketFacts facts;
  (void)inspect_socket(socket.get(), facts);
  made.datagrams = facts.datagrams;
  make_room(uid);
  if (of_user(uid) >= driver_.settings().secure_sockets.per_user) return refuse(client, EUSERS);
  if (!on_secure) return refuse(client, EOPNOTSUPP);
  const uint64_t token = next_token_++;
  const auto early = early_names_.find(cookie_of(socket));
  const bool has_name = early != early_names_.end();
  const bool named = has_name && names_others(early->second.names) && !made.wish.optional_peer_name;
  const SecuringWish wish{made.wish.allow_insecure, named, false,
                          static_cast<uint8_t>(kept_of(made.wish) | (has_name ? kKeptName : 0))};
  waiting_.emplace(token, Waiting{client, std::move(made)});
  on_secure(token, std::move(socket), wish);
}

void SocketService::secured(uint64_t token, int error, uint64_t cookie) {
  if (const auto named = naming_.extract(token); !named.empty()) {
    if (error != 0) return refuse(named.mapped(), error);
    server_.reply(named.mapped(), policy::call::write(Answer{}));
    return;
  }
  auto node = waiting_.extract(token);
  if (node.empty()) return;
  Waiting& waiting = node.mapped();
  if (error != 0) return refuse(waiting.client, error);
  if (auto early = early_names_.extract(cookie)) waiting.socket.names = std::move(early.mapped().names);
  waiting.socket.number = next_number_++;
  if (const auto old = sockets_.find(cookie); old != sockets_.end()) erase(old);
  ++users_[waiting.socket.uid];
  sockets_.emplace(cookie, std::move(waiting.socket));
  hurry_until_ = monotonic_now() + kHurry;
  arm();
  server_.reply(waiting.client, policy::call::write(Answer{}));
}

bool SocketService::names_others(const std::vector<stack::NamedPeer>& names) const {
  return !std::all_of(names.begin(), names.end(), [&](const auto& each) { return names_this_host(driver_, each); });
}

// Within this host nobody proves a name: a secured socket that has one, and not this host's own, does not speak to
// others of this host any more.
void SocketService::set_peer_name(Call asked, const SocketFacts& facts) {
  if (const int error = set_name(asked.uid, asked.request, asked.socket, facts); error != 0)
    return refuse(asked.client, error);
  const auto known = sockets_.find(cookie_of(asked.socket));
  if (known == sockets_.end() || !on_secure) {
    server_.reply(asked.client, policy::call::write(Answer{}));
    return;
  }
  const uint64_t token = next_token_++;
  naming_.emplace(token, asked.client);
  const bool named = !known->second.wish.optional_peer_name && names_others(known->second.names);
  on_secure(token, std::move(asked.socket), {false, named, true, kKeptName});
}

int SocketService::set_name(uint32_t uid, const Request& request, const Fd& socket, const SocketFacts& facts) {
  if (facts.connected || facts.connecting) return EISCONN;
  if (facts.listening || request.name.empty()) return EINVAL;
  if (request.name.size() > call::kMostNameOctets) return ENAMETOOLONG;
  stack::NamedPeer named;
  named.address = IpAddr::any(facts.v6 ? Family::v6 : Family::v4);
  if (facts.datagrams) {
    const auto peer = peer_of(request);
    if (!peer) return EINVAL;
    named.address = peer->addr;
    named.port = peer->port;
  }
  named.identities = stack::identities_of_name(request.name);
  const uint64_t cookie = cookie_of(socket);
  const auto known = sockets_.find(cookie);
  const auto early = early_names_.find(cookie);
  if (known == sockets_.end() && early == early_names_.end()) {
    // Refused rather than at the cost of an older one: a name that was lost would let anybody in.
    const auto of_user =
        std::count_if(early_names_.begin(), early_names_.end(), [&](const auto& e) { return e.second.uid == uid; });
    if (early_names_.size() >= kMostEarly || static_cast<size_t>(of_user) >= kMostEarlyOfUser) return ENOBUFS;
    early_names_[cookie].uid = uid;
  }
  auto& names = known != sockets_.end() ? known->second.names : early_names_[cookie].names;
  std::erase_if(names, [&](const auto& each) { return each.address == named.address && each.port == named.port; });
  if (names.size() >= kMostNames) return ENOBUFS;
  names.push_back(std::move(named));
  return known == sockets_.end() || name_changed(cookie, known->second) ? 0 : EAGAIN;
}

int SocketService::delete_name(const Request& request, const Fd& socket, const SocketFacts& facts) {
  const auto peer = peer_of(request);
  if (!facts.datagrams || !peer) return EINVAL;
  const uint64_t cookie = cookie_of(socket);
  const auto known = sockets_.find(cookie);
  const auto early = early_names_.find(cookie);
  if (known == sockets_.end() && early == early_names_.end()) return EINVAL;
  auto& names = known != sockets_.end() ? known->second.names : early->second.names;
  if (std::erase_if(names, [&](const auto& n) { return n.address == peer->addr && n.port == peer->port; }) == 0)
    return EINVAL;
  return known == sockets_.end() || name_changed(cookie, known->second) ? 0 : EAGAIN;
}

int SocketService::query(uint32_t uid, const Request& request, uint64_t cookie, const SocketFacts& facts, Answer& out) {
  IpEndpoint remote = facts.remote;
  if (!facts.datagrams && !facts.connected) {
    out.negotiation_error = why_over(cookie, facts);
    if (out.negotiation_error != 0 && request.function == call::Function::query) return 0;
    return facts.reset ? ECONNRESET : ENOTCONN;
  }
  if (facts.datagrams && !facts.connected) {
    const auto peer = peer_of(request);
    if (!peer) return EINVAL;
    remote = *peer;
  }
  const auto& settings = driver_.settings().secure_sockets;
  const auto& users = settings.identify_only_uids;
  const auto known = sockets_.find(cookie);
  QueriedSocket asked;
  asked.flow = {facts.local.addr, remote.addr, facts.protocol(), facts.local.port, remote.port, true};
  asked.group = known != sockets_.end() && known->second.group ? known->second.group->number : 0;
  asked.identify_only = settings.identify_only_all || std::find(users.begin(), users.end(), uid) != users.end();
  const auto local_peer = facts.secured ? local_peer_of(asked.flow) : std::nullopt;
  if (local_peer) {
    describe_local_peer(driver_, asked, *local_peer, out);
  } else if (facts.secured) {
    describe_peer(driver_, asked, out);
  } else if (asked.identify_only) {
    out.flags = call::kIdentifyOnly;
  }
  if (facts.secured && (out.flags & call::kSecured) == 0) out.negotiation_error = failure_of(cookie, remote.addr);
  if (request.function != call::Function::account) return 0;
  if (asked.identify_only) return (out.flags & call::kSecured) != 0 ? 0 : EACCES;
  return out.account.empty() ? EACCES : 0;
}

// What is connected to each other; datagrams by addresses that are this host's for certain.
std::optional<uint32_t> SocketService::local_peer_of(const stack::HostFlow& flow) {
  const IpEndpoint local{flow.local, flow.local_port}, remote{flow.remote, flow.remote_port};
  const auto other = lookup_.find(flow.protocol, remote, local);
  if (!other || !other->uid || other->local.port != remote.port) return std::nullopt;
  const bool pair = other->local == remote && other->remote == local;
  if (!pair && (flow.protocol == kTcp || (!is_loopback(flow.remote) && flow.remote != flow.local))) return std::nullopt;
  // What has accepted it may have begun to listen a moment ago.
  return is_secured(*other) || (look_for_new() && is_secured(*other)) ? other->uid : std::nullopt;
}

bool SocketService::is_secured(const FoundSocket& socket) const {
  const auto accepts = [&](const SocketPlace& place) {
    return place.local_port == socket.local.port && (place.local.is_any() || place.local == socket.local.addr);
  };
  return std::any_of(sockets_.begin(), sockets_.end(), [&](const auto& each) {
    const auto& [cookie, known] = each;
    return cookie == socket.cookie ||
           (known.listener && std::any_of(known.places.begin(), known.places.end(), accepts));
  });
}

// An accepted connection is nobody's own here: its flow tells, for a while.
uint32_t SocketService::why_over(uint64_t cookie, const SocketFacts& facts) const {
  if (const uint32_t code = failure_of(cookie, facts.remote.addr); code != 0) return code;
  if (!facts.secured || facts.remote.port == 0) return 0;
  return why_broken_off(
      driver_, {facts.local.addr, facts.remote.addr, facts.protocol(), facts.local.port, facts.remote.port, true});
}

}  // namespace sallyport::runtime
