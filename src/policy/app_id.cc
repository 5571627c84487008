// See app_id.h.
#include "policy/app_id.h"

namespace sallyport::policy {
namespace {

constexpr uint32_t kStray = 0xdc00;  // a low surrogate that follows no high one, with an octet in it

struct Taken {
  uint32_t point = 0;
  size_t octets = 0;
};

// RFC 3629 3: nothing overlong, no surrogates, nothing beyond 10FFFF. Whatever else is one octet of its own.
Taken take_point(std::string_view text) {
  const auto octet = [&](size_t at) { return static_cast<uint8_t>(text[at]); };
  const uint8_t first = octet(0);
  if (first < 0x80) return {first, 1};
  const size_t octets = first >= 0xf0 && first < 0xf5   ? 4
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xc2 && first < 0xe0 ? 2
                                                        : 0;
  if (octets == 0 || text.size() < octets) return {kStray | first, 1};
  uint32_t point = first & (0xffu >> (octets + 1));
  for (size_t at = 1; at < octets; ++at) {
    if ((octet(at) & 0xc0) != 0x80) return {kStray | first, 1};
    point = point << 6 | (octet(at) & 0x3f);
  }
  const bool overlong = (octets == 3 && point < 0x800) || (octets == 4 && point < 0x10000);
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  if (overlong || surrogate || point > 0x10ffff) return {kStray | first, 1};
  return {point, octets};
}

void put_unit(Bytes& out, uint32_t unit) {
  out.push_back(static_cast<uint8_t>(unit));
  out.push_back(static_cast<uint8_t>(unit >> 8));
}

void put_point(std::string& out, uint32_t point) {
  const auto put = [&](uint32_t octet) { out.push_back(static_cast<char>(octet)); };
  if (point < 0x80) return put(point);
  if ((point & ~0xffu) == kStray) return put(point & 0xff);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

}  // namespace

Bytes app_id_of(std::string_view path) {
  Bytes out;
  while (!path.empty()) {
    auto [point, octets] = take_point(path);
    path.remove_prefix(octets);
    if (point >= 'A' && point <= 'Z') point += 'a' - 'A';
    if (point >= 0x10000) {
      put_unit(out, 0xd800 + ((point - 0x10000) >> 10));
      put_unit(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
    } else {
      put_unit(out, point);
    }
  }
  put_unit(out, 0);
  return out;
}

std::optional<std::string> path_of_app_id(ByteView id) {
  const auto unit = [&](size_t at) { return static_cast<uint32_t>(id[at] | id[at + 1] << 8); };
  if (id.size() < 4 || id.size() % 2 != 0 || unit(id.size() - 2) != 0) return std::nullopt;
  std::string out;
  for (size_t at = 0; at + 2 < id.size(); at += 2) {
    uint32_t point = unit(at);
    if (point < 0x20 || point == 0x7f) return std::nullopt;
    if (point >= 0xd800 && point < 0xdc00) {
      if (at + 4 >= id.size() || unit(at + 2) < 0xdc00 || unit(at + 2) > 0xdfff) return std::nullopt;
      point = 0x10000 + ((point - 0xd800) << 10) + (unit(at + 2) - 0xdc00);
      at += 2;
    } else if (point > (kStray | 0xff) && point < 0xe000) {
      return std::nullopt;
    }
    put_point(out, point);
  }
  return out;
}

}  // namespace sallyport::policy
