#include "api/winsock/format.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cwchar>
#include <optional>
#include <type_traits>

#include "api/winsock/text.h"

namespace sallyport::api::winsock {
namespace {

constexpr int kMostWidth = 1 << 20;  // a wider field is a mistake, and would be memory

enum class Size { plain, half, quarter, narrow_or_32, wide, bits64, pointer, long_double };

struct Spec {
  std::string flags;
  int width = -1;
  int precision = -1;
  Size size = Size::plain;
  bool is_h = false;  // %hs: narrow
};

template <class Char>
class Formatter {
 public:
  // `arguments` is a copy that belongs to this object; va_list may be an array, so it lies in a struct.
  Formatter(const Char* format, va_list arguments) : at_(format) { va_copy(rest_.list, arguments); }
  ~Formatter() { va_end(rest_.list); }
  Formatter(const Formatter&) = delete;
  Formatter& operator=(const Formatter&) = delete;

  std::basic_string<Char> run() {
    while (*at_ != 0) {
      if (*at_ != '%') {
        out_.push_back(*at_++);
        continue;
      }
      const Char* const begin = at_++;
      if (*at_ == '%') {
        out_.push_back(*at_++);
        continue;
      }
      const Spec spec = read_spec();
      if (!convert(spec, *at_)) {
        out_.append(begin, at_);  // not known: as it stands
        continue;
      }
      ++at_;
    }
    return std::move(out_);
  }

 private:
  struct List {
    va_list list;
  };
  using Text = std::basic_string<Char>;

  bool take(const char* word) {
    const Char* at = at_;
    for (; *word != 0; ++word, ++at) {
      if (*at != static_cast<Char>(*word)) return false;
    }
    at_ = at;
    return true;
  }

  int read_number() {
    if (take("*")) return std::clamp(va_arg(rest_.list, int), -kMostWidth, kMostWidth);
    int value = 0;
    for (; *at_ >= '0' && *at_ <= '9'; ++at_) value = std::min(value * 10 + static_cast<int>(*at_ - '0'), kMostWidth);
    return value;
  }

  Spec read_spec() {
    Spec spec;
    for (; *at_ == '-' || *at_ == '+' || *at_ == ' ' || *at_ == '#' || *at_ == '0'; ++at_) {
      spec.flags.push_back(static_cast<char>(*at_));
    }
    if (*at_ == '*' || (*at_ >= '0' && *at_ <= '9')) {
      spec.width = read_number();
      if (spec.width < 0) {
        spec.flags.push_back('-');
        spec.width = -spec.width;
      }
    }
    if (take(".")) spec.precision = std::max(read_number(), -1);
    read_size(spec);
    return spec;
  }

  void read_size(Spec& spec) {
    constexpr struct {
      const char* word;
      Size size;
    } kSizes[] = {{"I64", Size::bits64}, {"I32", Size::plain},  {"I", Size::pointer}, {"ll", Size::bits64},
                  {"l", Size::wide},     {"hh", Size::quarter}, {"h", Size::half},    {"j", Size::bits64},
                  {"z", Size::pointer},  {"t", Size::pointer},  {"w", Size::wide},    {"L", Size::long_double},
                  {"q", Size::bits64}};
    for (const auto& each : kSizes) {
      if (!take(each.word)) continue;
      spec.size = each.size;
      spec.is_h = each.size == Size::half || each.size == Size::quarter;
      return;
    }
  }

  bool convert(const Spec& spec, Char conversion) {
    switch (conversion) {
      case 'd':
      case 'i': return number(spec, "ld", signed_argument(spec.size));
      case 'u': return number(spec, "lu", unsigned_argument(spec.size));
      case 'o': return number(spec, "lo", unsigned_argument(spec.size));
      case 'x': return number(spec, "lx", unsigned_argument(spec.size));
      case 'X': return number(spec, "lX", unsigned_argument(spec.size));
      case 'p': return pointer(spec);
      case 'a':
      case 'A':
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': return real(spec, static_cast<char>(conversion));
      case 'c': return character(spec, is_wide(spec, false));
      case 'C': return character(spec, is_wide(spec, true));
      case 's': return string(spec, is_wide(spec, false));
      case 'S': return string(spec, is_wide(spec, true));
      case 'n': va_arg(rest_.list, void*); return true;
      default: return false;
    }
  }

