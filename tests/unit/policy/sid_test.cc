// SIDs, descriptors, SDDL and the access check.
#include "policy/sid.h"

#include <doctest/doctest.h>

#include "policy/access.h"

TEST_SUITE_BEGIN("policy/sid");
using namespace sallyport;
using namespace sallyport::policy;

TEST_CASE("SIDs: text and octets") {
  const Sid admins = *parse_sid_text("S-1-5-32-544");
  CHECK(admins == known::sid::administrators());
  CHECK(*parse_sid_text("BA") == admins);
  CHECK(to_hex(write_sid(admins)) == "01020000000000052000000020020000");
  CHECK(*parse_sid(write_sid(admins)) == admins);
  for (const char* wrong : {"", "S-1", "S-1-", "S-2-5", "S-1-5-4294967296", "S-1-5-x", "ZZ", "S-1-281474976710656"})
    CHECK_FALSE(parse_sid_text(wrong));
  Bytes cut = write_sid(admins);
  cut.pop_back();
  CHECK_FALSE(parse_sid(cut));
}

TEST_CASE("a descriptor is read back as written, and no cut or flipped octet does harm") {
  const auto sd = *parse_sddl("O:BAG:SYD:(D;;0x1;;;S-1-5-21-1-2-3-1001)(A;;0x1;;;BA)");
  const Bytes octets = write_descriptor(sd);
  CHECK(*parse_descriptor(octets) == sd);
  CHECK(*parse_sddl(to_sddl(sd)) == sd);
  for (size_t n = 0; n < octets.size(); ++n) CHECK_FALSE(parse_descriptor(ByteView(octets).first(n)));
  for (size_t bit = 0; bit < octets.size() * 8; ++bit) {
    Bytes flipped = octets;
    flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
    (void)parse_descriptor(flipped);
  }
  for (const char* wrong :
       {"X:", "D:(A;;0x1;;;BA", "D:(A;;0x1;;;)", "D:(Z;;0x1;;;BA)", "D:(A;;ZZ;;;BA)", "D:(A;;0x1;;BA)", "O:BAO:BA"})
    CHECK_FALSE(parse_sddl(wrong));
}

TEST_CASE("a deny entry before the permit wins; no entry grants nothing; no list grants all") {
  const Sid user{5, {21, 1, 2, 3, 1001}};
  const auto asks = [&](const char* sddl, const Token& token) { return access_granted(*parse_sddl(sddl), token, 1); };
  const Token member = token_of({user, known::sid::administrators()});
  CHECK(asks("D:(A;;0x1;;;BA)", member));
  CHECK_FALSE(asks("D:(D;;0x1;;;S-1-5-21-1-2-3-1001)(A;;0x1;;;BA)", member));
  CHECK(asks("D:(A;;0x1;;;BA)(D;;0x1;;;S-1-5-21-1-2-3-1001)", member));  // the order of the list counts
  CHECK_FALSE(asks("D:", member));
  CHECK(asks("O:BA", member));
  CHECK_FALSE(asks("D:(A;;0x2;;;BA)", member));
  CHECK_FALSE(asks("D:(A;;0x1;;;BA)", token_of({user})));
  Token deny_only = member;
  deny_only.sids[1].attributes = Token::kEnabled | Token::kUseForDenyOnly;
  CHECK_FALSE(asks("D:(A;;0x1;;;BA)", deny_only));
  CHECK_FALSE(asks("D:(D;;0x1;;;BA)(A;;0x1;;;S-1-5-21-1-2-3-1001)", deny_only));
  Token restricted = member;
  restricted.restricted = {{user, Token::kEnabled}};
  CHECK_FALSE(asks("D:(A;;0x1;;;BA)", restricted));
  CHECK(asks("D:(A;;0x1;;;BA)(A;;0x1;;;S-1-5-21-1-2-3-1001)", restricted));
}

TEST_CASE("by default administrators do everything and everybody may open and classify") {
  const SecurityDescriptor sd = default_protection();
  const Token anybody = token_of({known::sid::everyone()});
  CHECK(allowed(sd, token_of({known::sid::administrators()}), access::kAll));
  CHECK(allowed(sd, token_of({known::sid::network_operators()}), access::kAdd | access::kBeginWriteTxn));
  CHECK_FALSE(allowed(sd, token_of({known::sid::network_operators()}), access::kWriteDac));
  CHECK(allowed(sd, anybody, access::kOpen | access::kClassify));
  CHECK_FALSE(allowed(sd, anybody, access::kRead));
  CHECK(map_generic(0x10000000u) == access::kAll);
}

TEST_SUITE_END();
