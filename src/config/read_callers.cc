// [[secure_sockets.caller]]: who may secure sockets, and whose programs may have files opened as their peers' accounts.
#include "config/read_parts.h"

namespace sallyport::config {

namespace {

using Broker = SocketCallerRule::Broker;

void read_paths(Section& section, std::string_view key, std::vector<std::string>& out) {
  if (!section.read_list(key, out)) return;
  for (std::string& path : out) {
    if (path.empty() || path.front() != '/') section.refuse(key, "\"" + path + "\" must begin with a slash.");
    while (path.size() > 1 && path.back() == '/') path.pop_back();
  }
}

SocketCallerRule read_caller(Section section, size_t index) {
  SocketCallerRule out;
  out.file = section.reading().file;
  out.line = section.line();
  out.name = "caller[" + std::to_string(index) + "]";
  section.read("name", out.name);
  std::string word;
  if (section.read_word("action", word, {"allow", "refuse"})) {
    out.allow = word == "allow";
  } else if (!section.has("action")) {
    section.refuse("action", "is missing: \"allow\" or \"refuse\".");
  }
  section.read_list("user", out.users);
  section.read_list("group", out.groups);
  read_paths(section, "cgroup", out.cgroups);
  read_paths(section, "executable", out.executables);
  if (section.read_word("broker", word, {"none", "read", "write"}))
    out.broker = word == "write" ? Broker::write : word == "read" ? Broker::read : Broker::none;
  if (out.broker != Broker::none && !out.allow) section.refuse("broker", "is for callers that are allowed.");
  section.finish();
  return out;
}

}  // namespace

void read_socket_callers(Section& section, std::vector<SocketCallerRule>& out) {
  const Node* node = section.find("caller");
  if (node == nullptr) return;
  if (node->kind != Node::Kind::array)
    return section.refuse("caller", "must be a list of tables: write [[secure_sockets.caller]].");
  for (size_t i = 0; i < node->items.size(); ++i) {
    const Node& item = node->items[i];
    out.push_back(read_caller(
        Section(item, section.path_of("caller") + "[" + std::to_string(i) + "]", section.reading(), item.line), i));
  }
}

}  // namespace sallyport::config
