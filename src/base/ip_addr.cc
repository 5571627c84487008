// IP address text and arithmetic. RFC 4291 2.2 and RFC 5952 for IPv6 text.
#include "base/ip_addr.h"

#include <charconv>

namespace sallyport {

IpAddr IpAddr::v4(uint32_t host_order) {
  IpAddr out;
  store_be32(out.octets_.data(), host_order);
  return out;
}
IpAddr IpAddr::any(Family family) {
  IpAddr out;
  out.family_ = family;
  return out;
}
IpAddr IpAddr::max(Family family) { return any(family).prefix_last(0); }

Result<IpAddr> IpAddr::from_bytes(ByteView b) {
  if (b.size() == 4) return v4(b);
  if (b.size() == 16) return v6(b);
  return fail(Errc::bad_length, static_cast<uint32_t>(b.size()));
}

static Result<std::array<uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<uint8_t, 4> out{};
  for (size_t i = 0; i < 4; ++i) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return fail(Errc::bad_value);
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || part.size() > 3 || (part.size() > 1 && part[0] == '0')) return fail(Errc::bad_value);
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (ec != std::errc() || end != part.data() + part.size() || value > 255) return fail(Errc::bad_value);
    out[i] = static_cast<uint8_t>(value);
    if (dot != std::string_view::npos) text.remove_prefix(dot + 1);
  }
  return out;
}

// Groups of one side of "::"; a dotted quad may end the text and counts as two groups.
static Result<Bytes> parse_v6_groups(std::string_view text) {
  Bytes out;
  while (!text.empty()) {
    const size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (part.find('.') != std::string_view::npos) {
      if (colon != std::string_view::npos) return fail(Errc::bad_value);
      SP_TRY(auto quad, parse_v4(part));
      append(out, quad);
      return out;
    }
    unsigned value = 0;
    if (part.empty() || part.size() > 4) return fail(Errc::bad_value);
    const auto [end, ec] = std::from_chars(part.data(), part.data() + part.size(), value, 16);
    if (ec != std::errc() || end != part.data() + part.size()) return fail(Errc::bad_value);
    out.push_back(static_cast<uint8_t>(value >> 8));
    out.push_back(static_cast<uint8_t>(value));
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return fail(Errc::bad_value);
  }
  return out;
}

static Result<IpAddr> parse_v6(std::string_view text) {
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    SP_TRY(Bytes all, parse_v6_groups(text));
    if (all.size() != 16) return fail(Errc::bad_value);
    return IpAddr::v6(all);
  }
  if (text.find("::", gap + 1) != std::string_view::npos) return fail(Errc::bad_value);
  SP_TRY(Bytes head, parse_v6_groups(text.substr(0, gap)));
  SP_TRY(Bytes tail, parse_v6_groups(text.substr(gap + 2)));
  if (head.size() + tail.size() > 14) return fail(Errc::bad_value);
  Bytes all = head;
  all.resize(16 - tail.size(), 0);
  append(all, tail);
  return IpAddr::v6(all);
}

Result<IpAddr> IpAddr::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse_v6(text);
  SP_TRY(auto quad, parse_v4(text));
  return v4(quad);
}

bool IpAddr::is_any() const { return octets_ == std::array<uint8_t, 16>{}; }
bool IpAddr::is_multicast() const { return is_v4() ? (octets_[0] & 0xF0) == 0xE0 : octets_[0] == 0xFF; }

std::string IpAddr::to_string() const {
  if (is_v4()) {
    return std::to_string(octets_[0]) + "." + std::to_string(octets_[1]) + "." + std::to_string(octets_[2]) + "." +
           std::to_string(octets_[3]);
  }
  // RFC 5952 4.2: the longest run of two or more zero groups is shortened, the first one on a tie.
  int best = -1, best_length = 1;
  for (int i = 0; i < 8;) {
    int j = i;
    while (j < 8 && load_be16(&octets_[static_cast<size_t>(j) * 2]) == 0) ++j;
    if (j - i > best_length) {
      best = i;
      best_length = j - i;
    }
    i = j == i ? i + 1 : j;
  }
  std::string out;
  for (int i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char group[4];
    const auto end = std::to_chars(group, group + 4, load_be16(&octets_[static_cast<size_t>(i) * 2]), 16).ptr;
    out.append(group, end);
  }
  return out;
}

IpAddr IpAddr::prefix_first(unsigned length) const {
  IpAddr out = *this;
  for (unsigned bit = length; bit < bits(); ++bit)
    out.octets_[bit / 8] = static_cast<uint8_t>(out.octets_[bit / 8] & ~(0x80u >> (bit % 8)));
  return out;
}
IpAddr IpAddr::prefix_last(unsigned length) const {
  IpAddr out = *this;
  for (unsigned bit = length; bit < bits(); ++bit)
    out.octets_[bit / 8] = static_cast<uint8_t>(out.octets_[bit / 8] | (0x80u >> (bit % 8)));
  return out;
}
bool IpAddr::in_prefix(const IpAddr& network, unsigned length) const {
  return family_ == network.family_ && length <= bits() && prefix_first(length) == network.prefix_first(length);
}
IpAddr IpAddr::next() const {
  IpAddr out = *this;
  for (size_t i = bytes().size(); i-- > 0;) {
    if (++out.octets_[i] != 0) break;
  }
  return out;
}

std::string IpEndpoint::to_string() const {
  return (addr.is_v6() ? "[" + addr.to_string() + "]" : addr.to_string()) + ":" + std::to_string(port);
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  SP_TRY(IpAddr addr, IpAddr::parse(text.substr(0, slash)));
  unsigned length = addr.bits();
  if (slash != std::string_view::npos) {
    const std::string_view part = text.substr(slash + 1);
    const auto [end, ec] = std::from_chars(part.data(), part.data() + part.size(), length);
    if (part.empty() || ec != std::errc() || end != part.data() + part.size() || length > addr.bits())
      return fail(Errc::bad_value);
  }
  if (addr.prefix_first(length) != addr) return fail(Errc::bad_value);
  return IpPrefix{addr, length};
}
std::string IpPrefix::to_string() const { return addr.to_string() + "/" + std::to_string(length); }

}  // namespace sallyport
