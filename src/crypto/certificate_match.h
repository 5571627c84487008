// Whether a certificate is one that a policy wishes for: its digest, what it is for, a name in it. RFC 5280 4.2.1.6,
// 4.2.1.12. Any thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sallyport::crypto {

struct CertificateWish {
  // Of the alternative names a DNS name, a user principal name (an other name of Microsoft's) or a mail address; of the
  // subject the attributes.
  enum class NameKind : uint8_t { dns, upn, rfc822, cn, ou, o, dc };
  struct Name {
    NameKind kind = NameKind::dns;
    std::string text;  // compared without regard to the case of ASCII letters
  };
  Bytes sha1;                         // of the whole certificate; empty: any
  std::vector<std::string> purposes;  // extended key usages in dotted decimal, all of which it must list
  std::optional<Name> name;
};

// False for what is no certificate.
bool fits(ByteView certificate, const CertificateWish& wish);

}  // namespace sallyport::crypto
