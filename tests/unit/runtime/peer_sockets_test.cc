// Sockets of single peers over the loopback interface, beside one for everybody with the same port.
#include "runtime/peer_sockets.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <poll.h>

#include "runtime/udp_socket.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {

const IpAddr kHere = *IpAddr::parse("127.0.0.1");

struct Host {
  explicit Host(size_t spares) {
    SocketOptions options;
    options.shared_port = true;
    for (size_t i = 0; i < 1 + 1 + spares; ++i) {
      auto socket = open_udp_socket({IpAddr::any(Family::v4), port}, options);
      REQUIRE(socket);
      port = *bound_port(*socket);
      const uint8_t worker = i == 0 ? UdpDescriptor::kKeying : i == 1 ? uint8_t{0} : UdpDescriptor::kSpare;
      descriptors.udp.push_back({std::move(*socket), Family::v4, true, port, true, worker});
      if (i == 1) REQUIRE(steer_by_spi(descriptors.udp.back().fd, 1));
    }
    sockets.take_spares(descriptors, Family::v4);
    local = {kHere, port};
  }
  // The number of the socket that a packet of this peer comes to.
  size_t lands_at(const Fd& peer) {
    const Bytes esp{0, 0, 1, 1, 0, 0, 0, 1, 2, 3, 4, 5};
    const OutgoingDatagram out{{}, local, 0, esp};
    REQUIRE(send_batch(peer.get(), {&out, 1}) == 1);
    size_t at = descriptors.udp.size();
    for (size_t i = 0; i < descriptors.udp.size(); ++i) {
      if (!batch.receive(descriptors.udp[i].fd.get(), port).empty()) at = i;
    }
    return at;
  }
  PeerSockets::Peer* send_many(const IpEndpoint& to) { return sockets.find(local, to, PeerSockets::kWorthIt); }

  Descriptors descriptors;
  PeerSockets sockets;
  DatagramBatch batch;
  uint16_t port = 0;
  IpEndpoint local;
};

struct Stranger {
  Stranger() {
    auto opened = open_udp_socket({kHere, 0}, {});
    REQUIRE(opened);
    socket = std::move(*opened);
    at = {kHere, *bound_port(socket)};
  }
  Fd socket;
  IpEndpoint at;
};

}  // namespace

TEST_SUITE("runtime/peer_sockets") {
  TEST_CASE("a peer to which many packets go gets a socket, and what it sends comes there") {
    Host host(1);
    const Stranger busy, quiet;
    CHECK(host.sockets.find(host.local, busy.at, PeerSockets::kWorthIt - 1) == nullptr);
    CHECK(host.lands_at(busy.socket) == 1);
    PeerSockets::Peer* const peer = host.sockets.find(host.local, busy.at, 1);
    REQUIRE(peer != nullptr);
    CHECK(peer->fd == host.descriptors.udp[2].fd.get());
    CHECK(host.lands_at(busy.socket) == 2);
    CHECK(host.lands_at(quiet.socket) == 1);
    CHECK(host.sockets.find(host.local, busy.at, 1) == peer);

    const Bytes payload{7, 7};
    OutgoingDatagram out{host.local, busy.at, 0, payload};
    out.connected = true;
    CHECK(send_batch(peer->fd, {&out, 1}) == 1);
    DatagramBatch batch;
    const auto got = batch.receive(busy.socket.get(), 1);
    REQUIRE(got.size() == 1);
    CHECK(got[0].remote == host.local);
    CHECK(to_bytes(got[0].payload) == payload);
  }

  TEST_CASE("a socket goes to another peer when its own has become quiet, and not while packets wait in it") {
    Host host(1);
    const Stranger first, second;
    PeerSockets::Peer* const peer = host.send_many(first.at);
    REQUIRE(peer != nullptr);
    CHECK(host.send_many(second.at) == nullptr);  // the first is as busy
    const Bytes payload{1};
    peer->queue.push_back({host.local, first.at, 0, payload});
    for (int i = 0; i < 200; ++i) CHECK(host.send_many(second.at) == nullptr);
    peer->queue.clear();
    REQUIRE(host.send_many(second.at) == peer);
    CHECK(peer->remote == second.at);
    CHECK(host.lands_at(second.socket) == 2);
    CHECK(host.lands_at(first.socket) == 1);
  }

  TEST_CASE("[RFC7296 2.11] no socket that would send from another address than the SA's") {
    Host host(1);
    const Stranger busy;
    host.local.addr = *IpAddr::parse("127.0.0.9");  // the kernel would take 127.0.0.1
    CHECK(host.send_many(busy.at) == nullptr);
    CHECK(host.send_many(busy.at) == nullptr);
    host.local.addr = kHere;
    CHECK(host.send_many(busy.at) != nullptr);
  }

  TEST_CASE("what an ICMP message says of one datagram is not taken for a refusal of the next") {
    Host host(1);
    IpEndpoint closed;
    {
      const Stranger gone;
      closed = gone.at;
    }
    PeerSockets::Peer* const peer = host.send_many(closed);
    REQUIRE(peer != nullptr);
    const Bytes payload{1};
    OutgoingDatagram out{host.local, closed, 0, payload};
    out.connected = true;
    for (int i = 0; i < 3; ++i) {
      int error = 0;
      CHECK(send_batch(peer->fd, {&out, 1}, &error) == 1);
      CHECK(error == 0);
    }
  }

  TEST_CASE("the sockets that an earlier worker left connected are known, and free for others") {
    Host host(1);
    const Stranger before, now;
    REQUIRE(host.send_many(before.at) != nullptr);
    host.sockets = {};
    host.sockets.take_spares(host.descriptors, Family::v4);
    CHECK(host.sockets.find(host.local, before.at, 1) == &host.sockets.all()[0]);
    CHECK(host.send_many(now.at) == &host.sockets.all()[0]);
    CHECK(host.lands_at(now.socket) == 2);
    CHECK(host.lands_at(before.socket) == 1);
  }

  TEST_CASE("every peer that is busy gets one, as long as there are some") {
    Host host(3);
    const Stranger peers[4];
    for (size_t i = 0; i < 3; ++i) CHECK(host.send_many(peers[i].at) == &host.sockets.all()[i]);
    CHECK(host.send_many(peers[3].at) == nullptr);
    for (size_t i = 0; i < 3; ++i) CHECK(host.lands_at(peers[i].socket) == 2 + i);
    CHECK(host.lands_at(peers[3].socket) == 1);
  }

  TEST_CASE("without spare sockets nobody gets one") {
    Host host(0);
    const Stranger busy;
    CHECK(host.send_many(busy.at) == nullptr);
  }
}
