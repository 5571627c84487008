// The tables of layers, fields, sublayers, callouts and errors.
#include "policy/layer.h"

#include <doctest/doctest.h>

#include <set>

#include "policy/callout.h"

TEST_SUITE_BEGIN("policy/layer");
using namespace sallyport;
using namespace sallyport::policy;

TEST_CASE("every layer and field is found by its key and its number, and keys are unique") {
  std::set<Guid> keys;
  for (const LayerInfo& layer : layers()) {
    CHECK(find_layer(layer.key) == &layer);
    CHECK(find_layer(layer.id) == &layer);
    CHECK(position(layer.id) == static_cast<size_t>(&layer - layers().data()));
    CHECK(keys.insert(layer.key).second);
    CHECK_FALSE(layer.fields.empty());
    std::set<Field> seen;
    for (Field field : layer.fields) {
      CHECK_MESSAGE(seen.insert(field).second, layer.name << " has " << to_string(field) << " twice");
      CHECK(data_type(layer, field) != DataType::EMPTY);
    }
  }
  CHECK(layers().size() == 17);
  for (const FieldInfo& field : fields()) {
    CHECK(find_field(field.key) == &field);
    CHECK(&info(field.id) == &field);
    CHECK(keys.insert(field.key).second);
  }
  CHECK(fields().size() == kFieldCount);
  CHECK(find_layer(static_cast<Layer>(9)) == nullptr);
  CHECK(find_layer(Guid{}) == nullptr);
}

TEST_CASE("layers of both families ask the same, with addresses of their own family") {
  for (const LayerInfo& v4 : layers()) {
    if (v4.family != Family::v4) continue;
    const std::string twin = std::string(v4.name.substr(0, v4.name.size() - 1)) + "6";
    const LayerInfo* v6 = nullptr;
    for (const LayerInfo& other : layers())
      if (other.name == twin) v6 = &other;
    REQUIRE(v6);
    CHECK(std::equal(v4.fields.begin(), v4.fields.end(), v6->fields.begin(), v6->fields.end()));
    for (Field field : v4.fields) {
      if (info(field).type != FieldType::IP_ADDRESS) continue;
      CHECK(data_type(v4, field) == DataType::UINT32);
      CHECK(data_type(*v6, field) == DataType::BYTE_ARRAY16);
    }
  }
}

TEST_CASE("keys and run-time ids are the published ones") {
  CHECK(find_layer(Layer::OUTBOUND_TRANSPORT_V4)->key.to_string() == "09e61aea-d214-46e2-9b21-b26b0b2f28c8");
  CHECK(static_cast<int>(Layer::IKEEXT_V6) == 98);
  CHECK(static_cast<int>(Layer::KM_AUTHORIZATION) == 104);
  CHECK(info(Field::IP_REMOTE_ADDRESS).key.to_string() == "b235ae9a-1d64-49b8-a44c-5ff3d9095045");
  CHECK(known::sublayer::UNIVERSAL.to_string() == "eebecc03-ced4-4380-819a-2734397b2b74");
  CHECK(*Guid::parse("{EEBECC03-ced4-4380-819a-2734397b2b74}") == known::sublayer::UNIVERSAL);
  CHECK_FALSE(Guid::parse("eebecc03ced4-4380-819a-2734397b2b74"));
  CHECK_FALSE(Guid::parse("eebecc03-ced4-4380-819a-2734397b2b7g"));
  CHECK(context_of_builtin(known::callout::IPSEC_INBOUND_TUNNEL_V4) == CalloutContext::QM_TUNNEL);
  CHECK(context_of_builtin(Guid{}) == CalloutContext::any);
}

TEST_CASE("errors have the documented numbers, a name and a text") {
  CHECK(number(Fwp::CALLOUT_NOT_FOUND) == 0x80320001u);
  CHECK(number(Fwp::DROP_NOICMP) == 0x80320104u);
  CHECK(to_string(Fwp::IN_USE) == "FWP_E_IN_USE");
  CHECK(to_string(Fwp::ACCESS_DENIED) == "ERROR_ACCESS_DENIED");
  CHECK(describe(Fwp::NEVER_MATCH) == "the template can match nothing");
}

TEST_SUITE_END();
