// The policy that outlives the engine: persistent and boot-time objects as octets, and back. The same policy gives the
// same octets. Whoever keeps the file replaces it whole; a file that was cut or changed is refused whole, so that the
// last good policy stays. Pure.
//   magic "SPPOLICY" 8 | version 4 | body length 4 | CRC-64 of the body 8 | body: providers, sublayers, callouts,
//   contexts, filters, and from version 2 on the engine's settings
// Pre-shared keys stand in it in the clear: the file is as secret as they are.
#pragma once
#include "policy/engine.h"

namespace sallyport::policy {

inline constexpr uint32_t kStoreVersion = 2;  // version 1 is read, too
inline constexpr size_t kStoreHeaderOctets = 24;

struct StoreImage {
  std::vector<Provider> providers;
  std::vector<SubLayer> sublayers;
  std::vector<Callout> callouts;
  std::vector<ProviderContext> contexts;
  std::vector<Filter> filters;
  std::optional<EngineSettings> settings = std::nullopt;  // none: as an engine begins
  bool operator==(const StoreImage&) const = default;
};

StoreImage image_of(const Snapshot& snapshot);  // what is to be kept of objects, by key
StoreImage image_of(const Engine& engine);      // and of the engine
Bytes write_store(StoreImage image);
// bad_value (no store, or a value out of bounds), version, truncated, trailing_bytes, bad_tag (checksum), not_found
// (unknown field), too_many. detail: the offset in the body.
Result<StoreImage> read_store(ByteView file);
// All of it in one transaction by a session of its own, and then the settings, or nothing: the refusal is that of the
// first object that does not pass the rules.
Outcome<> restore(Engine& engine, TimePoint now, StoreImage image);

uint64_t crc64(ByteView bytes);  // ECMA-182 polynomial, reflected

}  // namespace sallyport::policy
