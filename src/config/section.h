// One table of the configuration while it is read: each getter takes a key, checks kind and range, and remembers that
// the key is known; finish() then refuses what nobody asked for and names the nearest key. Pure; one thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/load.h"
#include "config/toml_tree.h"

namespace sallyport::config {

// Where errors go and which file is being read.
struct Reading {
  std::string file;
  std::vector<ConfigError>* errors = nullptr;
  void refuse(uint32_t line, std::string key, std::string sentence) const {
    errors->push_back({file, line, std::move(key), std::move(sentence)});
  }
  // A path written in the file: absolute, or beside the file.
  std::string beside(const std::string& path) const;
};

// The candidate with the fewest edits; nothing when even that one is too different to have been meant.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);
// ", did you mean "X"?" or the list of candidates.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

class Section {
 public:
  // Requires: both outlive the section. A node that is no table is refused and reads as an empty one.
  Section(const Node& node, std::string path, const Reading& reading, uint32_t line);

  bool has(std::string_view key);
  const Node* find(std::string_view key);  // the value, whatever it is; marks the key as known

  // Each leaves `out` alone when the key is absent or refused, and returns whether it was set.
  bool read(std::string_view key, std::string& out);
  bool read(std::string_view key, bool& out);
  bool read(std::string_view key, double& out, double least, double most);
  bool read_integer(std::string_view key, int64_t& out, int64_t least, int64_t most);
  bool read_duration(std::string_view key, Duration& out, Duration least, Duration most, bool may_be_never);
  bool read_size(std::string_view key, std::optional<uint64_t>& out);   // a number, or text with a unit, or "never"
  bool read_path(std::string_view key, std::string& out);               // made relative to the file
  bool read_list(std::string_view key, std::vector<std::string>& out);  // one string, or a list of them
  bool read_word(std::string_view key, std::string& out, const std::vector<std::string_view>& words);
  template <class T>
  bool read_number(std::string_view key, T& out, int64_t least, int64_t most) {
    int64_t value = 0;
    if (!read_integer(key, value, least, most)) return false;
    out = static_cast<T>(value);
    return true;
  }

  void refuse(std::string_view key, std::string sentence);  // about the value of a key, or the table when it is empty
  void finish();
  uint32_t line() const { return line_; }
  uint32_t line_of(std::string_view key) const;
  std::string path_of(std::string_view key) const;
  const Node& node() const { return *node_; }
  const Reading& reading() const { return *reading_; }

 private:
  const Node* expect(std::string_view key, Node::Kind kind);

  const Node* node_;
  std::string path_;
  const Reading* reading_;
  uint32_t line_;
  std::vector<std::string_view> known_;
};

}  // namespace sallyport::config
