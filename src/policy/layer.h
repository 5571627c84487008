// Layers and the fields that filters may ask about there. One table each, from proto/wfp.def; which field belongs to
// which layer is the table of layer.cc. Values; any thread.
#pragma once
#include <span>

#include "base/ip_addr.h"
#include "policy/guid.h"
#include "policy/value.h"

namespace sallyport::policy {

// FWPM_LAYER_<name>, with its run-time id.
enum class Layer : uint16_t {
#define SP_FWP_LAYER(name, number, guid, family, fields, kernel) name = number,
#include "proto/wfp.def"
};

// FWPM_CONDITION_<name>; dense, for arrays.
enum class Field : uint8_t {
#define SP_FWP_FIELD(name, guid, data_type, field_type) name,
#include "proto/wfp.def"
};
inline constexpr size_t kFieldCount = 0
#define SP_FWP_FIELD(name, guid, data_type, field_type) +1
#include "proto/wfp.def"
    ;

enum class FieldType : uint32_t { RAW_DATA = 0, IP_ADDRESS = 1, FLAGS = 2 };

struct LayerInfo {
  Layer id;
  std::string_view name;
  Guid key;
  std::optional<Family> family;  // absent: both
  std::span<const Field> fields;
  bool kernel;  // sees packets; the others are asked by keying modules
};
struct FieldInfo {
  Field id;
  std::string_view name;
  Guid key;
  FieldType type;
};

std::span<const LayerInfo> layers();
std::span<const FieldInfo> fields();
const LayerInfo* find_layer(const Guid& key);  // nullptr: none
const LayerInfo* find_layer(Layer id);         // nullptr for a number that is no layer here
const FieldInfo* find_field(const Guid& key);
const FieldInfo& info(Field field);
size_t position(Layer layer);  // 0..layers().size()-1. Requires: a layer of the table
bool has_field(const LayerInfo& layer, Field field);
// What a packet gives at that layer: addresses are UINT32 or BYTE_ARRAY16 by the layer's family, identities
// TOKEN_ACCESS_INFORMATION.
DataType data_type(const LayerInfo& layer, Field field);

std::string_view to_string(Layer layer);
std::string_view to_string(Field field);

}  // namespace sallyport::policy
