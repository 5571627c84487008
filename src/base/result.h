// Errors as values. Every fallible call returns Result<T>; see proto/errors.def for what each code means to its
// receiver. No exception crosses a room. Pure; any thread.
#pragma once
#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

namespace sallyport {

enum class Errc : uint16_t {
#define SP_ERROR(name, text, action) name,
#include "proto/errors.def"
#undef SP_ERROR
};

std::string_view to_string(Errc code);  // the row's name
std::string_view describe(Errc code);   // the row's text

struct Error {
  Errc code;
  uint32_t detail = 0;  // a number that belongs to the code: payload type, group, errno
  bool operator==(const Error&) const = default;
};

template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(Errc code, uint32_t detail = 0) { return tl::unexpected<Error>(Error{code, detail}); }

}  // namespace sallyport

#define SP_CONCAT_(a, b) a##b
#define SP_CONCAT(a, b) SP_CONCAT_(a, b)
// SP_TRY(auto x, expr): declares x from the value of expr, or returns its error.
#define SP_TRY(var, expr)                                                                       \
  auto SP_CONCAT(sp_r_, __LINE__) = (expr);                                                     \
  if (!SP_CONCAT(sp_r_, __LINE__)) return ::tl::unexpected(SP_CONCAT(sp_r_, __LINE__).error()); \
  var = std::move(*SP_CONCAT(sp_r_, __LINE__))
// SP_CHECK(expr): returns the error of expr, if any.
#define SP_CHECK(expr)                                                    \
  do {                                                                    \
    if (auto sp_c = (expr); !sp_c) return ::tl::unexpected(sp_c.error()); \
  } while (false)
