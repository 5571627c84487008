// See nat_flows.h.
#include "ipsec/nat_flows.h"

namespace sallyport::ipsec {

namespace {

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 32;
}

uint64_t mix(uint64_t hash, const IpAddr& address) {
  const ByteView octets = address.bytes();
  for (size_t at = 0; at + 4 <= octets.size(); at += 4) hash = mix(hash, load_be32(&octets[at]));
  return hash;
}

}  // namespace

size_t NatFlows::Hash::operator()(const Key& key) const {
  const uint64_t ports = uint64_t{key.protocol} << 32 | uint64_t{key.local_port} << 16 | key.remote_port;
  return static_cast<size_t>(mix(mix(mix(0, ports), key.local), key.remote));
}

size_t NatFlows::Hash::operator()(const IpEndpoint& client) const {
  return static_cast<size_t>(mix(mix(0, client.port), client.addr));
}

size_t NatFlows::Hash::operator()(const OwnKey& own) const {
  return static_cast<size_t>(mix((*this)(own.client), uint64_t{(*this)(own.key)}));
}

NatFlows::Flow* NatFlows::find(const Key& key) {
  const auto found = flows_.find(key);
  return found == flows_.end() ? nullptr : &found->second;
}

const NatFlows::Flow* NatFlows::find(const Key& key) const {
  const auto found = flows_.find(key);
  return found == flows_.end() ? nullptr : &found->second;
}

NatFlows::Flow* NatFlows::find_own(const IpEndpoint& client, Key& key) {
  if (!rewritten_.empty()) {
    if (const auto seen = rewritten_.find({client, key}); seen != rewritten_.end()) {
      key.remote_port = seen->second;
      return find(key);
    }
  }
  Flow* const flow = find(key);
  return flow != nullptr && !flow->rewritten() && flow->client.seen_at == client ? flow : nullptr;
}

NatFlows::Flow* NatFlows::add(TimePoint now, const Key& key, const NatClient& client, uint16_t own_port) {
  if (flows_.size() >= kMostFlows) return nullptr;
  size_t& of_client = clients_[client.seen_at];
  if (of_client >= kMostPerClient) return nullptr;
  ++of_client;
  Flow& flow = flows_[key];
  flow.client = client;
  flow.own_port = own_port;
  flow.seen_port = key.remote_port;
  flow.life.last = now;
  if (flow.rewritten()) {
    Key own = key;
    own.remote_port = own_port;
    rewritten_[{client.seen_at, own}] = key.remote_port;
  }
  ++generation_;
  if (!sweep_at_) sweep_at_ = now + kSweepEvery;
  return &flow;
}

void NatFlows::let_go(const Key& key, const Flow& flow) {
  if (flow.rewritten()) {
    Key own = key;
    own.remote_port = flow.own_port;
    rewritten_.erase({flow.client.seen_at, own});
  }
  const auto of_client = clients_.find(flow.client.seen_at);
  if (of_client != clients_.end() && --of_client->second == 0) clients_.erase(of_client);
  ++generation_;
}

void NatFlows::remove(const Key& key) {
  const auto found = flows_.find(key);
  if (found == flows_.end()) return;
  let_go(key, found->second);
  flows_.erase(found);
}

void NatFlows::handle_deadline(TimePoint now) {
  if (!sweep_at_ || *sweep_at_ > now) return;
  std::erase_if(flows_, [&](const auto& each) {
    const bool over = each.second.life.over(now, each.first.protocol);
    if (over) let_go(each.first, each.second);
    return over;
  });
  sweep_at_ = flows_.empty() ? std::nullopt : std::optional(now + kSweepEvery);
}

}  // namespace sallyport::ipsec
