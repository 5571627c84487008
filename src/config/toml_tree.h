// TOML 1.0 text as a plain tree that remembers lines. The only place that knows the TOML library. Values.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sallyport::config {

struct Member;

struct Node {
  enum class Kind : uint8_t { string, integer, number, boolean, array, table, date };
  Kind kind = Kind::table;
  uint32_t line = 0;
  std::string text;  // of a string
  int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  std::vector<Node> items;      // of an array
  std::vector<Member> members;  // of a table, in the order of the file

  const Node* find(std::string_view key) const;
};

struct Member {
  std::string key;
  uint32_t line = 0;
  Node value;
};

struct TomlError {
  uint32_t line = 0;
  std::string sentence;
};

// "string", "list", ... as a sentence names it.
std::string_view to_string(Node::Kind kind);
std::variant<Node, TomlError> parse_toml(std::string_view text);

}  // namespace sallyport::config
