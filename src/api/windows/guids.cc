// The well-known keys as objects: one table, proto/wfp.def, for engine and programs.
#include <sallyport/windows/fwpmguids.h>

#include "policy/guid.h"

namespace {

constexpr GUID key(std::string_view text) {
  const auto octets = sallyport::policy::Guid::literal(text).octets;
  const auto number = [&](size_t from, size_t count) {
    uint32_t out = 0;
    for (size_t i = 0; i < count; ++i) out = out << 8 | octets[from + i];
    return out;
  };
  GUID out{number(0, 4), static_cast<uint16_t>(number(4, 2)), static_cast<uint16_t>(number(6, 2)), {}};
  for (size_t i = 0; i < 8; ++i) out.Data4[i] = octets[8 + i];
  return out;
}

}  // namespace

extern "C" {

#define SP_FWP_LAYER(name, number, guid, family, fields, kernel) const GUID FWPM_LAYER_##name = key(guid);
#define SP_FWP_FIELD(name, guid, data_type, field_type) const GUID FWPM_CONDITION_##name = key(guid);
#define SP_FWP_SUBLAYER(name, guid, weight) const GUID FWPM_SUBLAYER_##name = key(guid);
#define SP_FWP_CALLOUT(name, guid, layer, context) const GUID FWPM_CALLOUT_##name = key(guid);
#define SP_FWP_KEYING_MODULE(name, guid) const GUID FWPM_KEYING_MODULE_##name = key(guid);
#define SP_FWP_PROVIDER(name, guid) const GUID FWPM_PROVIDER_##name = key(guid);
#define SP_FWP_NAME(name, guid) const GUID name = key(guid);
#include "proto/wfp.def"

}  // extern "C"
