// Programs as filters name them.
#include "policy/app_id.h"

#include <doctest/doctest.h>

#include "policy/condition.h"
#include "policy/sid.h"

using namespace sallyport;
using namespace sallyport::policy;

TEST_SUITE("policy/app_id") {
  TEST_CASE("[WFP FwpmGetAppIdFromFileName0] a path is UTF-16 in lower case as far as ASCII goes, with its end") {
    CHECK(app_id_of("/A") == Bytes{'/', 0, 'a', 0, 0, 0});
    CHECK(app_id_of("\xc3\x84") == Bytes{0xc4, 0, 0, 0});                                 // not ASCII: as it is
    CHECK(app_id_of("\xf0\x9f\x98\x80") == Bytes{0x3d, 0xd8, 0x00, 0xde, 0, 0});          // a pair
    CHECK(app_id_of("\xff") == Bytes{0xff, 0xdc, 0, 0});                                  // no UTF-8
    CHECK(app_id_of("\xc0\xaf") == Bytes{0xc0, 0xdc, 0xaf, 0xdc, 0, 0});                  // overlong
    CHECK(app_id_of("\xed\xa0\x80") == Bytes{0xed, 0xdc, 0xa0, 0xdc, 0x80, 0xdc, 0, 0});  // a surrogate
    CHECK(app_id_of("\xe2\x82") == Bytes{0xe2, 0xdc, 0x82, 0xdc, 0, 0});                  // cut short
  }

  TEST_CASE("an ID gives its path back, or is none") {
    for (const char* path : {"/usr/bin/curl", "/opt/\xc3\xa4/\xf0\x9f\x98\x80", "/x/\xff\xfe"})
      CHECK(path_of_app_id(app_id_of(path)) == path);
    CHECK_FALSE(path_of_app_id({}));
    CHECK_FALSE(path_of_app_id(Bytes{'/', 0}));            // without its end
    CHECK_FALSE(path_of_app_id(Bytes{'/', 0, 0, 0, 0}));   // half a unit
    CHECK_FALSE(path_of_app_id(Bytes{'\n', 0, 0, 0}));     // not for people
    CHECK_FALSE(path_of_app_id(Bytes{0x3d, 0xd8, 0, 0}));  // half a pair
    CHECK_FALSE(path_of_app_id(Bytes{0x00, 0xde, 0, 0}));
  }

  TEST_CASE("conditions on programs and accounts are shown by path and number") {
    const auto is = [](Field field, Value value) { return Condition{field, MatchType::EQUAL, std::move(value)}; };
    CHECK(is(Field::ALE_APP_ID, Value(Blob{app_id_of("/usr/bin/curl")})).to_string() ==
          "ALE_APP_ID EQUAL /usr/bin/curl");
    CHECK(is(Field::ALE_APP_ID, Value(Blob{Bytes{1}})).to_string() == "ALE_APP_ID EQUAL 01");
    const auto whom = [&](const char* sddl) {
      return is(Field::ALE_USER_ID, Value(DescriptorValue{write_descriptor(*parse_sddl(sddl))})).to_string();
    };
    CHECK(whom("D:(A;;0x1;;;S-1-22-1-1000)(A;;0x1;;;S-1-22-2-5)") == "ALE_USER_ID EQUAL user 1000, group 5");
    CHECK(whom("D:(D;;0x1;;;S-1-22-1-1000)") == "ALE_USER_ID EQUAL D:(D;;0x1;;;S-1-22-1-1000)");
  }
}
