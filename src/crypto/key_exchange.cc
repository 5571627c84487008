// One step of a key exchange. Private keys travel as raw octets between the steps, because the machine that asks is a
// value.
#include "crypto/key_exchange.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

namespace {

using model::GroupId;
using ParamBuildPtr = std::unique_ptr<OSSL_PARAM_BLD, Freeing<OSSL_PARAM_BLD_free>>;
using MontPtr = std::unique_ptr<BN_MONT_CTX, Freeing<BN_MONT_CTX_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Freeing<OSSL_PARAM_free>>;

struct Row {
  GroupId group;
  const char* algorithm;
  const char* name;
  size_t octets;  // of one coordinate, value or secret
  bool point;     // public value is x | y (RFC 5903 7)
  bool slow;
  BIGNUM* (*prime)(BIGNUM*) = nullptr;  // of the MODP groups
};
constexpr Row kRows[] = {
    {GroupId::MODP_2048, "DH", "modp_2048", 256, false, true, BN_get_rfc3526_prime_2048},
    {GroupId::MODP_3072, "DH", "modp_3072", 384, false, true, BN_get_rfc3526_prime_3072},
    {GroupId::MODP_4096, "DH", "modp_4096", 512, false, true, BN_get_rfc3526_prime_4096},
    {GroupId::MODP_6144, "DH", "modp_6144", 768, false, true, BN_get_rfc3526_prime_6144},
    {GroupId::MODP_8192, "DH", "modp_8192", 1024, false, true, BN_get_rfc3526_prime_8192},
    {GroupId::ECP_256, "EC", "P-256", 32, true, false},
    {GroupId::ECP_384, "EC", "P-384", 48, true, true},
    {GroupId::ECP_521, "EC", "P-521", 66, true, true},
    {GroupId::CURVE25519, "X25519", nullptr, 32, false, false},
    {GroupId::CURVE448, "X448", nullptr, 56, false, false},
};

const Row* row_of(GroupId group) {
  for (const Row& row : kRows) {
    if (row.group == group) return &row;
  }
  return nullptr;
}

bool is_dh(const Row& row) { return row.prime != nullptr; }

PkeyPtr generate(const Row& row) {
  EVP_PKEY* out = nullptr;
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, row.algorithm, nullptr));
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1) return nullptr;
  if (row.name != nullptr) {
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(row.name), 0),
        OSSL_PARAM_construct_end()};
    if (EVP_PKEY_CTX_set_params(context.get(), params) != 1) return nullptr;
  }
  if (EVP_PKEY_generate(context.get(), &out) != 1) return nullptr;
  return PkeyPtr(out);
}

PkeyPtr from_params(const Row& row, OSSL_PARAM_BLD* build, int selection) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(build));
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, row.algorithm, nullptr));
  EVP_PKEY* out = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &out, selection, params.get()) != 1)
    return nullptr;
  return PkeyPtr(out);
}

// Only to derive with: nobody reads the public half, and the library, given some, does not spend a multiplication on
// it.
PkeyPtr private_raw(const Row& row, ByteView octets) {
  const ParamBuildPtr build(OSSL_PARAM_BLD_new());
  const Bytes unused(row.octets, 0);
  if (!build ||
      OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, octets.data(), octets.size()) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, unused.data(), unused.size()) != 1)
    return nullptr;
  return from_params(row, build.get(), EVP_PKEY_KEYPAIR);
}

PkeyPtr private_from(const Row& row, ByteView octets) {
  if (row.name == nullptr) return private_raw(row, octets);
  const BnPtr number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  const ParamBuildPtr build(OSSL_PARAM_BLD_new());
  if (!number || !build || OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, row.name, 0) != 1 ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()) != 1)
    return nullptr;
  return from_params(row, build.get(), OSSL_KEYMGMT_SELECT_PRIVATE_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS);
}

PkeyPtr public_from(const Row& row, ByteView octets) {
  if (row.name == nullptr)
    return PkeyPtr(EVP_PKEY_new_raw_public_key_ex(nullptr, row.algorithm, nullptr, octets.data(), octets.size()));
  const ParamBuildPtr build(OSSL_PARAM_BLD_new());
  if (!build || OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, row.name, 0) != 1)
    return nullptr;
  const int selection = OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
  Bytes point = {0x04};
  append(point, octets);
  if (OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return nullptr;
  PkeyPtr out = from_params(row, build.get(), selection);
  // RFC 6989 2.3: the point must lie on the curve. The decoder checks that; the library is asked again all the same.
  const PkeyCtxPtr check(out ? EVP_PKEY_CTX_new_from_pkey(nullptr, out.get(), nullptr) : nullptr);
  if (!check || EVP_PKEY_public_check_quick(check.get()) != 1) return nullptr;
  return out;
}

Result<Bytes> public_octets(const Row& row, EVP_PKEY* key) {
  Bytes out(row.point ? row.octets * 2 : row.octets);
  if (row.name == nullptr) {
    size_t n = out.size();
    if (EVP_PKEY_get_raw_public_key(key, out.data(), &n) != 1 || n != out.size()) return fail(Errc::algorithm_refused);
    return out;
  }
  if (is_dh(row)) {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PUB_KEY, &value) != 1) return fail(Errc::algorithm_refused);
    const BnPtr owned(value);
    // RFC 7296 3.4: padded with zeros in front to the length of the modulus.
    if (BN_bn2binpad(value, out.data(), static_cast<int>(out.size())) < 0) return fail(Errc::algorithm_refused);
    return out;
  }
  BIGNUM *x = nullptr, *y = nullptr;
  const bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1;
  const BnPtr own_x(x), own_y(y);
  const int n = static_cast<int>(row.octets);
  if (!ok || BN_bn2binpad(x, out.data(), n) < 0 || BN_bn2binpad(y, out.data() + row.octets, n) < 0)
    return fail(Errc::algorithm_refused);
  return out;
}

