// ESP input: packets as they come and, with the first octet odd, plaintext sealed with the SA's own keys, so that what
// lies behind the encryption is searched too (T28). The first octet also picks ESN, encapsulation and family.
// Links: ipsec
#include "fuzz/property.h"
#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::support;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  if (octets == 0) return 0;
  const uint8_t pick = bytes[0];
  const ByteView input(bytes + 1, octets - 1);
  EspChoice choice;
  choice.esn = (pick & 2) != 0;
  choice.udp = (pick & 4) != 0;
  choice.inner = (pick & 8) != 0 ? Family::v6 : Family::v4;
  EspPair pair(choice);
  Bytes esp = to_bytes(input);
  if ((pick & 1) != 0) {
    while (esp.size() % 4 != 0) esp.insert(esp.begin(), uint8_t{0x45});
    esp = pair.forge(esp, 1);
  }
  const Bytes inner = pair.open(esp);
  fuzz::holds(inner.empty() == (pair.right.drops.total() == 1), "a packet is delivered or counted, never both");
  fuzz::holds(inner.size() <= esp.size(), "what comes out is no longer than what went in");
  // The same packet again is never delivered.
  fuzz::holds(pair.open(esp).empty(), "a copy is dropped");
  return 0;
}
