#include "api/winsock/text.h"

namespace sallyport::api::winsock {
namespace {

constexpr uint32_t kReplacement = 0xfffd;

// One character from the beginning of the text, RFC 3629; 0 octets taken where there is none.
struct Decoded {
  uint32_t character;
  size_t octets;
};
Decoded decode(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || text.size() < length) return {0, 0};
  uint32_t out = lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {0, 0};
    out = out << 6 | (next & 0x3f);
  }
  constexpr uint32_t kFirst[] = {0, 0, 0x80, 0x800, 0x10000};  // shorter forms are not allowed to be long
  if (out < kFirst[length] || !is_character(out)) return {0, 0};
  return {out, length};
}

}  // namespace

void append_utf8(std::string& to, uint32_t c) {
  const auto tail = [&](unsigned shift) { to.push_back(static_cast<char>(0x80 | ((c >> shift) & 0x3f))); };
  if (c < 0x80) {
    to.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    to.push_back(static_cast<char>(0xc0 | c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    to.push_back(static_cast<char>(0xe0 | c >> 12));
    tail(6);
    tail(0);
  } else {
    to.push_back(static_cast<char>(0xf0 | c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string to_utf8(std::wstring_view text, bool* valid) {
  std::string out;
  for (const wchar_t each : text) {
    const auto c = static_cast<uint32_t>(each);
    if (!is_character(c) && valid) *valid = false;
    append_utf8(out, is_character(c) ? c : kReplacement);
  }
  return out;
}

std::wstring from_utf8(std::string_view text, bool* valid) {
  std::wstring out;
  while (!text.empty()) {
    const Decoded next = decode(text);
    if (next.octets == 0 && valid) *valid = false;
    out.push_back(static_cast<wchar_t>(next.octets == 0 ? kReplacement : next.character));
    text.remove_prefix(next.octets == 0 ? 1 : next.octets);
  }
  return out;
}

}  // namespace sallyport::api::winsock
