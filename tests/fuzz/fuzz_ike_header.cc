// IKE header codec: what parses is written again as the same 28 octets, reserved flag bits apart. RFC 7296 3.1.
// Links: wire
#include "fuzz/property.h"
#include "wire/ike/ike_header.h"

using namespace sallyport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  const ByteView input(bytes, octets);
  const auto header = wire::ike::parse_header(input);
  if (!header) return 0;
  fuzz::holds(header->length == octets, "the header's length is the datagram's");
  Writer out;
  wire::ike::write_header(*header, out);
  fuzz::holds(out.size() == wire::ike::kHeaderOctets, "a header is written in 28 octets");
  Bytes first = to_bytes(input.first(wire::ike::kHeaderOctets));
  first[19] &= 0x38;
  fuzz::holds(equal(out.view(), first), "write(parse(x)) is x without reserved flags");
  fuzz::holds(!wire::ike::to_string(header->exchange).empty() && !wire::ike::to_string(header->next).empty(),
              "every number has a name or says that it is unknown");
  return 0;
}
