#include "model/proposal.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::model;

static Proposal ike(const char* text) { return *parse_proposal(Protocol::IKE, text); }
static Proposal esp(const char* text) { return *parse_proposal(Protocol::ESP, text); }

TEST_SUITE("model/proposal") {
  TEST_CASE("words round-trip") {
    CHECK(to_string(ike("aes256gcm16-prfsha256-x25519")) == "aes256gcm16-prfsha256-x25519");
    CHECK(to_string(ike("aes128-sha256-modp2048")) == "aes128-prfsha256-sha256-modp2048");
    CHECK(to_string(esp("aes128gcm16-esn")) == "aes128gcm16-esn");
    CHECK(to_string(esp("aes256-sha256-x25519")) == "aes256-sha256-x25519");
  }
  TEST_CASE("a proposal that cannot work is refused") {
    CHECK(parse_proposal(Protocol::IKE, "aes128gcm16-prfsha256").error().code == Errc::missing_payload);
    CHECK(parse_proposal(Protocol::IKE, "aes128gcm16-x25519").error().code == Errc::missing_payload);
    CHECK(parse_proposal(Protocol::ESP, "aes128").error().code == Errc::missing_payload);
    CHECK(parse_proposal(Protocol::ESP, "aes128gcm16-sha256").error().code == Errc::conflict);
    CHECK(parse_proposal(Protocol::ESP, "aes128gcm16-aes128-sha256").error().code == Errc::conflict);
    CHECK(parse_proposal(Protocol::ESP, "").error().code == Errc::bad_value);
    CHECK(parse_proposal(Protocol::ESP, "aes128gcm16-foo").error() == Error{Errc::bad_value, 12});
  }
  TEST_CASE("[RFC7296 2.7] the choice is one transform a type, in our order, with the peer's number and SPI") {
    Proposal peer = ike("aes128gcm16-aes256gcm16-prfsha384-prfsha256-ecp256-x25519");
    peer.number = 7;
    peer.spi = {1, 2, 3, 4};
    const auto got = select_proposal({ike("aes256gcm16-prfsha256-x25519-ecp256")}, {peer});
    REQUIRE(got);
    CHECK(to_string(got->chosen) == "aes256gcm16-prfsha256-x25519");
    CHECK(got->chosen.number == 7);
    CHECK(got->chosen.spi == Bytes{1, 2, 3, 4});
    const auto chosen = chosen_ike(got->chosen);
    REQUIRE(chosen);
    CHECK(chosen->group == GroupId::CURVE25519);
    CHECK(answers({peer}, got->chosen));
  }
  TEST_CASE("[RFC7296 3.3.6] unknown transforms and proposals are skipped, not fatal") {
    Proposal odd = ike("aes256gcm16-prfsha256-x25519");
    odd.unusable = true;
    Proposal with_unknown = ike("aes256gcm16-prfsha256-x25519");
    with_unknown.transforms.insert(with_unknown.transforms.begin(), Transform{TransformType::ENCR, 1234, 0, false});
    CHECK_FALSE(select_proposal({ike("aes256gcm16-prfsha256-x25519")}, {odd}));
    CHECK(select_proposal({ike("aes256gcm16-prfsha256-x25519")}, {odd, with_unknown}));
  }
  TEST_CASE("[RFC7296 3.3.3] integrity NONE beside an AEAD is the same as no integrity") {
    Proposal peer = esp("aes128gcm16");
    peer.transforms.push_back(Transform{TransformType::INTEG, 0, 0, false});
    CHECK(select_proposal({esp("aes128gcm16")}, {peer}));
  }
  TEST_CASE("[RFC7296 1.2] the Child SA of IKE_AUTH ignores key exchange transforms") {
    CHECK_FALSE(select_proposal({esp("aes128gcm16-x25519")}, {esp("aes128gcm16")}));
    const auto got = select_proposal({esp("aes128gcm16-x25519")}, {esp("aes128gcm16")}, true);
    REQUIRE(got);
    CHECK(chosen_child(got->chosen)->group == GroupId::NO_GROUP);
  }
  TEST_CASE("an answer that was not offered is no answer") {
    CHECK_FALSE(answers({ike("aes256gcm16-prfsha256-x25519")}, ike("aes128gcm16-prfsha256-x25519")));
    CHECK_FALSE(answers({ike("aes256gcm16-prfsha256-x25519-ecp256")}, ike("aes256gcm16-prfsha256-x25519-ecp256")));
  }
  TEST_CASE("the sentence about a mismatch names the kind and both sides") {
    CHECK(explain_mismatch({ike("aes256gcm16-prfsha256-x25519")}, {ike("aes256gcm16-prfsha256-modp2048")}) ==
          "key exchange differs: we want x25519, the peer wants modp2048");
  }
  TEST_CASE(
      "[RFC9370 2.2.2] the sentence names a kind of transform that only the peer knows, not the proposal farthest "
      "off") {
    Proposal hybrid = ike("aes256gcm16-prfsha256-x25519");
    hybrid.unusable = true;
    CHECK(explain_mismatch({ike("aes256gcm16-prfsha256-x25519"), ike("aes128-sha256-x25519")}, {hybrid})
              .find("additional key exchanges") != std::string::npos);
    CHECK(explain_mismatch({ike("aes256gcm16-prfsha256-ecp256")}, {hybrid}).find("key exchange differs") == 0);
  }
  TEST_CASE("[RFC8750 5 8] implicit IV is for ESP alone and stands beside the same cipher with its IV") {
    CHECK(to_string(esp("aes128gcm16iiv-aes128gcm16")) == "aes128gcm16iiv-aes128gcm16");
    CHECK(parse_proposal(Protocol::IKE, "aes128gcm16iiv-prfsha256-x25519").error() == Error{Errc::bad_value, 0});
    Proposal sly = ike("aes128gcm16-prfsha256-x25519");
    sly.transforms[0].id = static_cast<uint16_t>(EncrId::AES_GCM_16_IIV);
    CHECK_FALSE(select_proposal({sly}, {sly}));
    CHECK_FALSE(chosen_ike(sly));
    const auto got = select_proposal({esp("chacha20poly1305iiv-chacha20poly1305")}, {esp("chacha20poly1305")});
    REQUIRE(got);
    CHECK(chosen_child(got->chosen)->encr == EncrId::CHACHA20_POLY1305);
    CHECK(key_material_octets(EncrId::AES_CCM_8_IIV, 256) == 35);
  }
  TEST_CASE("[RFC4543 5] GMAC is a cipher of ESP and an integrity algorithm of AH") {
    CHECK(esp("aes256gmac").transforms.front().type == TransformType::ENCR);
    const Proposal ah = *parse_proposal(Protocol::AH, "aes256gmac-sha256-esn");
    CHECK(ah.transforms.front() == Transform{TransformType::INTEG, 11, 0, false});
    CHECK(to_string(ah) == "aes256gmac-sha256-esn");
    Proposal sly = esp("aes128-sha256");
    sly.transforms[1].id = static_cast<uint16_t>(IntegId::AES_128_GMAC);
    CHECK_FALSE(select_proposal({sly}, {sly}));
    CHECK(parse_proposal(Protocol::IKE, "null-sha256-x25519").error().code == Errc::bad_value);
  }
  TEST_CASE("[RFC4302 1] AH names integrity and no cipher") {
    CHECK(parse_proposal(Protocol::AH, "sha256"));
    CHECK(parse_proposal(Protocol::AH, "esn").error().code == Errc::missing_payload);
    CHECK(parse_proposal(Protocol::AH, "aes128-sha256").error() == Error{Errc::bad_value, 0});
    const Proposal ah = *parse_proposal(Protocol::AH, "sha256-sha512-esn");
    const auto got = select_proposal({ah}, {*parse_proposal(Protocol::AH, "sha512-esn")});
    REQUIRE(got);
    const auto chosen = chosen_child(got->chosen);
    REQUIRE(chosen);
    CHECK((chosen->integ == IntegId::HMAC_SHA2_512_256 && chosen->esn));
    CHECK(to_proposal(*chosen) == got->chosen);
    Proposal none = ah;
    none.transforms = {Transform{TransformType::ESN, 1, 0, false}};
    CHECK_FALSE(select_proposal({none}, {none}));
    CHECK_FALSE(chosen_child(none));
  }
}
