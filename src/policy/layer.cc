// The tables of layers and fields.
#include "policy/layer.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

using enum Field;

constexpr Field kIKEEXT[] = {IP_LOCAL_ADDRESS, IP_REMOTE_ADDRESS, IP_LOCAL_INTERFACE, CURRENT_PROFILE_ID,
                             IPSEC_SECURITY_REALM_ID};
constexpr Field kIPSEC[] = {IP_LOCAL_ADDRESS, IP_REMOTE_ADDRESS,  IP_LOCAL_PORT,      IP_REMOTE_PORT,
                            IP_PROTOCOL,      IP_LOCAL_INTERFACE, CURRENT_PROFILE_ID, IPSEC_SECURITY_REALM_ID,
                            QM_MODE};
constexpr Field kIPSEC_KM_DEMUX[] = {IP_LOCAL_ADDRESS, IP_REMOTE_ADDRESS, IPSEC_SECURITY_REALM_ID};
constexpr Field kKM_AUTHORIZATION[] = {REMOTE_ID,        AUTHENTICATION_TYPE, KM_TYPE, KM_MODE, DIRECTION,
                                       IPSEC_POLICY_KEY, KM_AUTH_NAP_CONTEXT};
constexpr Field kINBOUND_TRANSPORT[] = {FLAGS,
                                        INTERFACE_INDEX,
                                        INTERFACE_TYPE,
                                        IP_LOCAL_ADDRESS,
                                        IP_LOCAL_ADDRESS_TYPE,
                                        IP_LOCAL_INTERFACE,
                                        IP_LOCAL_PORT,
                                        IP_PROTOCOL,
                                        IP_REMOTE_ADDRESS,
                                        IP_REMOTE_PORT,
                                        SUB_INTERFACE_INDEX,
                                        TUNNEL_TYPE,
                                        CURRENT_PROFILE_ID,
                                        IPSEC_SECURITY_REALM_ID,
                                        COMPARTMENT_ID};
constexpr Field kOUTBOUND_TRANSPORT[] = {FLAGS,
                                         INTERFACE_INDEX,
                                         INTERFACE_TYPE,
                                         IP_LOCAL_ADDRESS,
                                         IP_LOCAL_ADDRESS_TYPE,
                                         IP_LOCAL_INTERFACE,
                                         IP_LOCAL_PORT,
                                         IP_PROTOCOL,
                                         IP_REMOTE_ADDRESS,
                                         IP_REMOTE_PORT,
                                         SUB_INTERFACE_INDEX,
                                         TUNNEL_TYPE,
                                         CURRENT_PROFILE_ID,
                                         IPSEC_SECURITY_REALM_ID,
                                         COMPARTMENT_ID,
                                         IP_DESTINATION_ADDRESS_TYPE};
constexpr Field kALE_AUTH_CONNECT[] = {ALE_APP_ID,
                                       ALE_USER_ID,
                                       ALE_REMOTE_MACHINE_ID,
                                       ALE_REMOTE_USER_ID,
                                       FLAGS,
                                       INTERFACE_TYPE,
                                       IP_DESTINATION_ADDRESS_TYPE,
                                       IP_LOCAL_ADDRESS,
                                       IP_LOCAL_ADDRESS_TYPE,
                                       IP_LOCAL_INTERFACE,
                                       IP_LOCAL_PORT,
                                       IP_PROTOCOL,
                                       IP_REMOTE_ADDRESS,
                                       IP_REMOTE_PORT,
                                       SUB_INTERFACE_INDEX,
                                       TUNNEL_TYPE,
                                       IP_ARRIVAL_INTERFACE,
                                       ARRIVAL_INTERFACE_TYPE,
                                       ARRIVAL_TUNNEL_TYPE,
                                       ARRIVAL_INTERFACE_INDEX,
                                       INTERFACE_INDEX,
                                       IP_NEXTHOP_INTERFACE,
                                       NEXTHOP_SUB_INTERFACE_INDEX,
                                       NEXTHOP_INTERFACE_INDEX,
                                       NEXTHOP_INTERFACE_TYPE,
                                       NEXTHOP_TUNNEL_TYPE,
                                       ORIGINAL_PROFILE_ID,
                                       CURRENT_PROFILE_ID,
                                       REAUTHORIZE_REASON,
                                       PEER_NAME,
                                       ORIGINAL_ICMP_TYPE,
                                       INTERFACE_QUARANTINE_EPOCH,
                                       ALE_REAUTH_REASON,
                                       ALE_PACKAGE_ID,
                                       ALE_ORIGINAL_APP_ID,
                                       ALE_SECURITY_ATTRIBUTE_FQBN_VALUE,
                                       COMPARTMENT_ID,
                                       ALE_EFFECTIVE_NAME};
