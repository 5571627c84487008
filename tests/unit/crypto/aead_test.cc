// RFC 3686, 3602, 7634: known answers of tests/vectors/cipher.vec; and what every cipher must do alike.
#include "crypto/aead.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "crypto/integ.h"
#include "support/vector_file.h"

namespace sallyport::crypto {

using model::EncrId;
using model::IntegId;
using test::hex;

namespace {

std::vector<Suite> every_suite() {
  std::vector<Suite> out = {{EncrId::CHACHA20_POLY1305, 0, IntegId::NONE},
                            {EncrId::CHACHA20_POLY1305_IIV, 0, IntegId::NONE}};
  for (const uint16_t bits : {uint16_t{128}, uint16_t{192}, uint16_t{256}}) {
    for (const EncrId id :
         {EncrId::AES_GCM_8, EncrId::AES_GCM_12, EncrId::AES_GCM_16, EncrId::AES_CCM_8, EncrId::AES_CCM_12,
          EncrId::AES_CCM_16, EncrId::NULL_AES_GMAC, EncrId::AES_CCM_8_IIV, EncrId::AES_GCM_16_IIV})
      out.push_back({id, bits, IntegId::NONE});
    for (const EncrId id : {EncrId::AES_CBC, EncrId::AES_CTR}) {
      for (const IntegId integ : {IntegId::HMAC_SHA1_96, IntegId::AES_XCBC_96, IntegId::AES_CMAC_96,
                                  IntegId::HMAC_SHA2_256_128, IntegId::HMAC_SHA2_384_192, IntegId::HMAC_SHA2_512_256})
        out.push_back({id, bits, integ});
    }
  }
  out.push_back({EncrId::NULL_ENCR, 0, IntegId::HMAC_SHA2_256_128});
  out.push_back({EncrId::NULL_ENCR, 0, IntegId::AES_XCBC_96});
  out.push_back({EncrId::DES3, 0, IntegId::HMAC_MD5_96});
  return out;
}

std::vector<Provider> providers() {
  std::vector<Provider> out = {Provider::openssl};
  if (available(Provider::ipsec_mb)) out.push_back(Provider::ipsec_mb);
  return out;
}

std::unique_ptr<Aead> make(const Suite& suite, uint8_t seed, Provider provider = Provider::openssl) {
  const Bytes key(model::key_material_octets(suite.encr, suite.key_bits), seed);
  const auto row = model::info(suite.integ);
  const Bytes integ_key(row ? row->key_octets : 0, static_cast<uint8_t>(seed + 1));
  auto out = Aead::create(suite.encr, key, suite.key_bits, suite.integ, integ_key, provider);
  return out ? std::move(*out) : nullptr;
}

std::vector<std::pair<Suite, Provider>> every_suite_and_provider() {
  std::vector<std::pair<Suite, Provider>> out;
  for (const Provider provider : providers()) {
    for (const Suite& suite : every_suite()) out.emplace_back(suite, provider);
  }
  return out;
}

// Packets of many sizes, each SPI | sequence number | IV | text | ICV in one run, as ESP lays them out.
struct EspBatch {
  explicit EspBatch(const Aead& aead, size_t suffix_octets) : other_iv(aead.iv_input_octets(), 0x44) {
    constexpr size_t kPackets = 70;
    suffix = Bytes(suffix_octets, 9);
    packets.resize(kPackets);
    plain.resize(kPackets);
    opened.resize(kPackets);
    ivs.resize(kPackets);
    seals.resize(kPackets);
    opens.resize(kPackets);
    for (size_t i = 0; i < kPackets; ++i) {
      const size_t text = 48 + 48 * (i * 7 % 31);
      plain[i].resize(text);
      for (size_t k = 0; k < text; ++k) plain[i][k] = static_cast<uint8_t>(k + i);
      opened[i].resize(text);
      ivs[i] = Bytes(aead.iv_input_octets(), static_cast<uint8_t>(i));
      packets[i] = Bytes(8 + aead.iv_octets() + text + aead.icv_octets(), static_cast<uint8_t>(i));
      const MutableBytes packet = packets[i];
      Aead::Job& job = seals[i];
      job.aad = packet.first(8);
      job.aad_suffix = suffix;
      job.iv = aead.implicit_iv() ? ByteView(ivs[i]) : ByteView(packet.subspan(8, aead.iv_octets()));
      job.head = ByteView(plain[i]).first(i % 3 == 0 ? 0 : 28);
      job.in = ByteView(plain[i]).subspan(job.head.size(), text - job.head.size() - i % 9);
      job.tail = ByteView(plain[i]).last(i % 9);
      job.out = packet.subspan(8 + aead.iv_octets(), text);
      job.icv = packet.last(aead.icv_octets());
      opens[i] = {job.aad, job.aad_suffix, job.iv, {}, job.out, {}, opened[i], job.icv, job.icv, false};
    }
  }
  void seal(Aead& aead) { aead.seal_batch(seals); }
  void open(Aead& aead) { aead.open_batch(opens); }
  static bool all_ok(const std::vector<Aead::Job>& jobs) {
    return std::all_of(jobs.begin(), jobs.end(), [](const Aead::Job& job) { return job.ok; });
  }

