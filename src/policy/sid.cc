// SIDs: binary and text.
#include "policy/sid.h"

#include <charconv>

namespace sallyport::policy {
namespace {

struct Alias {
  std::string_view letters, text;
};
constexpr Alias kAliases[] = {{"AN", "S-1-5-7"},      {"AU", "S-1-5-11"}, {"BA", "S-1-5-32-544"},
                              {"BU", "S-1-5-32-545"}, {"LS", "S-1-5-19"}, {"NO", "S-1-5-32-556"},
                              {"NS", "S-1-5-20"},     {"SY", "S-1-5-18"}, {"WD", "S-1-1-0"}};

uint32_t load_le32(const uint8_t* p) {
  return uint32_t{p[0]} | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16 | uint32_t{p[3]} << 24;
}

// Takes "-<number>" from the front.
std::optional<uint64_t> take_number(std::string_view& text, uint64_t limit) {
  if (text.empty() || text[0] != '-') return {};
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), value);
  if (error != std::errc{} || value > limit) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

}  // namespace

std::string Sid::to_string() const {
  std::string out = "S-1-" + std::to_string(authority);
  for (uint32_t part : parts) out += "-" + std::to_string(part);
  return out;
}

Result<Sid> parse_sid(ByteView binary) {
  if (binary.size() < 8) return fail(Errc::truncated);
  if (binary[0] != 1 || binary[1] > 15) return fail(Errc::bad_value);
  const size_t octets = 8 + size_t{4} * binary[1];
  if (binary.size() < octets) return fail(Errc::truncated);
  if (binary.size() > octets) return fail(Errc::trailing_bytes);
  Sid out;
  out.authority = uint64_t{load_be16(binary.data() + 2)} << 32 | load_be32(binary.data() + 4);
  for (size_t at = 8; at < octets; at += 4) out.parts.push_back(load_le32(binary.data() + at));
  return out;
}

Result<Sid> parse_sid_text(std::string_view text) {
  for (const Alias& alias : kAliases)
    if (text == alias.letters) return parse_sid_text(alias.text);
  if (text.size() < 5 || text.substr(0, 3) != "S-1") return fail(Errc::bad_value);
  text.remove_prefix(3);
  Sid out;
  const auto authority = take_number(text, (uint64_t{1} << 48) - 1);
  if (!authority) return fail(Errc::bad_value);
  out.authority = *authority;
  while (!text.empty()) {
    const auto part = take_number(text, 0xffffffffu);
    if (!part || out.parts.size() == 15) return fail(Errc::bad_value);
    out.parts.push_back(static_cast<uint32_t>(*part));
  }
  return out;
}

Bytes write_sid(const Sid& sid) {
  Bytes out = {1, static_cast<uint8_t>(sid.parts.size())};
  for (int shift = 40; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(sid.authority >> shift));
  for (uint32_t part : sid.parts)
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<uint8_t>(part >> shift));
  return out;
}

namespace known::sid {
Sid everyone() { return {1, {0}}; }
Sid local_system() { return {5, {18}}; }
Sid administrators() { return {5, {32, 544}}; }
Sid network_operators() { return {5, {32, 556}}; }
}  // namespace known::sid

Token token_of(std::vector<Sid> sids) {
  Token out;
  for (Sid& sid : sids) out.sids.push_back({std::move(sid), Token::kEnabled});
  return out;
}

}  // namespace sallyport::policy
