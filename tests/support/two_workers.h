// Two packet workers with UDP sockets on the loopback interface; a pair of local sockets plays each queue of the TUN
// device.
#pragma once
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/packet_worker.h"
#include "runtime/udp_socket.h"
#include "stack/shards.h"
#include "support/esp_pair.h"

namespace sallyport::support {

using namespace sallyport::runtime;

inline const IpAddr kLoopback = *IpAddr::parse("127.0.0.1");

inline bool readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, 10000) == 1;
}

struct Udp {
  Udp() {
    SocketOptions options;
    options.offloads = false;
    auto opened = open_udp_socket({kLoopback, 0}, options);
    REQUIRE(opened);
    fd = std::move(*opened);
    at = {kLoopback, *bound_port(fd)};
  }
  void send(ByteView payload, const IpEndpoint& to) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(to.port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::sendto(fd.get(), payload.data(), payload.size(), 0, reinterpret_cast<const sockaddr*>(&name),
                     sizeof name) == static_cast<ssize_t>(payload.size()));
  }
  Fd fd;
  IpEndpoint at;
};

// One queue of a TUN device and the host behind it.
struct Queue {
  Queue() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    device = Fd(ends[0]);
    host = Fd(ends[1]);
    REQUIRE(::fcntl(device.get(), F_SETFL, O_NONBLOCK) == 0);
  }
  Fd device, host;
};

// The right end of an EspPair as a daemon with two workers: its SA is the second one's, for kRightSpi is odd.
struct TwoWorkers {
  explicit TwoWorkers(bool with_device) {
    choice.udp = true;
    choice.window = 4096;
    Descriptors& d = descriptors;
    for (uint8_t i = 0; i < 2; ++i) {
      Udp socket;
      ports[i] = socket.at;
      d.udp.push_back({std::move(socket.fd), Family::v4, true, socket.at.port, false, i});
    }
    if (with_device) d.tun = queues[0].device.duplicate();
    d.tun_more.push_back(with_device ? queues[1].device.duplicate() : Fd());
    PacketWorker::Callbacks callbacks;
    callbacks.on_ike = [](std::vector<ike::Datagram>) {};
    callbacks.on_events = [](std::vector<stack::DataplaneEvent>) {};
    callbacks.on_pong = [](stack::InnerHost::Pong) {};
    callbacks.on_too_long = [](IpAddr, Bytes) {};
    callbacks.on_refusal = [](std::string) {};
    for (uint16_t i = 0; i < 2; ++i)
      workers.push_back(std::make_unique<PacketWorker>(descriptors, std::nullopt, callbacks, i));
    for (const auto& worker : workers) worker->meet(workers);
    model::SaSpec spec = support::make_spec(choice, false);
    spec.local = ports[0];
    spec.remote = peer.at;
    tell(stack::SetSpd{support::make_policy(choice, false)});
    tell(stack::InstallSa{std::move(spec)});
  }
  ~TwoWorkers() {
    for (const auto& worker : workers) worker->stop();
  }
  void tell(stack::DataplaneCommand command) {
    stack::for_each_shard(std::move(command), workers.size(), [&](size_t shard, stack::DataplaneCommand one) {
      workers[shard]->call(
          [&](stack::Dataplane& dataplane) { dataplane.handle_command(monotonic_now(), std::move(one)); });
    });
  }
  uint64_t received_on_sa() {
    uint64_t out = 0;
    workers[1]->call([&](stack::Dataplane& dataplane) { out = dataplane.sas(monotonic_now()).at(0).packets_in; });
    return out;
  }
  ipsec::DropCounters drops(size_t worker) {
    ipsec::DropCounters out;
    workers[worker]->call([&](stack::Dataplane& dataplane) { out = dataplane.drops(); });
    return out;
  }
  template <class Fact>
  bool until(Fact fact) {
    for (const TimePoint end = monotonic_now() + seconds(20); !fact();) {
      if (monotonic_now() > end) return false;
      ::usleep(500);
    }
    return true;
  }

  support::EspChoice choice;
  Udp peer;
  std::array<IpEndpoint, 2> ports;
  std::array<Queue, 2> queues;
  Descriptors descriptors;
  std::vector<std::unique_ptr<PacketWorker>> workers;
};

}  // namespace sallyport::support
