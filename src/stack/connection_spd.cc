// See connection_spd.h.
#include "stack/connection_spd.h"

#include <algorithm>

#include "stack/connection_objects.h"

namespace sallyport::stack {
namespace {

using policy::Filter;
using policy::Layer;

constexpr uint32_t kPriority = 100;

bool is_outbound(Layer layer) { return layer == Layer::OUTBOUND_TRANSPORT_V4 || layer == Layer::OUTBOUND_TRANSPORT_V6; }

// Nothing: the filter decides about no packets.
std::optional<model::SpdEntry> entry_of(const Filter& filter) {
  if (!policy::is_callout(filter.action.type)) return {};
  auto record = read_record(filter.head.provider_data);
  if (!record || record->local.empty()) return {};
  return model::SpdEntry{
      record->connection, record->child, model::Action::PROTECT, std::move(record->local), std::move(record->remote),
      record->reqid,      kPriority};
}

// As filters are asked: the heavier first.
template <class Held>
void sort_by_weight(std::vector<Held>& filters) {
  std::stable_sort(filters.begin(), filters.end(), [](const Held& a, const Held& b) {
    return *a->weight.template as<uint64_t>() > *b->weight.template as<uint64_t>();
  });
}

bool has_exact_weight(const Filter& filter) { return filter.weight.as<uint64_t>() != nullptr; }

}  // namespace

ConnectionSpd connection_spd(const policy::Snapshot& snapshot) {
  ConnectionSpd out;
  std::vector<const Filter*> filters;
  snapshot.filters.for_each([&](const auto& filter) {
    if (!is_of_connection(filter->head)) return;
    ++out.filters[filter->layer];
    if (has_exact_weight(*filter)) filters.push_back(filter.get());
  });
  std::sort(filters.begin(), filters.end(), [](const Filter* a, const Filter* b) { return a->id < b->id; });
  sort_by_weight(filters);
  for (const Filter* filter : filters) {
    auto entry = entry_of(*filter);
    if (!entry) continue;
    if (is_outbound(filter->layer)) out.entries.push_back(*entry);
    out.by_filter.emplace(filter->id, std::make_shared<const model::SpdEntry>(std::move(*entry)));
  }
  return out;
}

std::vector<model::SpdEntry> spd_entries(const FilterObjects& objects) {
  std::vector<const Filter*> filters;
  for (const Filter& filter : objects.filters)
    if (is_of_connection(filter.head) && is_outbound(filter.layer) && has_exact_weight(filter))
      filters.push_back(&filter);
  sort_by_weight(filters);
  std::vector<model::SpdEntry> out;
  for (const Filter* filter : filters) {
    if (auto entry = entry_of(*filter)) out.push_back(std::move(*entry));
  }
  return out;
}

bool others_stand(const policy::Snapshot& snapshot, const ConnectionSpd* connections) {
  constexpr Point kPoints[] = {Point::outbound_transport, Point::inbound_transport, Point::ale_auth_connect,
                               Point::ale_auth_recv_accept, Point::ipforward};
  for (const Point point : kPoints) {
    for (const Family family : {Family::v4, Family::v6}) {
      const Layer layer = layer_of(point, family);
      size_t all = 0;
      for (const policy::SublayerBank& bank : snapshot.banks(layer)) all += bank.index.size();
      size_t known = point != Point::ipforward && !snapshot.exemptions.empty() ? 1 : 0;
      if (connections != nullptr) {
        const auto of_layer = connections->filters.find(layer);
        if (of_layer != connections->filters.end()) known += of_layer->second;
      }
      if (all > known) return true;
    }
  }
  return false;
}

bool covers(const model::SpdEntry& entry, const HostFlow& flow) {
  uint16_t local_port = flow.local_port, remote_port = flow.remote_port;
  if (flow.protocol == 1 || flow.protocol == 58)
    local_port = remote_port = static_cast<uint16_t>(flow.local_port << 8 | flow.remote_port);
  return model::contains(entry.local, flow.local, flow.protocol, local_port, flow.ports_known) &&
         model::contains(entry.remote, flow.remote, flow.protocol, remote_port, flow.ports_known);
}

}  // namespace sallyport::stack
