// See protection.h.
#include "stack/protection.h"

#include <algorithm>

#include "stack/connection_objects.h"
#include "stack/connection_spd.h"

namespace sallyport::stack {
namespace {

bool takes_all(const model::Selectors& selectors, Family family) {
  return model::covers(selectors, model::Selectors{model::Selector::any(family)});
}

bool names(const model::SpdEntry& entry, Family family) {
  const auto of_family = [&](const model::Selector& s) { return s.family() == family; };
  return std::any_of(entry.remote.begin(), entry.remote.end(), of_family);
}

}  // namespace

std::vector<model::SpdEntry> spd_entries(const std::vector<model::ConnectionPolicy>& connections) {
  return spd_entries(connection_objects(connections));
}

namespace {

// Addresses of the IPv6 selectors alone.
model::Selectors ranges_of(const model::Selectors& selectors) {
  model::Selectors out;
  for (const auto& selector : selectors) {
    if (selector.family() != Family::v6) continue;
    model::Selector range = model::Selector::any(Family::v6);
    range.first = selector.first;
    range.last = selector.last;
    out.push_back(range);
  }
  return out;
}

model::Selectors transport_hosts(const std::vector<model::ConnectionPolicy>& connections) {
  model::Selectors whole, pieces;
  for (const auto& connection : connections) {
    for (const auto& child : connection.children) {
      const bool transport = child.mode == model::Mode::transport && !child.accept_tunnel;
      for (auto& range : ranges_of(child.remote)) (transport ? whole : pieces).push_back(range);
    }
  }
  std::erase_if(whole, [&](const model::Selector& host) {
    return std::any_of(pieces.begin(), pieces.end(),
                       [&](const model::Selector& range) { return model::intersect(host, range).has_value(); });
  });
  return whole;
}

}  // namespace

Protection protection_of(const std::vector<model::ConnectionPolicy>& connections, bool refuse_other_family) {
  Protection out{spd_entries(connections), {}, transport_hosts(connections)};
  if (!refuse_other_family) return out;
  for (const Family all : {Family::v4, Family::v6}) {
    const Family other = all == Family::v4 ? Family::v6 : Family::v4;
    const bool everything =
        std::any_of(out.entries.begin(), out.entries.end(), [&](const auto& e) { return takes_all(e.remote, all); });
    const bool named =
        std::any_of(out.entries.begin(), out.entries.end(), [&](const auto& e) { return names(e, other); });
    if (everything && !named) out.refused_families.push_back(other);
  }
  return out;
}

model::Selectors inside_ranges(const model::SpdEntry& entry) {
  model::Selectors out;
  const auto whole = [](const model::Selector& s) { return s.protocol == 0 && s.any_port(); };
  for (const auto& local : entry.local) {
    const bool within = std::any_of(entry.remote.begin(), entry.remote.end(), [&](const model::Selector& remote) {
      return whole(local) && whole(remote) && model::covers(remote, local) && !model::covers(local, remote);
    });
    if (within) out.push_back(local);
  }
  return out;
}

}  // namespace sallyport::stack