Result<SecretBytes> private_octets(const Row& row, EVP_PKEY* key) {
  if (row.name == nullptr) {
    SecretBytes out(row.octets);
    size_t n = out.size();
    if (EVP_PKEY_get_raw_private_key(key, out.writable().data(), &n) != 1) return fail(Errc::algorithm_refused);
    return out;
  }
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &value) != 1) return fail(Errc::algorithm_refused);
  const BnPtr owned(value);
  SecretBytes out(row.octets);
  if (BN_bn2binpad(value, out.writable().data(), static_cast<int>(out.size())) < 0)
    return fail(Errc::algorithm_refused);
  return out;
}

// RFC 7296 2.14: the shared secret is as long as the modulus; RFC 5903 9: of ECP only x. RFC 7748 6: all zeros is
// refused; only there, because on the ECP curves an x of zero belongs to a point like any other.
Result<SecretBytes> derive(const Row& row, EVP_PKEY* own, EVP_PKEY* peer) {
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr));
  SecretBytes out(row.octets);
  size_t n = out.size();
  if (!context || EVP_PKEY_derive_init(context.get()) != 1) return fail(Errc::algorithm_refused);
  if (EVP_PKEY_derive_set_peer(context.get(), peer) != 1 ||
      EVP_PKEY_derive(context.get(), out.writable().data(), &n) != 1 || n != out.size())
    return fail(Errc::bad_public_value);
  if (row.name == nullptr && constant_time_equal(out.view(), Bytes(out.size(), 0))) return fail(Errc::bad_public_value);
  return out;
}

// RFC 6989 2.1: of the MODP groups, whose primes are safe, a value is good when 1 < value < p - 1. The library's own
// derivation raises the value to the order of the group besides, which costs seven times the exchange itself.
Result<SecretBytes> derive_modp(const Row& row, ByteView own, ByteView peer) {
  const BnPtr p(row.prime(nullptr)), limit(BN_dup(p.get())), secret(BN_secure_new());
  const BnPtr exponent(BN_bin2bn(own.data(), static_cast<int>(own.size()), nullptr));
  const BnPtr value(BN_bin2bn(peer.data(), static_cast<int>(peer.size()), nullptr));
  const BnCtxPtr context(BN_CTX_new());
  const MontPtr reduction(BN_MONT_CTX_new());
  if (!p || !limit || !secret || !exponent || !value || !context || !reduction || BN_sub_word(limit.get(), 1) != 1 ||
      BN_MONT_CTX_set(reduction.get(), p.get(), context.get()) != 1)
    return fail(Errc::algorithm_refused);
  if (BN_cmp(value.get(), BN_value_one()) <= 0 || BN_cmp(value.get(), limit.get()) >= 0)
    return fail(Errc::bad_public_value);
  if (BN_is_zero(exponent.get())) return fail(Errc::bad_key);
  BN_set_flags(exponent.get(), BN_FLG_CONSTTIME);
  SecretBytes out(row.octets);
  if (BN_mod_exp_mont_consttime(secret.get(), value.get(), exponent.get(), p.get(), context.get(), reduction.get()) !=
          1 ||
      BN_bn2binpad(secret.get(), out.writable().data(), static_cast<int>(out.size())) < 0)
    return fail(Errc::algorithm_refused);
  return out;
}

Result<SecretBytes> derive_from(const Row& row, EVP_PKEY* own, ByteView own_octets, ByteView peer_octets) {
  if (peer_octets.size() != public_value_octets(row.group)) return fail(Errc::bad_public_value);
  if (is_dh(row)) return derive_modp(row, own_octets, peer_octets);
  const PkeyPtr peer = public_from(row, peer_octets);
  if (!peer) return fail(Errc::bad_public_value);
  return derive(row, own, peer.get());
}

Result<model::KeDone> run(const Row& row, const model::KeWork& work) {
  const bool fresh = work.private_key.empty();
  PkeyPtr own;
  if (fresh || !is_dh(row)) {
    own = fresh ? generate(row) : private_from(row, work.private_key.view());
    if (!own) return fail(fresh ? Errc::algorithm_refused : Errc::bad_key);
  }
  model::KeDone out;
  if (fresh) {
    SP_TRY(out.public_value, public_octets(row, own.get()));
    SP_TRY(out.private_key, private_octets(row, own.get()));
  } else {
    out.private_key = work.private_key.clone();
  }
  if (work.peer_public.empty()) return out;
  SP_TRY(out.shared, derive_from(row, own.get(), out.private_key.view(), work.peer_public));
  return out;
}

}  // namespace

size_t public_value_octets(GroupId group) {
  const Row* row = row_of(group);
  return row == nullptr ? 0 : row->point ? row->octets * 2 : row->octets;
}

bool ke_is_slow(GroupId group) {
  const Row* row = row_of(group);
  return row != nullptr && row->slow;
}

model::KeyReply run_ke(const model::KeWork& work) {
  const Row* row = row_of(work.group);
  if (row == nullptr) return model::Refused{Errc::algorithm_refused, "key exchange method not known"};
  auto out = run(*row, work);
  if (!out) return model::Refused{out.error().code, std::string(describe(out.error().code))};
  return std::move(*out);
}

}  // namespace sallyport::crypto
