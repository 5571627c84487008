// Values between the C interface and the engine.
#include "api/windows/values.h"

#include <doctest/doctest.h>
#include <sallyport/windows/fwpmguids.h>

#include <cstring>

#include "policy/filter.h"

using namespace sallyport;
using namespace sallyport::api::windows;

TEST_SUITE("api/windows/values") {
  TEST_CASE("the library's keys are the engine's") {
    CHECK(take(FWPM_LAYER_IPSEC_V4) == policy::find_layer(policy::Layer::IPSEC_V4)->key);
    CHECK(take(FWPM_SUBLAYER_UNIVERSAL) == policy::known::sublayer::UNIVERSAL);
    CHECK(take(FWPM_CONDITION_IP_PROTOCOL) == policy::info(policy::Field::IP_PROTOCOL).key);
    CHECK(take(FWPM_LAYER_STREAM_V4).to_string() == "3b89653c-c170-49e4-b1cd-e0eeeee19a3e");
    const GUID back = give(take(FWPM_KEYING_MODULE_IKEV2));
    CHECK(std::memcmp(&back, &FWPM_KEYING_MODULE_IKEV2, sizeof back) == 0);
  }

  TEST_CASE("text of every width goes there and back; what is no text is refused") {
    Arena arena;
    const wchar_t text[] = L"a\u00e9\u20ac\U0001f511z";
    const auto taken = take(text);
    REQUIRE(taken);
    CHECK(*taken == "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91z");
    CHECK(std::wcscmp(give(arena, std::string_view(*taken)), text) == 0);
    CHECK(give(arena, std::string_view()) == nullptr);
    CHECK(take(static_cast<const wchar_t*>(nullptr))->empty());
    const wchar_t surrogate[] = {0xd800, 0}, beyond[] = {0x110000, 0};
    CHECK(take(surrogate).error().code == Fwp::WIN32_INVALID_PARAMETER);
    CHECK(take(beyond).error().code == Fwp::WIN32_INVALID_PARAMETER);
  }

  TEST_CASE("every kind of value goes there and back") {
    policy::TokenValue token;
    token.token = policy::token_of({policy::known::sid::everyone(), policy::known::sid::administrators()});
    token.token.restricted = token.token.sids;
    const policy::Value values[] = {{},
                                    uint8_t{1},
                                    uint16_t{2},
                                    uint32_t{3},
                                    uint64_t{4},
                                    int8_t{-1},
                                    int16_t{-2},
                                    int32_t{-3},
                                    int64_t{-4},
                                    1.5f,
                                    2.5,
                                    policy::ByteArray16{1, 2, 3},
                                    policy::Blob{{1, 2}},
                                    policy::SidValue{policy::write_sid(policy::known::sid::local_system())},
                                    policy::DescriptorValue{{3, 4}},
                                    token,
                                    policy::TokenAccess{{5}},
                                    std::string("text"),
                                    policy::ByteArray6{6},
                                    policy::BitmapIndex{7},
                                    policy::BitmapArray64{{8}}};
    CHECK(std::size(values) == std::variant_size_v<decltype(policy::Value::held)>);
    for (const policy::Value& value : values) {
      CAPTURE(value.to_string());
      Arena arena;
      const auto back = take(give(arena, value));
      REQUIRE(back);
      CHECK(*back == value);
      const auto condition = take(give(arena, policy::ConditionValue(value)));
      REQUIRE(condition);
      CHECK(*condition == policy::ConditionValue(value));
    }
    const policy::ConditionValue others[] = {policy::V4AddrMask{1, 2}, policy::V6AddrMask{{1}, 64},
                                             policy::Range{uint16_t{1}, uint16_t{9}}};
    for (const auto& value : others) {
      Arena arena;
      CHECK(*take(give(arena, value)) == value);
    }
  }

  TEST_CASE("pointers that are missing and types that are none are refused") {
    for (const FWP_DATA_TYPE type : {FWP_UINT64, FWP_INT64, FWP_DOUBLE, FWP_BYTE_ARRAY16_TYPE, FWP_BYTE_BLOB_TYPE,
                                     FWP_SID, FWP_SECURITY_DESCRIPTOR_TYPE, FWP_TOKEN_INFORMATION_TYPE,
                                     FWP_TOKEN_ACCESS_INFORMATION_TYPE, FWP_UNICODE_STRING_TYPE, FWP_BYTE_ARRAY6_TYPE,
                                     FWP_BITMAP_ARRAY64_TYPE, FWP_V4_ADDR_MASK, FWP_V6_ADDR_MASK, FWP_RANGE_TYPE}) {
      FWP_CONDITION_VALUE0 value{};
      value.type = type;
      CAPTURE(type);
      CHECK(take(value).error().code == Fwp::NULL_POINTER);
    }
    FWP_VALUE0 value{};
    value.type = static_cast<FWP_DATA_TYPE>(21);
    CHECK(take(value).error().code == Fwp::INVALID_ENUMERATOR);
    value.type = FWP_RANGE_TYPE;  // of conditions only
    CHECK(take(value).error().code == Fwp::INVALID_ENUMERATOR);
    CHECK(check_array(&value, kMostElements + 1).error().code == Fwp::WIN32_INVALID_PARAMETER);
  }

  TEST_CASE("one free takes all that lies behind a root, and only a root") {
    Arena arena;
    auto* root = arena.make<uint64_t>();
    for (int i = 0; i < 100; ++i) CHECK(arena.make<uint8_t>(1000)[999] == 0);
    arena.release();
    Arena::free(root);
    Arena::free(nullptr);
    alignas(16) uint8_t elsewhere[64] = {};
    Arena::free(elsewhere + 48);
  }
}
