// Bursts through the pipelines: what comes out is what comes out of the same packets one by one, the slow and obvious
// way.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

constexpr size_t kSas = 12;

EspChoice choice_of(size_t number) {
  EspChoice out;
  out.udp = number % 3 != 0;
  out.esn = number % 2 != 0;
  if (number % 4 == 1) out.encr = model::EncrId::CHACHA20_POLY1305, out.key_bits = 0;
  if (number % 4 == 2) out.encr = model::EncrId::AES_CBC, out.integ = model::IntegId::HMAC_SHA2_256_128;
  if (number % 4 == 3) out.encr = model::EncrId::AES_CTR, out.integ = model::IntegId::HMAC_SHA1_96;
  return out;
}

IpAddr host(size_t number) { return IpAddr::v4(0x0B000000u + static_cast<uint32_t>(number)); }
model::Selectors only(size_t number) { return {model::Selector::from_prefix({host(number), 32})}; }

model::SaSpec spec_of(size_t number, bool left) {
  model::SaSpec spec = make_spec(choice_of(number), left, number + 1, static_cast<model::Spi>(number * 7919));
  spec.reqid = static_cast<uint32_t>(number + 1);
  (left ? spec.ts_remote : spec.ts_local) = only(number);
  if (number == 5) spec.shape.tfc_octets = 300;
  if (number == 6) spec.shape.reassemble = true;
  if (number == 7) spec.hard.packets = 40;
  return spec;
}

// Batches for every suite that has them; nothing where the library is not built in.
crypto::ProviderTable batching() {
  crypto::ProviderTable out;
  for (const crypto::Suite& suite : crypto::suites_to_measure()) out.set({suite, crypto::Provider::ipsec_mb, 0, 0});
  return out;
}

// One gateway with an SA for each of many hosts, and the far ends of all of them.
struct Gateway {
  explicit Gateway(const OutputShape& shape, const crypto::ProviderTable& providers = {}) : sealed(shape) {
    left.sad.set_providers(providers);
    right.sad.set_providers(providers);
    std::vector<model::SpdEntry> policy;
    // One host more than SAs, whose packets have to wait, and one that nobody may reach.
    for (size_t i = 0; i < kSas + 2; ++i) {
      const auto action = i == kSas + 1 ? model::Action::DISCARD : model::Action::PROTECT;
      policy.push_back(
          {"pair", "net", action, inner_net(Family::v4, true), only(i), static_cast<uint32_t>(i + 1), 100});
    }
    left.spd.set(std::move(policy));
    for (size_t i = 0; i < kSas; ++i) {
      REQUIRE(left.sad.install(kStart, spec_of(i, true)));
      REQUIRE(right.sad.install(kStart, spec_of(i, false)));
    }
  }
  StepRng rng;
  Shard left{rng}, right{rng};
  Outputs sealed, opened;
};

// Runs of packets to hosts drawn at random; some to nobody, some damaged.
std::vector<Bytes> leaving(std::mt19937& random, size_t packets) {
  std::vector<Bytes> out;
  size_t to = 0;
  for (size_t i = 0; i < packets; ++i) {
    if (random() % 3 == 0) to = random() % (kSas + 3);
    out.push_back(udp_packet(inner_left(Family::v4), host(to), random() % 200));
    if (random() % 20 == 0) out.back().resize(random() % out.back().size());
  }
  return out;
}

struct Arriving {
  Bytes packet;
  size_t segment = 0;
  bool udp = false;
  IpEndpoint from, to;
};

// What was sent, some of it twice, damaged, cut short, for nobody, and out of order.
std::vector<Arriving> arriving(std::mt19937& random, Outputs& sent) {
  std::vector<Arriving> out;
  for (const Outgoing& slot : sent.packets()) {
    const size_t times = random() % 10 == 0 ? 2 : 1;
    for (size_t i = 0; i < times; ++i) {
      const bool udp = slot.way == Way::esp_udp;
      Arriving one{to_bytes(slot.packet.view().subspan(slot.outer_octets)), 0, udp, slot.local, slot.remote};
      if (udp) one.segment = slot.packet.offload.segment_octets;
      const size_t damage = random() % 12;
      if (damage == 0) one.packet[random() % one.packet.size()] ^= 0x10;
      if (damage == 1) one.packet.resize(random() % one.packet.size());
      out.push_back(std::move(one));
      if (out.size() > 1 && random() % 8 == 0) std::swap(out.back(), out[random() % out.size()]);
    }
  }
  return out;
}

