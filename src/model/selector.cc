// Selector arithmetic and text.
#include "model/selector.h"

#include <algorithm>
#include <charconv>

namespace sallyport::model {

Selector Selector::any(Family family) {
  Selector out;
  out.first = IpAddr::any(family);
  out.last = IpAddr::max(family);
  return out;
}

Selector Selector::from_prefix(const IpPrefix& prefix) {
  Selector out;
  out.first = prefix.addr.prefix_first(prefix.length);
  out.last = prefix.addr.prefix_last(prefix.length);
  return out;
}

bool Selector::valid() const {
  return first.family() == last.family() && first <= last && (port_first <= port_last || opaque_port());
}

bool Selector::contains(const IpAddr& address, uint8_t packet_protocol, uint16_t port, bool port_known) const {
  if (address.family() != family() || address < first || last < address) return false;
  if (protocol != 0 && protocol != packet_protocol) return false;
  if (any_port()) return true;
  // RFC 4301 4.4.1.1: OPAQUE matches exactly the packets whose ports cannot be seen.
  if (opaque_port()) return !port_known;
  return port_known && port >= port_first && port <= port_last;
}

// The prefix that the range is, when it is one.
static std::optional<unsigned> prefix_length(const IpAddr& first, const IpAddr& last) {
  for (unsigned length = 0; length <= first.bits(); ++length) {
    if (first.prefix_first(length) == first && first.prefix_last(length) == last) return length;
  }
  return std::nullopt;
}

static std::string protocol_name(uint8_t protocol) {
  switch (protocol) {
    case 1: return "icmp";
    case 6: return "tcp";
    case 17: return "udp";
    case 58: return "ipv6-icmp";
    case 132: return "sctp";
    default: return std::to_string(protocol);
  }
}

static std::string protocol_and_ports(const Selector& s) {
  std::string out = "[" + (s.protocol == 0 ? std::string("any") : protocol_name(s.protocol));
  if (s.opaque_port()) {
    out += "/opaque";
  } else if (!s.any_port()) {
    out += "/" + std::to_string(s.port_first);
    if (s.port_last != s.port_first) out += "-" + std::to_string(s.port_last);
  }
  return out + "]";
}

std::string Selector::to_string() const {
  std::string out = first.to_string();
  if (const auto length = prefix_length(first, last)) {
    out += "/" + std::to_string(*length);
  } else {
    out += "-" + last.to_string();
  }
  if (protocol != 0 || !any_port()) out += protocol_and_ports(*this);
  return out;
}

template <class Number>
static Result<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size()) return fail(Errc::bad_value);
  return value;
}

static Result<uint8_t> parse_protocol(std::string_view text) {
  for (int p = 0; p < 256; ++p) {
    if (text == protocol_name(static_cast<uint8_t>(p))) return static_cast<uint8_t>(p);
  }
  if (text == "any") return uint8_t{0};
  if (text == "icmpv6") return uint8_t{58};
  return fail(Errc::bad_value);
}

static Result<> parse_protocol_and_ports(std::string_view text, Selector& out) {
  const size_t slash = text.find('/');
  SP_TRY(out.protocol, parse_protocol(text.substr(0, slash)));
  if (slash == std::string_view::npos) return {};
  const std::string_view ports = text.substr(slash + 1);
  if (ports == "opaque") {
    out.port_first = 65535;
    out.port_last = 0;
    return {};
  }
  const size_t dash = ports.find('-');
  SP_TRY(out.port_first, parse_number<uint16_t>(ports.substr(0, dash)));
  out.port_last = out.port_first;
  if (dash != std::string_view::npos) {
    SP_TRY(out.port_last, parse_number<uint16_t>(ports.substr(dash + 1)));
  }
  if (out.port_first > out.port_last) return fail(Errc::bad_value);
  return {};
}

Result<Selector> parse_selector(std::string_view text) {
  const size_t bracket = text.find('[');
  const std::string_view address = text.substr(0, bracket);
  Selector out;
  const size_t dash = address.find('-');
  if (dash == std::string_view::npos) {
    SP_TRY(const IpPrefix prefix, IpPrefix::parse(address));
    out = Selector::from_prefix(prefix);
  } else {
    SP_TRY(out.first, IpAddr::parse(address.substr(0, dash)));
    SP_TRY(out.last, IpAddr::parse(address.substr(dash + 1)));
  }
  if (bracket != std::string_view::npos) {
    if (text.back() != ']') return fail(Errc::bad_value);
    SP_CHECK(parse_protocol_and_ports(text.substr(bracket + 1, text.size() - bracket - 2), out));
  }
  if (!out.valid()) return fail(Errc::bad_value);
  return out;
}

std::optional<Selector> intersect(const Selector& a, const Selector& b) {
  if (a.family() != b.family()) return std::nullopt;
  Selector out;
  out.first = std::max(a.first, b.first);
  out.last = std::min(a.last, b.last);
  if (out.last < out.first) return std::nullopt;
  if (a.protocol != 0 && b.protocol != 0 && a.protocol != b.protocol) return std::nullopt;
  out.protocol = a.protocol != 0 ? a.protocol : b.protocol;
  if (a.opaque_port() || b.opaque_port()) {
    const Selector& other = a.opaque_port() ? b : a;
    if (!other.opaque_port() && !other.any_port()) return std::nullopt;
    out.port_first = 65535;
    out.port_last = 0;
    return out;
  }
  out.port_first = std::max(a.port_first, b.port_first);
  out.port_last = std::min(a.port_last, b.port_last);
  if (out.port_first > out.port_last) return std::nullopt;
  return out;
}

bool covers(const Selector& outer, const Selector& inner) { return intersect(outer, inner) == inner; }

Selectors intersect(const Selectors& a, const Selectors& b) {
  Selectors out;
  for (const Selector& x : a) {
    for (const Selector& y : b) {
      const auto both = intersect(x, y);
      if (both && std::find(out.begin(), out.end(), *both) == out.end()) out.push_back(*both);
    }
  }
  return out;
}

bool contains(const Selectors& set, const IpAddr& address, uint8_t protocol, uint16_t port, bool port_known) {
  return std::any_of(set.begin(), set.end(),
                     [&](const Selector& s) { return s.contains(address, protocol, port, port_known); });
}

bool covers(const Selectors& outer, const Selectors& inner) {
  return std::all_of(inner.begin(), inner.end(), [&](const Selector& i) {
    return std::any_of(outer.begin(), outer.end(), [&](const Selector& o) { return covers(o, i); });
  });
}

std::string to_string(const Selectors& set) {
  std::string out;
  for (const Selector& s : set) {
    if (!out.empty()) out += " ";
    out += s.to_string();
  }
  return out;
}

}  // namespace sallyport::model
