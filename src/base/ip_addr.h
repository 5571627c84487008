// IP addresses, endpoints and prefixes of both families as values, and their text.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sallyport {

enum class Family : uint8_t { v4 = 4, v6 = 6 };

class IpAddr {
 public:
  IpAddr() = default;  // 0.0.0.0
  static IpAddr v4(uint32_t host_order);
  // Inline, as comparing is: several of them for every packet.
  static IpAddr v4(ByteView four) {  // Requires: four.size() == 4
    IpAddr out;
    std::memcpy(out.octets_.data(), four.data(), 4);
    return out;
  }
  static IpAddr v6(ByteView sixteen) {  // Requires: sixteen.size() == 16
    IpAddr out;
    out.family_ = Family::v6;
    std::memcpy(out.octets_.data(), sixteen.data(), 16);
    return out;
  }
  static IpAddr any(Family family);
  static IpAddr max(Family family);                    // all ones
  static Result<IpAddr> parse(std::string_view text);  // bad_value; no scope id, no port
  static Result<IpAddr> from_bytes(ByteView b);        // 4 or 16 octets, else bad_length

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::v4; }
  bool is_v6() const { return family_ == Family::v6; }
  bool is_any() const;
  bool is_multicast() const;
  ByteView bytes() const { return {octets_.data(), is_v4() ? size_t{4} : size_t{16}}; }
  std::string to_string() const;
  bool in_prefix(const IpAddr& network, unsigned length) const;  // false across families
  IpAddr prefix_first(unsigned length) const;
  IpAddr prefix_last(unsigned length) const;
  unsigned bits() const { return is_v4() ? 32 : 128; }
  IpAddr next() const;  // +1, wraps

  auto operator<=>(const IpAddr&) const = default;
  bool operator==(const IpAddr& other) const {
    uint64_t mine[2], theirs[2];
    std::memcpy(mine, octets_.data(), sizeof mine);
    std::memcpy(theirs, other.octets_.data(), sizeof theirs);
    return ((mine[0] ^ theirs[0]) | (mine[1] ^ theirs[1])) == 0 && family_ == other.family_;
  }

 private:
  Family family_ = Family::v4;
  std::array<uint8_t, 16> octets_{};
};

// An address and a UDP port. Named as RFC 7296 means it; not the ike::Endpoint, which owns IKE SAs.
struct IpEndpoint {
  IpAddr addr;
  uint16_t port = 0;
  auto operator<=>(const IpEndpoint&) const = default;
  std::string to_string() const;  // 192.0.2.1:500, [2001:db8::1]:500
};

struct IpPrefix {
  IpAddr addr;
  unsigned length = 0;
  auto operator<=>(const IpPrefix&) const = default;
  static Result<IpPrefix> parse(std::string_view text);  // "10.0.0.0/8" or a bare address; host bits must be zero
  bool contains(const IpAddr& a) const { return a.in_prefix(addr, length); }
  std::string to_string() const;
};

}  // namespace sallyport
