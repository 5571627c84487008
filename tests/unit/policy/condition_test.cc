// What conditions are accepted, and which weights they make.
#include "policy/condition.h"

#include <doctest/doctest.h>

#include "support/policy_samples.h"

TEST_SUITE_BEGIN("policy/condition");
using namespace sallyport;
using namespace sallyport::support;

namespace {

const LayerInfo& transport() { return *find_layer(Layer::INBOUND_TRANSPORT_V4); }
const LayerInfo& accept6() { return *find_layer(Layer::ALE_AUTH_RECV_ACCEPT_V6); }

Fwp refused(const LayerInfo& layer, const Condition& condition) {
  const auto checked = check_condition(layer, condition);
  REQUIRE_FALSE(checked);
  return checked.error().code;
}

}  // namespace

TEST_CASE("each wrong condition is refused with its documented code") {
  CHECK(refused(transport(), equal(Field::ALE_APP_ID, Value(Blob{}))) == Fwp::CONDITION_NOT_FOUND);
  CHECK(refused(transport(), {Field::IP_PROTOCOL, static_cast<MatchType>(13), Value(uint8_t{6})}) ==
        Fwp::INVALID_ENUMERATOR);
  CHECK(refused(transport(), equal(Field::IP_PROTOCOL, Value(uint16_t{6}))) == Fwp::TYPE_MISMATCH);
  CHECK(refused(transport(), {Field::IP_PROTOCOL, MatchType::PREFIX, Value(uint8_t{6})}) == Fwp::MATCH_TYPE_MISMATCH);
  CHECK(refused(transport(), {Field::IP_PROTOCOL, MatchType::RANGE, Value(uint8_t{6})}) == Fwp::TYPE_MISMATCH);
  CHECK(refused(transport(), {Field::IP_LOCAL_PORT, MatchType::RANGE, Range{Value(uint16_t{9}), Value(uint16_t{8})}}) ==
        Fwp::INVALID_RANGE);
  CHECK(refused(transport(), {Field::IP_LOCAL_PORT, MatchType::RANGE, Range{Value(uint8_t{1}), Value(uint16_t{8})}}) ==
        Fwp::TYPE_MISMATCH);
  CHECK(refused(transport(), {Field::IP_LOCAL_ADDRESS, MatchType::EQUAL, V4AddrMask{1, 0xff00ff00}}) ==
        Fwp::INVALID_NET_MASK);
  CHECK(refused(transport(), {Field::IP_LOCAL_ADDRESS, MatchType::GREATER, V4AddrMask{1, 0xff000000}}) ==
        Fwp::MATCH_TYPE_MISMATCH);
  CHECK(refused(transport(), {Field::FLAGS, MatchType::EQUAL, V4AddrMask{1, 0xff000000}}) == Fwp::TYPE_MISMATCH);
  CHECK(refused(accept6(), {Field::IP_LOCAL_ADDRESS, MatchType::EQUAL, V4AddrMask{1, 0xff000000}}) ==
        Fwp::TYPE_MISMATCH);
  CHECK(refused(accept6(), {Field::IP_LOCAL_ADDRESS, MatchType::EQUAL, V6AddrMask{{}, 129}}) == Fwp::INVALID_NET_MASK);
  CHECK(refused(accept6(), equal(Field::ALE_REMOTE_USER_ID, Value(DescriptorValue{{1, 2, 3}}))) ==
        Fwp::INVALID_SECURITY_DESCR);
  CHECK(refused(accept6(), equal(Field::ALE_REMOTE_USER_ID, Value(SidValue{write_sid(known::sid::everyone())}))) ==
        Fwp::TYPE_MISMATCH);
  CHECK(check_condition(accept6(), equal(Field::ALE_REMOTE_USER_ID, Value(SidValue{write_sid(known::sid::everyone())})),
                        true));
}

