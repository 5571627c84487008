// Words for the values of an SA.
#include "model/sa_spec.h"

namespace sallyport::model {

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::tunnel: return "tunnel";
    case Mode::transport: return "transport";
  }
  return "unknown";
}

}  // namespace sallyport::model
