// Just enough rtnetlink: one request, its acknowledgement, attributes by number. Used by the TUN device and the routes.
// The privileged process only.
#pragma once
#include <cstdint>

#include "base/bytes.h"
#include "runtime/fd.h"

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

class Netlink {
 public:
  static Result<Netlink> open();
  // Sends and waits for the acknowledgement. The errno of the kernel's answer is the error's detail.
  Result<> transact(NetlinkRequest& request);

 private:
  explicit Netlink(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace sallyport::runtime
