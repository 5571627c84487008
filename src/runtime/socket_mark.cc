// See socket_mark.h.
#include "runtime/socket_mark.h"

#include "runtime/routes_linux.h"

namespace sallyport::runtime {
namespace {

constexpr uint8_t kKeptEncryption = 1, kKeptInsecure = 2, kKeptSkip = 4, kKeptOptionalName = 8, kKeptFirstInbound = 16,
                  kKeptOwnPolicy = 32;

}  // namespace

uint8_t kept_of(const stack::SocketWish& wish) {
  const bool own = !wish.main_mode.is_zero() || !wish.quick_mode.is_zero();
  return static_cast<uint8_t>((wish.guarantee_encryption ? kKeptEncryption : 0) |
                              (wish.allow_insecure ? kKeptInsecure : 0) | (wish.skip_filters ? kKeptSkip : 0) |
                              (wish.optional_peer_name ? kKeptOptionalName : 0) |
                              (wish.first_inbound_unencrypted ? kKeptFirstInbound : 0) | (own ? kKeptOwnPolicy : 0));
}

std::optional<stack::SocketWish> wish_of_mark(uint32_t mark) {
  const auto kept = static_cast<uint8_t>(mark >> kWishShift);
  const bool named = (kept & kKeptName) != 0 && (kept & kKeptOptionalName) == 0;
  if ((kept & kKeptOwnPolicy) != 0 || named) return std::nullopt;
  stack::SocketWish out;
  out.guarantee_encryption = kept & kKeptEncryption;
  out.allow_insecure = kept & kKeptInsecure;
  out.skip_filters = kept & kKeptSkip;
  out.optional_peer_name = kept & kKeptOptionalName;
  out.first_inbound_unencrypted = kept & kKeptFirstInbound;
  return out;
}

}  // namespace sallyport::runtime
