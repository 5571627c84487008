// The store: what is kept comes back the same, and no damaged file becomes policy.
#include "policy/store.h"

#include <doctest/doctest.h>

#include "support/policy_samples.h"
#include "support/seeded_rng.h"

TEST_SUITE_BEGIN("policy/store");
using namespace sallyport;
using namespace sallyport::support;

namespace {

struct World {
  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId user = *engine.open(trusted());
};

// One of every kind, with every kind of value, persistent.
void fill(World& w) {
  Provider p;
  p.head.key = guid(1);
  p.head.display = {"provider", "text \xc3\xa4"};
  p.head.flags = Provider::kPersistent;
  p.service_name = "svc";
  REQUIRE(w.engine.add(w.user, p));
  SubLayer s;
  s.head.key = guid(2);
  s.head.display.name = "sublayer";
  s.head.flags = SubLayer::kPersistent;
  s.head.provider = guid(1);
  s.head.provider_data = {1, 2, 3};
  s.weight = 77;
  REQUIRE(w.engine.add(w.user, s));
  const auto keep = [&](ProviderContext c) {
    c.head.flags = ProviderContext::kPersistent;
    c.head.provider = guid(1);
    c.head.protection = std::make_shared<const SecurityDescriptor>(*parse_sddl("O:BAD:(A;;GA;;;BA)"));
    REQUIRE(w.engine.add(w.user, c));
  };
  IkePolicy certificates = ike_policy(
      {AuthMethodType::CERTIFICATE, CertificateAuth{{CertConfigType::EXPLICIT_TRUST_LIST,
                                                     {{{0x30}, {}, {"1.2.3"}, CertName{CertNameType::CN, "ca"}, 8}}},
                                                    {},
                                                    2,
                                                    {}}});
  keep(context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(3)));
  keep(context(ContextType::IPSEC_IKE_MM, certificates, guid(4)));
  TunnelPolicy tunnel;
  tunnel.proposals = {esp_proposal()};
  tunnel.endpoints.local = *IpAddr::parse("2001:db8::1");
  tunnel.endpoints.remote = *IpAddr::parse("2001:db8::2");
  tunnel.selector_policies = {{0, {{6, 1, 2, IpAddr::v4(1), IpAddr::v4(2)}}, {}}};
  keep(context(ContextType::IPSEC_IKEV2_QM_TUNNEL, tunnel, guid(5)));
  keep(context(ContextType::CLASSIFY_OPTIONS,
               ClassifyOptions{{{2, Value(uint32_t{5})}, {3, Value(std::string("x"))}, {4, Value(1.5)}}}, guid(6)));
  keep(context(ContextType::IPSEC_KEYING, KeyingPolicy{{known::keying_module::IKEV2}, 1}, guid(7)));
  Filter f = filter(Layer::INBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                    {v4_net(Field::IP_REMOTE_ADDRESS, "10.0.0.0/8"),
                     {Field::IP_LOCAL_PORT, MatchType::RANGE, Range{Value(uint16_t{1}), Value(uint16_t{2})}}},
                    Value(uint8_t{3}));
  f.action.callout = known::callout::IPSEC_INBOUND_TUNNEL_V4;
  f.head.flags = Filter::kPersistent | Filter::kHasProviderContext;
  f.head.provider = guid(1);
  f.provider_context = guid(5);
  f.sublayer = guid(2);
  REQUIRE(w.engine.add(w.user, f));
  Filter boot = filter(
      Layer::ALE_AUTH_RECV_ACCEPT_V6, ActionType::BLOCK,
      {equal(Field::ALE_REMOTE_USER_ID, Value(DescriptorValue{write_descriptor(*parse_sddl("D:(A;;0x1;;;BA)"))}))});
  boot.head.flags = Filter::kBootTime;
  REQUIRE(w.engine.add(w.user, boot));
  REQUIRE(w.engine.add(w.user, filter(Layer::IPSEC_V4, ActionType::PERMIT)));  // static: not kept
}

}  // namespace

TEST_CASE("what is persistent or of boot time comes back whole in a new engine, and gives the same octets") {
  World w;
  fill(w);
  const StoreImage image = image_of(*w.engine.snapshot());
  CHECK(image.filters.size() == 2);
  CHECK(image.contexts.size() == 5);
  const Bytes file = write_store(image);
  const auto back = read_store(file);
  REQUIRE(back);
  CHECK(*back == image);
  World other;
  REQUIRE(restore(other.engine, {}, *back));
  CHECK(write_store(image_of(*other.engine.snapshot())) == file);
  CHECK(other.engine.snapshot()->filters.size() == 2);
  REQUIRE(restore(other.engine, {}, {}));
  const auto again = restore(other.engine, {}, *back);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Fwp::ALREADY_EXISTS);
}

