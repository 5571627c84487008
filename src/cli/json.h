// A small JSON writer: values in the order they are given, RFC 8259. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::cli {

class Json {
 public:
  Json& object();  // opens; close() ends the innermost open object or array
  Json& array();
  Json& close();
  Json& key(std::string_view name);
  Json& value(std::string_view text);
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(bool truth);
  Json& value(uint64_t number);
  Json& value(uint32_t number) { return value(uint64_t{number}); }
  Json& value(int64_t number);
  Json& null();
  template <class T>
  Json& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }
  template <class Optional>
  Json& maybe(std::string_view name, const Optional& v) {
    return v ? key(name).value(*v) : key(name).null();
  }
  Json& field(std::string_view name, const std::vector<std::string>& list);
  const std::string& text() const { return out_; }

 private:
  void separate();

  std::string out_;
  std::string open_;   // the closing bracket of each open one
  bool first_ = true;  // nothing yet in the innermost
  bool after_key_ = false;
};

}  // namespace sallyport::cli