  // %s is of the function's own width, %S of the other; a prefix decides before both.
  static bool is_wide(const Spec& spec, bool capital) {
    if (spec.is_h) return false;
    if (spec.size == Size::wide || spec.size == Size::bits64) return true;
    return std::is_same_v<Char, wchar_t> != capital;
  }

  long signed_argument(Size size) {
    if (size == Size::bits64 || size == Size::pointer) return va_arg(rest_.list, long);
    const int value = va_arg(rest_.list, int);
    if (size == Size::half) return static_cast<short>(value);
    if (size == Size::quarter) return static_cast<signed char>(value);
    return value;
  }
  unsigned long unsigned_argument(Size size) {
    if (size == Size::bits64 || size == Size::pointer) return va_arg(rest_.list, unsigned long);
    const unsigned value = va_arg(rest_.list, unsigned);
    if (size == Size::half) return static_cast<unsigned short>(value);
    if (size == Size::quarter) return static_cast<unsigned char>(value);
    return value;
  }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"  // the format is made right here
  template <class Value>
  bool number(const Spec& spec, const char* conversion, Value value) {
    std::string format = "%" + spec.flags;
    if (spec.width >= 0) format += std::to_string(spec.width);
    if (spec.precision >= 0) format += "." + std::to_string(spec.precision);
    format += conversion;
    const int length = std::snprintf(nullptr, 0, format.c_str(), value);
    if (length < 0) return true;
    std::string written(static_cast<size_t>(length) + 1, '\0');
    std::snprintf(written.data(), written.size(), format.c_str(), value);
    written.pop_back();
    out_.append(written.begin(), written.end());
    return true;
  }

#pragma GCC diagnostic pop

  bool real(const Spec& spec, char conversion) {
    if (spec.size == Size::long_double) {
      return number(spec, (std::string("L") + conversion).c_str(), va_arg(rest_.list, long double));
    }
    return number(spec, std::string(1, conversion).c_str(), va_arg(rest_.list, double));
  }

  bool pointer(const Spec& spec) {  // as many digits as a pointer has, in capitals
    Spec digits = spec;
    digits.precision = 16;
    return number(digits, "lX", reinterpret_cast<unsigned long>(va_arg(rest_.list, void*)));
  }

  void pad(const Spec& spec, const Text& text) {
    const size_t width = spec.width < 0 ? 0 : static_cast<size_t>(spec.width);
    const size_t missing = width > text.size() ? width - text.size() : 0;
    const bool left = spec.flags.find('-') != std::string::npos;
    const bool zeros = !left && spec.flags.find('0') != std::string::npos;
    if (!left) out_.append(missing, zeros ? '0' : ' ');
    out_ += text;
    if (left) out_.append(missing, ' ');
  }

  bool character(const Spec& spec, bool wide) {
    const int value = va_arg(rest_.list, int);
    if (wide) {
      const wchar_t one = static_cast<wchar_t>(value);
      if constexpr (std::is_same_v<Char, wchar_t>) {
        pad(spec, Text(1, one));
      } else {
        pad(spec, to_utf8(std::wstring_view(&one, 1)));
      }
    } else {
      pad(spec, Text(1, static_cast<Char>(static_cast<unsigned char>(value))));
    }
    return true;
  }

  template <class From>
  static std::basic_string<From> bounded(const From* text, int precision) {
    std::basic_string<From> out;
    for (; (precision < 0 || out.size() < static_cast<size_t>(precision)) && *text != 0; ++text) out.push_back(*text);
    return out;
  }

  bool string(const Spec& spec, bool wide) {
    const void* const text = va_arg(rest_.list, const void*);
    if (wide) {
      const auto taken = bounded(text ? static_cast<const wchar_t*>(text) : L"(null)", spec.precision);
      if constexpr (std::is_same_v<Char, wchar_t>) {
        pad(spec, taken);
      } else {
        pad(spec, to_utf8(taken));
      }
    } else {
      const auto taken = bounded(text ? static_cast<const char*>(text) : "(null)", spec.precision);
      if constexpr (std::is_same_v<Char, char>) {
        pad(spec, taken);
      } else {
        pad(spec, from_utf8(taken));
      }
    }
    return true;
  }

  const Char* at_;
  List rest_;
  Text out_;
};

}  // namespace

std::string format_text(const char* format, va_list arguments) { return Formatter<char>(format, arguments).run(); }
std::wstring format_text(const wchar_t* format, va_list arguments) {
  return Formatter<wchar_t>(format, arguments).run();
}

}  // namespace sallyport::api::winsock
