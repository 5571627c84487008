#include "cli/json.h"

namespace sallyport::cli {

void Json::separate() {
  if (!after_key_ && !first_) out_ += ',';
  after_key_ = false;
  first_ = false;
}

Json& Json::object() {
  separate();
  out_ += '{';
  open_ += '}';
  first_ = true;
  return *this;
}

Json& Json::array() {
  separate();
  out_ += '[';
  open_ += ']';
  first_ = true;
  return *this;
}

Json& Json::close() {
  if (open_.empty()) return *this;
  out_ += open_.back();
  open_.pop_back();
  first_ = false;
  return *this;
}

Json& Json::key(std::string_view name) {
  value(name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

Json& Json::value(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  separate();
  out_ += '"';
  for (char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (octet < 0x20 || octet == 0x7f) {
      out_ += "\\u00";
      out_ += kHex[octet >> 4];
      out_ += kHex[octet & 15];
    } else {
      out_ += c;
    }
  }
  out_ += '"';
  return *this;
}

Json& Json::value(bool truth) {
  separate();
  out_ += truth ? "true" : "false";
  return *this;
}
Json& Json::value(uint64_t number) {
  separate();
  out_ += std::to_string(number);
  return *this;
}
Json& Json::value(int64_t number) {
  separate();
  out_ += std::to_string(number);
  return *this;
}
Json& Json::null() {
  separate();
  out_ += "null";
  return *this;
}

Json& Json::field(std::string_view name, const std::vector<std::string>& list) {
  key(name).array();
  for (const auto& text : list) value(std::string_view(text));
  return close();
}

}  // namespace sallyport::cli
