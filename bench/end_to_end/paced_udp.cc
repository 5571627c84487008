// Packets a second through a tunnel: a sender that holds its pace with sendmmsg, and a receiver that counts with
// recvmmsg. Each datagram carries its number, so that what comes twice is not counted twice.
//   paced_udp receive ADDRESS PORT SECONDS                    counts until SECONDS are over or SIGTERM
//   paced_udp send FROM TO PORT PPS SECONDS OCTETS            OCTETS of the IPv4 or IPv6 packet
// Both print one line of JSON: {"packets": n, "seconds": s}.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr size_t kBatch = 64;
constexpr size_t kMostOctets = 2048;
constexpr int64_t kSecond = 1'000'000'000;

volatile sig_atomic_t stopped = 0;

int64_t now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * kSecond + t.tv_nsec;
}

void sleep_until(int64_t at) {
  const timespec t{at / kSecond, at % kSecond};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool v6 = false;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address parse(const char* text, uint16_t port) {
  Address out;
  out.v6 = std::strchr(text, ':') != nullptr;
  auto& four = reinterpret_cast<sockaddr_in&>(out.storage);
  auto& six = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (out.v6) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    out.size = sizeof six;
  } else {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    out.size = sizeof four;
  }
  void* room = out.v6 ? static_cast<void*>(&six.sin6_addr) : &four.sin_addr;
  if (::inet_pton(out.v6 ? AF_INET6 : AF_INET, text, room) != 1) {
    std::fprintf(stderr, "paced_udp: not an address: %s\n", text);
    std::exit(2);
  }
  return out;
}

int open_socket(const Address& local) {
  const int fd = ::socket(local.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int room = 16 << 20;
  // Large, so that what is measured is the tunnel and not this program being scheduled late.
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  if (fd < 0 || ::bind(fd, local.get(), local.size) != 0) {
    std::perror("paced_udp: bind");
    std::exit(1);
  }
  return fd;
}

// Buffers and headers for one sendmmsg or recvmmsg.
struct Batch {
  std::vector<std::array<uint8_t, kMostOctets>> octets{kBatch};
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> headers{};

  explicit Batch(size_t size) {
    for (size_t i = 0; i < kBatch; ++i) {
      pieces[i] = {octets[i].data(), size};
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

void tell(uint64_t packets, int64_t took) {
  std::printf("{\"packets\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(packets),
              static_cast<double>(took) / static_cast<double>(kSecond));
}

int receive(char** argv) {
  const int fd = open_socket(parse(argv[2], static_cast<uint16_t>(std::atoi(argv[3]))));
  const timeval patience{0, 50000};
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const int64_t end = now() + static_cast<int64_t>(std::atof(argv[4]) * static_cast<double>(kSecond));
  Batch batch(kMostOctets);
  std::vector<bool> seen(1 << 20);
  uint64_t packets = 0;
  int64_t first = 0, last = 0;
  std::puts("ready");
  std::fflush(stdout);
  while (!stopped && now() < end) {
    const int n = ::recvmmsg(fd, batch.headers.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (n <= 0) continue;
    last = now();
    if (first == 0) first = last;
    for (int i = 0; i < n; ++i) {
      uint64_t number = 0;
      std::memcpy(&number, batch.octets[static_cast<size_t>(i)].data(), sizeof number);
      if (number >= 1u << 30) continue;
      if (number >= seen.size()) seen.resize(std::max<size_t>(seen.size() * 2, number + 1));
      if (seen[number]) continue;
      seen[number] = true;
      ++packets;
    }
  }
  tell(packets, last - first);
  return 0;
}

int send(char** argv) {
  const auto port = static_cast<uint16_t>(std::atoi(argv[4]));
  const Address remote = parse(argv[3], port);
  const int fd = open_socket(parse(argv[2], 0));
  if (::connect(fd, remote.get(), remote.size) != 0) {
    std::perror("paced_udp: connect");
    return 1;
  }
  const double pps = std::atof(argv[5]);
  const auto length = static_cast<int64_t>(std::atof(argv[6]) * static_cast<double>(kSecond));
  const size_t headers = remote.v6 ? 48 : 28;
  const size_t octets = static_cast<size_t>(std::atoi(argv[7]));
  if (pps <= 0 || octets < headers + sizeof(uint64_t) || octets > kMostOctets) {
    std::fputs("paced_udp: a rate above 0, and octets from 36 (IPv6: 56) to 2048\n", stderr);
    return 2;
  }
  Batch batch(octets - headers);
  uint64_t sent = 0;
  const int64_t begun = now();
  for (int64_t at = begun; !stopped && at - begun < length; at = now()) {
    const auto due = static_cast<uint64_t>(pps * static_cast<double>(at - begun) / static_cast<double>(kSecond)) + 1;
    if (due <= sent) {
      // Half a millisecond of packets or one packet, whichever is later: waking up for each would measure the timer.
      const double step = std::max(1e9 / pps, 500000.0);
      sleep_until(at + static_cast<int64_t>(step));
      continue;
    }
    const auto count = static_cast<unsigned>(std::min<uint64_t>(due - sent, kBatch));
    for (unsigned i = 0; i < count; ++i) {
      const uint64_t number = sent + i;
      std::memcpy(batch.octets[i].data(), &number, sizeof number);
    }
    const int n = ::sendmmsg(fd, batch.headers.data(), count, 0);
    // What the device has no room for counts as sent: it is a loss of the tunnel.
    if (n < 0 && errno != ENOBUFS && errno != EINTR) {
      std::perror("paced_udp: sendmmsg");
      return 1;
    }
    sent += n < 0 ? (errno == ENOBUFS ? count : 0) : static_cast<unsigned>(n);
  }
  tell(sent, now() - begun);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "receive" && argc == 5) return receive(argv);
  if (verb == "send" && argc == 8) return send(argv);
  std::fputs("usage: paced_udp receive ADDRESS PORT SECONDS | send FROM TO PORT PPS SECONDS OCTETS\n", stderr);
  return 2;
}
