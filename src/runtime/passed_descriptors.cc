// See passed_descriptors.h.
#include "runtime/passed_descriptors.h"

#include <cstring>

namespace sallyport::runtime {

void expect_descriptors(msghdr& message, DescriptorRoom& room, size_t most) {
  message.msg_control = room.bytes;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * most);
}

std::vector<Fd> take_descriptors(const msghdr& message) {
  std::vector<Fd> out;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(const_cast<msghdr*>(&message), c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int number;
      std::memcpy(&number, CMSG_DATA(c) + i * sizeof(int), sizeof number);
      out.emplace_back(number);
    }
  }
  return out;
}

void pass_descriptors(msghdr& message, DescriptorRoom& room, std::span<const int> descriptors) {
  if (descriptors.empty()) return;
  message.msg_control = room.bytes;
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* const c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(c), descriptors.data(), descriptors.size_bytes());
}

}  // namespace sallyport::runtime
