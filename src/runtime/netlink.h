// Just enough rtnetlink: one request, its acknowledgement, attributes by number. Used by the TUN device and the routes.
// The privileged process only.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>

#include "base/bytes.h"
#include "runtime/fd.h"

struct nlmsghdr;

namespace sallyport::runtime {

class NetlinkRequest {
 public:
  NetlinkRequest(uint16_t type, uint16_t flags);
  void body(const void* structure, size_t octets);  // the fixed part, once and first
  void attribute(uint16_t type, ByteView value);
  void attribute_u32(uint16_t type, uint32_t value);  // host order
  Bytes& finish(uint32_t sequence);

 private:
  Bytes bytes_;
};

// The attributes behind the fixed part of a message that the kernel sent. Views into it.
class NetlinkAttributes {
 public:
  NetlinkAttributes(const nlmsghdr& header, size_t fixed_octets);
  std::optional<ByteView> find(uint16_t type) const;
  std::optional<uint32_t> u32(uint16_t type) const;

 private:
  ByteView bytes_;
};

class Netlink {
 public:
  static Result<Netlink> open();
  static Netlink adopt(Fd fd) { return Netlink(std::move(fd)); }  // of another netlink protocol
  // Sends and waits for the acknowledgement. The errno of the kernel's answer is the error's detail.
  Result<> transact(NetlinkRequest& request);
  // Sends a request with NLM_F_DUMP and gives each message of the answer to `each`.
  Result<> dump(NetlinkRequest& request, const std::function<void(const nlmsghdr&)>& each);

 private:
  // Reads messages until one of this sequence number ends the answer.
  Result<> receive(uint32_t sequence, const std::function<void(const nlmsghdr&)>& each);
  explicit Netlink(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace sallyport::runtime
