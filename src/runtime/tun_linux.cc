// Linux's TUN driver and rtnetlink. See tun_device.h.
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/netlink.h"
#include "runtime/tun_device.h"

namespace sallyport::runtime {
namespace {

Result<> bring_up(Netlink& netlink, uint32_t index, uint32_t mtu) {
  NetlinkRequest request(RTM_NEWLINK, 0);
  ifinfomsg body{};
  body.ifi_family = AF_UNSPEC;
  body.ifi_index = static_cast<int>(index);
  body.ifi_flags = IFF_UP;
  body.ifi_change = IFF_UP;
  request.body(&body, sizeof body);
  request.attribute_u32(IFLA_MTU, mtu);
  return netlink.transact(request);
}

Result<> add_address(Netlink& netlink, uint32_t index, const IpPrefix& address) {
  NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  ifaddrmsg body{};
  body.ifa_family = address.addr.is_v4() ? AF_INET : AF_INET6;
  body.ifa_prefixlen = static_cast<uint8_t>(address.length);
  body.ifa_flags = address.addr.is_v6() ? IFA_F_NODAD : 0;
  body.ifa_index = index;
  request.body(&body, sizeof body);
  request.attribute(IFA_LOCAL, address.addr.bytes());
  request.attribute(IFA_ADDRESS, address.addr.bytes());
  return netlink.transact(request);
}

// Segmentation is taken over as far as this kernel has it: UDP since 6.2, and TCP always.
bool take_offloads(int fd) {
#ifdef TUN_F_USO4
  constexpr unsigned kUdp = TUN_F_USO4 | TUN_F_USO6;
#else
  constexpr unsigned kUdp = 0x20 | 0x40;  // TUN_F_USO4, TUN_F_USO6: newer than these headers
#endif
  constexpr unsigned kTcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  return ::ioctl(fd, TUNSETOFFLOAD, kTcp | kUdp) == 0 || ::ioctl(fd, TUNSETOFFLOAD, kTcp) == 0;
}

// The same at every start, because the filters of sockets that were secured before know it; a number that devices do
// not come to by counting. Where it is taken, the kernel chooses.
void choose_index(const Fd& queue) {
  const unsigned index = 0x53505250;
  (void)::ioctl(queue.get(), TUNSETIFINDEX, &index);
}

Result<> attach(TunDevice& device, const Fd& queue, const TunPlan& plan, bool vnet_header) {
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (vnet_header) request.ifr_flags |= IFF_VNET_HDR;
  if (plan.queues > 1) request.ifr_flags |= IFF_MULTI_QUEUE;
  // The first queue makes the device and learns its name; the others join it.
  const std::string& name = device.name.empty() ? plan.name : device.name;
  if (name.size() >= sizeof request.ifr_name) return fail(Errc::bad_length);
  std::memcpy(request.ifr_name, name.data(), name.size());
  if (device.name.empty()) choose_index(queue);
  if (::ioctl(queue.get(), TUNSETIFF, &request) != 0) {
    constexpr unsigned kAny = 0;
    if (errno != EBUSY || ::ioctl(queue.get(), TUNSETIFINDEX, &kAny) != 0 ||
        ::ioctl(queue.get(), TUNSETIFF, &request) != 0)
      return fail_errno();
  }
  device.name = request.ifr_name;
  device.vnet_header = vnet_header;
  return {};
}

}  // namespace

Result<TunDevice> open_tun(const TunPlan& plan) {
  TunDevice device;
  device.fd = Fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!device.fd) return fail_errno();
  SP_CHECK(attach(device, device.fd, plan, plan.offloads));
  // A header that says nothing costs little: where the kernel takes no offload at all, packets come as they are.
  if (plan.offloads) (void)take_offloads(device.fd.get());
  for (unsigned i = 1; i < plan.queues; ++i) {
    Fd& queue = device.more.emplace_back(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!queue) return fail_errno();
    SP_CHECK(attach(device, queue, plan, plan.offloads));
  }
  device.interface_index = ::if_nametoindex(device.name.c_str());
  SP_TRY(Netlink netlink, Netlink::open());
  SP_CHECK(bring_up(netlink, device.interface_index, plan.mtu));
  for (const auto& address : plan.addresses) SP_CHECK(add_address(netlink, device.interface_index, address));
  return device;
}

std::string explain_tun(const TunPlan& plan, const Error& error) {
  if (error.code == Errc::not_found) return "there is no TUN device here: /dev/net/tun does not exist";
  if (error.code == Errc::permission)
    return "the TUN device may not be opened without root or CAP_NET_ADMIN (/dev/net/tun)";
  if (error.detail == ENOTTY || error.detail == EINVAL) return "/dev/net/tun is not a TUN device";
  if (error.detail == EBUSY) return "the TUN device " + plan.name + " belongs to another program";
  return explain("the TUN device " + plan.name + " cannot be set up", error);
}

}  // namespace sallyport::runtime
