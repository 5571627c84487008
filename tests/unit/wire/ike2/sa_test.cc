#include <doctest/doctest.h>

#include "wire/ike2/payloads.h"

using namespace sallyport;
using namespace sallyport::wire::ike2;

namespace {

// One ESP proposal with SPI c0000001: ENCR AES-GCM-16 with 128 bits, no ESN.
const char* const kEsp =
    "0000002001030402c0000001"
    "0300000c01000014800e0080"
    "0000000805000000";

Result<SaPayload> parse(const std::string& hex) { return parse_sa(*from_hex(hex)); }

std::string with_attribute(const std::string& attributes) {
  // IKE proposal with one ENCR transform; lengths follow the attributes.
  const Bytes tail = *from_hex(attributes);
  Writer out;
  out.u16(0);
  out.u16(static_cast<uint16_t>(16 + tail.size()));
  out.bytes(Bytes{1, 1, 0, 1, 0, 0});
  out.u16(static_cast<uint16_t>(8 + tail.size()));
  out.bytes(Bytes{1, 0, 0, 12});
  out.bytes(tail);
  return to_hex(out.view());
}

}  // namespace

TEST_SUITE("wire/ike2/sa") {
  TEST_CASE("[RFC7296 3.3] proposal, transform and attribute lie where the standard puts them") {
    const auto sa = parse(kEsp);
    REQUIRE(sa);
    REQUIRE(sa->proposals.size() == 1);
    const model::Proposal& p = sa->proposals[0];
    CHECK(p.protocol == model::Protocol::ESP);
    CHECK(p.spi == Bytes{0xC0, 0, 0, 1});
    CHECK_FALSE(p.unusable);
    REQUIRE(p.transforms.size() == 2);
    CHECK(p.transforms[0] == model::Transform{model::TransformType::ENCR, 20, 128, false});
    CHECK(p.transforms[1] == model::Transform{model::TransformType::ESN, 0, 0, false});
    Writer out;
    write_sa(*sa, out);
    CHECK(to_hex(out.view()) == kEsp);
  }
  TEST_CASE("[P3] markers, counts and lengths that do not add up are refused") {
    const Bytes good = *from_hex(kEsp);
    const auto changed = [&](size_t at, uint8_t value) {
      Bytes copy = good;
      copy[at] = value;
      return parse_sa(copy);
    };
    CHECK(changed(0, 2).error().code == Errc::truncated);     // another proposal is promised
    CHECK(changed(0, 1).error().code == Errc::bad_value);     // no such marker
    CHECK(changed(3, 0x1F).error().code == Errc::truncated);  // proposal one octet short
    CHECK(changed(3, 0x21).error().code == Errc::truncated);  // and one too long
    CHECK(changed(3, 7).error().code == Errc::bad_length);    // shorter than its own header
    CHECK(changed(6, 255).error().code == Errc::truncated);   // SPI longer than the proposal
    CHECK(changed(7, 1).error().code == Errc::bad_value);     // fewer transforms than there are
    CHECK(changed(7, 3).error().code == Errc::bad_value);     // more of them
    CHECK(changed(7, 65).error().code == Errc::too_many);     // P4
    CHECK(changed(12, 0).error().code == Errc::bad_value);    // last transform in the middle
    CHECK(changed(15, 7).error().code == Errc::bad_length);   // transform shorter than its header
    CHECK(changed(15, 10).error().code == Errc::truncated);   // cut inside the attribute
    CHECK(changed(24, 3).error().code == Errc::bad_value);    // last transform that promises more
    CHECK(parse("").error().code == Errc::truncated);         // no proposal at all
    CHECK(parse(std::string(kEsp) + "00").error().code == Errc::trailing_bytes);
  }
  TEST_CASE("[P4] 32 proposals are read, 33 are not") {
    const auto many = [](size_t n) {
      SaPayload sa;
      sa.proposals.assign(n, parse(kEsp)->proposals[0]);
      Writer out;
      write_sa(sa, out);
      return parse_sa(out.view());
    };
    CHECK(many(32));
    CHECK(many(33).error().code == Errc::too_many);
  }
  TEST_CASE("[RFC7296 3.3.6] an attribute that is not understood spoils its transform and nothing else") {
    const auto transform = [](const std::string& attributes) {
      const auto sa = parse(with_attribute(attributes));
      REQUIRE(sa);
      return sa->proposals[0].transforms[0];
    };
    CHECK_FALSE(transform("800e0100").unusable);
    CHECK(transform("800e0100").key_bits == 256);
    CHECK(transform("800f0100").unusable);          // another TV
    CHECK(transform("000e00020100").unusable);      // key length as TLV
    CHECK(transform("800e0100800e0080").unusable);  // twice
    CHECK(transform("800e0000").unusable);          // of zero bits
    CHECK(parse(with_attribute("000e00ff0100")).error().code == Errc::truncated);
    CHECK(parse(with_attribute("800e")).error().code == Errc::truncated);
  }
  TEST_CASE("[RFC7296 3.3.6] an unknown transform type, protocol or SPI length spoils its proposal and nothing else") {
    const auto changed = [](size_t at, uint8_t value) {
      Bytes copy = *from_hex(kEsp);
      copy[at] = value;
      const auto sa = parse_sa(copy);
      REQUIRE(sa);
      return sa->proposals[0].unusable;
    };
    CHECK(changed(16, 6));
    CHECK(changed(5, 4));
    CHECK(changed(5, 1));  // four octets are no SPI of an IKE SA
    CHECK_FALSE(changed(5, 2));
  }
  TEST_CASE("every truncation is refused") {
    const Bytes good = *from_hex(kEsp);
    for (size_t n = 0; n < good.size(); ++n) CHECK_FALSE(parse_sa(ByteView(good).first(n)));
  }
}
