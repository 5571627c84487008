// Key work as octets: every kind there and back, cut at every octet, with counts that lie.
#include "daemon/key_channel.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::daemon;

namespace {

Bytes octets(const char* text) { return to_bytes(as_bytes(text)); }

std::vector<model::KeyRequest> every_request() {
  std::vector<model::KeyRequest> out;
  out.emplace_back(model::PskAuth{"west", model::PrfId::HMAC_SHA2_256, octets("signed octets")});
  out.emplace_back(
      model::Sign{"east", model::AuthMethod::DIGITAL_SIGNATURE, model::HashId::SHA2_384, true, octets("more octets")});
  model::VerifyPeer verify;
  verify.trust = "ca";
  verify.chain = {octets("leaf"), octets("intermediate"), {}};
  verify.id = {model::IdType::ID_RFC822_ADDR, octets("a@example.org"), false};
  verify.method = model::AuthMethod::DIGITAL_SIGNATURE;
  verify.auth_data = octets("auth");
  verify.octets = octets("octets");
  out.emplace_back(std::move(verify));
  out.emplace_back(model::KeWork{model::GroupId::CURVE25519, SecretBytes(as_bytes("private")), octets("public")});
  out.emplace_back(model::Resolve{"gateway.example"});
  out.emplace_back(model::SourceFor{*IpAddr::parse("2001:db8::7")});
  out.emplace_back(model::PskAuth{"west", model::PrfId::HMAC_SHA2_256, octets("ours"),
                                  model::PskClaim{"east", octets("the peer's"), octets("its AUTH")}});
  return out;
}

std::vector<model::KeyReply> every_reply() {
  std::vector<model::KeyReply> out;
  out.emplace_back(model::Refused{Errc::bad_key, "there is no such secret"});
  out.emplace_back(model::AuthData{octets("signature")});
  out.emplace_back(model::Verdict{true, {}, "CN=west"});
  out.emplace_back(model::Verdict{false, "expired", {}});
  out.emplace_back(model::KeDone{SecretBytes(as_bytes("private")), octets("public"), SecretBytes(as_bytes("shared"))});
  out.emplace_back(model::Addresses{{*IpAddr::parse("192.0.2.1"), *IpAddr::parse("2001:db8::1")}});
  out.emplace_back(model::Addresses{});
  return out;
}

// The frame of one request up to where its first list or text has its length: id and kind.
Writer head(uint8_t kind) {
  Writer out;
  out.u64(1);
  out.u8(kind);
  return out;
}

}  // namespace

TEST_SUITE("daemon/key_channel") {
  TEST_CASE("every request comes out as it went in") {
    model::RequestId id = 0xfedcba9876543210;
    for (const auto& work : every_request()) {
      const Bytes written = write_key_request(++id, work);
      auto read = parse_key_request(written);
      REQUIRE(read);
      CHECK(read->id == id);
      CHECK(read->work.index() == work.index());
      CHECK(write_key_request(read->id, read->work) == written);
    }
  }

  TEST_CASE("every reply comes out as it went in") {
    for (const auto& reply : every_reply()) {
      const Bytes written = write_key_reply(77, reply);
      auto read = parse_key_reply(written);
      REQUIRE(read);
      CHECK(read->id == 77);
      CHECK(read->reply.index() == reply.index());
      CHECK(write_key_reply(read->id, read->reply) == written);
    }
  }

  TEST_CASE("the fields keep their values") {
    const auto requests = every_request();
    auto sign = parse_key_request(write_key_request(1, requests[1]));
    REQUIRE(sign);
    const auto& got = std::get<model::Sign>(sign->work);
    CHECK(got.credential == "east");
    CHECK(got.hash == model::HashId::SHA2_384);
    CHECK(got.pss);
    auto verify = parse_key_request(write_key_request(1, requests[2]));
    REQUIRE(verify);
    const auto& peer = std::get<model::VerifyPeer>(verify->work);
    CHECK(peer.chain.size() == 3);
    CHECK(peer.id == model::Identity{model::IdType::ID_RFC822_ADDR, octets("a@example.org"), false});
    auto psk = parse_key_request(write_key_request(1, requests.back()));
    REQUIRE(psk);
    const auto& claim = std::get<model::PskAuth>(psk->work).claim;
    REQUIRE(claim);
    CHECK(claim->credential == "east");
    CHECK(claim->auth_data == octets("its AUTH"));
    auto refused = parse_key_reply(write_key_reply(1, model::Refused{Errc::bad_key, "why"}));
    REQUIRE(refused);
    CHECK(std::get<model::Refused>(refused->reply).code == Errc::bad_key);
  }

  TEST_CASE("[P3] a frame cut at any octet, or with one too many, is refused") {
    const auto refuses = [](Bytes whole, auto parse) {
      for (size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(parse(ByteView(whole).first(n)));
      whole.push_back(0);
      CHECK_FALSE(parse(ByteView(whole)));
    };
    for (const auto& work : every_request()) {
      refuses(write_key_request(5, work), [](ByteView view) { return parse_key_request(view).has_value(); });
    }
    for (const auto& reply : every_reply()) {
      refuses(write_key_reply(5, reply), [](ByteView view) { return parse_key_reply(view).has_value(); });
    }
  }

  TEST_CASE("[P4] lengths and counts over the limits are refused before anything is allocated") {
    Writer text = head(5);
    text.u32(0xffffffff);
    CHECK(parse_key_request(text.view()).error().code == Errc::limit);

    Writer chain = head(3);
    chain.u32(0);
    chain.u32(1'000'000);
    CHECK(parse_key_request(chain.view()).error() == Error{Errc::too_many, 1'000'000});

    Writer addresses = head(5);
    addresses.u32(257);
    CHECK(parse_key_reply(addresses.view()).error() == Error{Errc::too_many, 257});
  }

  TEST_CASE("kinds and error numbers that do not exist are refused") {
    for (const uint8_t kind : {uint8_t{0}, uint8_t{7}, uint8_t{255}}) {
      CHECK(parse_key_request(head(kind).view()).error().code == Errc::bad_value);
      CHECK(parse_key_reply(head(kind).view()).error().code == Errc::bad_value);
    }
    Writer reply = head(1);
    reply.u16(60000);
    reply.u32(0);
    CHECK(parse_key_reply(reply.view()).error() == Error{Errc::bad_value, 60000});
  }

  TEST_CASE("an address of a length that is none is refused") {
    Writer reply = head(5);
    reply.u32(1);
    reply.u32(5);
    reply.bytes(Bytes(5, 1));
    CHECK_FALSE(parse_key_reply(reply.view()));
  }
}
