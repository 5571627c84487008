// RFC 5903, 7748: known answers of tests/vectors/key_exchange.vec; and P7, every public value that must be refused.
#include "crypto/key_exchange.h"

#include <doctest/doctest.h>
#include <openssl/bn.h>

#include "support/vector_file.h"

namespace sallyport::crypto {

using model::GroupId;
using test::hex;

namespace {

constexpr GroupId kModp[] = {GroupId::MODP_2048, GroupId::MODP_3072, GroupId::MODP_4096, GroupId::MODP_6144,
                             GroupId::MODP_8192};
constexpr GroupId kCurves[] = {GroupId::ECP_256, GroupId::ECP_384, GroupId::ECP_521, GroupId::CURVE25519,
                               GroupId::CURVE448};

model::KeDone done(const model::KeWork& work) {
  auto reply = run_ke(work);
  REQUIRE(std::holds_alternative<model::KeDone>(reply));
  return std::move(std::get<model::KeDone>(reply));
}

Errc refusal(GroupId group, const SecretBytes& own, Bytes peer) {
  const auto reply = run_ke({group, own.clone(), std::move(peer)});
  const auto* refused = std::get_if<model::Refused>(&reply);
  return refused == nullptr ? Errc::state : refused->code;
}

Bytes prime_of(GroupId group) {
  BIGNUM* p = group == GroupId::MODP_2048   ? BN_get_rfc3526_prime_2048(nullptr)
              : group == GroupId::MODP_3072 ? BN_get_rfc3526_prime_3072(nullptr)
              : group == GroupId::MODP_4096 ? BN_get_rfc3526_prime_4096(nullptr)
              : group == GroupId::MODP_6144 ? BN_get_rfc3526_prime_6144(nullptr)
                                            : BN_get_rfc3526_prime_8192(nullptr);
  Bytes out(static_cast<size_t>(BN_num_bytes(p)));
  BN_bn2bin(p, out.data());
  BN_free(p);
  return out;
}

Bytes padded(size_t octets, uint8_t last) {
  Bytes out(octets, 0);
  out.back() = last;
  return out;
}

}  // namespace

TEST_SUITE("crypto/key_exchange") {
  TEST_CASE("[RFC5903 8] [RFC7748 6] known answers hold from both sides") {
    const auto cases = test::read_vectors("key_exchange.vec");
    REQUIRE(cases.size() == 5);
    for (const auto& one : cases) {
      CAPTURE(one.at("group"));
      const auto group = test::registry_id<GroupId>(one.at("group"));
      const Bytes shared = hex(one.at("shared"));
      CHECK(equal(done({group, SecretBytes(hex(one.at("private_i"))), hex(one.at("public_r"))}).shared.view(), shared));
      CHECK(equal(done({group, SecretBytes(hex(one.at("private_r"))), hex(one.at("public_i"))}).shared.view(), shared));
    }
  }

  TEST_CASE("[RFC7296 2.14] two fresh sides of every group agree, values at their full length") {
    for (const auto groups : {std::span<const GroupId>(kModp).first(2), std::span<const GroupId>(kCurves)}) {
      for (const GroupId group : groups) {
        CAPTURE(model::to_string(group));
        const auto i = done({group, {}, {}});
        CHECK(i.public_value.size() == public_value_octets(group));
        const auto r = done({group, {}, i.public_value});
        CHECK(r.public_value != i.public_value);
        const auto i2 = done({group, i.private_key.clone(), r.public_value});
        CHECK_FALSE(i2.shared.empty());
        CHECK(equal(i2.shared.view(), r.shared.view()));
      }
    }
  }

  TEST_CASE("P7: MODP values zero, one, p - 1, p, p + 1 and above are refused, and every wrong length") {
    for (const GroupId group : kModp) {
      CAPTURE(model::to_string(group));
      const size_t n = public_value_octets(group);
      SecretBytes full(n);
      full.writable().back() = 5;
      CHECK(refusal(group, full, padded(n, 0)) == Errc::bad_public_value);
      CHECK(refusal(group, full, padded(n, 1)) == Errc::bad_public_value);
      Bytes prime = prime_of(group);
      REQUIRE(prime.size() == n);
      CHECK(refusal(group, full, prime) == Errc::bad_public_value);
      prime.back() -= 1;
      CHECK(refusal(group, full, prime) == Errc::bad_public_value);
      CHECK(refusal(group, full, padded(n, 4)) == Errc::state);  // not refused: the square of the generator
      prime = prime_of(group);
      for (size_t at = n; at-- > 0 && ++prime[at] == 0;) {
      }
      CHECK(refusal(group, full, prime) == Errc::bad_public_value);
      CHECK(refusal(group, full, Bytes(n, 0xff)) == Errc::bad_public_value);
      CHECK(refusal(group, full, Bytes(n - 1, 2)) == Errc::bad_public_value);
      CHECK(refusal(group, full, Bytes(n + 1, 2)) == Errc::bad_public_value);
      CHECK(refusal(group, full, Bytes(1, 2)) == Errc::bad_public_value);
    }
  }

  TEST_CASE("P7: points off the curve, at infinity, with one coordinate only, are refused") {
    for (const GroupId group : {GroupId::ECP_256, GroupId::ECP_384, GroupId::ECP_521}) {
      CAPTURE(model::to_string(group));
      const auto own = done({group, {}, {}});
      Bytes off = done({group, {}, {}}).public_value;
      off.back() ^= 1;
      CHECK(refusal(group, own.private_key, off) == Errc::bad_public_value);
      CHECK(refusal(group, own.private_key, Bytes(off.size(), 0)) == Errc::bad_public_value);
      CHECK(refusal(group, own.private_key, Bytes(off.size(), 0xff)) == Errc::bad_public_value);
      CHECK(refusal(group, own.private_key, Bytes(off.size() / 2, 1)) == Errc::bad_public_value);
    }
  }

  TEST_CASE("P7: [RFC7748 6] points of low order are refused") {
    for (const GroupId group : {GroupId::CURVE25519, GroupId::CURVE448}) {
      CAPTURE(model::to_string(group));
      const auto own = done({group, {}, {}});
      const size_t n = public_value_octets(group);
      CHECK(refusal(group, own.private_key, Bytes(n, 0)) == Errc::bad_public_value);
      Bytes one(n, 0);
      one[0] = 1;
      CHECK(refusal(group, own.private_key, one) == Errc::bad_public_value);
      CHECK(refusal(group, own.private_key, Bytes(n + 1, 9)) == Errc::bad_public_value);
    }
  }

  TEST_CASE("P7: group numbers that are not ours, private use among them, are refused by name") {
    for (const unsigned number : {0u, 1u, 2u, 5u, 22u, 1025u, 65535u}) {
      const auto group = static_cast<GroupId>(number);
      CHECK(public_value_octets(group) == 0);
      CHECK(refusal(group, SecretBytes(), Bytes(32, 9)) == Errc::algorithm_refused);
    }
  }
}

}  // namespace sallyport::crypto
