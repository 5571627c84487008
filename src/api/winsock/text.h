// Wide text is UTF-32 and narrow text UTF-8; what is neither becomes U+FFFD. Any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::api::winsock {

// A character of Unicode that stands for itself: no surrogate, nothing above the end.
constexpr bool is_character(uint32_t c) { return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff); }
void append_utf8(std::string& to, uint32_t character);

// *valid becomes false where something was replaced.
std::string to_utf8(std::wstring_view text, bool* valid = nullptr);
std::wstring from_utf8(std::string_view text, bool* valid = nullptr);

}  // namespace sallyport::api::winsock
