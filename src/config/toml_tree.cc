#include "config/toml_tree.h"

#include <algorithm>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace sallyport::config {

namespace {

constexpr int kMaxDepth = 32;

Node convert(const toml::node& in, int depth);

Node convert_table(const toml::table& in, int depth) {
  Node out;
  out.kind = Node::Kind::table;
  for (const auto& [key, value] : in) {
    Member member{std::string(key.str()), key.source().begin.line, {}};
    if (depth < kMaxDepth) member.value = convert(value, depth + 1);
    if (member.line == 0) member.line = member.value.line;
    out.members.push_back(std::move(member));
  }
  // The library sorts by name; people read in the order of the file.
  std::stable_sort(out.members.begin(), out.members.end(),
                   [](const Member& a, const Member& b) { return a.line < b.line; });
  return out;
}

Node convert(const toml::node& in, int depth) {
  Node out;
  if (const auto* table = in.as_table()) {
    out = convert_table(*table, depth);
  } else if (const auto* array = in.as_array()) {
    out.kind = Node::Kind::array;
    for (const auto& item : *array) {
      if (depth < kMaxDepth) out.items.push_back(convert(item, depth + 1));
    }
  } else if (const auto* text = in.as_string()) {
    out.kind = Node::Kind::string;
    out.text = text->get();
  } else if (const auto* integer = in.as_integer()) {
    out.kind = Node::Kind::integer;
    out.integer = integer->get();
  } else if (const auto* number = in.as_floating_point()) {
    out.kind = Node::Kind::number;
    out.number = number->get();
  } else if (const auto* boolean = in.as_boolean()) {
    out.kind = Node::Kind::boolean;
    out.boolean = boolean->get();
  } else {
    out.kind = Node::Kind::date;
  }
  out.line = in.source().begin.line;
  return out;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string_view to_string(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::string: return "a string";
    case Node::Kind::integer: return "a whole number";
    case Node::Kind::number: return "a number";
    case Node::Kind::boolean: return "true or false";
    case Node::Kind::array: return "a list";
    case Node::Kind::table: return "a table";
    case Node::Kind::date: return "a date or time";
  }
  return "something else";
}

std::variant<Node, TomlError> parse_toml(std::string_view text) {
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    return TomlError{result.error().source().begin.line, std::string(result.error().description())};
  }
  return convert(result.table(), 0);
}

}  // namespace sallyport::config
