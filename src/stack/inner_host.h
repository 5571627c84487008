// The internal device: a tiny host inside the daemon that owns inner addresses, answers ICMP and UDP echo (RFC 792,
// 4443, 862) and sends pings. With it the daemon's whole job runs without a TUN device and without root. Pure; one
// thread.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/ip_addr.h"
#include "base/time.h"

namespace sallyport::stack {

class InnerHost {
 public:
  explicit InnerHost(std::vector<IpAddr> addresses) : addresses_(std::move(addresses)) {}

  struct Pong {
    uint64_t token = 0;
    uint16_t sequence = 0;
    size_t octets = 0;
    Duration round_trip{};
  };

  const std::vector<IpAddr>& addresses() const { return addresses_; }
  void set_addresses(std::vector<IpAddr> addresses) { addresses_ = std::move(addresses); }

  // A packet that came out of a tunnel. What it answers waits in poll_packet().
  void handle_packet(TimePoint now, ByteView packet);
  // An ICMP echo request to `destination` with `octets` of payload; not_found when we own no address of its family,
  // bad_value above 65 000 octets, too_many when 1 024 pings are waiting for their answers.
  Result<> ping(TimePoint now, uint64_t token, const IpAddr& destination, uint16_t sequence, size_t octets);

  std::optional<Bytes> poll_packet();
  std::optional<Pong> poll_pong();
  void expire(TimePoint now);  // forgets pings older than a minute

 private:
  struct Waiting {
    uint64_t token;
    uint16_t identifier;
    uint16_t sequence;
    IpAddr destination;
    TimePoint sent;
  };
  bool owns(const IpAddr& address) const;
  void on_echo_reply(TimePoint now, const IpAddr& from, uint16_t identifier, uint16_t sequence, size_t octets);

  std::vector<IpAddr> addresses_;
  std::deque<Bytes> packets_;
  std::deque<Pong> pongs_;
  std::deque<Waiting> waiting_;
  uint16_t next_identifier_ = 1;
};

}  // namespace sallyport::stack
