// Judgements over the whole configuration, and numbers that need all of it.
#include <algorithm>
#include <set>

#include "config/read_parts.h"

namespace sallyport::config {

namespace {

uint32_t fnv1a(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

// From the names, so that a child keeps its reqid over reloads whatever else is added or removed; two children whose
// names hash alike are told apart in the order of their names.
void number_children(Settings& settings) {
  std::vector<std::pair<std::string, model::ChildPolicy*>> children;
  for (auto& connection : settings.connections) {
    for (auto& child : connection.children) children.emplace_back(connection.name + "." + child.name, &child);
  }
  std::sort(children.begin(), children.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::set<uint32_t> used;
  for (auto& [name, child] : children) {
    uint32_t reqid = fnv1a(name);
    while (reqid == 0 || used.contains(reqid)) ++reqid;
    used.insert(reqid);
    child->reqid = reqid;
  }
}

const model::ChildPolicy* child_of(const model::ConnectionPolicy& connection, std::string_view name) {
  for (const auto& child : connection.children) {
    if (child.name == name) return &child;
  }
  return nullptr;
}

// What is wrong with the children that lie inside one another, from this one outwards; nothing: fine.
std::string nesting_trouble(const model::ConnectionPolicy& connection, const model::ChildPolicy& child) {
  std::vector<std::string_view> names;
  for (const auto& each : connection.children) names.push_back(each.name);
  const model::ChildPolicy* outer = &child;
  for (size_t depth = 0; !outer->inside.empty(); ++depth) {
    const model::ChildPolicy* next = child_of(connection, outer->inside);
    if (next == nullptr) return "no child is called \"" + outer->inside + "\"" + suggestion(outer->inside, names);
    if (next == &child || depth == connection.children.size()) return "leads back to the child itself.";
    outer = next;
  }
  return {};
}

void resolve_nesting(model::ConnectionPolicy& connection) {
  for (auto& child : connection.children) {
    const model::ChildPolicy* outer = child.inside.empty() ? nullptr : child_of(connection, child.inside);
    child.outer_reqid = outer ? outer->reqid : 0;
  }
}

// The inner host needs addresses; a child that names one single address has said which.
void give_inner_addresses(Settings& settings) {
  if (settings.device.type != DeviceSettings::Type::internal || !settings.device.addresses.empty()) return;
  for (const auto& connection : settings.connections) {
    for (const auto& child : connection.children) {
      for (const auto& selector : child.local) {
        auto& have = settings.device.addresses;
        if (selector.first == selector.last && std::find(have.begin(), have.end(), selector.first) == have.end()) {
          have.push_back(selector.first);
        }
      }
    }
  }
}

bool share_family(const model::ChildPolicy& child) {
  for (const auto& local : child.local) {
    for (const auto& remote : child.remote) {
      if (local.family() == remote.family()) return true;
    }
  }
  return child.local.empty() || child.remote.empty();
}

}  // namespace

void validate(Settings& settings, const std::vector<Origin>& origins, const Origin& main,
              std::vector<ConfigError>& errors) {
  for (size_t i = 0; i < settings.connections.size(); ++i) {
    const auto& connection = settings.connections[i];
    for (const auto& child : connection.children) {
      const std::string key = "connection." + connection.name + ".child." + child.name;
      if (!share_family(child)) {
        errors.push_back({origins[i].file, origins[i].line, key,
                          "local and remote are of different IP versions: no packet can match."});
      }
      // The SAs of a nest meet in one shard only where there is but one.
      if (!child.inside.empty() && settings.daemon.workers > 1) {
        errors.push_back({origins[i].file, origins[i].line, key + ".inside", "needs daemon.workers = 1."});
      }
      if (std::string trouble = nesting_trouble(connection, child); !trouble.empty()) {
        errors.push_back({origins[i].file, origins[i].line, key + ".inside", std::move(trouble)});
      }
    }
  }
  give_inner_addresses(settings);
  if (settings.device.type == DeviceSettings::Type::internal && settings.daemon.workers > 1) {
    errors.push_back(
        {main.file, main.line, "daemon.workers", "must be 1 with the internal device, which has one queue."});
  }
  if (settings.device.type == DeviceSettings::Type::internal && settings.device.addresses.empty() && errors.empty()) {
    errors.push_back(
        {main.file, main.line, "device.address",
         "the internal device needs an address: write one here, or a child whose local is a single address."});
  }
  number_children(settings);
  for (auto& connection : settings.connections) resolve_nesting(connection);
}

// A drop-in may name what another file says: contexts are looked for when all files are read.
void validate_filters(const Settings& settings, const std::vector<Origin>& origins, const Origin& main,
                      std::vector<ConfigError>& errors) {
  const FilterPolicy& policy = settings.filters;
  std::set<std::string> seen;
  for (size_t i = 0; i < policy.filters.size() && i < origins.size(); ++i) {
    const FilterSettings& filter = policy.filters[i];
    const std::string key = "filter \"" + filter.name + "\"";
    if (!seen.insert(filter.layer + (filter.v4 ? "4" : "") + (filter.v6 ? "6" : "") + "/" + filter.name).second)
      errors.push_back({origins[i].file, origins[i].line, key, "another filter at this layer has the same name."});
    if (filter.context.empty()) continue;
    std::vector<std::string_view> names;
    if (filter.layer == "IKEEXT") {
      for (const auto& each : policy.main_modes) names.push_back(each.name);
    } else {
      for (const auto& each : policy.quick_modes) names.push_back(each.name);
    }
    if (std::find(names.begin(), names.end(), filter.context) != names.end()) continue;
    errors.push_back({origins[i].file, origins[i].line, key,
                      std::string("no ") + (filter.layer == "IKEEXT" ? "main_mode" : "quick_mode") + " is called \"" +
                          filter.context + "\"" + suggestion(filter.context, names)});
  }
  for (const auto& tunnel : policy.tunnels) {
    std::vector<std::string_view> names;
    for (const auto& each : policy.main_modes) names.push_back(each.name);
    if (std::find(names.begin(), names.end(), tunnel.main_mode) == names.end())
      errors.push_back({main.file, main.line, "tunnel." + tunnel.name + ".main_mode",
                        "no main_mode is called \"" + tunnel.main_mode + "\"" + suggestion(tunnel.main_mode, names)});
  }
}

}  // namespace sallyport::config
