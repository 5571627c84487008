// Identities: text of the configuration, octets of an ID payload, and certificates beside them. What is parsed from
// text can be shown and encoded; whatever it is, its text is printable (S7, P8, P9).
//   octet 0: the ID type of what follows, taken as a payload would be
// Links: ike
#include <algorithm>

#include "crypto/certificate.h"
#include "fuzz/property.h"
#include "ike/v2/connection_choice.h"

using namespace sallyport;

namespace {

bool printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void check_text(std::string_view text) {
  const auto id = model::Identity::parse(text);
  if (!id) return;
  fuzz::holds(printable(id->to_string()), "the text of an identity is printable");
  fuzz::holds(model::same_identity(*id, *id), "an identity is itself");
  const auto wire = ike::v2::wire_identity(*id);
  if (!wire) return;
  fuzz::holds(!wire->text_dn, "what goes on the wire is encoded");
  fuzz::holds(ike::v2::identity_fits(*id, *wire), "an identity fits what it is encoded as");
  fuzz::holds(printable(wire->to_string()), "the text of an encoded identity is printable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  if (octets == 0) return 0;
  const ByteView input(bytes + 1, octets - 1);
  check_text(as_text({bytes, octets}));
  const model::Identity from_wire{static_cast<model::IdType>(bytes[0]), to_bytes(input), false};
  fuzz::holds(printable(from_wire.to_string()), "the text of a peer's identity is printable");
  fuzz::holds(printable(crypto::dn_text(input)), "the text of a name is printable");
  if (const auto certificate = crypto::read_certificate(input)) {
    fuzz::holds(printable(certificate->subject), "the subject of a certificate is printable");
    (void)crypto::identity_matches(input, from_wire);
    for (const model::Identity& name : certificate->alternative_names) {
      fuzz::holds(printable(name.to_string()), "an alternative name is printable");
    }
  }
  (void)crypto::certificates_from_pem(input);
  return 0;
}