// The local interface's index, type and tunnel type share the keys of the plain fields.
constexpr Field kALE_AUTH_RECV_ACCEPT[] = {ALE_APP_ID,
                                           ALE_USER_ID,
                                           ALE_REMOTE_MACHINE_ID,
                                           ALE_REMOTE_USER_ID,
                                           ALE_NAP_CONTEXT,
                                           ALE_SIO_FIREWALL_SYSTEM_PORT,
                                           ARRIVAL_INTERFACE_INDEX,
                                           ARRIVAL_INTERFACE_TYPE,
                                           SUB_INTERFACE_INDEX,
                                           ARRIVAL_TUNNEL_TYPE,
                                           FLAGS,
                                           IP_ARRIVAL_INTERFACE,
                                           IP_LOCAL_ADDRESS,
                                           IP_LOCAL_ADDRESS_TYPE,
                                           IP_LOCAL_INTERFACE,
                                           IP_LOCAL_PORT,
                                           IP_PROTOCOL,
                                           IP_REMOTE_ADDRESS,
                                           IP_REMOTE_PORT,
                                           INTERFACE_INDEX,
                                           INTERFACE_TYPE,
                                           TUNNEL_TYPE,
                                           IP_NEXTHOP_INTERFACE,
                                           NEXTHOP_SUB_INTERFACE_INDEX,
                                           NEXTHOP_INTERFACE_INDEX,
                                           NEXTHOP_INTERFACE_TYPE,
                                           NEXTHOP_TUNNEL_TYPE,
                                           ORIGINAL_PROFILE_ID,
                                           CURRENT_PROFILE_ID,
                                           REAUTHORIZE_REASON,
                                           ORIGINAL_ICMP_TYPE,
                                           INTERFACE_QUARANTINE_EPOCH,
                                           ALE_REAUTH_REASON,
                                           ALE_PACKAGE_ID,
                                           ALE_SECURITY_ATTRIBUTE_FQBN_VALUE,
                                           COMPARTMENT_ID};
constexpr Field kIPFORWARD[] = {FLAGS,
                                DESTINATION_INTERFACE_INDEX,
                                DESTINATION_SUB_INTERFACE_INDEX,
                                IP_DESTINATION_ADDRESS,
                                IP_DESTINATION_ADDRESS_TYPE,
                                IP_FORWARD_INTERFACE,
                                IP_LOCAL_INTERFACE,
                                IP_SOURCE_ADDRESS,
                                SOURCE_INTERFACE_INDEX,
                                SOURCE_SUB_INTERFACE_INDEX,
                                IP_PHYSICAL_ARRIVAL_INTERFACE,
                                IP_PHYSICAL_NEXTHOP_INTERFACE,
                                ARRIVAL_INTERFACE_PROFILE_ID,
                                NEXTHOP_INTERFACE_PROFILE_ID,
                                COMPARTMENT_ID};

constexpr std::optional<Family> family(int number) {
  if (number == 0) return {};
  return number == 4 ? Family::v4 : Family::v6;
}

constexpr LayerInfo kLayers[] = {
#define SP_FWP_LAYER(name, number, guid, family_number, fields, kernel) \
  {Layer::name, #name, Guid::literal(guid), family(family_number), k##fields, kernel},
#include "proto/wfp.def"
};

constexpr FieldInfo kFields[] = {
#define SP_FWP_FIELD(name, guid, data_type, field_type) \
  {Field::name, #name, Guid::literal(guid), FieldType::field_type},
#include "proto/wfp.def"
};

// ADDRESS is no DataType: the layer's family decides.
constexpr DataType ADDRESS = DataType::EMPTY;
using enum DataType;
constexpr DataType kDataTypes[] = {
#define SP_FWP_FIELD(name, guid, data_type, field_type) data_type,
#include "proto/wfp.def"
};

}  // namespace

std::span<const LayerInfo> layers() { return kLayers; }
std::span<const FieldInfo> fields() { return kFields; }

const LayerInfo* find_layer(const Guid& key) {
  for (const LayerInfo& layer : kLayers)
    if (layer.key == key) return &layer;
  return nullptr;
}

const LayerInfo* find_layer(Layer id) {
  for (const LayerInfo& layer : kLayers)
    if (layer.id == id) return &layer;
  return nullptr;
}

const FieldInfo* find_field(const Guid& key) {
  for (const FieldInfo& field : kFields)
    if (field.key == key) return &field;
  return nullptr;
}

const FieldInfo& info(Field field) { return kFields[static_cast<size_t>(field)]; }
size_t position(Layer layer) { return static_cast<size_t>(find_layer(layer) - kLayers); }

bool has_field(const LayerInfo& layer, Field field) {
  return std::find(layer.fields.begin(), layer.fields.end(), field) != layer.fields.end();
}

DataType data_type(const LayerInfo& layer, Field field) {
  const DataType type = kDataTypes[static_cast<size_t>(field)];
  if (info(field).type != FieldType::IP_ADDRESS) return type;
  return layer.family == Family::v6 ? DataType::BYTE_ARRAY16 : DataType::UINT32;
}

std::string_view to_string(Layer layer) {
  const LayerInfo* found = find_layer(layer);
  return found ? found->name : "unknown";
}
std::string_view to_string(Field field) { return info(field).name; }

}  // namespace sallyport::policy
