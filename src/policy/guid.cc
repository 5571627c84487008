// Text of GUIDs.
#include "policy/guid.h"

namespace sallyport::policy {

std::string Guid::to_string() const {
  const std::string hex = to_hex(octets);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

Result<Guid> Guid::parse(std::string_view text) {
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  if (text.size() != 36) return fail(Errc::bad_value);
  std::string hex;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return fail(Errc::bad_value, static_cast<uint32_t>(i));
    if (!dash) hex += text[i];
  }
  SP_TRY(const Bytes octets, from_hex(hex));
  Guid out;
  std::copy(octets.begin(), octets.end(), out.octets.begin());
  return out;
}

}  // namespace sallyport::policy
