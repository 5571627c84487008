// Stateless cookies. RFC 7296 2.6.
#include "ike/cookie.h"

#include <doctest/doctest.h>

#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::ike;

TEST_SUITE_BEGIN("ike/cookie");

namespace {

struct Fixture {
  test::SeededRng rng{3};
  CookieSecret cookies;
  TimePoint now{seconds(1000)};
  Bytes nonce = Bytes(32, 0x4E);
  IpEndpoint from{*IpAddr::parse("192.0.2.7"), 500};
  model::IkeSpi spi = 0x0102030405060708;

  Bytes make() { return cookies.make(now, rng, nonce, from, spi); }
  bool valid(const Bytes& cookie) { return cookies.valid(now, rng, cookie, nonce, from, spi); }
};

}  // namespace

TEST_CASE("[RFC7296 2.6] a cookie is 1 to 64 octets, the same for the same message, and good when it comes back") {
  Fixture f;
  const Bytes cookie = f.make();
  CHECK(cookie.size() >= 1);
  CHECK(cookie.size() <= 64);
  CHECK(f.make() == cookie);
  CHECK(f.valid(cookie));
}

TEST_CASE("[RFC7296 2.6] a cookie is of one nonce, address, port and SPI") {
  Fixture f;
  const Bytes cookie = f.make();
  SUBCASE("nonce") { f.nonce[31] ^= 1; }
  SUBCASE("longer nonce") { f.nonce.push_back(0); }
  SUBCASE("address") { f.from.addr = *IpAddr::parse("192.0.2.8"); }
  SUBCASE("family") { f.from.addr = *IpAddr::parse("2001:db8::7"); }
  SUBCASE("port") { f.from.port = 501; }
  SUBCASE("SPI") { f.spi ^= uint64_t{1} << 63; }
  CHECK(!f.valid(cookie));
}

TEST_CASE("[RFC7296 2.6] every bit of a cookie counts, and so does its length") {
  Fixture f;
  const Bytes cookie = f.make();
  for (size_t i = 0; i < cookie.size() * 8; ++i) {
    Bytes other = cookie;
    other[i / 8] = static_cast<uint8_t>(other[i / 8] ^ (1u << (i % 8)));
    CHECK(!f.valid(other));
  }
  for (size_t n = 0; n < cookie.size(); ++n)
    CHECK(!f.valid(Bytes(cookie.begin(), cookie.begin() + static_cast<std::ptrdiff_t>(n))));
  Bytes longer = cookie;
  longer.push_back(0);
  CHECK(!f.valid(longer));
}

TEST_CASE("[RFC7296 2.6] the secret changes; the one before stays good until the next change, then no more") {
  Fixture f;
  const Bytes first = f.make();
  f.now += kCookieSecretLife + seconds(1);
  const Bytes second = f.make();
  CHECK(second != first);
  CHECK(f.valid(first));
  CHECK(f.valid(second));
  f.now += kCookieSecretLife + seconds(1);
  CHECK(f.make() != second);
  CHECK(!f.valid(first));
  CHECK(f.valid(second));
}

TEST_CASE("[RFC7296 2.6] after a long silence no old cookie is good") {
  Fixture f;
  const Bytes cookie = f.make();
  f.now += kCookieSecretLife * 3;
  CHECK(!f.valid(cookie));
}

TEST_CASE("two responders, and one after its restart, do not take each other's cookies") {
  Fixture f, g;
  g.rng = test::SeededRng(4);
  CHECK(!g.valid(f.make()));
}

TEST_SUITE_END();
