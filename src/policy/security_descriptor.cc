// Self-relative security descriptors, their SDDL text, and the access check. All numbers of the binary form are
// little-endian.
//   revision 1 | 0 | control 2 | owner offset 4 | group offset 4 | SACL offset 4 | DACL offset 4 | parts
//   ACL: revision 1 | 0 | size 2 | ACE count 2 | 0 2 | ACEs: type 1 | flags 1 | size 2 | mask 4 | SID
#include <charconv>

#include "policy/sid.h"

namespace sallyport::policy {
namespace {

constexpr uint16_t kDaclPresent = 0x0004;
constexpr uint16_t kSelfRelative = 0x8000;
constexpr uint32_t kOwnerRights = 0x00060000;  // READ_CONTROL, WRITE_DAC
constexpr size_t kHeaderOctets = 20;

uint16_t le16(ByteView b, size_t at) { return static_cast<uint16_t>(b[at] | b[at + 1] << 8); }
uint32_t le32(ByteView b, size_t at) { return uint32_t{le16(b, at)} | uint32_t{le16(b, at + 2)} << 16; }
void put16(Bytes& out, size_t v) {
  out.push_back(static_cast<uint8_t>(v));
  out.push_back(static_cast<uint8_t>(v >> 8));
}
void put32(Bytes& out, uint32_t v) {
  put16(out, v & 0xffff);
  put16(out, v >> 16);
}

tl::unexpected<Refusal> bad() { return refuse(Fwp::INVALID_SECURITY_DESCR); }

Outcome<std::optional<Sid>> sid_at(ByteView all, uint32_t offset) {
  if (offset == 0) return std::optional<Sid>{};
  if (offset < kHeaderOctets || offset + size_t{8} > all.size()) return bad();
  const size_t octets = 8 + size_t{4} * all[offset + 1];
  if (offset + octets > all.size()) return bad();
  auto sid = parse_sid(all.subspan(offset, octets));
  if (!sid) return bad();
  return std::optional<Sid>(std::move(*sid));
}

Outcome<std::vector<Ace>> parse_acl(ByteView all, uint32_t offset) {
  if (offset < kHeaderOctets || offset + size_t{8} > all.size()) return bad();
  const size_t size = le16(all, offset + 2);
  if ((all[offset] != 2 && all[offset] != 4) || size < 8 || offset + size > all.size()) return bad();
  const ByteView acl = all.subspan(offset, size);
  std::vector<Ace> out;
  size_t at = 8;
  for (uint16_t left = le16(acl, 4); left > 0; --left) {
    if (at + 8 > acl.size()) return bad();
    const size_t octets = le16(acl, at + 2);
    if (octets < 16 || at + octets > acl.size() || acl[at] > 1) return bad();
    auto sid = parse_sid(acl.subspan(at + 8, octets - 8));
    if (!sid) return bad();
    constexpr uint8_t kInheritOnly = 0x08;  // speaks of what lies below, not of this object
    if (!(acl[at + 1] & kInheritOnly))
      out.push_back({static_cast<Ace::Kind>(acl[at]), le32(acl, at + 4), std::move(*sid)});
    at += octets;
  }
  return out;
}

// SDDL is read from the front.
struct SddlReader {
  std::string_view text;

  Outcome<Sid> sid_until(std::string_view stops) {
    const size_t end = std::min(text.find_first_of(stops), text.size());
    auto sid = parse_sid_text(text.substr(0, end));
    if (!sid) return bad();
    text.remove_prefix(end);
    return std::move(*sid);
  }

  Outcome<Sid> owner() {  // an alias has two letters; a SID ends where the next part's letter stands
    if (text.substr(0, 2) != "S-") {
      auto sid = parse_sid_text(text.substr(0, 2));
      if (!sid) return bad();
      text.remove_prefix(2);
      return std::move(*sid);
    }
    return sid_until("GDO");
  }

  Outcome<Ace> ace() {
    std::string_view parts[6];
    const size_t close = text.find(')');
    if (text.empty() || text[0] != '(' || close == std::string_view::npos) return bad();
    std::string_view body = text.substr(1, close - 1);
    for (size_t i = 0; i < 6; ++i) {
      const size_t end = i < 5 ? body.find(';') : body.size();
      if (end == std::string_view::npos) return bad();
      parts[i] = body.substr(0, end);
      body.remove_prefix(i < 5 ? end + 1 : end);
    }
    text.remove_prefix(close + 1);
    if ((parts[0] != "A" && parts[0] != "D") || !parts[1].empty() || !parts[3].empty() || !parts[4].empty())
      return bad();
    Ace out;
    out.kind = parts[0] == "A" ? Ace::Kind::allow : Ace::Kind::deny;
    SP_TRY(out.mask, rights(parts[2]));
    auto sid = parse_sid_text(parts[5]);
    if (!sid) return bad();
    out.sid = std::move(*sid);
    return out;
  }

