// Traffic selector narrowing. RFC 7296 2.9.
#include "ike/v2/ts_narrow.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::model;

TEST_SUITE_BEGIN("ike/v2/ts_narrow");

static Selector sel(const char* text) { return *parse_selector(text); }

TEST_CASE("[RFC7296 2.9] the answer is what both sides allow, and never more") {
  const Selectors policy{sel("10.1.0.0/16")};
  CHECK(ike::v2::narrow(policy, {sel("10.1.2.0/24")}) == Selectors{sel("10.1.2.0/24")});
  CHECK(ike::v2::narrow(policy, {sel("0.0.0.0/0")}) == policy);
  CHECK(ike::v2::narrow(policy, {sel("10.2.0.0/16")}).empty());
  CHECK(ike::v2::narrow(policy, {sel("::/0")}).empty());
}

TEST_CASE("[RFC7296 2.9] the packet's selector, asked for first, lies within the answer") {
  const Selectors policy{sel("10.1.0.0/24"), sel("10.3.0.0/24")};
  const Selectors asked{sel("10.3.0.9/32[tcp/80]"), sel("10.0.0.0/8")};
  const Selectors answer = ike::v2::narrow(policy, asked);
  REQUIRE_FALSE(answer.empty());
  CHECK(covers(answer, Selectors{asked[0]}));
  CHECK(covers(policy, answer));
  CHECK(covers(asked, answer));
}

TEST_CASE("[RFC7296 2.9] a selector within another one is not said twice") {
  const Selectors policy{sel("10.0.0.0/8")};
  CHECK(ike::v2::narrow(policy, {sel("10.1.0.0/24"), sel("10.1.0.0/16")}) == Selectors{sel("10.1.0.0/16")});
}

TEST_SUITE_END();
