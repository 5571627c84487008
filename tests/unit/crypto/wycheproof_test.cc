// The cases of C2SP/wycheproof that IPsec can meet, read from $SALLYPORT_VECTORS/wycheproof. Cases outside what our
// interfaces take are counted as not applicable, by reason. Fewer run than the table expects is a failure.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iterator>

#include "crypto/aead.h"
#include "crypto/key_exchange.h"
#include "crypto/mac.h"
#include "crypto/prf.h"
#include "crypto/signature.h"
#include "support/json.h"
#include "support/vector_file.h"

namespace sallyport::crypto {

using model::AuthMethod;
using model::EncrId;
using model::GroupId;
using model::PrfId;
using test::hex;
using test::Json;

namespace {

struct Tally {
  size_t run = 0;
  std::map<std::string, size_t> not_applicable;
};
using Run = std::function<std::string(const Json& group, const Json& one)>;  // a reason, or empty: it ran

struct File {
  const char* name;
  size_t expected;
  Run run;
};

Bytes field(const Json& one, const char* name) { return hex(one.at(name).text); }
std::string verdict(const Json& one) { return one.at("result").text; }

// "acceptable" leaves the choice to us.
void agree(const Json& one, bool accepted) {
  CAPTURE(one.at("tcId").text);
  CAPTURE(one.at("comment").text);
  if (verdict(one) == "valid") CHECK(accepted);
  if (verdict(one) == "invalid") CHECK_FALSE(accepted);
}

EncrId with_tag(EncrId eight, unsigned bits) {
  const auto base = static_cast<uint16_t>(eight);
  return static_cast<EncrId>(bits == 64 ? base : bits == 96 ? base + 1 : base + 2);
}

void aead_by(Provider provider, EncrId id, ByteView key, uint16_t bits, ByteView wire_iv, const Json& one) {
  const auto made = Aead::create(id, key, bits, model::IntegId::NONE, {}, provider);
  if (!made) return agree(one, false);
  REQUIRE((*made)->provider() == provider);
  const Bytes aad = field(one, "aad"), plain = field(one, "msg"), cipher = field(one, "ct"), icv = field(one, "tag");
  Bytes out(cipher.size());
  const bool opened = (*made)->open(aad, {}, wire_iv, cipher, icv, out);
  agree(one, opened && out == plain);
  if (verdict(one) != "valid") return;
  Bytes sealed(plain.size()), got(icv.size());
  CHECK((*made)->seal(aad, {}, wire_iv, plain, sealed, got));
  CHECK(sealed == cipher);
  CHECK(got == icv);
}

std::string aead(EncrId first, size_t salt, size_t nonce, const Json& group, const Json& one) {
  const unsigned tag = group.at("tagSize").number(), bits = group.at("keySize").number();
  const Bytes iv = field(one, "iv");
  if (iv.size() != nonce) return "nonce of another length";
  const bool fixed = first == EncrId::CHACHA20_POLY1305;
  if (fixed ? tag != 128 : (tag != 64 && tag != 96 && tag != 128)) return "tag of another length";
  Bytes key = field(one, "key");
  append(key, ByteView(iv).first(salt));
  const EncrId id = fixed ? first : with_tag(first, tag);
  const bool ccm = first == EncrId::AES_CCM_8;
  const ByteView wire_iv = ByteView(iv).subspan(salt);
  aead_by(Provider::openssl, id, key, static_cast<uint16_t>(bits), wire_iv, one);
  if (!ccm && available(Provider::ipsec_mb))
    aead_by(Provider::ipsec_mb, id, key, static_cast<uint16_t>(bits), wire_iv, one);
  return {};
}

// The library's CBC takes whole blocks: the padding of PKCS #5 is put on here, as ESP puts on its own.
std::string cbc(const Json& group, const Json& one) {
  if (verdict(one) != "valid") return "PKCS #5 padding, not in IPsec";
  Bytes plain = field(one, "msg");
  const size_t pad = 16 - plain.size() % 16;
  plain.insert(plain.end(), pad, static_cast<uint8_t>(pad));
  const Bytes iv = field(one, "iv"), wanted = field(one, "ct");
  for (const Provider provider : {Provider::openssl, Provider::ipsec_mb}) {
    if (!available(provider)) continue;
    const auto made =
        Aead::create(EncrId::AES_CBC, field(one, "key"), static_cast<uint16_t>(group.at("keySize").number()),
                     model::IntegId::HMAC_SHA1_96, Bytes(20, 1), provider);
    REQUIRE(made);
    // Eight of them, each IV | text | ICV in one run, so that the jobs of ipsec-mb are used.
    std::vector<Bytes> packets(8, Bytes(16 + plain.size() + 12));
    std::vector<Aead::Job> jobs(packets.size());
    for (size_t i = 0; i < jobs.size(); ++i) {
      const MutableBytes packet = packets[i];
      std::copy(iv.begin(), iv.end(), packet.begin());
      jobs[i] = {packet.first(0),
                 {},
                 packet.first(16),
                 {},
                 plain,
                 {},
                 packet.subspan(16, plain.size()),
                 packet.last(12),
                 {},
                 false};
    }
    (*made)->seal_batch(jobs);
    for (const Aead::Job& job : jobs) {
      CHECK(job.ok);
      CHECK(equal(job.out, wanted));
    }
  }
  return {};
}

std::string mac(MacKind kind, const Json& group, const Json& one) {
  const Bytes tag = field(one, "tag");
  const size_t octets = group.at("tagSize").number() / 8;
  const Bytes key = field(one, "key");
  if (kind == MacKind::AES_CMAC && key.size() != 16) return "AES-CMAC with a key other than 128 bits";
  const auto made = Mac::create(kind, key);
  REQUIRE(made);
  Bytes out(octets);
  CHECK((*made)->compute({field(one, "msg")}, out));
  agree(one, out == tag);
  return {};
}

std::string gmac(const Json& group, const Json& one) {
  const Bytes iv = field(one, "iv"), message = field(one, "msg");
  if (iv.size() != 12) return "nonce of another length";
  if (group.at("tagSize").number() != 128) return "tag of another length";
  // RFC 4543 authenticates SPI and sequence number | IV | payload; a message that does not hold the IV there differs.
  Bytes key = field(one, "key");
  append(key, ByteView(iv).first(4));
  const auto made = Aead::create(EncrId::AES_GCM_16, key, static_cast<uint16_t>(group.at("keySize").number()));
  REQUIRE(made);
  agree(one, (*made)->open(message, {}, ByteView(iv).subspan(4), {}, field(one, "tag"), {}));
  return {};
}

std::string key_exchange(GroupId group, const Json&, const Json& one) {
  Bytes own = field(one, "private"), peer = field(one, "public");
  const size_t octets = public_value_octets(group);
  const bool point = group != GroupId::CURVE25519 && group != GroupId::CURVE448;
  if (point) {
    if (!peer.empty() && (peer[0] == 2 || peer[0] == 3)) return "compressed point";
    if (peer.size() != octets + 1 || peer[0] != 4) return "point not x | y";
    peer.erase(peer.begin());
    while (own.size() > octets / 2 && own.front() == 0) own.erase(own.begin());
  }
  const auto reply = run_ke({group, SecretBytes(std::move(own)), peer});
  const auto* done = std::get_if<model::KeDone>(&reply);
  const Bytes shared = field(one, "shared");
  agree(one, done != nullptr && equal(done->shared.view(), shared));
  if (done != nullptr) CHECK(equal(done->shared.view(), shared));  // "acceptable" is a choice, not another answer
  return {};
}

Bytes with_identifier(std::string_view identifier, ByteView signature) {
  const Bytes der = hex(identifier);
  Bytes out = {static_cast<uint8_t>(der.size())};
  append(out, der);
  append(out, signature);
  return out;
}

std::string signature(std::string_view identifier, const Json& group, const Json& one) {
  const auto out = verify_auth_by_key(field(group, "publicKeyDer"), AuthMethod::DIGITAL_SIGNATURE,
                                      with_identifier(identifier, field(one, "sig")), field(one, "msg"));
  agree(one, out.has_value());
  return {};
}

constexpr std::string_view kPssSha256 =
    "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d0609608648016503"
    "04020105"
    "00a203020120";

std::string pss_misc(const Json& group, const Json& one) {
  const bool ours = group.at("sha").text == "SHA-256" && group.at("mgfSha").text == "SHA-256" &&
                    group.at("sLen").number() == 32 && group.at("keySize").number() >= 2048;
  if (!ours) return "PSS parameters RFC 7427 profiles do not send";
  return signature(kPssSha256, group, one);
}

std::vector<File> files() {
  using namespace std::placeholders;
  const auto ke = [](GroupId group) { return std::bind(key_exchange, group, _1, _2); };
  const auto sig = [](std::string_view identifier) { return std::bind(signature, identifier, _1, _2); };
  const auto with_mac = [](MacKind kind) { return std::bind(mac, kind, _1, _2); };
  return {
      {"aes_cbc_pkcs5_test.json", 72, cbc},
      {"aes_ccm_test.json", 18, std::bind(aead, EncrId::AES_CCM_8, size_t{3}, size_t{11}, _1, _2)},
      {"aes_cmac_test.json", 102, with_mac(MacKind::AES_CMAC)},
      {"aes_gcm_test.json", 197, std::bind(aead, EncrId::AES_GCM_8, size_t{4}, size_t{12}, _1, _2)},
      {"aes_gmac_test.json", 207, gmac},
      {"chacha20_poly1305_test.json", 316, std::bind(aead, EncrId::CHACHA20_POLY1305, size_t{4}, size_t{12}, _1, _2)},
      {"ecdh_secp256r1_ecpoint_test.json", 346, ke(GroupId::ECP_256)},
      {"ecdh_secp384r1_ecpoint_test.json", 787, ke(GroupId::ECP_384)},
      {"ecdh_secp521r1_ecpoint_test.json", 648, ke(GroupId::ECP_521)},
      {"ecdsa_secp256r1_sha256_test.json", 484, sig("300a06082a8648ce3d040302")},
      {"ecdsa_secp384r1_sha384_test.json", 504, sig("300a06082a8648ce3d040303")},
      {"ecdsa_secp521r1_sha512_test.json", 542, sig("300a06082a8648ce3d040304")},
      {"ed25519_test.json", 151, sig("300506032b6570")},
      {"ed448_test.json", 87, sig("300506032b6571")},
      {"hmac_sha1_test.json", 170, with_mac(MacKind::HMAC_SHA1)},
      {"hmac_sha256_test.json", 174, with_mac(MacKind::HMAC_SHA2_256)},
      {"hmac_sha384_test.json", 174, with_mac(MacKind::HMAC_SHA2_384)},
      {"hmac_sha512_test.json", 174, with_mac(MacKind::HMAC_SHA2_512)},
      {"rsa_pss_2048_sha256_mgf1_32_test.json", 108, sig(kPssSha256)},
      {"rsa_pss_misc_test.json", 1, pss_misc},
      {"rsa_signature_2048_sha256_test.json", 259, sig("300d06092a864886f70d01010b0500")},
      {"rsa_signature_3072_sha256_test.json", 259, sig("300d06092a864886f70d01010b0500")},
      {"rsa_signature_4096_sha512_test.json", 259, sig("300d06092a864886f70d01010d0500")},
      {"x25519_test.json", 518, ke(GroupId::CURVE25519)},
      {"x448_test.json", 510, ke(GroupId::CURVE448)},
  };
}

Tally run_file(const std::string& folder, const File& file) {
  std::ifstream in(folder + file.name);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  CAPTURE(std::string(file.name));
  REQUIRE_FALSE(text.empty());
  const Json all = test::JsonReader(text).value();
  Tally out;
  for (const Json& group : all.at("testGroups").items) {
    for (const Json& one : group.at("tests").items) {
      const std::string reason = file.run(group, one);
      if (reason.empty()) {
        ++out.run;
      } else {
        ++out.not_applicable[reason];
      }
    }
  }
  return out;
}

}  // namespace

TEST_SUITE("crypto/wycheproof") {
  TEST_CASE("every applicable Wycheproof case agrees, and as many ran as the table expects") {
    const char* vectors = std::getenv("SALLYPORT_VECTORS");
    if (vectors == nullptr) {
      MESSAGE("wycheproof: 0 cases run: SALLYPORT_VECTORS is not set");
      return;
    }
    size_t total = 0, left_out = 0;
    for (const File& file : files()) {
      const Tally tally = run_file(std::string(vectors) + "/wycheproof/", file);
      std::string line = std::string(file.name) + ": " + std::to_string(tally.run) + " run";
      for (const auto& [reason, count] : tally.not_applicable) {
        line += ", " + std::to_string(count) + " not applicable (" + reason + ")";
        left_out += count;
      }
      std::printf("wycheproof %s\n", line.c_str());
      CAPTURE(line);
      CHECK(tally.run >= file.expected);
      total += tally.run;
    }
    std::printf("wycheproof: %zu run, %zu not applicable; ML-KEM files not read, the library has none\n", total,
                left_out);
  }
}

}  // namespace sallyport::crypto