  static Outcome<uint32_t> rights(std::string_view word) {
    struct Right {
      std::string_view word;
      uint32_t mask;
    };
    constexpr Right kRights[] = {{"GA", 0x10000000}, {"GX", 0x20000000}, {"GW", 0x40000000}, {"GR", 0x80000000},
                                 {"RC", 0x00020000}, {"WD", 0x00040000}, {"SD", 0x00010000}, {"WO", 0x00080000}};
    uint32_t mask = 0;
    if (word.substr(0, 2) == "0x") {
      const auto [end, error] = std::from_chars(word.data() + 2, word.data() + word.size(), mask, 16);
      if (error != std::errc{} || end != word.data() + word.size()) return bad();
      return mask;
    }
    for (; !word.empty(); word.remove_prefix(std::min<size_t>(2, word.size()))) {
      const Right* found = nullptr;
      for (const Right& right : kRights)
        if (word.substr(0, 2) == right.word) found = &right;
      if (!found) return bad();
      mask |= found->mask;
    }
    return mask;
  }
};

std::string hex_mask(uint32_t mask) {
  char digits[8];
  const auto end = std::to_chars(digits, digits + sizeof digits, mask, 16).ptr;
  return "0x" + std::string(digits, end);
}

bool granted_to(const std::vector<Ace>& dacl, const std::vector<Token::Entry>& sids, uint32_t left) {
  for (const Ace& ace : dacl) {
    for (const Token::Entry& entry : sids) {
      if (entry.sid != ace.sid) continue;
      if (ace.kind == Ace::Kind::deny) {
        if (ace.mask & left) return false;
      } else if ((entry.attributes & Token::kEnabled) && !(entry.attributes & Token::kUseForDenyOnly)) {
        left &= ~ace.mask;
      }
      break;
    }
    if (left == 0) return true;
  }
  return left == 0;
}

}  // namespace

Outcome<SecurityDescriptor> parse_descriptor(ByteView all) {
  if (all.size() < kHeaderOctets || all[0] != 1 || !(le16(all, 2) & kSelfRelative)) return bad();
  SecurityDescriptor out;
  SP_TRY(out.owner, sid_at(all, le32(all, 4)));
  SP_TRY(out.group, sid_at(all, le32(all, 8)));
  if ((le16(all, 2) & kDaclPresent) && le32(all, 16) != 0) {
    SP_TRY(auto aces, parse_acl(all, le32(all, 16)));
    out.dacl = std::move(aces);
  }
  return out;
}

Bytes write_descriptor(const SecurityDescriptor& descriptor) {
  Bytes parts;
  const auto place = [&](const std::optional<Sid>& sid) -> uint32_t {
    if (!sid) return 0;
    const auto offset = static_cast<uint32_t>(kHeaderOctets + parts.size());
    append(parts, write_sid(*sid));
    return offset;
  };
  const uint32_t owner = place(descriptor.owner);
  const uint32_t group = place(descriptor.group);
  uint32_t dacl = 0;
  if (descriptor.dacl) {
    dacl = static_cast<uint32_t>(kHeaderOctets + parts.size());
    Bytes aces;
    for (const Ace& ace : *descriptor.dacl) {
      const Bytes sid = write_sid(ace.sid);
      aces.push_back(static_cast<uint8_t>(ace.kind));
      aces.push_back(0);
      put16(aces, 8 + sid.size());
      put32(aces, ace.mask);
      append(aces, sid);
    }
    parts.push_back(2);
    parts.push_back(0);
    put16(parts, 8 + aces.size());
    put16(parts, descriptor.dacl->size());
    put16(parts, 0);
    append(parts, aces);
  }
  Bytes out = {1, 0};
  put16(out, kSelfRelative | (descriptor.dacl ? kDaclPresent : 0));
  for (uint32_t offset : {owner, group, 0u, dacl}) put32(out, offset);
  append(out, parts);
  return out;
}

Outcome<SecurityDescriptor> parse_sddl(std::string_view text) {
  SddlReader reader{text};
  SecurityDescriptor out;
  while (!reader.text.empty()) {
    const std::string_view part = reader.text.substr(0, 2);
    reader.text.remove_prefix(part.size());
    if (part == "O:" && !out.owner) {
      SP_TRY(out.owner, reader.owner());
    } else if (part == "G:" && !out.group) {
      SP_TRY(out.group, reader.owner());
    } else if (part == "D:" && !out.dacl) {
      out.dacl.emplace();
      while (!reader.text.empty() && reader.text[0] == '(') {
        SP_TRY(Ace ace, reader.ace());
        out.dacl->push_back(std::move(ace));
      }
    } else {
      return bad();
    }
  }
  return out;
}

std::string to_sddl(const SecurityDescriptor& descriptor) {
  std::string out;
  if (descriptor.owner) out += "O:" + descriptor.owner->to_string();
  if (descriptor.group) out += "G:" + descriptor.group->to_string();
  if (descriptor.dacl) out += "D:";
  for (const Ace& ace : descriptor.dacl.value_or(std::vector<Ace>{}))
    out += std::string(ace.kind == Ace::Kind::allow ? "(A;;" : "(D;;") + hex_mask(ace.mask) + ";;;" +
           ace.sid.to_string() + ")";
  return out;
}

bool access_granted(const SecurityDescriptor& descriptor, const Token& token, uint32_t wanted) {
  if (!descriptor.dacl) return true;
  uint32_t left = wanted;
  for (const Token::Entry& entry : token.sids)
    if (descriptor.owner && entry.sid == *descriptor.owner && (entry.attributes & Token::kEnabled))
      left &= ~kOwnerRights;
  if (left == 0) return true;
  if (!granted_to(*descriptor.dacl, token.sids, left)) return false;
  return token.restricted.empty() || granted_to(*descriptor.dacl, token.restricted, left);
}

}  // namespace sallyport::policy
