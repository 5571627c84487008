// Peers behind one NAT and the host that they talk to in transport mode: their packets as the host sees them, and which
// of them its answers reach. The host's data plane may be in several shards.
#pragma once
#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "stack/dataplane.h"
#include "stack/shards.h"
#include "support/esp_pair.h"
#include "wire/ip/build.h"

namespace sallyport::support {

inline const IpAddr kServer = address("203.0.113.2"), kNat = address("203.0.113.1");
inline IpAddr private_address(uint8_t client) { return IpAddr::v4(0xC0A80700u + client); }

inline model::Selectors only(const IpAddr& address) { return {model::Selector::from_prefix({address, 32})}; }

class NatClients {
 public:
  static constexpr uint32_t kPolicy = 3;  // the reqid of the connection

  explicit NatClients(uint16_t shards = 1, bool connection = true) : shards_(shards) {
    for (uint16_t i = 0; i < shards; ++i) {
      host_.push_back(std::make_unique<stack::Dataplane>(rng_));
      host_.back()->set_place(i, shards);
    }
    if (!connection) return;
    model::SpdEntry entry = make_policy({}, true)[0];
    entry.local = only(kServer);
    entry.remote = only(kNat);
    entry.reqid = kPolicy;
    tell(stack::SetSpd{{entry}});
  }
  void tell(stack::DataplaneCommand command) {
    stack::for_each_shard(std::move(command), shards_, [&](size_t shard, stack::DataplaneCommand one) {
      host_[shard]->handle_command(now, std::move(one));
    });
    settle();
  }
  static ipsec::NatClient whose(uint8_t client, uint32_t reqid) {
    return {{kNat, static_cast<uint16_t>(4500 + client)}, reqid, private_address(client), std::nullopt};
  }
  static uint32_t own_reqid(uint8_t client) { return 1000u + client; }
  // An SA of this client, whose number is 1 to 99; the child's number is the client's, and hundreds more for those that
  // replace it. of_filter: as filters have it.
  void join(uint8_t client, bool of_filter = false, model::ChildId more = 0,
            const std::shared_ptr<const policy::Token>& machine = {}, uint16_t shard = 0) {
    EspChoice choice;
    choice.udp = true;
    const model::ChildId child = client + more;
    const auto offset = static_cast<model::Spi>(child * shards_ + (shards_ + shard - kLeftSpi % shards_) % shards_);
    stack::InstallSa here{shape(make_spec(choice, true, child, offset), client, true), machine, of_filter};
    here.sa.reqid = of_filter ? own_reqid(client) : kPolicy;
    here.nat_client = of_filter;
    here.behind_nat = whose(client, own_reqid(client));
    auto& end = ends_[client];
    if (!end) end = std::make_unique<stack::Dataplane>(rng_);
    model::SpdEntry entry = make_policy({}, false)[0];
    entry.local = only(private_address(client));
    entry.remote = only(kServer);
    entry.reqid = kReqid;
    end->handle_command(now, stack::SetSpd{{entry}});
    end->handle_command(now, stack::InstallSa{shape(make_spec(choice, false, child, offset), client, false)});
    tell(std::move(here));
  }
  void leave(uint8_t client, model::ChildId more = 0) { tell(stack::RemoveSa{client + more, {}}); }

