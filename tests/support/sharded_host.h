// A host whose data plane is in several shards, with filters; the far end of each of its SAs; and who carries packets
// from shard to shard.
#pragma once
#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "policy/callout.h"
#include "stack/dataplane.h"
#include "stack/peer_sid.h"
#include "stack/shards.h"
#include "support/esp_pair.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

namespace sallyport::support {

using namespace sallyport::stack;
using ipsec::Drop;

inline constexpr uint16_t kShards = 3;
inline constexpr uint16_t kPort = 27015;
inline const EspChoice kUdp = [] {
  EspChoice out;
  out.udp = true;
  return out;
}();

inline IpAddr peer(uint8_t last) { return IpAddr::v4(0x0A020000u + last); }  // of inner_net(v4, false)
inline IpAddr host() { return inner_left(Family::v4); }

inline Bytes tcp(const IpAddr& from, const IpAddr& to, uint16_t from_port, uint16_t to_port,
                 uint8_t flags = wire::ip::kTcpAck) {
  Writer w;
  w.u16(from_port);
  w.u16(to_port);
  w.u32(1000);
  w.u32(2000);
  w.u8(0x50);
  w.u8(flags);
  w.u16(0xffff);
  w.u32(0);
  w.patch_u16(16, wire::ip::transport_checksum(from, to, 6, w.view()));
  return ip_packet(from, to, 6, w.view());
}

// The left end of an EspPair, with filters.
struct ShardedHost {
  struct Seen {
    size_t shard = 0;
    ipsec::Way way = ipsec::Way::inner;
    Bytes packet;  // without outer header
  };
  ShardedHost() {
    for (uint16_t i = 0; i < kShards; ++i) {
      shards.push_back(std::make_unique<Dataplane>(step));
      shards.back()->set_place(i, kShards);
    }
  }
  uint64_t add(Filter filter) {
    const auto added = engine.add(session, std::move(filter));
    REQUIRE(added);
    return added->id;
  }
  void take_up() { tell(SetFilters{engine.snapshot()}); }
  void tell(DataplaneCommand command) {
    for_each_shard(std::move(command), kShards,
                   [&](size_t shard, DataplaneCommand one) { shards[shard]->handle_command(kStart, std::move(one)); });
    settle();
  }
  // An SA with all peers. Its SPI is of the shard that is wanted, and its other end opens and seals.
  void install(model::ChildId child, uint16_t shard, uint32_t reqid, const std::shared_ptr<const Token>& machine = {},
               uint64_t group = 0, bool encrypts = true) {
    EspChoice choice = kUdp;
    if (!encrypts) {
      choice.encr = model::EncrId::NULL_ENCR;
      choice.key_bits = 0;
      choice.integ = model::IntegId::HMAC_SHA2_256_128;
    }
    const auto offset = static_cast<model::Spi>(child * kShards + (kShards + shard - kLeftSpi % kShards) % kShards);
    auto far = std::make_unique<Dataplane>(step);
    far->handle_command(kStart, SetSpd{make_policy(choice, false)});
    far->handle_command(kStart, InstallSa{make_spec(choice, false, child, offset)});
    ends[child] = std::move(far);
    InstallSa command{make_spec(choice, true, child, offset), machine, true};
    command.sa.reqid = reqid;
    command.group = group;
    REQUIRE(model::shard_of(command.sa.spi_in, kShards) == shard);
    tell(std::move(command));
  }
  void leave(size_t shard, ByteView packet) {
    PacketBuf one = PacketBuf::copy_of(packet);
    shards[shard]->handle_inner_packets(kStart, {&one, 1});
    settle();
  }
  void arrive(model::ChildId child, ByteView packet) {
    PacketBuf one = PacketBuf::copy_of(packet);
    Dataplane& end = *ends.at(child);
    end.handle_inner_packets(kStart, {&one, 1});
    REQUIRE(end.take_outputs().size() == 1);
    const ipsec::Outgoing& sealed = end.take_outputs()[0];
    ipsec::Incoming in;
    in.packet = sealed.packet.view();
    in.from = sealed.local;
    in.to = sealed.remote;
    in.udp = true;
    shards[model::shard_of(load_be32(in.packet.data()), kShards)]->handle_esp(kStart, {&in, 1});
    end.done();
    settle();
  }
  // Takes what the shards have to say, and carries what they hand over until nothing is left.
  void settle() {
    std::deque<Handed> waiting;
    const auto collect = [&](size_t shard) {
      for (ipsec::Outgoing& out : shards[shard]->take_outputs()) {
        if (out.packet.empty()) continue;
        REQUIRE(out.way != ipsec::Way::to_judge);
        seen.push_back({shard, out.way, to_bytes(out.packet.view().subspan(out.outer_octets))});
      }
      for (Handed& handed : shards[shard]->take_handed()) {
        CHECK(handed.shard != shard);
        ++crossed;
        std::swap(waiting.emplace_back(), handed);
      }
      shards[shard]->done();
    };
    for (size_t i = 0; i < shards.size(); ++i) collect(i);
    while (!waiting.empty()) {
      REQUIRE(crossed < 100000);
      Handed one = std::move(waiting.front());
      waiting.pop_front();
      if (lost && lost(one)) continue;
      shards[one.shard]->handle_handed(kStart, one);
      collect(one.shard);
    }
  }
  uint64_t drops(Drop drop) const {
    uint64_t out = 0;
    for (const auto& shard : shards) out += shard->drops()[drop];
    return out;
  }
  // Which shards remember the flow.
  std::vector<size_t> rememberers(const HostFlow& flow) const {
    std::vector<size_t> out;
    for (size_t i = 0; i < shards.size(); ++i) {
      if (shards[i]->standing(flow)) out.push_back(i);
    }
    return out;
  }
  size_t acquires() {
    size_t out = 0;
    for (const auto& shard : shards) {
      while (const auto event = shard->poll_event()) out += std::holds_alternative<Acquire>(*event);
    }
    return out;
  }
  std::vector<Seen> take() { return std::exchange(seen, {}); }
  // The only packet that came of what was done since the last time.
  Seen one() {
    const auto all = take();
    REQUIRE(all.size() == 1);
    return all[0];
  }

  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId session = *engine.open(trusted());
  StepRng step;
  std::vector<std::unique_ptr<Dataplane>> shards;
  std::map<model::ChildId, std::unique_ptr<Dataplane>> ends;
  std::vector<Seen> seen;
  size_t crossed = 0;
  std::function<bool(Handed&)> lost;  // in place of a ring that is full
};

inline Filter protect_all() {
  return callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                        known::callout::IPSEC_OUTBOUND_TRANSPORT_V4);
}

inline HostFlow flow_to(const IpAddr& remote, uint16_t port) { return {host(), remote, 6, port, kPort, true}; }

inline uint16_t judge_of(const IpAddr& remote) { return model::owner_of_flow(host(), remote, kShards); }
inline uint16_t other_than(uint16_t shard) { return static_cast<uint16_t>((shard + 1) % kShards); }

inline std::shared_ptr<const Token> machine(const char* name) {
  return std::make_shared<const Token>(token_of_identity(name));
}

}  // namespace sallyport::support
