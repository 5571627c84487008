// The policy store as a file that somebody has changed: the input is a body, around which a header with the right
// length and checksum is put, or a whole file. What is read is written and read again alike; what the engine takes of
// it is kept alike, and what it refuses leaves nothing behind.

// Links: policy
#include <cstdlib>

#include "policy/store.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::policy;

namespace {

Bytes with_header(ByteView body) {
  Writer out;
  out.bytes(as_bytes("SPPOLICY"));
  out.u32(kStoreVersion);
  out.u32(static_cast<uint32_t>(body.size()));
  out.u64(crc64(body));
  out.bytes(body);
  return out.take();
}

size_t objects_of(const Engine& engine) {
  const StoreImage image = image_of(*engine.snapshot());
  return image.providers.size() + image.sublayers.size() + image.callouts.size() + image.contexts.size() +
         image.filters.size();
}

void take(ByteView file) {
  auto image = read_store(file);
  if (!image) return;
  const Bytes written = write_store(*image);
  const auto again = read_store(written);
  if (!again || !(*again == *image)) std::abort();
  test::SeededRng rng(1);
  Engine engine(rng);
  const bool taken = restore(engine, TimePoint(), std::move(*image)).has_value();
  if (!engine.sessions().empty() || !engine.may_write(1) || (!taken && objects_of(engine) != 0)) std::abort();
  const Bytes kept = write_store(image_of(*engine.snapshot()));
  const auto found = read_store(kept);
  if (!found || write_store(*found) != kept) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  take(with_header(input));
  take(input);
  return 0;
}
