// SKEYSEED, SK_*, KEYMAT against answers computed elsewhere. RFC 7296 2.13, 2.14, 2.17, 2.18.
#include "ike/v2/keymat.h"

#include <doctest/doctest.h>

#include "support/vector_file.h"

using namespace sallyport;
using namespace sallyport::ike::v2;
using test::hex;

TEST_SUITE_BEGIN("ike/v2/keymat");

TEST_CASE("[RFC7296 2.14] [RFC7296 2.17] [RFC7296 2.18] every key of IKE and Child SAs is the one computed elsewhere") {
  const auto cases = test::read_vectors("ike_keymat.vec");
  REQUIRE(cases.size() == 6);
  for (const auto& one : cases) {
    CAPTURE(one.at("prf"));
    const auto prf = test::registry_id<model::PrfId>(one.at("prf"));
    const Bytes nonce_i = hex(one.at("nonce_i")), nonce_r = hex(one.at("nonce_r")), shared = hex(one.at("shared"));
    const model::IkeSpi spi_i = load_be64(hex(one.at("spi_i")).data()), spi_r = load_be64(hex(one.at("spi_r")).data());
    const auto seed = skeyseed(prf, nonce_i, nonce_r, shared);
    REQUIRE(seed);
    CHECK(equal(seed->view(), hex(one.at("skeyseed"))));

    model::ChosenIke chosen{};
    chosen.prf = prf;
    chosen.encr = test::registry_id<model::EncrId>(one.at("encr"));
    chosen.key_bits = static_cast<uint16_t>(std::stoi(one.at("bits")));
    chosen.integ = test::registry_id<model::IntegId>(one.at("integ"));
    const auto keys = derive_ike_keys(chosen, seed->view(), nonce_i, nonce_r, spi_i, spi_r);
    REQUIRE(keys);
    Bytes all;
    for (const SecretBytes* key :
         {&keys->sk_d, &keys->sk_ai, &keys->sk_ar, &keys->sk_ei, &keys->sk_er, &keys->sk_pi, &keys->sk_pr}) {
      append(all, key->view());
    }
    CHECK(all == hex(one.at("keys")));
    CHECK(keys->sk_ai.size() == keys->sk_ar.size());
    CHECK(keys->sk_ei.size() == keys->sk_er.size());
    CHECK(keys->sk_pi.size() == keys->sk_d.size());

    const auto again = skeyseed_rekey(prf, keys->sk_d.view(), shared, nonce_i, nonce_r);
    REQUIRE(again);
    CHECK(equal(again->view(), hex(one.at("skeyseed_rekey"))));

    model::ChosenChild child{};
    child.protocol = model::Protocol::ESP;
    child.encr = model::EncrId::AES_CBC;
    child.key_bits = 128;
    child.integ = model::IntegId::HMAC_SHA1_96;
    const auto cbc = derive_child_keys(prf, keys->sk_d.view(), child, {}, nonce_i, nonce_r);
    REQUIRE(cbc);
    Bytes material;
    for (const SecretBytes* key : {&cbc->initiator_to_responder.encr, &cbc->initiator_to_responder.integ,
                                   &cbc->responder_to_initiator.encr, &cbc->responder_to_initiator.integ}) {
      append(material, key->view());
    }
    CHECK(material == hex(one.at("child_cbc_sha1")));
    child.encr = model::EncrId::AES_GCM_16;
    child.integ = model::IntegId::NONE;
    const auto gcm = derive_child_keys(prf, keys->sk_d.view(), child, shared, nonce_i, nonce_r);
    REQUIRE(gcm);
    material.clear();
    append(material, gcm->initiator_to_responder.encr.view());
    append(material, gcm->responder_to_initiator.encr.view());
    CHECK(material == hex(one.at("child_gcm_pfs")));
    CHECK(gcm->initiator_to_responder.integ.empty());
  }
}

TEST_CASE("S8 an algorithm nobody knows is a clean failure, never an uninitialised key") {
  const Bytes nonce(32, 1);
  model::ChosenIke chosen{};
  chosen.prf = static_cast<model::PrfId>(999);
  CHECK(derive_ike_keys(chosen, nonce, nonce, nonce, 1, 2).error().code == Errc::algorithm_refused);
  CHECK(!skeyseed(chosen.prf, nonce, nonce, nonce));
  CHECK(!skeyseed_rekey(chosen.prf, nonce, nonce, nonce, nonce));
  chosen.prf = model::PrfId::HMAC_SHA2_256;
  chosen.encr = static_cast<model::EncrId>(999);
  CHECK(derive_ike_keys(chosen, nonce, nonce, nonce, 1, 2).error().code == Errc::algorithm_refused);
  chosen.encr = model::EncrId::AES_CBC;
  chosen.key_bits = 128;
  chosen.integ = static_cast<model::IntegId>(999);
  CHECK(derive_ike_keys(chosen, nonce, nonce, nonce, 1, 2).error().code == Errc::algorithm_refused);
  model::ChosenChild child{};
  child.encr = static_cast<model::EncrId>(999);
  CHECK(derive_child_keys(chosen.prf, nonce, child, {}, nonce, nonce).error().code == Errc::algorithm_refused);
}

TEST_SUITE_END();
