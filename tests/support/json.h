// A small reader of JSON for test vectors: objects, arrays, strings, numbers, true, false, null. Tolerant of what
// vectors do not use: numbers stay text, \u escapes become '?'. Not for input of strangers: it recurses and throws.
#pragma once
#include <cctype>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::test {

struct Json {
  std::string text;  // of a string, a number or a word
  std::vector<Json> items;
  std::map<std::string, Json> members;

  const Json& at(const std::string& name) const {
    static const Json nothing;
    const auto found = members.find(name);
    return found == members.end() ? nothing : found->second;
  }
  unsigned number() const { return text.empty() ? 0 : static_cast<unsigned>(std::stoul(text)); }
};

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}
  Json value() {
    Json out;
    switch (peek()) {
      case '{': object(out); break;
      case '[': array(out); break;
      case '"': out.text = string(); break;
      default: out.text = word(); break;
    }
    return out;
  }

 private:
  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    if (at_ >= text_.size()) throw std::runtime_error("JSON ends early");
    return text_[at_];
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw std::runtime_error("JSON: unexpected character");
  }
  void object(Json& out) {
    expect('{');
    if (take('}')) return;
    do {
      peek();
      std::string name = string();
      expect(':');
      out.members[name] = value();
    } while (take(','));
    expect('}');
  }
  void array(Json& out) {
    expect('[');
    if (take(']')) return;
    do {
      out.items.push_back(value());
    } while (take(','));
    expect(']');
  }
  std::string string() {
    expect('"');
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && ++at_ < text_.size()) {
        const bool coded = text_[at_] == 'u';
        out.push_back(coded ? '?' : text_[at_] == 'n' ? '\n' : text_[at_]);
        at_ += coded ? 5 : 1;
      } else {
        out.push_back(text_[at_++]);
      }
    }
    expect('"');
    return out;
  }
  std::string word() {
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-' ||
                                  text_[at_] == '+' || text_[at_] == '.'))
      ++at_;
    if (at_ == start) throw std::runtime_error("JSON: unexpected character");
    return std::string(text_.substr(start, at_ - start));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace sallyport::test
