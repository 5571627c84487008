// The store of the filter engine: octets with a header made right, so that the reader behind the checksum is reached.
// What is read is written to the same octets, and what the rules accept can be kept and read again. Links: policy
#include "fuzz/property.h"
#include "policy/store.h"
#include "support/seeded_rng.h"

using namespace sallyport;

namespace {

void check(ByteView file) {
  const auto image = policy::read_store(file);
  if (!image) return;
  const Bytes again = policy::write_store(*image);
  fuzz::holds(policy::read_store(again).has_value(), "what was written is read");
  fuzz::holds(policy::write_store(*policy::read_store(again)) == again, "writing is stable");
  test::SeededRng rng(1);
  policy::Engine engine(rng);
  const auto before = engine.snapshot();
  if (!policy::restore(engine, {}, *image)) fuzz::holds(engine.snapshot() == before, "a refused store leaves nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets) {
  const ByteView input(bytes, octets);
  check(input);
  Writer file;
  file.bytes(as_bytes("SPPOLICY"));
  file.u32(policy::kStoreVersion);
  file.u32(static_cast<uint32_t>(octets));
  file.u64(policy::crc64(input));
  file.bytes(input);
  check(file.view());
  return 0;
}
