#include "model/identity.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::model;

TEST_SUITE("model/identity") {
  TEST_CASE("[RFC7296 3.5] the type follows from the text") {
    CHECK(Identity::parse("192.0.2.1")->type == IdType::ID_IPV4_ADDR);
    CHECK(Identity::parse("2001:db8::1")->type == IdType::ID_IPV6_ADDR);
    CHECK(Identity::parse("east.example")->type == IdType::ID_FQDN);
    CHECK(Identity::parse("me@east.example")->type == IdType::ID_RFC822_ADDR);
    CHECK(Identity::parse("CN=east, O=Example")->type == IdType::ID_DER_ASN1_DN);
    CHECK(Identity::parse("keyid:00ff")->value == Bytes{0, 0xff});
    CHECK_FALSE(Identity::parse(""));
    CHECK_FALSE(Identity::parse("a\nb"));
    CHECK_FALSE(Identity::parse(std::string(1025, 'a')));
  }
  TEST_CASE("[RFC4945 3.1] host names compare without case, everything else octet by octet") {
    CHECK(same_identity(*Identity::parse("East.Example"), *Identity::parse("east.example")));
    CHECK(same_identity(*Identity::parse("me@East.Example"), *Identity::parse("me@east.example")));
    CHECK_FALSE(same_identity(*Identity::parse("Me@east.example"), *Identity::parse("me@east.example")));
    CHECK_FALSE(same_identity(*Identity::parse("east.example"), *Identity::parse("east.example.")));
  }
  TEST_CASE("[P8] control octets never reach a log line") {
    const Identity id{IdType::ID_FQDN, {'a', 0, 'b', 0x1b, 0xff}};
    CHECK(id.to_string() == "a\\x00b\\x1b\\xff");
  }
}
