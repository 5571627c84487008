#include "wire/ike/ike_header.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::wire::ike;

static IkeHeader sample() {
  IkeHeader out;
  out.spi_i = 0x0102030405060708;
  out.spi_r = 0x1112131415161718;
  out.next = PayloadType::SK;
  out.exchange = ExchangeType::CREATE_CHILD_SA;
  out.initiator_flag = true;
  out.response_flag = true;
  out.message_id = 0xA1A2A3A4;
  out.length = 28;
  return out;
}

static Bytes written(const IkeHeader& header) {
  Writer out;
  write_header(header, out);
  return out.take();
}

TEST_SUITE("wire/ike/ike_header") {
  TEST_CASE("[RFC7296 3.1] every field lies where the standard puts it") {
    CHECK(to_hex(written(sample())) == "010203040506070811121314151617182e202428a1a2a3a40000001c");
    CHECK(parse_header(written(sample())) == sample());
  }
  TEST_CASE("[P2] fewer than 28 octets are no header") {
    const Bytes bytes = written(sample());
    for (size_t n = 0; n < bytes.size(); ++n) {
      CHECK(parse_header(ByteView(bytes).first(n)).error().code == Errc::truncated);
    }
  }
  TEST_CASE("[P2] a length field that is not the datagram's is refused") {
    for (const uint32_t length : {0u, 27u, 29u, 0xFFFFFFFFu}) {
      IkeHeader header = sample();
      header.length = length;
      CHECK(parse_header(written(header)).error() == Error{Errc::bad_length, length});
    }
  }
  TEST_CASE("[RFC7296 3.1] reserved flags are ignored; any other flipped bit is seen and written again") {
    const Bytes bytes = written(sample());
    for (size_t bit = 0; bit < 24 * 8; ++bit) {
      Bytes copy = bytes;
      copy[bit / 8] = static_cast<uint8_t>(copy[bit / 8] ^ (1 << (bit % 8)));
      const auto header = parse_header(copy);
      REQUIRE(header);
      const bool reserved = bit / 8 == 19 && ((1 << (bit % 8)) & 0x38) == 0;
      CHECK_MESSAGE(written(*header) == (reserved ? bytes : copy), "bit " << bit);
    }
  }
  TEST_CASE("numbers without a row are named unknown") {
    CHECK(to_string(ExchangeType::IKE_SA_INIT) == "IKE_SA_INIT");
    CHECK(to_string(static_cast<ExchangeType>(99)) == "unknown exchange");
    CHECK(to_string(static_cast<PayloadType>(99)) == "unknown payload");
  }
}