  std::vector<Bytes> packets, plain, opened, ivs;
  std::vector<Aead::Job> seals, opens;
  Bytes suffix, other_iv;
};

}  // namespace

TEST_SUITE("crypto/aead") {
  TEST_CASE("[RFC3602 4] [RFC3686 6] [RFC4106 3] [RFC7634 A B] known answers hold both ways") {
    const auto cases = test::read_vectors("cipher.vec");
    REQUIRE(cases.size() == 21);
    for (const auto& one : cases) {
      CAPTURE(one.at("encr"));
      CAPTURE(one.at("cipher"));
      const auto id = test::registry_id<EncrId>(one.at("encr"));
      const Bytes key = hex(one.at("key")), iv = hex(one.at("iv")), plain = hex(one.at("plain"));
      const Bytes cipher = hex(one.at("cipher"));
      const auto row = model::info(id);
      const auto bits = static_cast<uint16_t>((key.size() - row->salt_octets) * 8);
      const Bytes integ_key(row->aead ? 0 : 32, 9);
      for (const Provider provider : providers()) {
        const auto aead =
            Aead::create(id, key, bits, row->aead ? IntegId::NONE : IntegId::HMAC_SHA2_256_128, integ_key, provider);
        REQUIRE(aead);
        const Bytes aad = one.contains("aad") ? hex(one.at("aad")) : Bytes();
        Bytes out(plain.size()), icv((*aead)->icv_octets()), back(plain.size());
        REQUIRE((*aead)->seal(aad, {}, iv, plain, out, icv));
        CHECK(out == cipher);
        if (one.contains("icv")) CHECK(icv == hex(one.at("icv")));
        REQUIRE((*aead)->open(aad, {}, iv, cipher, icv, back));
        CHECK(back == plain);
      }
    }
  }

  TEST_CASE("every algorithm opens what it sealed, at every size, and nothing with one bit changed") {
    for (const auto& [suite, provider] : every_suite_and_provider()) {
      CAPTURE(model::to_string(suite.encr));
      CAPTURE(suite.key_bits);
      CAPTURE(model::to_string(suite.integ));
      const auto aead = make(suite, 3, provider);
      REQUIRE(aead);
      const Bytes iv(aead->iv_input_octets(), 0x77);
      for (const size_t blocks : {size_t{0}, size_t{1}, size_t{2}, size_t{5}, size_t{90}}) {
        const Bytes plain(blocks * std::max<size_t>(aead->block_octets(), 4), 0xa5);
        Bytes aad = {1, 2, 3, 4, 5, 6, 7, 8}, suffix(aead->is_aead() ? 0 : 4, 6);
        Bytes cipher(plain.size()), icv(aead->icv_octets()), out(plain.size());
        REQUIRE(aead->seal(aad, suffix, iv, plain, cipher, icv));
        REQUIRE(aead->open(aad, suffix, iv, cipher, icv, out));
        CHECK(out == plain);
        for (Bytes* part : {&aad, &suffix, &cipher, &icv}) {
          for (size_t i = 0; i < part->size(); i += 1 + part->size() / 8) {
            (*part)[i] ^= 0x10;
            CHECK_FALSE(aead->open(aad, suffix, iv, cipher, icv, out));
            (*part)[i] ^= 0x10;
          }
        }
        Bytes other_iv = iv;
        if (!other_iv.empty()) {
          other_iv[0] ^= 1;
          CHECK_FALSE(aead->open(aad, suffix, other_iv, cipher, icv, out));
        }
        CHECK(aead->open(aad, suffix, iv, cipher, icv, out));  // a refused packet leaves nothing behind
      }
    }
  }

  TEST_CASE("lengths that do not fit are refused, not read past") {
    const auto gcm = make({EncrId::AES_GCM_16, 128, IntegId::NONE}, 1);
    const auto cbc = make({EncrId::AES_CBC, 128, IntegId::HMAC_SHA2_256_128}, 1);
    Bytes a(32), b(32), icv(16);
    CHECK_FALSE(gcm->seal({}, {}, Bytes(7), a, b, icv));
    CHECK_FALSE(gcm->seal({}, Bytes(4), Bytes(8), a, b, icv));
    CHECK_FALSE(gcm->open({}, {}, Bytes(8), a, Bytes(15), b));
    CHECK_FALSE(gcm->seal({}, {}, Bytes(8), a, MutableBytes(b).first(31), icv));
    CHECK_FALSE(cbc->seal({}, {}, Bytes(16), ByteView(a).first(17), MutableBytes(b).first(17), icv));
    CHECK_FALSE(cbc->seal({}, {}, Bytes(8), a, b, icv));
  }

  TEST_CASE("S8: keys of a wrong length, a missing or a superfluous integrity algorithm are errors") {
    CHECK_FALSE(Aead::create(EncrId::AES_GCM_16, Bytes(16), 128));
    CHECK_FALSE(Aead::create(EncrId::AES_GCM_16, Bytes(20), 120));
    CHECK_FALSE(Aead::create(EncrId::AES_CBC, Bytes(16), 128));
    CHECK_FALSE(Aead::create(EncrId::AES_GCM_16, Bytes(20), 128, IntegId::HMAC_SHA1_96, Bytes(20)));
    CHECK_FALSE(Aead::create(static_cast<EncrId>(1025), Bytes(16), 128));
  }

  TEST_CASE("a batch gives what the calls one by one give, and marks the false one") {
    const auto aead = make({EncrId::AES_GCM_16, 256, IntegId::NONE}, 4);
    const Bytes iv(8, 1), plain(48, 2);
    Bytes out[3] = {Bytes(48), Bytes(48), Bytes(48)}, icv[3] = {Bytes(16), Bytes(16), Bytes(16)}, back(48);
    std::array<Aead::Job, 3> jobs{};
    for (size_t i = 0; i < 3; ++i) jobs[i] = {{}, {}, iv, {}, plain, {}, out[i], icv[i], {}, false};
    aead->seal_batch(jobs);
    CHECK((jobs[0].ok && jobs[1].ok && jobs[2].ok && out[0] == out[2]));
    icv[1][0] ^= 1;
    for (size_t i = 0; i < 3; ++i) jobs[i] = {{}, {}, iv, {}, out[i], {}, back, {}, icv[i], false};
    aead->open_batch(jobs);
    CHECK((jobs[0].ok && !jobs[1].ok && jobs[2].ok));
  }

  TEST_CASE("[RFC8750 4] an implicit IV gives what the explicit one gives, and does not travel") {
    const std::pair<EncrId, EncrId> pairs[] = {{EncrId::AES_GCM_16, EncrId::AES_GCM_16_IIV},
                                               {EncrId::AES_CCM_8, EncrId::AES_CCM_8_IIV},
                                               {EncrId::CHACHA20_POLY1305, EncrId::CHACHA20_POLY1305_IIV}};
    for (const auto& [with_iv, without] : pairs) {
      const uint16_t bits = with_iv == EncrId::CHACHA20_POLY1305 ? uint16_t{0} : uint16_t{256};
      const auto a = make({with_iv, bits, IntegId::NONE}, 9), b = make({without, bits, IntegId::NONE}, 9);
      REQUIRE((a && b));
      CHECK((a->iv_octets() == 8 && !a->implicit_iv()));
      CHECK((b->iv_octets() == 0 && b->implicit_iv() && b->iv_input_octets() == 8));
      const Bytes sequence = hex("0000000000000102"), plain(40, 3), aad(8, 1);
      Bytes one(40), two(40), icv_one(a->icv_octets()), icv_two(b->icv_octets());
      REQUIRE(a->seal(aad, {}, sequence, plain, one, icv_one));
      REQUIRE(b->seal(aad, {}, sequence, plain, two, icv_two));
      CHECK((one == two && icv_one == icv_two));
      CHECK_FALSE(b->seal(aad, {}, {}, plain, two, icv_two));
    }
  }

  TEST_CASE("a plain text in three pieces, and one in its place, give what one piece gives") {
    for (const auto& [suite, provider] : every_suite_and_provider()) {
      CAPTURE(model::to_string(suite.encr));
      const auto aead = make(suite, 5, provider);
      Bytes plain(96);
      for (size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<uint8_t>(i);
      const Bytes iv(aead->iv_input_octets(), 0x31), aad(8, 4);
      Bytes whole(96), icv(aead->icv_octets()), in_place = plain, icv_in_place = icv, pieces(96), icv_pieces = icv;
      REQUIRE(aead->seal(aad, {}, iv, plain, whole, icv));
      REQUIRE(aead->seal(aad, {}, iv, in_place, in_place, icv_in_place));
      CHECK((in_place == whole && icv_in_place == icv));
      for (const auto& [head, tail] : {std::pair<size_t, size_t>{0, 0}, {52, 0}, {0, 2}, {40, 14}, {5, 91}}) {
        const ByteView p = plain;
        Aead::Job job{aad,    {},         iv, p.first(head), p.subspan(head, 96 - head - tail), p.last(tail),
                      pieces, icv_pieces, {}, false};
        aead->seal_batch({&job, 1});
        CHECK((job.ok && pieces == whole && icv_pieces == icv));
        job.out = MutableBytes(pieces).first(80);
        aead->seal_batch({&job, 1});
        CHECK_FALSE(job.ok);
      }
      REQUIRE(aead->open(aad, {}, iv, in_place, icv, in_place));
      CHECK(in_place == plain);
    }
  }

  TEST_CASE("both providers give the same octets, alone and in a batch laid out as ESP") {
    if (!available(Provider::ipsec_mb)) return;
    for (const Suite& suite : every_suite()) {
      CAPTURE(model::to_string(suite.encr));
      CAPTURE(suite.key_bits);
      CAPTURE(model::to_string(suite.integ));
      const auto a = make(suite, 6), b = make(suite, 6, Provider::ipsec_mb);
      for (const size_t suffix : {size_t{0}, size_t{4}}) {
        if (suffix > 0 && a->is_aead()) continue;
        EspBatch one(*a, suffix), two(*b, suffix);
        one.seal(*a);
        two.seal(*b);
        CHECK(one.packets == two.packets);
        CHECK(one.all_ok(one.seals));
        CHECK(two.all_ok(two.seals));
        one.open(*b);
        two.open(*a);
        CHECK(one.all_ok(one.opens));
        CHECK(one.plain == two.plain);
        CHECK(one.plain == one.opened);
        CHECK(two.plain == two.opened);
      }
    }
  }

  TEST_CASE("in a batch the false packets are marked, whoever works on it and wherever the change is") {
    for (const auto& [suite, provider] : every_suite_and_provider()) {
      CAPTURE(model::to_string(suite.encr));
      CAPTURE(model::to_string(suite.integ));
      const auto aead = make(suite, 7, provider);
      for (const size_t suffix : {size_t{0}, size_t{4}}) {
        if (suffix > 0 && aead->is_aead()) continue;
        EspBatch batch(*aead, suffix);
        batch.seal(*aead);
        batch.packets[3][0] ^= 1;                               // SPI
        batch.packets[5][batch.packets[5].size() / 2] ^= 0x80;  // text
        batch.packets[8].back() ^= 1;                           // ICV
        batch.opens[11].iv = batch.other_iv;
        batch.opens[12].icv_to_check = batch.opens[12].icv_to_check.first(8);
        batch.opens[13].in = batch.opens[13].in.first(batch.opens[13].in.size() - 4);
        batch.open(*aead);
        for (size_t i = 0; i < batch.opens.size(); ++i) {
          CAPTURE(i);
          const bool short_icv = i == 12 && aead->icv_octets() != 8, other_iv = i == 11 && aead->iv_input_octets() > 0;
          CHECK(batch.opens[i].ok == !(i == 3 || i == 5 || i == 8 || other_iv || short_icv || i == 13));
        }
      }
    }
  }
}

}  // namespace sallyport::crypto
