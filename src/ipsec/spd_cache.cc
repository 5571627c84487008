#include "ipsec/spd_cache.h"

#include <algorithm>
#include <bit>

namespace sallyport::ipsec {

namespace {

// RFC 4301 4.4.1.1: type and code of ICMP stand in one port of either end.
bool is_icmp(uint8_t protocol) { return protocol == 1 || protocol == 58; }

bool covers(const model::SpdEntry& entry, const model::FlowKey& flow, bool leaving) {
  const IpAddr& local = leaving ? flow.source : flow.destination;
  const IpAddr& remote = leaving ? flow.destination : flow.source;
  uint16_t local_port = leaving ? flow.source_port : flow.destination_port;
  uint16_t remote_port = leaving ? flow.destination_port : flow.source_port;
  if (is_icmp(flow.protocol)) local_port = remote_port = flow.source_port;
  return model::contains(entry.local, local, flow.protocol, local_port, flow.ports_known) &&
         model::contains(entry.remote, remote, flow.protocol, remote_port, flow.ports_known);
}

uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15u;
  return x ^ (x >> 29);
}

// Eight octets at a time; a collision costs a walk through the entries and nothing else.
size_t slot_of(const model::FlowKey& flow) {
  uint64_t h = (uint64_t{flow.source_port} << 32) | (uint64_t{flow.destination_port} << 16) |
               (uint64_t{flow.protocol} << 1) | (flow.ports_known ? 1 : 0);
  for (const IpAddr* address : {&flow.source, &flow.destination}) {
    const ByteView octets = address->bytes();
    for (size_t at = 0; at + 4 <= octets.size(); at += 4) h = mix(h ^ std::rotl(h, 17) ^ load_be32(octets.data() + at));
  }
  return static_cast<size_t>(mix(h));
}

}  // namespace

Spd::Spd() : slots_(kFewestSlots) {}

void Spd::set(std::vector<model::SpdEntry> entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const model::SpdEntry& a, const model::SpdEntry& b) { return a.priority < b.priority; });
  entries_.clear();
  const auto names_ports = [](const model::Selector& s) { return !s.any_port() && !s.opaque_port(); };
  selects_ports_ = std::any_of(entries.begin(), entries.end(), [&](const model::SpdEntry& e) {
    return std::any_of(e.local.begin(), e.local.end(), names_ports) ||
           std::any_of(e.remote.begin(), e.remote.end(), names_ports);
  });
  for (model::SpdEntry& entry : entries) {
    entries_.push_back(std::make_shared<const model::SpdEntry>(std::move(entry)));
  }
  index_.clear();
  by_reqid_.clear();
  // Back to front: what is filed last goes before others of the same place, which costs nothing.
  for (size_t i = entries_.size(); i-- > 0;) {
    const model::SpdEntry& entry = *entries_[i];
    index_.add(0, entry.local, entry.remote, i, &entries_[i]);
    if (entry.action == model::Action::PROTECT) by_reqid_.set(entry.reqid, &entries_[i]);
  }
  if (const size_t wanted = std::min(kMostSlots, std::bit_ceil(entries_.size() * 4)); wanted > slots_.size()) {
    slots_.assign(wanted, {});
  }
  ++generation_;
}

const Spd::Entry* Spd::find(const IpAddr& local, const IpAddr& remote, const model::FlowKey& flow, bool leaving) const {
  const auto fits = [&](const void* entry) { return covers(**static_cast<const Entry*>(entry), flow, leaving); };
  return static_cast<const Entry*>(index_.find(0, local, remote, fits));
}

const Spd::Entry* Spd::find_outbound(const model::FlowKey& flow) const {
  return find(flow.source, flow.destination, flow, true);
}

const Spd::Entry* Spd::find_inbound(const model::FlowKey& flow) const {
  return find(flow.destination, flow.source, flow, false);
}

const Spd::Entry* Spd::find_reqid(uint32_t reqid) const { return by_reqid_.find(reqid); }

Spd::Decision& Spd::decide_outbound(const model::FlowKey& flow) {
  Slot& slot = slots_[slot_of(flow) & (slots_.size() - 1)];
  if (slot.generation == generation_ && slot.flow == flow) {
    ++hits_;
    return slot.decision;
  }
  ++misses_;
  slot.flow = flow;
  slot.generation = generation_;
  slot.decision = {};
  slot.decision.entry = find_outbound(flow);
  return slot.decision;
}

void Spd::prefetch(const model::FlowKey& flow) const {
  const auto* const slot = reinterpret_cast<const uint8_t*>(&slots_[slot_of(flow) & (slots_.size() - 1)]);
  for (size_t line = 0; line < sizeof(Slot); line += 64) __builtin_prefetch(slot + line);
}

const SaOutbound* Spd::used_last(const model::FlowKey& flow) const {
  const Slot& slot = slots_[slot_of(flow) & (slots_.size() - 1)];
  return slot.generation == generation_ && slot.flow == flow ? slot.decision.sa : nullptr;
}

}  // namespace sallyport::ipsec