Incoming incoming(const Arriving& one) {
  Incoming in;
  in.packet = one.packet;
  in.segment_octets = one.segment;
  in.udp = one.udp;
  in.from = one.from;
  in.to = one.to;
  return in;
}

void check_same(Outputs& together, Outputs& singly) {
  REQUIRE(together.packets().size() == singly.packets().size());
  for (size_t i = 0; i < together.packets().size(); ++i) {
    const Outgoing &a = together.packets()[i], &b = singly.packets()[i];
    REQUIRE(to_bytes(a.packet.view()) == to_bytes(b.packet.view()));
    REQUIRE(a.way == b.way);
    REQUIRE(a.child_id == b.child_id);
    REQUIRE(a.remote == b.remote);
    REQUIRE(a.packet.offload == b.packet.offload);
  }
  REQUIRE(together.events().size() == singly.events().size());
  for (size_t i = 0; i < together.events().size(); ++i)
    REQUIRE(together.events()[i].index() == singly.events()[i].index());
}

// A packet that comes twice, the second time damaged, is refused for either reason: as it comes when the first is open
// already, or for its ICV when they were opened together.
bool for_either_reason(Drop drop) { return drop == Drop::bad_icv || drop == Drop::replay; }

void check_same(const DropCounters& together, const DropCounters& singly, bool opened_together) {
  REQUIRE(together[Drop::bad_icv] + together[Drop::replay] == singly[Drop::bad_icv] + singly[Drop::replay]);
  for (size_t i = 0; i < kDropCount; ++i) {
    if (opened_together && for_either_reason(static_cast<Drop>(i))) continue;
    CAPTURE(to_string(static_cast<Drop>(i)));
    REQUIRE(together[static_cast<Drop>(i)] == singly[static_cast<Drop>(i)]);
  }
}

std::vector<PacketBuf> copies(const std::vector<Bytes>& packets) {
  std::vector<PacketBuf> out;
  for (const Bytes& packet : packets) out.push_back(PacketBuf::copy_of(packet));
  return out;
}

void compare(uint32_t seed, const OutputShape& shape, const crypto::ProviderTable& providers = {}) {
  std::mt19937 random(seed);
  Gateway together(shape, providers), singly(shape);
  size_t came_out = 0;
  for (int round = 0; round < 6; ++round) {
    CAPTURE(seed);
    const auto packets = leaving(random, 1 + random() % 200);
    for (Gateway* one : {&together, &singly}) one->sealed.clear();
    auto all = copies(packets), each = copies(packets);
    outbound(together.left, kStart, all, together.sealed);
    size_t waiting = 0;
    for (size_t i = 0; i < each.size(); ++i) {
      const size_t before = singly.sealed.events().size();
      outbound(singly.left, kStart, {&each[i], 1}, singly.sealed);
      for (size_t e = before; e < singly.sealed.events().size(); ++e) {
        if (!std::holds_alternative<Acquire>(singly.sealed.events()[e])) continue;
        ++waiting;
        REQUIRE(std::get<Acquire>(together.sealed.events()[e]).packet_index == i);
      }
    }
    check_same(together.sealed, singly.sealed);
    check_same(together.left.drops, singly.left.drops, false);
    REQUIRE(together.left.drops[Drop::sa_wait] >= waiting);

    const auto came = arriving(random, together.sealed);
    std::vector<Incoming> in;
    for (const Arriving& one : came) in.push_back(incoming(one));
    for (Gateway* one : {&together, &singly}) one->opened.clear();
    inbound(together.right, kStart, in, together.opened);
    for (const Incoming& one : in) inbound(singly.right, kStart, {&one, 1}, singly.opened);
    check_same(together.opened, singly.opened);
    check_same(together.right.drops, singly.right.drops, !providers.rows().empty());
    came_out += together.opened.packets().size();
  }
  // The case is about something: packets went through, and the reasons to drop one were met.
  CHECK(came_out > 0);
  CHECK(together.right.drops[Drop::no_sa] + together.right.drops[Drop::bad_icv] > 0);
}

// TCP segments of one flow, some out of order, damaged or of another flow, through a receiver that opens packets
// together and one that does not. Both join what fits.
struct JoinTwins {
  explicit JoinTwins(const EspChoice& choice) : together(choice), singly(choice) {
    together.right.sad.remove_all();
    together.right.sad.set_providers(batching());
    REQUIRE(together.right.sad.install(kStart, make_spec(choice, false)));
  }

