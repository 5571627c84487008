// See path_filter.h.
#include "runtime/path_filter.h"

#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>

#include "runtime/netlink.h"

namespace sallyport::runtime {
namespace {

int rp_filter_of(const std::string& interface) {
  std::ifstream file("/proc/sys/net/ipv4/conf/" + interface + "/rp_filter");
  int value = 0;
  return file >> value ? value : 0;
}

Bytes nest(uint16_t type, const Bytes& content) {
  Bytes out;
  nlattr header{};
  header.nla_len = static_cast<uint16_t>(NLA_HDRLEN + content.size());
  header.nla_type = type;
  append(out, ByteView(reinterpret_cast<const uint8_t*>(&header), sizeof header));
  append(out, content);
  out.resize(NLA_ALIGN(out.size()));
  return out;
}

}  // namespace

std::vector<std::string> strict_path_interfaces() {
  std::vector<std::string> out;
  const int all = rp_filter_of("all");
  struct if_nameindex* list = ::if_nameindex();
  if (!list) return out;
  for (const auto* at = list; at->if_index != 0; ++at) {
    const std::string name = at->if_name;
    // The larger of the two holds.
    if (name != "lo" && std::max(all, rp_filter_of(name)) == 1) out.push_back(name);
  }
  ::if_freenameindex(list);
  return out;
}

Result<> loosen_path_filter(uint32_t interface_index) {
  const auto setting = [](uint16_t type, uint32_t value) {
    return nest(type, to_bytes(ByteView(reinterpret_cast<const uint8_t*>(&value), sizeof value)));
  };
  Bytes both = setting(IPV4_DEVCONF_RP_FILTER, 2);
  append(both, setting(IPV4_DEVCONF_SRC_VMARK, 1));
  const Bytes settings = nest(IFLA_INET_CONF, both);
  NetlinkRequest request(RTM_SETLINK, 0);
  ifinfomsg body{};
  body.ifi_family = AF_UNSPEC;
  body.ifi_index = static_cast<int>(interface_index);
  request.body(&body, sizeof body);
  request.attribute(IFLA_AF_SPEC, nest(AF_INET, settings));
  SP_TRY(Netlink netlink, Netlink::open());
  return netlink.transact(request);
}

}  // namespace sallyport::runtime
