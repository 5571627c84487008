// Sequence-numbered UDP traffic at a steady pace, counted at the other end: the measure of "no packet lost".
// One process per end; both send and receive. Prints one JSON object when done: what was sent, what arrived from the
// peer (distinct, duplicate, late), and the longest silence, so that losses = peer's sent - own distinct. A test tool:
// single thread, sockets only, ends by itself after --seconds plus --settle.
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

volatile sig_atomic_t stop_asked = 0;

struct Options {
  std::string bind_address, peer_address, port = "47007";
  double pps = 1000, seconds = 5, settle = 1;
  double lead = 0.5;  // silence before the first packet, so that the other end's socket is open by then
  size_t smallest = 64, largest = 1400;  // bytes of UDP payload; sizes sweep evenly from one to the other
};

struct Counters {
  uint64_t sent = 0, send_errors = 0, received = 0, distinct = 0, duplicates = 0, reordered = 0, corrupt = 0;
  uint64_t first = UINT64_MAX, highest = 0;
  double longest_silence = 0;
};

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: seqflow --bind ADDRESS --peer ADDRESS [--port N] [--pps N] [--seconds S] [--settle S] [--min "
               "BYTES] [--max BYTES]\n");
  std::exit(2);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--bind")
      options.bind_address = value;
    else if (key == "--peer")
      options.peer_address = value;
    else if (key == "--port")
      options.port = value;
    else if (key == "--pps")
      options.pps = std::atof(value.c_str());
    else if (key == "--seconds")
      options.seconds = std::atof(value.c_str());
    else if (key == "--settle")
      options.settle = std::atof(value.c_str());
    else if (key == "--min")
      options.smallest = static_cast<size_t>(std::atoi(value.c_str()));
    else if (key == "--max")
      options.largest = static_cast<size_t>(std::atoi(value.c_str()));
    else
      usage();
  }
  if (argc % 2 == 0 || options.bind_address.empty() || options.peer_address.empty() || options.smallest < 16 ||
      options.largest < options.smallest || options.largest > 60000 || options.pps <= 0) {
    usage();
  }
  return options;
}

addrinfo* resolve(const std::string& address, const std::string& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), port.c_str(), &hints, &found) != 0) {
    std::fprintf(stderr, "seqflow: '%s' is not an address\n", address.c_str());
    std::exit(2);
  }
  return found;
}

int open_socket(const Options& options) {
  addrinfo* local = resolve(options.bind_address, options.port);
  const int fd = socket(local->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int buffer = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  if (fd < 0 || bind(fd, local->ai_addr, local->ai_addrlen) != 0) {
    std::perror("seqflow: bind");
    std::exit(1);
  }
  freeaddrinfo(local);
  // Not connected: an ICMP error of a peer that is down must not turn into lost sends here.
  return fd;
}

size_t size_of(const Options& options, uint64_t seq) {
  const uint64_t steps = options.largest - options.smallest + 1;
  return options.smallest + static_cast<size_t>(seq * 97 % steps);
}

// Payload: 8 bytes sequence number, then bytes that follow from it, so that the receiver sees any corruption.
void fill(std::vector<uint8_t>& bytes, uint64_t seq) {
  std::memcpy(bytes.data(), &seq, sizeof seq);
  for (size_t i = sizeof seq; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(seq + i);
}

bool intact(const Options& options, const uint8_t* bytes, size_t length, uint64_t seq) {
  if (length != size_of(options, seq)) return false;
  for (size_t i = sizeof seq; i < length; ++i) {
    if (bytes[i] != static_cast<uint8_t>(seq + i)) return false;
  }
  return true;
}

class Flow {
 public:
  Flow(const Options& options, int fd)
      : options_(options), fd_(fd), peer_(resolve(options.peer_address, options.port)) {
    seen_.resize(static_cast<size_t>(options.pps * options.seconds) + 100000);
  }
  ~Flow() { freeaddrinfo(peer_); }
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  void run() {
    const auto start =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.lead));
    const std::chrono::duration<double> sending(options_.seconds), settling(options_.settle);
    last_arrival_ = start;
    for (;;) {
      const std::chrono::duration<double> passed = Clock::now() - start;
      const bool may_send =
          passed < sending && stop_asked == 0;  // still before the start: due is negative, nothing goes
      if (!may_send && ended_ == Clock::time_point{}) ended_ = Clock::now();
      if (!may_send && Clock::now() - ended_ > settling) break;
      if (may_send) send_due(passed.count());
      pollfd waiting{fd_, POLLIN, 0};
      if (poll(&waiting, 1, 1) > 0) receive();
    }
  }

  void print() const {
    const Counters& c = counters_;
    std::printf(
        "{\"sent\": %llu, \"send_errors\": %llu, \"received\": %llu, \"distinct\": %llu, \"duplicates\": %llu, "
        "\"reordered\": %llu, "
        "\"corrupt\": %llu, \"first\": %lld, \"highest\": %lld, \"longest_silence\": %.3f}\n",
        static_cast<unsigned long long>(c.sent), static_cast<unsigned long long>(c.send_errors),
        static_cast<unsigned long long>(c.received), static_cast<unsigned long long>(c.distinct),
        static_cast<unsigned long long>(c.duplicates), static_cast<unsigned long long>(c.reordered),
        static_cast<unsigned long long>(c.corrupt), c.distinct ? static_cast<long long>(c.first) : -1,
        c.distinct ? static_cast<long long>(c.highest) : -1, c.longest_silence);
  }

 private:
  void send_due(double passed) {
    if (passed < 0) return;
    const auto due = static_cast<uint64_t>(passed * options_.pps);
    for (int burst = 0; next_ <= due && burst < 64; ++burst, ++next_) {
      packet_.resize(size_of(options_, next_));
      fill(packet_, next_);
      if (sendto(fd_, packet_.data(), packet_.size(), 0, peer_->ai_addr, peer_->ai_addrlen) < 0) {
        ++counters_.send_errors;
      } else {
        ++counters_.sent;
      }
    }
  }

  void receive() {
    uint8_t bytes[65536];
    for (int burst = 0; burst < 256; ++burst) {
      const ssize_t got = recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got < 8) return;
      uint64_t seq = 0;
      std::memcpy(&seq, bytes, sizeof seq);
      note(seq, intact(options_, bytes, static_cast<size_t>(got), seq));
    }
  }

  void note(uint64_t seq, bool whole) {
    Counters& c = counters_;
    ++c.received;
    if (!whole || seq >= seen_.size()) {
      ++c.corrupt;
      return;
    }
    const auto now = Clock::now();
    if (c.distinct > 0) {
      c.longest_silence = std::max(c.longest_silence, std::chrono::duration<double>(now - last_arrival_).count());
    }
    last_arrival_ = now;
    if (seen_[seq]) {
      ++c.duplicates;
      return;
    }
    seen_[seq] = true;
    if (c.distinct > 0 && seq < c.highest) ++c.reordered;
    ++c.distinct;
    c.first = std::min(c.first, seq);
    c.highest = std::max(c.highest, seq);
  }

  Options options_;
  int fd_;
  addrinfo* peer_;
  uint64_t next_ = 0;
  std::vector<uint8_t> packet_;
  std::vector<bool> seen_;
  Counters counters_;
  Clock::time_point last_arrival_, ended_;
};

void on_stop(int) { stop_asked = 1; }

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  signal(SIGTERM, on_stop);
  signal(SIGINT, on_stop);
  const int fd = open_socket(options);
  Flow flow(options, fd);
  flow.run();
  flow.print();
  close(fd);
  return 0;
}
