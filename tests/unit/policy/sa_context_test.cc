// Which SAs a template means, and SAs as they travel.
#include "policy/sa_context.h"

#include <doctest/doctest.h>

#include "policy/sa_calls.h"
#include "support/policy_samples.h"

using namespace sallyport;
using namespace sallyport::policy;
namespace s = sallyport::support;

namespace {

IpAddr at(const char* text) { return *IpAddr::parse(text); }
ByteArray16 six(const char* text) {
  ByteArray16 out{};
  const IpAddr address = at(text);
  std::copy(address.bytes().begin(), address.bytes().end(), out.begin());
  return out;
}

}  // namespace

TEST_SUITE("policy/sa_context") {
  TEST_CASE("[WFP 15.3] a subnet is one address, a network of one family, or everything") {
    const auto is_within = [](ConditionValue subnet, const char* address) {
      return within(SubNets{std::move(subnet), {}}, at(address), at(address));
    };
    CHECK(is_within({}, "192.0.2.1"));
    CHECK(is_within({}, "2001:db8::1"));
    CHECK(is_within(Value(s::v4("192.0.2.1")), "192.0.2.1"));
    CHECK_FALSE(is_within(Value(s::v4("192.0.2.1")), "192.0.2.2"));
    CHECK_FALSE(is_within(Value(s::v4("192.0.2.1")), "2001:db8::1"));
    CHECK(is_within(V4AddrMask{s::v4("192.0.2.99"), 0xffffff00}, "192.0.2.1"));
    CHECK_FALSE(is_within(V4AddrMask{s::v4("192.0.3.0"), 0xffffff00}, "192.0.2.1"));
    CHECK(is_within(V4AddrMask{0, 0}, "192.0.2.1"));
    CHECK_FALSE(is_within(V4AddrMask{0, 0}, "2001:db8::1"));
    CHECK(is_within(Value(six("2001:db8::1")), "2001:db8::1"));
    CHECK(is_within(V6AddrMask{six("2001:db8::"), 32}, "2001:db8:1::1"));
    CHECK_FALSE(is_within(V6AddrMask{six("2001:db8::"), 64}, "2001:db8:1::1"));
    CHECK(check_subnets({V4AddrMask{0, 0xff00ff00}, {}}).error().code == Fwp::INVALID_NET_MASK);
    CHECK(check_subnets({{}, V6AddrMask{{}, 129}}).error().code == Fwp::INVALID_NET_MASK);
    CHECK(check_subnets({Value(uint16_t{1}), {}}).error().code == Fwp::TYPE_MISMATCH);
    CHECK(check_subnets({Range{Value(uint32_t{1}), Value(uint32_t{2})}, {}}).error().code == Fwp::TYPE_MISMATCH);
    CHECK(check_subnets({Value(uint32_t{1}), V4AddrMask{0, 0xffffffff}}));
  }

  TEST_CASE("an SA travels whole, and what is cut or no enumeration is refused") {
    call::SaAdd add;
    add.id = 5;
    SaMaterial esp;
    esp.spi = 300;
    esp.kind = TransformKind::AH;
    esp.auth = TransformId{1, 1, s::guid(4)};
    esp.auth_key = SharedSecret(Bytes(20, 7));
    add.bundle.sas = {esp};
    add.bundle.identity = SaIdentity{"host/a", "", {{1, 1, 0, 9}}, 3, 0};
    add.bundle.key_module_state = KeyModuleState{s::guid(6), Bytes{1, 2}};
    const Bytes octets = call::write(add);
    const auto back = call::read<call::SaAdd>(octets);
    REQUIRE(back);
    CHECK(back->bundle == add.bundle);
    for (size_t length = 0; length < octets.size(); ++length)
      CHECK_FALSE(call::read<call::SaAdd>(ByteView(octets).first(length)));
    SaTraffic traffic;
    Bytes wrong = call::write(traffic);
    wrong[19] = 2;  // behind two addresses of four octets with their lengths: the type's last octet
    CHECK_FALSE(call::read<SaTraffic>(wrong));
  }
}
