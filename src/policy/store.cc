// Writing and reading the store.
#include "policy/store.h"

#include <algorithm>

#include "policy/describe.h"

namespace sallyport::policy {
namespace {

constexpr std::string_view kMagic = "SPPOLICY";

constexpr uint32_t kFirstWithSettings = 2;

template <class A>
void walk_descriptor(A& a, SecurityDescriptor& v) {
  Bytes octets;
  if constexpr (!A::kReading) octets = write_descriptor(v);
  walk(a, octets);
  if constexpr (A::kReading) {
    if (a.failed()) return;
    auto parsed = parse_descriptor(octets);
    if (!parsed) return a.fail(Errc::bad_value);
    v = std::move(*parsed);
  }
}

template <class A>
void walk_settings(A& a, std::optional<EngineSettings>& v) {
  uint8_t has = v.has_value();
  walk(a, has);
  if constexpr (A::kReading) {
    if (has > 1) return a.fail(Errc::bad_value);
    if (has == 1) v.emplace();
  }
  if (!v) return;
  walk_descriptor(a, v->containers.engine);
  walk_descriptor(a, v->containers.net_events);
  for (SecurityDescriptor& each : v->containers.kinds) walk_descriptor(a, each);
  for (SecurityDescriptor& each : v->containers.databases) walk_descriptor(a, each);
  for (uint32_t& each : v->options) walk(a, each);
}

template <class A>
void walk_image(A& a, StoreImage& image, uint32_t version) {
  walk_all(a, image.providers, image.sublayers, image.callouts, image.contexts, image.filters);
  if (version >= kFirstWithSettings) walk_settings(a, image.settings);
}

template <class Object>
std::vector<Object> kept(const ByKey<Object>& from) {
  std::vector<Object> out;
  from.for_each([&](const std::shared_ptr<const Object>& object) {
    if (object->head.lifetime == Lifetime::persistent) out.push_back(*object);
  });
  std::sort(out.begin(), out.end(), [](const Object& a, const Object& b) { return a.head.key < b.head.key; });
  return out;
}

template <class Object>
Outcome<> add_all(Engine& engine, SessionId session, std::vector<Object>& objects) {
  for (size_t i = 0; i < objects.size(); ++i) {
    if (auto added = engine.add(session, std::move(objects[i])); !added) return refuse(added.error().code, i);
  }
  return {};
}

Outcome<> add_image(Engine& engine, SessionId session, StoreImage& image) {
  SP_CHECK(add_all(engine, session, image.providers));
  SP_CHECK(add_all(engine, session, image.sublayers));
  SP_CHECK(add_all(engine, session, image.callouts));
  SP_CHECK(add_all(engine, session, image.contexts));
  return add_all(engine, session, image.filters);
}

}  // namespace

uint64_t crc64(ByteView bytes) {
  uint64_t crc = ~uint64_t{0};
  for (uint8_t octet : bytes) {
    crc ^= octet;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xc96c5795d7870f42u & (~(crc & 1) + 1));
  }
  return ~crc;
}

StoreImage image_of(const Snapshot& snapshot) {
  StoreImage out{kept(snapshot.providers), kept(snapshot.sublayers), kept(snapshot.callouts), kept(snapshot.contexts),
                 kept(snapshot.filters)};
  // What the engine works out anew does not belong to the image.
  for (Callout& callout : out.callouts) callout.id = 0;
  for (ProviderContext& context : out.contexts) context.id = 0;
  // Filters in the order they were added: among equal weights the older comes first.
  std::sort(out.filters.begin(), out.filters.end(), [](const Filter& a, const Filter& b) { return a.id < b.id; });
  for (Filter& filter : out.filters) filter.id = filter.effective_weight = 0;
  const auto plain = [](auto& objects) {
    for (auto& object : objects) object.head.lifetime = Lifetime::static_;
  };
  plain(out.providers);
  plain(out.sublayers);
  plain(out.callouts);
  plain(out.contexts);
  plain(out.filters);
  return out;
}

StoreImage image_of(const Engine& engine) {
  StoreImage out = image_of(*engine.snapshot());
  if (EngineSettings settings = engine.settings(); settings != EngineSettings{}) out.settings = std::move(settings);
  return out;
}

Bytes write_store(StoreImage image) {
  ArchiveWriter body;
  walk_image(body, image, kStoreVersion);
  const ByteView octets = body.out().view();
  Writer out;
  out.bytes(as_bytes(kMagic));
  out.u32(kStoreVersion);
  out.u32(static_cast<uint32_t>(octets.size()));
  out.u64(crc64(octets));
  out.bytes(octets);
  return out.take();
}

Result<StoreImage> read_store(ByteView file) {
  Reader in(file);
  SP_TRY(const ByteView magic, in.view(kMagic.size()));
  if (!equal(magic, as_bytes(kMagic))) return fail(Errc::bad_value);
  SP_TRY(const uint32_t version, in.u32());
  if (version == 0 || version > kStoreVersion) return fail(Errc::version, version);
  SP_TRY(const uint32_t length, in.u32());
  SP_TRY(const uint64_t checksum, in.u64());
  SP_TRY(const ByteView octets, in.view(length));
  SP_CHECK(in.expect_end());
  if (crc64(octets) != checksum) return fail(Errc::bad_tag);
  ArchiveReader body(octets);
  StoreImage image;
  walk_image(body, image, version);
  SP_CHECK(body.finish());
  return image;
}

Outcome<> restore(Engine& engine, TimePoint now, StoreImage image) {
  SessionRequest request;
  request.display.name = "store";
  request.trusted = true;
  SP_TRY(const SessionId session, engine.open(std::move(request)));
  const auto began = engine.begin(now, session, TxnMode::read_write);
  Outcome<> done;
  if (!began) {
    done = tl::unexpected(began.error());
  } else if (*began == Began::waiting) {
    done = refuse(Fwp::TIMEOUT);
  } else {
    done = add_image(engine, session, image);
    if (done) done = engine.commit(now, session);
  }
  engine.close(now, session);  // rolls back what was not committed
  if (done && image.settings) engine.take_settings(std::move(*image.settings));
  return done;
}

}  // namespace sallyport::policy
