// Where secured sockets are: SocketService's part that places them, looks for new ones and for those that have gone,
// and keeps why. See socket_service.h.
#include <algorithm>

#include "runtime/clock.h"
#include "runtime/socket_mark.h"
#include "runtime/socket_query.h"
#include "runtime/socket_service.h"

namespace sallyport::runtime {
namespace {

using policy::Guid;
using stack::SocketPlace;

constexpr int kLookTimer = 4;
constexpr Duration kLookSoon = milliseconds(100), kLookLater = milliseconds(500);
constexpr Duration kLookForPeer = milliseconds(1);  // not more often, whatever peers send
// In which a peer whose last segment, or our answer to it, was lost sends it four times more, by the least pause that
// RFC 6298 leaves to it and its doubles.
constexpr Duration kClosing = seconds(4);
constexpr size_t kMostClosing = 16384;
constexpr size_t kMostFailed = 1024;  // connections that have gone without an SA, and why
constexpr size_t kMostUnknown = 256;  // packets that wait for a word about their sockets
constexpr uint8_t kTcp = 6, kUdp = 17;
constexpr uint8_t kListening = 10, kFinWait2 = 5, kTimeWait = 6, kClosed = 7;
constexpr uint32_t kAllStates = ~0u;

SocketPlace whole_port(uint8_t protocol, const IpAddr& local, uint16_t port) {
  return {protocol, local, IpAddr::any(local.family()), port, 0};
}

std::vector<SocketPlace> places_of(const FoundSocket& found, bool datagrams) {
  const uint8_t protocol = datagrams ? kUdp : kTcp;
  if (!datagrams && found.remote.port != 0)
    return {{protocol, found.local.addr, found.remote.addr, found.local.port, found.remote.port}};
  std::vector<SocketPlace> out{whole_port(protocol, found.local.addr, found.local.port)};
  if (found.local.addr.is_v6() && found.local.addr.is_any() && !found.v6_only)
    out.push_back(whole_port(protocol, IpAddr::any(Family::v4), found.local.port));
  return out;
}

std::pair<IpEndpoint, IpEndpoint> ends_of(const SocketPlace& place) {
  return {{place.local, place.local_port}, {place.remote, place.remote_port}};
}

stack::HostFlow flow_of(const SocketPlace& place) {
  return {place.local, place.remote, place.protocol, place.local_port, place.remote_port, true};
}

}  // namespace

uint32_t SocketService::failure_of(uint64_t cookie, const IpAddr& remote) const {
  const auto known = sockets_.find(cookie);
  if (known != sockets_.end()) {
    const Secured& socket = known->second;
    if (!socket.group) return 0;
    // A connection's own peer, which its socket does not tell while it stands in the way.
    return driver_.control().socket_failure(socket.group->number,
                                            socket.shares ? socket.places.front().remote : remote);
  }
  const auto gone = std::find_if(failed_.rbegin(), failed_.rend(), [&](const auto& e) { return e.first == cookie; });
  return gone == failed_.rend() ? 0 : gone->second;
}

// Before its flow is forgotten.
uint32_t SocketService::why_gone(uint64_t cookie, const SocketPlace& place) const {
  const uint32_t code = failure_of(cookie, place.remote);
  return code != 0 ? code : why_broken_off(driver_, flow_of(place));
}

// A program asks when connect() has come back, and the kernel does not know the connection any more then.
void SocketService::remember_failure(uint64_t cookie, uint32_t code) {
  if (failed_.size() >= kMostFailed) failed_.pop_front();
  failed_.emplace_back(cookie, code);
}

void SocketService::on_endpoint(const stack::EndpointWanted& wanted) {
  const stack::HostFlow& flow = wanted.flow;
  bool send = false;
  if (flow.ports_known && (flow.protocol == kTcp || flow.protocol == kUdp)) {
    const IpEndpoint local{flow.local, flow.local_port}, remote{flow.remote, flow.remote_port};
    const auto found = lookup_.find(flow.protocol, local, remote);
    const auto known = found ? sockets_.find(found->cookie) : sockets_.end();
    if (found && known == sockets_.end() && on_unknown && unknown_.size() < kMostUnknown) {
      const uint64_t token = next_token_++;
      unknown_.emplace(token, wanted);
      return on_unknown(token, flow.protocol, local, remote);
    }
    if (known != sockets_.end()) send = place(known->first, known->second, *found);
  }
  // Later: the driver is in the middle of its outputs.
  loop_.post([this, held_as = wanted.held_as, send] { driver_.release_held(held_as, send); });
}

void SocketService::found(uint64_t token, const std::optional<EarlierSocket>& earlier) {
  const auto node = unknown_.extract(token);
  if (node.empty()) return;
  bool send = false;
  if (earlier) {
    adopt(*earlier);
    const auto known = sockets_.find(earlier->socket.cookie);
    if (known != sockets_.end()) send = place(known->first, known->second, earlier->socket);
  }
  loop_.post([this, held_as = node.mapped().held_as, send] { driver_.release_held(held_as, send); });
}

void SocketService::adopt(const EarlierSocket& earlier) {
  const FoundSocket& socket = earlier.socket;
  const auto wish = wish_of_mark(socket.mark);
  if (!wish || !socket.uid || sockets_.contains(socket.cookie)) return;
  if (of_user(*socket.uid) >= driver_.settings().secure_sockets.per_user) return;
  Secured made;
  made.uid = *socket.uid;
  made.wish = *wish;
  made.datagrams = earlier.protocol == kUdp;
  made.number = next_number_++;
  ++users_[made.uid];
  sockets_.emplace(socket.cookie, std::move(made));
  arm();
}

// False: nothing is new, or the engine does not take filters now.
bool SocketService::place(uint64_t cookie, Secured& socket, const FoundSocket& found) {
  const auto places = places_of(found, socket.datagrams);
  if (socket.shares && places != socket.places) (void)leave_place(cookie, socket);
  if (!socket.datagrams && places.front().remote_port != 0) return join(socket, places.front());
  if (places == socket.places) return false;
  socket.listener = !socket.datagrams && found.state == kListening;
  return write_filters(cookie, socket, places);
}

bool SocketService::write_filters(uint64_t cookie, Secured& socket, const std::vector<SocketPlace>& places) {
  if (!socket.group && !places.empty()) {
    auto own = std::make_shared<stack::SocketGroup>();
    own->number = policy_.next_number();
    socket.group = std::move(own);
  }
  std::vector<policy::Filter> filters;
  for (const SocketPlace& where : places) {
    auto some =
        stack::socket_filters(socket.wish, where, socket.names, "socket " + std::to_string(cookie), *socket.group);
    std::move(some.begin(), some.end(), std::back_inserter(filters));
  }
  if (!policy_.replace(socket.filters, std::move(filters))) return false;
  socket.places = places;
  return true;
}

// What a connection needs beside its group is one record where its packets are judged.
bool SocketService::join(Secured& socket, const SocketPlace& place) {
  if (!socket.group) socket.group = policy_.join(monotonic_now(), {socket.uid, socket.wish, place, socket.names});
  if (!socket.group) return false;
  closing_.erase(ends_of(place));
  socket.shares = true;
  socket.places = {place};
  driver_.place_socket(flow_of(place), socket.group);
  return true;
}

// False: the engine does not take that now.
bool SocketService::leave_place(uint64_t cookie, Secured& socket) {
  if (!socket.shares) return write_filters(cookie, socket, {});
  driver_.forget_socket(flow_of(socket.places.front()), socket.group->number);
  policy_.leave(monotonic_now(), socket.group->number);
  socket.group.reset();
  socket.shares = false;
  socket.places.clear();
  return true;
}

// The kernel answers a peer's last segment for a minute (RFC 9293 3.6.1, TIME-WAIT), and its answer has a place for the
// first seconds. The SA is only there while the group waits for another connection, and for no longer on its account.
void SocketService::let_close(TimePoint now, Secured& socket) {
  const SocketPlace& place = socket.places.front();
  policy_.leave(now, socket.group->number);
  if (closing_.size() < kMostClosing) {
    closing_.insert_or_assign(ends_of(place), Closing{place, socket.group->number, now + kClosing});
  } else {
    driver_.forget_socket(flow_of(place), socket.group->number);
  }
}

void SocketService::end_closing(TimePoint now) {
  std::erase_if(closing_, [&](const auto& each) {
    const Closing& closing = each.second;
    const bool over = closing.until <= now;
    if (over) driver_.forget_socket(flow_of(closing.place), closing.group);
    return over;
  });
}

// A connection's next attempt is placed anew.
bool SocketService::name_changed(uint64_t cookie, Secured& socket) {
  if (socket.places.empty()) return true;
  return socket.shares ? leave_place(cookie, socket) : write_filters(cookie, socket, socket.places);
}

// True: some were found.
bool SocketService::look_for_new() {
  bool any = false;
  const auto take = [&](const FoundSocket& found) {
    const auto known = sockets_.find(found.cookie);
    if (known != sockets_.end() && known->second.places.empty() && found.local.port != 0)
      any = place(known->first, known->second, found) || any;
  };
  bool streams = false, datagrams = false;
  for (const auto& [cookie, socket] : sockets_) {
    if (socket.places.empty()) (socket.datagrams ? datagrams : streams) = true;
  }
  if (streams) lookup_.each(kTcp, 1u << kListening, 0, take);
  if (datagrams) lookup_.each(kUdp, kAllStates, 0, take);
  return any;
}

// What has begun to listen a moment ago has its filters before a peer's wish for its port is judged.
void SocketService::look_for_peer() {
  const TimePoint now = monotonic_now();
  if (now < look_for_peer_at_) return;
  look_for_peer_at_ = now + kLookForPeer;
  (void)look_for_new();
}

SocketService::Census SocketService::take_census() {
  Census out;
  bool streams = false, datagrams = false;
  for (const auto& [cookie, socket] : sockets_) {
    if (!socket.places.empty()) (socket.datagrams ? datagrams : streams) = true;
  }
  if (streams) {
    lookup_.each(kTcp, kAllStates & ~(1u << kTimeWait | 1u << kClosed), 0, [&](const FoundSocket& found) {
      out.living.emplace(kTcp, found.cookie);
      if (found.state == kFinWait2) out.half_closed.emplace(found.local, found.remote);
      if (found.state == kListening) {
        out.listening.insert(found.local);
      } else {
        out.accepted.insert(found.local.port);
      }
    });
  }
  if (datagrams)
    lookup_.each(kUdp, kAllStates, 0, [&](const FoundSocket& found) { out.living.emplace(kUdp, found.cookie); });
  return out;
}

// A connection lives until nothing is left to be sent; a listener until the last one that it accepted is gone too, or
// another one has its place.
void SocketService::look() {
  const TimePoint now = monotonic_now();
  look_at_.reset();
  const bool found_new = look_for_new();
  if (hurry_until_ && now >= *hurry_until_) hurry_until_.reset();
  // What is new may stand where something has just gone.
  if (found_new || now - census_at_ >= kLookLater) {
    census_at_ = now;
    const Census census = take_census();
    for (auto at = sockets_.begin(); at != sockets_.end();) {
      Secured& socket = at->second;
      const auto here = at++;
      if (socket.places.empty()) continue;
      const SocketPlace& at_first = socket.places.front();
      const bool lives = census.living.contains({socket.datagrams ? kUdp : kTcp, here->first}) ||
                         census.half_closed.contains(ends_of(at_first)) ||
                         (socket.listener && census.accepted.contains(at_first.local_port) &&
                          !census.listening.contains({at_first.local, at_first.local_port}));
      if (lives) continue;
      const uint32_t why = socket.shares ? why_gone(here->first, at_first) : 0;
      if (socket.shares && why == 0) {
        let_close(now, socket);
      } else if (!leave_place(here->first, socket)) {
        continue;
      }
      if (why != 0) remember_failure(here->first, why);
      erase(here);
    }
    policy_.drop_cold(now);
  }
  end_closing(now);
  policy_.handle_deadline(now);
  arm();
}

void SocketService::arm() {
  if (sockets_.empty() && closing_.empty() && policy_.groups() == 0) return;
  const TimePoint at = monotonic_now() + (hurry_until_ ? kLookSoon : kLookLater);
  if (look_at_ && *look_at_ <= at) return;  // many calls must not put it off
  look_at_ = at;
  loop_.set_timer(kLookTimer, at, [this] { look(); });
}

}  // namespace sallyport::runtime
