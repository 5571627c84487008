// Names and texts of proto/errors.def.
#include "base/result.h"

namespace sallyport {

std::string_view to_string(Errc code) {
  switch (code) {
#define SP_ERROR(name, text, action) \
  case Errc::name:                   \
    return #name;
#include "proto/errors.def"
#undef SP_ERROR
  }
  return "unknown";
}

std::string_view describe(Errc code) {
  switch (code) {
#define SP_ERROR(name, text, action) \
  case Errc::name:                   \
    return text;
#include "proto/errors.def"
#undef SP_ERROR
  }
  return "unknown error";
}

}  // namespace sallyport
