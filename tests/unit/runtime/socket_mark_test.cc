// The wish that a mark remembers.
#include "runtime/socket_mark.h"

#include <doctest/doctest.h>

#include "runtime/routes_linux.h"

using namespace sallyport;
using runtime::kept_of;
using runtime::kKeptName;
using runtime::wish_of_mark;
using stack::SocketWish;

namespace {

uint32_t mark_of(uint8_t kept) { return runtime::kCaptureMark | uint32_t{kept} << runtime::kWishShift; }

}  // namespace

TEST_SUITE("runtime/socket_mark") {
  TEST_CASE("every wish without a name and without policy of its own comes back as it was") {
    for (unsigned bits = 0; bits < 32; ++bits) {
      SocketWish wish;
      wish.guarantee_encryption = bits & 1;
      wish.allow_insecure = bits & 2;
      wish.skip_filters = bits & 4;
      wish.optional_peer_name = bits & 8;
      wish.first_inbound_unencrypted = bits & 16;
      const auto read = wish_of_mark(mark_of(kept_of(wish)));
      REQUIRE(read);
      CHECK(*read == wish);
    }
  }

  TEST_CASE("a name that is to be proved and policy of the program's own are more than a mark says") {
    SocketWish wish;
    CHECK_FALSE(wish_of_mark(mark_of(kKeptName)));
    CHECK_FALSE(wish_of_mark(mark_of(kKeptName) | runtime::kWithinHostBit));
    wish.optional_peer_name = true;
    CHECK(wish_of_mark(mark_of(static_cast<uint8_t>(kept_of(wish) | kKeptName))));
    wish.quick_mode = stack::secure_socket_quick_mode();
    CHECK_FALSE(wish_of_mark(mark_of(kept_of(wish))));
  }
}