  Bytes segment(std::mt19937& random) {
    if (random() % 10 == 0) ++sequence;  // one that does not follow
    const size_t octets = random() % 6 == 0 ? random() % 1000 : 1000;
    Writer w;
    w.u16(random() % 12 == 0 ? 40001 : 40000);
    w.u16(5201);
    w.u32(sequence);
    w.u32(777);
    w.u16(0x5010);
    w.u16(512);
    w.u32(0);
    for (size_t i = 0; i < octets; ++i) w.u8(static_cast<uint8_t>(random()));
    const IpAddr from = inner_left(Family::v4), to = inner_right(Family::v4);
    w.patch_u16(16, wire::ip::transport_checksum(from, to, 6, w.view()));
    sequence += static_cast<uint32_t>(octets);
    return ip_packet(from, to, 6, w.view());
  }

  void compare(uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<Arriving> sealed;
    for (size_t i = 0, count = 1 + random() % 150; i < count; ++i) {
      sealed.push_back({together.seal(segment(random)), 0, true, together.from, {}});
      if (random() % 30 == 0) sealed.back().packet[random() % sealed.back().packet.size()] ^= 1;
      if (sealed.size() > 1 && random() % 30 == 0) std::swap(sealed.back(), sealed[sealed.size() - 2]);
    }
    std::vector<Incoming> in;
    for (const Arriving& one : sealed) in.push_back(incoming(one));
    Outputs a(OutputShape{1, true}), b(OutputShape{1, true});
    inbound(together.right, kStart, in, a);
    inbound(singly.right, kStart, in, b);
    check_same(a, b);
    check_same(together.right.drops, singly.right.drops, true);
    for (const Outgoing& slot : a.packets()) joined += slot.packet.offload.segments == Offload::Segments::tcp4;
  }

  EspPair together, singly;
  uint32_t sequence = 1;
  size_t joined = 0;
};

}  // namespace

TEST_SUITE("ipsec/burst") {
  TEST_CASE("[RFC4303 3.4.2] a burst is judged as its packets are one by one, SAs looked up together or not") {
    for (uint32_t seed = 1; seed <= 20; ++seed) {
      compare(seed, OutputShape{});
      compare(seed, OutputShape{64, false});
    }
  }
  TEST_CASE("[RFC4303 3.4.2] a burst whose packets are sealed and opened together is what they are one by one") {
    const crypto::ProviderTable providers = batching();
    CHECK(providers.rows().empty() == !crypto::available(crypto::Provider::ipsec_mb));
    for (uint32_t seed = 100; seed < 120; ++seed) {
      compare(seed, OutputShape{}, providers);
      compare(seed, OutputShape{64, false}, providers);
    }
  }
  TEST_CASE("segments that were opened together are joined as those opened one by one") {
    for (const bool esn : {false, true}) {
      const EspChoice choice{model::EncrId::AES_CBC, 128, model::IntegId::HMAC_SHA2_256_128, esn, true};
      JoinTwins twins(choice);
      for (uint32_t seed = 1; seed <= 40; ++seed) twins.compare(seed);
      CHECK(twins.joined > 40);
    }
  }
  TEST_CASE("[RFC4301 4.4.2.1] nothing of a burst comes in after the packet that reaches the hard lifetime") {
    EspPair pair{EspChoice{model::EncrId::AES_CBC, 128, model::IntegId::HMAC_SHA2_256_128, false, true}};
    pair.right.sad.remove_all();
    pair.right.sad.set_providers(batching());
    model::SaSpec spec = make_spec(pair.choice, false);
    spec.hard.packets = 10;
    REQUIRE(pair.right.sad.install(kStart, std::move(spec)));
    std::vector<Arriving> sealed;
    for (int i = 0; i < 30; ++i) sealed.push_back({pair.seal(pair.sample()), 0, true, pair.from, {}});
    std::vector<Incoming> in;
    for (const Arriving& one : sealed) in.push_back(incoming(one));
    pair.out.clear();
    inbound(pair.right, kStart, in, pair.out);
    CHECK(pair.out.packets().size() == 10);
    CHECK(pair.right.drops[Drop::lifetime_expired] == 20);
  }
}
