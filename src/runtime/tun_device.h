// The TUN device: inner packets of the host, whole IP packets without a frame. Opened by the privileged process; the
// descriptor goes to the worker. The device lives as long as any descriptor of it, so it outlives the worker.
#pragma once
#include <optional>
#include <vector>

#include "base/ip_addr.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

struct TunPlan {
  std::string name = "sallyport%d";  // %d: the kernel numbers it
  uint32_t mtu = 1400;
  std::vector<IpPrefix> addresses;  // address with its prefix length; may be none
  bool offloads = true;             // large packets both ways, checksums left open; less where the kernel is older
  unsigned queues = 1;              // packets of one flow stay on one queue while it answers there
  bool operator==(const TunPlan&) const = default;
};

struct TunDevice {
  Fd fd;                 // non-blocking
  std::vector<Fd> more;  // the queues behind the first
  std::string name;
  uint32_t interface_index = 0;
  bool vnet_header = false;  // each packet has a virtio-net header in front (TunQueue)
};

// Makes it, gives it its addresses and MTU, and brings it up. Errors: not_found (no /dev/net/tun), permission, io
// (EBUSY: the name is another program's).
Result<TunDevice> open_tun(const TunPlan& plan);
std::string explain_tun(const TunPlan& plan, const Error& error);

}  // namespace sallyport::runtime
