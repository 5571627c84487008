// Extended sequence numbers: the high half that the wire does not carry. RFC 4303 2.2.1, 3.3.3 and Appendix A2.2.
// Pure; any thread.
#pragma once
#include <cstdint>
#include <optional>

namespace sallyport::ipsec {

// Which of the two pictures of Appendix A2.1 the window makes: A, all of it in one 2^32 subspace; B, across two.
enum class EsnCase : uint8_t { A, B };

EsnCase esn_case(uint64_t highest, uint32_t window);

// The high half to authenticate a packet with, whose low half is `low`, when `highest` is the highest number that has
// authenticated. Nothing when the packet would lie before the first or after the last of all numbers.
std::optional<uint32_t> esn_high(uint64_t highest, uint32_t window, uint32_t low);

constexpr uint64_t join_sequence(uint32_t high, uint32_t low) { return (uint64_t{high} << 32) | low; }

}  // namespace sallyport::ipsec
