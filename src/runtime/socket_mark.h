// What the mark of a secured socket says of its program's wish, for a daemon that comes later (earlier_socket.h): seven
// bits from kWishShift on. Pure; any thread.
#pragma once
#include <cstdint>
#include <optional>

#include "stack/socket_filters.h"

namespace sallyport::runtime {

inline constexpr uint8_t kKeptName = 64;  // somebody in particular is expected

uint8_t kept_of(const stack::SocketWish& wish);  // SecuringWish::kept, without kKeptName

// Nothing: the mark does not say enough. It has no room for names that are to be proved, nor for policy of the
// program's own.
std::optional<stack::SocketWish> wish_of_mark(uint32_t mark);

}  // namespace sallyport::runtime
