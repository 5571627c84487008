#include "config/section.h"

#include <algorithm>
#include <cmath>

#include "config/units.h"

namespace sallyport::config {

namespace {

size_t edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string seconds_text(Duration d) {
  const auto ms = std::chrono::duration_cast<milliseconds>(d).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

const Node kEmptyTable;

}  // namespace

std::string Reading::beside(const std::string& path) const {
  if (path.empty() || path.front() == '/') return path;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? path : file.substr(0, slash + 1) + path;
}

std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > 64) return std::nullopt;
  std::optional<std::string_view> best;
  size_t fewest = 1 + std::max<size_t>(2, word.size() / 2);
  for (std::string_view candidate : candidates) {
    const size_t n = edits(word, candidate);
    if (n < fewest && n < std::max(word.size(), candidate.size())) {
      fewest = n;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (const auto best = nearest(word, candidates)) return "; did you mean \"" + std::string(*best) + "\"?";
  std::string out;
  for (std::string_view candidate : candidates) out += (out.empty() ? "; known are " : ", ") + std::string(candidate);
  return out + ".";
}

Section::Section(const Node& node, std::string path, const Reading& reading, uint32_t line)
    : node_(&node), path_(std::move(path)), reading_(&reading), line_(line) {
  if (node.kind != Node::Kind::table) {
    reading.refuse(line, path_, "must be a table, not " + std::string(to_string(node.kind)) + ".");
    node_ = &kEmptyTable;
  }
}

bool Section::has(std::string_view key) { return find(key) != nullptr; }

const Node* Section::find(std::string_view key) {
  known_.push_back(key);
  return node_->find(key);
}

const Node* Section::expect(std::string_view key, Node::Kind kind) {
  const Node* value = find(key);
  if (value == nullptr || value->kind == kind) return value;
  refuse(key, "must be " + std::string(to_string(kind)) + ", not " + std::string(to_string(value->kind)) + ".");
  return nullptr;
}

bool Section::read(std::string_view key, std::string& out) {
  const Node* value = expect(key, Node::Kind::string);
  if (value == nullptr) return false;
  if (value->text.find('\0') != std::string::npos) {
    refuse(key, "holds a zero octet.");
    return false;
  }
  out = value->text;
  return true;
}

bool Section::read(std::string_view key, bool& out) {
  const Node* value = expect(key, Node::Kind::boolean);
  if (value == nullptr) return false;
  out = value->boolean;
  return true;
}

bool Section::read(std::string_view key, double& out, double least, double most) {
  const Node* value = find(key);
  if (value == nullptr) return false;
  if (value->kind != Node::Kind::number && value->kind != Node::Kind::integer) {
    refuse(key, "must be a number, not " + std::string(to_string(value->kind)) + ".");
    return false;
  }
  const double number = value->kind == Node::Kind::number ? value->number : static_cast<double>(value->integer);
  if (!(number >= least && number <= most)) {
    const auto plain = [](double d) {
      std::string text = std::to_string(d);
      text.erase(text.find_last_not_of('0') + 1);
      if (text.back() == '.') text.pop_back();
      return text;
    };
    refuse(key, "must lie between " + plain(least) + " and " + plain(most) + ".");
    return false;
  }
  out = number;
  return true;
}

bool Section::read_integer(std::string_view key, int64_t& out, int64_t least, int64_t most) {
  const Node* value = expect(key, Node::Kind::integer);
  if (value == nullptr) return false;
  if (value->integer < least || value->integer > most) {
    refuse(key, "must lie between " + std::to_string(least) + " and " + std::to_string(most) + ", not " +
                    std::to_string(value->integer) + ".");
    return false;
  }
  out = value->integer;
  return true;
}

bool Section::read_duration(std::string_view key, Duration& out, Duration least, Duration most, bool may_be_never) {
  const Node* value = expect(key, Node::Kind::string);
  if (value == nullptr) return false;
  if (may_be_never && value->text == "never") {
    out = Duration::zero();
    return true;
  }
  const auto duration = parse_duration(value->text);
  if (!duration) {
    refuse(key, "\"" + value->text + "\" is no duration; write it like \"30s\", \"15m\", \"1h30m\" or \"250ms\"" +
                    (may_be_never ? ", or \"never\"." : "."));
    return false;
  }
  if (*duration < least || *duration > most) {
    refuse(key, "must lie between \"" + seconds_text(least) + "\" and \"" + seconds_text(most) + "\"" +
                    (may_be_never ? ", or be \"never\"." : "."));
    return false;
  }
  out = *duration;
  return true;
}

bool Section::read_size(std::string_view key, std::optional<uint64_t>& out) {
  const Node* value = find(key);
  if (value == nullptr) return false;
  if (value->kind == Node::Kind::integer && value->integer > 0) {
    out = static_cast<uint64_t>(value->integer);
    return true;
  }
  if (value->kind == Node::Kind::string) {
    if (value->text == "never") {
      out.reset();
      return true;
    }
    if (const auto size = parse_size(value->text); size && *size > 0) {
      out = *size;
      return true;
    }
  }
  refuse(key, "must be a number above 0, or text like \"10GiB\" or \"500MB\", or \"never\".");
  return false;
}

bool Section::read_path(std::string_view key, std::string& out) {
  std::string path;
  if (!read(key, path)) return false;
  if (path.empty()) {
    refuse(key, "must not be empty.");
    return false;
  }
  out = reading_->beside(path);
  return true;
}

bool Section::read_list(std::string_view key, std::vector<std::string>& out) {
  const Node* value = find(key);
  if (value == nullptr) return false;
  std::vector<std::string> list;
  if (value->kind == Node::Kind::string) {
    list.push_back(value->text);
  } else if (value->kind == Node::Kind::array) {
    for (const Node& item : value->items) {
      if (item.kind != Node::Kind::string) {
        refuse(key, "must hold strings only, not " + std::string(to_string(item.kind)) + ".");
        return false;
      }
      list.push_back(item.text);
    }
  } else {
    refuse(key, "must be a string or a list of strings, not " + std::string(to_string(value->kind)) + ".");
    return false;
  }
  if (list.empty()) {
    refuse(key, "must not be empty.");
    return false;
  }
  out = std::move(list);
  return true;
}

bool Section::read_word(std::string_view key, std::string& out, const std::vector<std::string_view>& words) {
  std::string word;
  if (!read(key, word)) return false;
  if (std::find(words.begin(), words.end(), word) == words.end()) {
    refuse(key, "\"" + word + "\" is not known here" + suggestion(word, words));
    return false;
  }
  out = word;
  return true;
}

void Section::refuse(std::string_view key, std::string sentence) {
  reading_->refuse(line_of(key), path_of(key), std::move(sentence));
}

uint32_t Section::line_of(std::string_view key) const {
  for (const Member& member : node_->members) {
    if (member.key == key) return member.line != 0 ? member.line : member.value.line;
  }
  return line_;
}

std::string Section::path_of(std::string_view key) const {
  if (key.empty()) return path_;
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void Section::finish() {
  std::sort(known_.begin(), known_.end());
  known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
  for (const Member& member : node_->members) {
    if (std::binary_search(known_.begin(), known_.end(), std::string_view(member.key))) continue;
    refuse(member.key, "unknown key" + suggestion(member.key, known_));
  }
}

}  // namespace sallyport::config
