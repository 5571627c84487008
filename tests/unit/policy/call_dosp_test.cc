// Calls about IPsec DoS protection.
#include <doctest/doctest.h>

#include "policy/call_route.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;
using call::Function;

namespace {

struct Asked {
  test::SeededRng rng{7};
  Engine engine{rng};
  CallRoute route{engine};
  uint64_t last_request = 0;

  CallRoute::Output call(uint64_t connection, Function function, Bytes octets) {
    CallRoute::Caller caller;
    caller.token = token_of({known::sid::everyone(), known::sid::administrators()});
    if (connection > 1) caller.token = token_of({known::sid::everyone()});
    route.call({}, connection, ++last_request, caller, static_cast<uint32_t>(function), octets);
    const auto out = route.poll();
    REQUIRE(out);
    return *out;
  }
  void open(uint64_t connection) {
    REQUIRE(call(connection, Function::engine_open, call::write(call::Open{})).code == 0);
  }
};

constexpr auto kStatistics = static_cast<uint32_t>(Function::dosp_statistics);
constexpr auto kStates = static_cast<uint32_t>(Function::dosp_states);

}  // namespace

TEST_SUITE("policy/call_dosp") {
  TEST_CASE("[WFP 19] what the packet filter says is told to whoever may know it") {
    Asked asked;
    CHECK_FALSE(asked.route.wants_dosp(1, kStatistics));  // no session
    asked.open(1);
    CHECK(asked.route.wants_dosp(1, kStatistics));
    CHECK(asked.route.wants_dosp(1, kStates));
    CHECK_FALSE(asked.route.wants_dosp(1, static_cast<uint32_t>(Function::get)));
    CHECK(asked.call(1, Function::dosp_statistics, {}).code == number(kDospNotInstalled));
    DospReport report;
    report.statistics.auth_allowed = 4;
    report.states = {{*IpAddr::parse("2001:db8:f::1"), *IpAddr::parse("2001:db8:1::1"), 3, 2, 1},
                     {*IpAddr::parse("2001:db8:f::2"), *IpAddr::parse("2001:db8:1::1"), 5, 4, 3}};
    asked.route.set_dosp(&report);
    const auto told = call::read<DospStatistics>(asked.call(1, Function::dosp_statistics, {}).octets);
    REQUIRE(told);
    CHECK(*told == report.statistics);

    DospStateTemplate wanted;
    const ByteView octets = report.states[1].public_host.bytes();
    std::copy(octets.begin(), octets.end(), wanted.public_mask.addr.begin());
    const auto listed = [&](std::optional<DospStateTemplate> which) {
      const auto made = asked.call(1, Function::dosp_states, call::write(which));
      REQUIRE(made.code == 0);
      const auto handle = call::read<uint64_t>(made.octets);
      REQUIRE(handle);
      const auto page = call::read<call::Page<DospState>>(
          asked.call(1, Function::enum_next, call::write(call::EnumNext{*handle, 10})).octets);
      REQUIRE(page);
      CHECK(page->end);
      CHECK(asked.call(1, Function::enum_destroy, call::write(*handle)).code == 0);
      return page->entries;
    };
    CHECK(listed({}) == report.states);
    for (const uint8_t length : {uint8_t{0}, uint8_t{126}}) {
      wanted.public_mask.prefix_length = length;
      CHECK(listed(wanted).size() == 2);
    }
    for (const uint8_t length : {uint8_t{127}, uint8_t{128}}) {
      wanted.public_mask.prefix_length = length;
      CHECK(listed(wanted) == std::vector{report.states[1]});
    }
    wanted.public_mask.prefix_length = 129;
    CHECK(asked.call(1, Function::dosp_states, call::write(std::optional(wanted))).code ==
          number(Fwp::INVALID_NET_MASK));
    CHECK(asked.call(1, Function::dosp_states, Bytes{7}).code == number(Fwp::WIN32_INVALID_PARAMETER));
  }

  TEST_CASE("[WFP 19] nobody else is told, nor is the packet filter read for him") {
    Asked asked;
    asked.open(2);
    CHECK_FALSE(asked.route.wants_dosp(2, kStates));
    DospReport report;
    asked.route.set_dosp(&report);
    CHECK(asked.call(2, Function::dosp_states, call::write(std::optional<DospStateTemplate>())).code ==
          number(Fwp::ACCESS_DENIED));
  }
}
