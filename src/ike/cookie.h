// Stateless cookies against floods of first messages from forged addresses. RFC 7296 2.6.
// A cookie binds nonce, address, port and initiator SPI under a secret that changes; the one before stays good until
// the next change. Pure; one thread.
#pragma once
#include "base/ip_addr.h"
#include "base/rng.h"
#include "base/secret.h"
#include "base/time.h"
#include "model/ids.h"

namespace sallyport::ike {

constexpr Duration kCookieSecretLife = minutes(2);

class CookieSecret {
 public:
  Bytes make(TimePoint now, Rng& rng, ByteView nonce_i, const IpEndpoint& remote, model::IkeSpi spi_i);
  bool valid(TimePoint now, Rng& rng, ByteView cookie, ByteView nonce_i, const IpEndpoint& remote, model::IkeSpi spi_i);

 private:
  void renew(TimePoint now, Rng& rng);

  SecretBytes current_, previous_;
  uint8_t version_ = 0;  // first octet of a cookie: which secret made it
  TimePoint until_{};
};

}  // namespace sallyport::ike
