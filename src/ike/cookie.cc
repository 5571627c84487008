// Cookies: version octet, then 16 octets of HMAC-SHA-256 over what the first message says. RFC 7296 2.6.
#include "ike/cookie.h"

#include "crypto/prf.h"

namespace sallyport::ike {

static Bytes cookie_of(uint8_t version, const SecretBytes& secret, ByteView nonce_i, const IpEndpoint& remote,
                       model::IkeSpi spi_i) {
  Writer rest;
  rest.u8(version);
  rest.u64(spi_i);
  rest.u16(remote.port);
  rest.bytes(remote.addr.bytes());
  Bytes out{version};
  if (auto mac = crypto::prf(model::PrfId::HMAC_SHA2_256, secret.view(), {rest.view(), nonce_i})) {
    append(out, mac->view().first(16));
  }
  return out;
}

void CookieSecret::renew(TimePoint now, Rng& rng) {
  if (!current_.empty() && now < until_) return;
  // After a long silence the old secret is out of date too.
  const bool keep = !current_.empty() && now < until_ + kCookieSecretLife;
  previous_ = keep ? std::move(current_) : SecretBytes();
  current_ = SecretBytes(size_t{32});
  rng.fill(current_.writable());
  ++version_;
  until_ = now + kCookieSecretLife;
}

Bytes CookieSecret::make(TimePoint now, Rng& rng, ByteView nonce_i, const IpEndpoint& remote, model::IkeSpi spi_i) {
  renew(now, rng);
  return cookie_of(version_, current_, nonce_i, remote, spi_i);
}

bool CookieSecret::valid(TimePoint now, Rng& rng, ByteView cookie, ByteView nonce_i, const IpEndpoint& remote,
                         model::IkeSpi spi_i) {
  renew(now, rng);
  if (cookie.size() != 17) return false;
  const bool of_current = cookie[0] == version_;
  if (!of_current && (previous_.empty() || cookie[0] != static_cast<uint8_t>(version_ - 1))) return false;
  const Bytes expected = cookie_of(cookie[0], of_current ? current_ : previous_, nonce_i, remote, spi_i);
  return expected.size() == 17 && constant_time_equal(expected, cookie);
}

}  // namespace sallyport::ike
