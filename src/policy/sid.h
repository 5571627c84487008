// Security identifiers, tokens made of them, and security descriptors: who may do what. Binary forms are the published
// ones (SID: revision, count, 48-bit authority, little-endian subauthorities; self-relative descriptor with a
// discretionary ACL). A portable identity becomes a SID outside this room. Values; any thread.
#pragma once
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "policy/fwp_error.h"

namespace sallyport::policy {

struct Sid {
  uint64_t authority = 0;         // 48 bits
  std::vector<uint32_t> parts;    // 0..15 subauthorities
  std::string to_string() const;  // "S-1-5-32-544"
  auto operator<=>(const Sid&) const = default;
};

Result<Sid> parse_sid(ByteView binary);  // bad_value, truncated, trailing_bytes
Result<Sid> parse_sid_text(
    std::string_view text);  // "S-1-5-18" or a two-letter alias: BA, SY, WD, AU, AN, LS, NS, BU, NO
Bytes write_sid(const Sid& sid);

namespace known::sid {
Sid everyone();           // S-1-1-0
Sid local_system();       // S-1-5-18
Sid administrators();     // S-1-5-32-544
Sid network_operators();  // S-1-5-32-556
}  // namespace known::sid

// What an authenticated party is: its SIDs, the first its own, and those that only deny (FWP_TOKEN_INFORMATION).
struct Token {
  static constexpr uint32_t kEnabled = 0x4;          // SE_GROUP_ENABLED
  static constexpr uint32_t kUseForDenyOnly = 0x10;  // SE_GROUP_USE_FOR_DENY_ONLY
  struct Entry {
    Sid sid;
    uint32_t attributes = kEnabled;
    bool operator==(const Entry&) const = default;
  };
  std::vector<Entry> sids;
  std::vector<Entry> restricted;  // not empty: these have to be granted as well
  bool operator==(const Token&) const = default;
};
Token token_of(std::vector<Sid> sids);

struct Ace {
  enum class Kind : uint8_t { allow = 0, deny = 1 };
  Kind kind = Kind::allow;
  uint32_t mask = 0;
  Sid sid;
  bool operator==(const Ace&) const = default;
};

struct SecurityDescriptor {
  std::optional<Sid> owner, group;
  std::optional<std::vector<Ace>> dacl;  // absent: everybody may do everything; empty: nobody anything
  bool operator==(const SecurityDescriptor&) const = default;
};

// INVALID_SECURITY_DESCR unless it is self-relative, of revision 1, and every part lies within. ACEs other than allow
// and deny are refused, because an unknown one might deny.
Outcome<SecurityDescriptor> parse_descriptor(ByteView self_relative);
Bytes write_descriptor(const SecurityDescriptor& descriptor);
// SDDL: "O:BAG:SYD:(A;;0x1;;;BA)(D;;0x1;;;S-1-5-21-1-2-3-1001)". Rights: hexadecimal, or GA, GR, GW, GX.
Outcome<SecurityDescriptor> parse_sddl(std::string_view text);
std::string to_sddl(const SecurityDescriptor& descriptor);

// True when every bit of `wanted` is granted before one is denied, in the order of the ACL. The owner has READ_CONTROL
// and WRITE_DAC.
bool access_granted(const SecurityDescriptor& descriptor, const Token& token, uint32_t wanted);

}  // namespace sallyport::policy
