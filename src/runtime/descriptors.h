// All the descriptors a worker lives on, as the privileged process opened them. Values that own.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ip_addr.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

struct UdpDescriptor {
  static constexpr uint8_t kKeying = 0xff;
  static constexpr uint8_t kSpare = 0xfe;  // the first packet worker's, for a peer of its own; see peer_sockets.h
  Fd fd;
  Family family = Family::v4;
  bool natt = false;  // the side that carries the non-ESP marker
  uint16_t port = 0;
  bool trains = false;  // takes several datagrams of one size in one call
  uint8_t worker = 0;   // which packet worker reads it; kKeying, or no natt: the keying thread, for it carries IKE
  bool keying() const { return !natt || worker == kKeying; }
};

struct Descriptors {
  size_t workers() const { return 1 + tun_more.size(); }

  std::vector<UdpDescriptor> udp;
  // Raw sockets, see raw_socket.h. Empty: what they are for cannot be done here.
  Fd esp_v4, esp_v6, ah_v4, ah_v6, whole_v4, whole_v6, icmp_v4, icmp_v6;
  Fd tun;                    // empty: internal device
  std::vector<Fd> tun_more;  // queues of the same device for the packet workers behind the first
  std::string tun_name;
  uint32_t tun_index = 0;
  bool tun_vnet_header = false;  // packets of the TUN device carry virtio-net headers
  Fd control;                    // listening
  Fd socket_calls;               // listening; empty: programs may not secure sockets
  Fd socket_lookup;              // netlink; see socket_lookup.h
  Fd asked_packets;              // netlink log, see asked_packets.h; empty: the kernel has none
  Fd route_lookup;               // netlink: which address we would send from; see source_lookup.h
  Fd log_file;
  Fd key_log_ike, key_log_esp, key_log_esp_other;

  Descriptors duplicate() const;
  // For a channel: what lies in which order, and the numbers. At most kMaxPassedDescriptors.
  Bytes describe() const;
  std::vector<int> numbers() const;
  static Result<Descriptors> assemble(ByteView description, std::vector<Fd> passed);
};

}  // namespace sallyport::runtime
