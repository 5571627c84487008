// Counting and asking for per-resource Child SAs. RFC 9611 3, 5.
#include "ike/v2/resources.h"

#include <algorithm>
#include <set>

namespace sallyport::ike::v2::resources {

using namespace wire::ike2;

NotifyPayload info(std::optional<uint32_t> resource) {
  NotifyPayload out{0, {}, NotifyType::SA_RESOURCE_INFO, {}};
  // RFC 9611 5.1: opaque; an ordinal says nothing about the machine.
  if (resource) {
    out.content.resize(4);
    store_be32(out.content.data(), *resource);
  }
  return out;
}

bool has_info(const std::vector<Payload>& payloads) {
  return find_notify(payloads, NotifyType::SA_RESOURCE_INFO) != nullptr;
}

static std::set<uint32_t> taken(const IkeSa& sa, std::string_view child) {
  std::set<uint32_t> out;
  for (const auto& one : sa.children) {
    if (one->name == child && one->resource) out.insert(*one->resource);
  }
  return out;
}

static bool serves_all(const ChildSa& one) {
  return !one.resource && one.state != ChildSa::State::REKEYED && one.state != ChildSa::State::DELETING;
}

ChildResult<std::optional<uint32_t>> place(IkeSa& sa, const model::ChildPolicy& policy) {
  const bool first = std::none_of(sa.children.begin(), sa.children.end(),
                                  [&](const auto& c) { return c->name == policy.name && serves_all(*c); });
  if (first) return std::optional<uint32_t>{};
  const std::set<uint32_t> used = taken(sa, policy.name);
  // RFC 9611 3: a peer may have more processors than we; twice our own number is served, the rest is refused.
  if (used.size() >= size_t{2} * policy.resources) {
    sa.host.count_row("TS_MAX_QUEUE");
    ChildRefusal why{Error{Errc::limit, 0},
                     "the peer asks for more per-resource Child SAs of " + policy.name + " than we serve",
                     std::to_string(2 * policy.resources), std::to_string(used.size() + 1), NotifyType::TS_MAX_QUEUE};
    return tl::unexpected<ChildRefusal>(std::move(why));
  }
  uint32_t free = 0;  // nor one that we are about to ask for
  while (used.contains(free) || sa.has_copy(policy.name, free)) ++free;
  return std::optional<uint32_t>{free};
}

void ask_for_copies(IkeSa& sa, const ChildSa& first, const model::ChildPolicy& policy) {
  if (!first.per_resource || first.resource || sa.host.config().shards > 1) return;
  const std::set<uint32_t> used = taken(sa, policy.name);
  for (uint32_t resource = 0; resource < policy.resources; ++resource) {
    if (used.contains(resource)) continue;
    Task copy(Task::Kind::create_child, policy.name);
    copy.resource = resource;
    sa.queue(std::move(copy));
  }
}

void ask_for_copy(IkeSa& sa, TimePoint now, const ChildSa& one, uint32_t resource) {
  const model::ConnectionPolicy* connection = sa.connection();
  if (!connection || !one.per_resource || sa.copies_refused.contains(one.name) || sa.has_copy(one.name, resource))
    return;
  const auto policy = std::find_if(connection->children.begin(), connection->children.end(),
                                   [&](const model::ChildPolicy& p) { return p.name == one.name; });
  if (policy == connection->children.end()) return;
  const std::set<uint32_t> used = taken(sa, one.name);
  if (used.size() >= policy->resources || used.contains(resource)) return;
  sa.host.count_row("a copy is asked for on demand");
  Task copy(Task::Kind::create_child, one.name);
  copy.resource = resource;
  sa.queue(std::move(copy));
  sa.start_tasks(now);
}

void stop(IkeSa& sa, std::string_view child) {
  sa.host.count_row("TS_MAX_QUEUE obeyed");
  sa.copies_refused.emplace(child);
  for (Task& task : sa.take_tasks()) {
    if (task.kind == Task::Kind::create_child && task.child == child && task.resource) continue;
    sa.queue(std::move(task));
  }
}

}  // namespace sallyport::ike::v2::resources