  // The client's packet, from its own address; what the host sees of it. Nothing: it was dropped.
  std::optional<Bytes> ask(uint8_t client, ByteView packet) {
    PacketBuf one = PacketBuf::copy_of(packet);
    stack::Dataplane& end = *ends_.at(client);
    end.handle_inner_packets(now, {&one, 1});
    REQUIRE(end.take_outputs().size() == 1);
    const Bytes sealed = to_bytes(end.take_outputs()[0].packet.view());
    end.done();
    ipsec::Incoming in;
    in.packet = sealed;
    in.from = {kNat, static_cast<uint16_t>(4500 + client)};
    in.to = {kServer, 4500};
    in.udp = true;
    host_[model::shard_of(load_be32(sealed.data()), shards_)]->handle_esp(now, {&in, 1});
    settle();
    return take_inner();
  }
  struct Answer {
    uint8_t client = 0;
    Bytes packet;  // as that one's host gets it
  };
  // What the host sends, at this shard; nothing: it was dropped. What it is told about it is in take_inner().
  std::optional<Answer> answer(ByteView packet, size_t shard = 0, const Offload& offload = {}) {
    PacketBuf one = PacketBuf::copy_of(packet, offload);
    host_[shard]->handle_inner_packets(now, {&one, 1});
    settle();
    if (sent_.empty()) return std::nullopt;
    const auto [remote, esp] = sent_.front();
    sent_.pop_front();
    const auto client = static_cast<uint8_t>(remote.port - 4500);
    ipsec::Incoming in;
    in.packet = esp;
    in.from = {kServer, 4500};
    in.to = {private_address(client), 4500};
    in.udp = true;
    stack::Dataplane& end = *ends_.at(client);
    end.handle_esp(now, {&in, 1});
    REQUIRE(end.take_outputs().size() == 1);
    Answer out{client, to_bytes(end.take_outputs()[0].packet.view())};
    end.done();
    return out;
  }
  std::optional<Bytes> take_inner() {
    if (inner_.empty()) return std::nullopt;
    Bytes out = std::move(inner_.front());
    inner_.pop_front();
    return out;
  }
  uint64_t drops(ipsec::Drop drop) const {
    uint64_t out = 0;
    for (const auto& shard : host_) out += shard->drops()[drop];
    return out;
  }
  size_t remembered() const {
    size_t out = 0;
    for (const auto& shard : host_) out += shard->nat_flows().size();
    return out;
  }
  void wait(Duration time) {
    now += time;
    for (auto& shard : host_) shard->handle_deadline(now);
    settle();
  }

  TimePoint now = kStart;
  size_t crossed = 0;  // packets, from one shard to another

 private:
  static model::SaSpec shape(model::SaSpec spec, uint8_t client, bool host) {
    const IpEndpoint server{kServer, 4500}, seen{kNat, static_cast<uint16_t>(4500 + client)};
    const IpEndpoint own{private_address(client), 4500};
    spec.mode = model::Mode::transport;
    spec.local = host ? server : own;
    spec.remote = host ? seen : server;
    spec.ts_local = only(spec.local.addr);
    spec.ts_remote = only(spec.remote.addr);
    if (host) {
      spec.original_source = own.addr;
    } else {
      spec.original_destination = kNat;
    }
    return spec;
  }
  void settle() {
    std::deque<stack::Handed> waiting;
    const auto collect = [&](stack::Dataplane& shard) {
      for (ipsec::Outgoing& out : shard.take_outputs()) {
        if (out.packet.empty()) continue;
        REQUIRE((out.way == ipsec::Way::inner || out.way == ipsec::Way::esp_udp));
        if (out.way == ipsec::Way::inner) inner_.push_back(to_bytes(out.packet.view()));
        if (out.way == ipsec::Way::esp_udp) sent_.push_back({out.remote, to_bytes(out.packet.view())});
      }
      for (stack::Handed& handed : shard.take_handed()) {
        ++crossed;
        std::swap(waiting.emplace_back(), handed);
      }
      shard.done();
    };
    for (auto& shard : host_) collect(*shard);
    while (!waiting.empty()) {
      REQUIRE(crossed < 10000);
      stack::Handed one = std::move(waiting.front());
      waiting.pop_front();
      host_[one.shard]->handle_handed(now, one);
      collect(*host_[one.shard]);
    }
  }

  uint16_t shards_;
  StepRng rng_;
  std::vector<std::unique_ptr<stack::Dataplane>> host_;
  std::map<uint8_t, std::unique_ptr<stack::Dataplane>> ends_;
  std::deque<Bytes> inner_;
  std::deque<std::pair<IpEndpoint, Bytes>> sent_;
};

}  // namespace sallyport::support