TEST_CASE("every match type is taken where the table of field types allows it") {
  CHECK(check_condition(transport(), {Field::FLAGS, MatchType::FLAGS_ALL_SET, Value(uint32_t{2})}));
  CHECK(check_condition(transport(), {Field::IP_LOCAL_PORT, MatchType::NOT_EQUAL, Value(uint16_t{2})}));
  CHECK(check_condition(accept6(), {Field::ALE_APP_ID, MatchType::NOT_PREFIX, Value(Blob{{1}})}));
  CHECK(
      check_condition(accept6(), {Field::ALE_APP_ID, MatchType::RANGE, Range{Value(Blob{{1}}), Value(Blob{{1, 0}})}}));
  CHECK_FALSE(check_condition(accept6(), {Field::ALE_APP_ID, MatchType::EQUAL_CASE_INSENSITIVE, Value(Blob{{1}})}));
  CHECK(check_condition(accept6(), {Field::ALE_APP_ID, MatchType::EQUAL, Value{}}));
  CHECK_FALSE(check_condition(accept6(), {Field::ALE_APP_ID, MatchType::NOT_EQUAL, Value{}}));
}

TEST_CASE("the refusal names the condition") {
  const auto checked = check_conditions(
      transport(), {equal(Field::IP_PROTOCOL, Value(uint8_t{6})), equal(Field::IP_PROTOCOL, Value(uint32_t{6}))});
  REQUIRE_FALSE(checked);
  CHECK(checked.error() == Refusal{Fwp::TYPE_MISMATCH, 1});
}

TEST_CASE("weights: UINT64 as it is, UINT8 a range, EMPTY below 2^60, anything else refused") {
  CHECK(*effective_weight(transport(), Value(uint64_t{77}), {}) == 77);
  CHECK((*effective_weight(transport(), Value(uint8_t{0xc}), {}) >> kAutoWeightBits) == 0xc);
  CHECK(*effective_weight(transport(), Value{}, {equal(Field::IP_PROTOCOL, Value(uint8_t{6}))}) < uint64_t{1} << 60);
  for (const Value& wrong :
       {Value(uint8_t{16}), Value(uint16_t{1}), Value(uint32_t{1}), Value(int64_t{1}), Value(std::string("1"))}) {
    const auto weight = effective_weight(transport(), wrong, {});
    REQUIRE_FALSE(weight);
    CHECK(weight.error().code == Fwp::INVALID_WEIGHT);
  }
}

TEST_CASE("automatic weights put the narrower filter first") {
  const auto weigh = [](const Conditions& conditions) { return auto_weight(transport(), conditions); };
  const auto net8 = v4_net(Field::IP_REMOTE_ADDRESS, "10.0.0.0/8"),
             net24 = v4_net(Field::IP_REMOTE_ADDRESS, "10.1.2.0/24");
  const auto host = equal(Field::IP_REMOTE_ADDRESS, Value(v4("10.1.2.3")));
  const auto tcp = equal(Field::IP_PROTOCOL, Value(uint8_t{6}));
  const Condition ports{Field::IP_LOCAL_PORT, MatchType::RANGE, Range{Value(uint16_t{1000}), Value(uint16_t{2000})}};
  const auto port = equal(Field::IP_LOCAL_PORT, Value(uint16_t{1500}));
  CHECK(weigh({}) < weigh({tcp}));
  CHECK(weigh({net8}) < weigh({net24}));
  CHECK(weigh({net24}) < weigh({host}));
  CHECK(weigh({ports}) < weigh({port}));
  CHECK(weigh({tcp}) < weigh({tcp, ports}));
  CHECK(weigh({host, net8}) == weigh({net8}));  // alternatives are as wide as the widest
  CHECK(weigh({tcp, port}) == weigh({port, tcp}));
  const auto identity = equal(Field::ALE_REMOTE_USER_ID, Value(DescriptorValue{write_descriptor({})}));
  CHECK(auto_weight(accept6(), {tcp, port, identity}) > auto_weight(accept6(), {tcp, port}));
}

TEST_SUITE_END();
