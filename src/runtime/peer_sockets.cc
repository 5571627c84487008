// See peer_sockets.h.
#include "runtime/peer_sockets.h"

#include <sys/socket.h>

#include <algorithm>
#include <optional>

namespace sallyport::runtime {
namespace {

// The far end; nothing: not connected.
std::optional<IpEndpoint> connected_to(int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&name), &length) != 0) return std::nullopt;
  return endpoint_of(name);
}

IpAddr sends_from(int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
  return endpoint_of(name).addr;
}

bool same_source(const IpAddr& wanted, const IpAddr& has) { return wanted.is_any() || wanted == has; }

}  // namespace

void PeerSockets::take_spares(const Descriptors& descriptors, Family family) {
  for (const auto& socket : descriptors.udp) {
    if (socket.worker != UdpDescriptor::kSpare || socket.family != family) continue;
    Peer& peer = peers_.emplace_back();
    peer.fd = socket.fd.get();
    const auto remote = connected_to(peer.fd);  // by the worker before this one
    if (!remote) continue;
    peer.connected = true;
    peer.remote = *remote;
    peer.source = sends_from(peer.fd);
  }
}

PeerSockets::Peer* PeerSockets::find(const IpEndpoint& local, const IpEndpoint& remote, size_t datagrams) {
  if (peers_.empty()) return nullptr;
  age(datagrams);
  for (Peer& peer : peers_) {
    if (!peer.connected || peer.remote != remote || !same_source(local.addr, peer.source)) continue;
    peer.datagrams += static_cast<uint32_t>(datagrams);
    return &peer;
  }
  Candidate& wanted = candidate(local, remote);
  wanted.datagrams += static_cast<uint32_t>(datagrams);
  return wanted.datagrams >= kWorthIt && !wanted.unfit ? connect(wanted) : nullptr;
}

void PeerSockets::age(size_t datagrams) {
  since_halved_ += datagrams;
  if (since_halved_ < kHalveEvery) return;
  since_halved_ = 0;
  for (Peer& peer : peers_) peer.datagrams /= 2;
  for (Candidate& one : candidates_) {
    one.datagrams /= 2;
    if (one.datagrams == 0) one.unfit = false;  // routes change
  }
}

// The place of the one least sent to is taken when there is no other.
PeerSockets::Candidate& PeerSockets::candidate(const IpEndpoint& local, const IpEndpoint& remote) {
  for (Candidate& one : candidates_) {
    if (one.remote == remote && one.source == local.addr) return one;
  }
  if (candidates_.size() < kCandidates) return candidates_.emplace_back(Candidate{remote, local.addr});
  Candidate& least = *std::min_element(candidates_.begin(), candidates_.end(),
                                       [](const auto& a, const auto& b) { return a.datagrams < b.datagrams; });
  least = {remote, local.addr};
  return least;
}

// Never back to no peer at all: out of the group that steer_by_spi chooses from, such a socket would get everybody's
// packets. So a connected one keeps its own address and goes on only to peers that are sent to from there.
PeerSockets::Peer* PeerSockets::connect(Candidate& to) {
  Peer* place = nullptr;
  for (Peer& peer : peers_) {
    const bool free =
        !peer.connected || (peer.datagrams < kIdle && peer.queue.empty() && same_source(to.source, peer.source));
    if (free && (place == nullptr || peer.datagrams < place->datagrams)) place = &peer;
  }
  if (place == nullptr) return nullptr;
  sockaddr_storage name;
  if (::connect(place->fd, reinterpret_cast<const sockaddr*>(&name), to_sockaddr(to.remote, 0, name)) != 0) {
    to.unfit = true;
    return nullptr;
  }
  place->connected = true;
  place->remote = to.remote;
  place->source = sends_from(place->fd);
  to.unfit = !same_source(to.source, place->source);
  place->datagrams = to.unfit ? 0 : to.datagrams;
  return to.unfit ? nullptr : place;
}

}  // namespace sallyport::runtime