TEST_CASE("[WFP 3] protection of containers, of databases and of the engine, and options, come back too") {
  World w;
  const auto closed = *parse_sddl("O:BAG:SYD:(A;;GA;;;BA)");
  REQUIRE(w.engine.set_option(w.user, EngineOption::NET_EVENT_MATCH_ANY_KEYWORDS, Value(uint32_t{3})));
  REQUIRE(w.engine.protect(w.user, ObjectKind::sublayer, {}, closed));
  REQUIRE(w.engine.protect(w.user, Database::connections, closed));
  REQUIRE(w.engine.protect_net_events(w.user, closed));
  CHECK_FALSE(image_of(*w.engine.snapshot()).settings);
  const Bytes file = write_store(image_of(w.engine));
  auto back = read_store(file);
  REQUIRE(back);
  REQUIRE(back->settings);
  CHECK(*back->settings == w.engine.settings());
  World other;
  const uint64_t before = other.engine.settings_generation();
  REQUIRE(restore(other.engine, {}, std::move(*back)));
  CHECK(other.engine.settings() == w.engine.settings());
  CHECK(other.engine.settings_generation() != before);
  CHECK(*other.engine.protection(other.user, ObjectKind::sublayer, {}) == closed);
  CHECK(write_store(image_of(other.engine)) == file);
  // Who tells of keys is not for operators of the network.
  World fresh;
  CHECK(*fresh.engine.protection(fresh.user, Database::dictators) == administrators_only());
  CHECK_FALSE(image_of(fresh.engine).settings);
}

TEST_CASE("a store of version 1 has objects and no settings") {
  World w;
  fill(w);
  Bytes file = write_store(image_of(*w.engine.snapshot()));
  Bytes body(file.begin() + kStoreHeaderOctets, file.end() - 1);  // the last octet: no settings
  Writer old;
  old.bytes(ByteView(file).first(8));
  old.u32(1);
  old.u32(static_cast<uint32_t>(body.size()));
  old.u64(crc64(body));
  old.bytes(body);
  const auto back = read_store(old.view());
  REQUIRE(back);
  CHECK(*back == image_of(*w.engine.snapshot()));
}

TEST_CASE("a store that was cut, grown or changed in any bit is refused with its reason") {
  World w;
  fill(w);
  const Bytes file = write_store(image_of(*w.engine.snapshot()));
  for (size_t n = 0; n < file.size(); ++n) CHECK_FALSE(read_store(ByteView(file).first(n)));
  Bytes longer = file;
  longer.push_back(0);
  CHECK(read_store(longer).error().code == Errc::trailing_bytes);
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    Bytes flipped = file;
    flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
    REQUIRE_FALSE(read_store(flipped));
  }
  Bytes other = file;
  other[0] = 'X';
  CHECK(read_store(other).error().code == Errc::bad_value);
  other = file;
  other[11] = 9;
  CHECK(read_store(other).error().code == Errc::version);
  other = file;
  other.back() ^= 1;
  CHECK(read_store(other).error().code == Errc::bad_tag);
  CHECK(read_store(ByteView(file).first(100)).error().code == Errc::truncated);
}

TEST_CASE("a body that lies, with a right checksum, is refused and leaves nothing") {
  World w;
  fill(w);
  const Bytes file = write_store(image_of(*w.engine.snapshot()));
  size_t accepted = 0;
  for (size_t at = kStoreHeaderOctets; at < file.size(); ++at) {
    Bytes changed = file;
    changed[at] = 0xff;
    store_be64(changed.data() + 16, crc64(ByteView(changed).subspan(kStoreHeaderOctets)));
    const auto image = read_store(changed);
    if (!image) continue;
    World other;
    const auto before = other.engine.snapshot();
    if (restore(other.engine, {}, *image)) {
      ++accepted;
    } else {
      CHECK(other.engine.snapshot() == before);
    }
  }
  CHECK(accepted > 0);  // names and weights may be anything
}

TEST_CASE("crc64 of the usual check text") { CHECK(crc64(as_bytes("123456789")) == 0x995dc9bbdf1939faull); }

TEST_SUITE_END();
