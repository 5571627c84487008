// Cutting a large TCP/IPv4 packet into packets of the tunnel's size, and joining such packets again: what TSO and GRO
// do for a device, done in software without cryptography, so that the forwarder shows what a tunnel with offloads could
// reach. Checksums of cut packets are computed in full and those of joined packets are verified, as any tunnel must.
// Pure; one thread.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace sallyport::bench {

using View = std::span<const uint8_t>;
using Room = std::span<uint8_t>;

inline uint16_t load16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
inline uint32_t load32(const uint8_t* at) { return uint32_t{load16(at)} << 16 | load16(at + 2); }
inline void store16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
inline void store32(uint8_t* at, uint32_t value) {
  store16(at, value >> 16);
  store16(at + 2, value);
}

// RFC 1071: the sum may be taken over wider words in the machine's own order and folded at the end.
inline uint64_t sum_of(View octets, uint64_t sum = 0) {
  const uint8_t* at = octets.data();
  size_t left = octets.size();
  uint64_t a = sum, b = 0, c = 0, d = 0;
  for (; left >= 16; left -= 16, at += 16) {
    uint32_t word[4];
    std::memcpy(word, at, sizeof word);
    a += word[0];
    b += word[1];
    c += word[2];
    d += word[3];
  }
  a += b + c + d;
  for (; left >= 2; left -= 2, at += 2) {
    uint16_t word;
    std::memcpy(&word, at, sizeof word);
    a += word;
  }
  if (left) a += *at;  // the last octet is the first of its pair, and this machine is little-endian
  return a;
}

// The 16 bits in the machine's order; ~ of it goes into a header as it is.
inline uint16_t fold(uint64_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}
inline void store_sum(uint8_t* at, uint16_t value) { std::memcpy(at, &value, sizeof value); }

// The part of the TCP or UDP checksum that is not in the segment: addresses, protocol, length.
inline uint64_t pseudo_sum(const uint8_t* ip, size_t segment) {
  uint8_t tail[4] = {0, ip[9], static_cast<uint8_t>(segment >> 8), static_cast<uint8_t>(segment)};
  return sum_of(View(tail), sum_of(View(ip + 12, 8)));
}

struct TcpPacket {
  size_t headers = 0;  // IPv4 and TCP; 0: not a TCP/IPv4 packet without options or fragments
  size_t payload = 0;
};
inline TcpPacket tcp_packet(View packet) {
  if (packet.size() < 40 || packet[0] != 0x45 || packet[9] != 6 || (load16(&packet[6]) & 0x3fff) != 0) return {};
  const size_t headers = 20 + size_t{packet[32]} / 16 * 4;
  if (headers < 40 || headers > packet.size() || load16(&packet[2]) != packet.size()) return {};
  return {headers, packet.size() - headers};
}

constexpr uint8_t kFin = 0x01, kPsh = 0x08, kCwr = 0x80;

inline void finish_ipv4(uint8_t* ip, size_t size) {
  store16(ip + 2, static_cast<uint32_t>(size));
  store_sum(ip + 10, 0);
  store_sum(ip + 10, static_cast<uint16_t>(~fold(sum_of(View(ip, 20)))));
}

// Calls take(size) for room and writes one whole packet there, for each `mss` octets of payload.
template <class Take>
void cut(View big, size_t mss, const Take& take) {
  const TcpPacket whole = tcp_packet(big);
  if (whole.headers == 0 || mss == 0) return;
  for (size_t at = 0, number = 0; at < whole.payload; at += mss, ++number) {
    const size_t payload = std::min(mss, whole.payload - at);
    uint8_t* out = take(whole.headers + payload);
    std::memcpy(out, big.data(), whole.headers);
    std::memcpy(out + whole.headers, big.data() + whole.headers + at, payload);
    store16(out + 4, load16(big.data() + 4) + static_cast<uint32_t>(number));
    finish_ipv4(out, whole.headers + payload);
    store32(out + 24, load32(big.data() + 24) + static_cast<uint32_t>(at));
    if (at + payload < whole.payload) out[33] = static_cast<uint8_t>(out[33] & ~(kFin | kPsh));
    if (at > 0) out[33] = static_cast<uint8_t>(out[33] & ~kCwr);
    store_sum(out + 36, 0);
    const size_t segment = whole.headers - 20 + payload;
    store_sum(out + 36, static_cast<uint16_t>(~fold(sum_of(View(out + 20, segment), pseudo_sum(out, segment)))));
  }
}

// One growing packet. add() refuses what does not continue it: write out what take() gives, then add again.
class Joiner {
 public:
  bool empty() const { return size_ == 0; }
  size_t count() const { return count_; }
  size_t mss() const { return mss_; }
  size_t headers() const { return headers_; }

  bool add(View packet) {
    const TcpPacket tcp = tcp_packet(packet);
    const bool joins = tcp.headers != 0 && tcp.payload != 0 && (packet[33] & ~kPsh) == 0x10 && sum_is_right(packet);
    if (empty()) {
      std::memcpy(octets_.data(), packet.data(), packet.size());
      size_ = packet.size();
      count_ = 1;
      headers_ = tcp.headers;
      mss_ = tcp.payload;
      open_ = joins && (packet[33] & kPsh) == 0;
      return true;
    }
    if (!open_ || !joins || !continues(packet, tcp)) return false;
    std::memcpy(octets_.data() + size_, packet.data() + tcp.headers, tcp.payload);
    size_ += tcp.payload;
    ++count_;
    octets_[33] |= packet[33];
    open_ = tcp.payload == mss_ && (packet[33] & kPsh) == 0;
    return true;
  }

  // The packet, with the headers of a large one where several were joined: its TCP checksum is then the pseudo header's
  // alone, and whoever segments or receives it completes it.
  View take() {
    if (count_ > 1) {
      finish_ipv4(octets_.data(), size_);
      store_sum(octets_.data() + 36, fold(pseudo_sum(octets_.data(), size_ - 20)));
    }
    const View out(octets_.data(), size_);
    size_ = 0;
    return out;
  }

 private:
  static bool sum_is_right(View packet) {
    return fold(sum_of(packet.subspan(20), pseudo_sum(packet.data(), packet.size() - 20))) == 0xffff;
  }
  bool continues(View packet, const TcpPacket& tcp) const {
    const uint8_t* own = octets_.data();
    const uint8_t* other = packet.data();
    return tcp.headers == headers_ && tcp.payload <= mss_ && size_ + tcp.payload <= kMost &&
           std::memcmp(own + 8, other + 8, 2) == 0 && own[1] == other[1] &&  // TTL, protocol, traffic class
           std::memcmp(own + 12, other + 12, 12) == 0 &&                     // addresses and ports
           load32(other + 24) == load32(own + 24) + (size_ - headers_) && std::memcmp(own + 28, other + 28, 4) == 0 &&
           std::memcmp(own + 34, other + 34, 2) == 0 &&  // ack, window
           std::memcmp(own + 40, other + 40, headers_ - 40) == 0;
  }

  static constexpr size_t kMost = 65535;
  std::vector<uint8_t> octets_ = std::vector<uint8_t>(kMost + 1);
  size_t size_ = 0, count_ = 0, headers_ = 0, mss_ = 0;
  bool open_ = false;
};

}  // namespace sallyport::bench
