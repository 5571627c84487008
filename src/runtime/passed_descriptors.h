// Descriptors beside a message of a Unix socket (SCM_RIGHTS), as they come and as they go. Any thread.
#pragma once
#include <sys/socket.h>

#include <span>
#include <vector>

#include "runtime/fd.h"

namespace sallyport::runtime {

constexpr size_t kMaxPassedDescriptors = 64;  // of one message

// Lives as long as the message that uses it.
struct alignas(cmsghdr) DescriptorRoom {
  uint8_t bytes[CMSG_SPACE(sizeof(int) * kMaxPassedDescriptors)] = {};
};

// Before recvmsg(): there is room for so many; of more the kernel lets none in but these, and says MSG_CTRUNC. most: no
// more than kMaxPassedDescriptors.
void expect_descriptors(msghdr& message, DescriptorRoom& room, size_t most = kMaxPassedDescriptors);
// After it: all that came, whatever else is wrong with the message.
std::vector<Fd> take_descriptors(const msghdr& message);
// Before sendmsg(). Requires: no more than kMaxPassedDescriptors.
void pass_descriptors(msghdr& message, DescriptorRoom& room, std::span<const int> descriptors);

}  // namespace sallyport::runtime
