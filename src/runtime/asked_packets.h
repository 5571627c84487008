// Copies of packets that the packet filter asks the daemon about and does not pass on itself (filter_rules.h): a group
// of the kernel's netlink log (nfnetlink_log). Opened by the privileged process, read by the worker. linux-only.
#pragma once
#include <functional>
#include <optional>

#include "base/bytes.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

// Bound to kAskedGroup, whole packets. Wants CAP_NET_ADMIN. Errors: permission; io where the kernel has no such log, or
// somebody else has the group.
Result<Fd> open_asked_packets();
// What is there, at most so many packets; each from its IP header on. What came too fast for the kernel's buffer is
// lost and was not passed on either.
void read_asked_packets(const Fd& log, int most, const std::function<void(ByteView packet)>& take);
// The packet in one message of the log; nothing: there is none.
std::optional<ByteView> asked_packet_in(ByteView message);

}  // namespace sallyport::runtime
