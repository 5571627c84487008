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
    }
  }
  give_inner_addresses(settings);
  if (settings.device.type == DeviceSettings::Type::internal && settings.device.addresses.empty() && errors.empty()) {
    errors.push_back(
        {main.file, main.line, "device.address",
         "the internal device needs an address: write one here, or a child whose local is a single address."});
  }
  number_children(settings);
}

}  // namespace sallyport::config
