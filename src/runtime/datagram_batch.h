// Batches of datagrams over recvmmsg and sendmmsg, with the local address and interface of each (IP_PKTINFO,
// IPV6_RECVPKTINFO): multi-homed hosts must answer from the address they were asked at. Used by UDP and raw sockets.
// One thread per batch object.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "base/ip_addr.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

struct ReceivedDatagram {
  IpEndpoint local;  // port: the socket's; 0 on a raw socket
  IpEndpoint remote;
  uint32_t interface_index = 0;
  MutableBytes payload;  // lies in the batch until its next receive
  uint8_t tos = 0;       // DSCP and ECN of the IP header
  // Raw sockets: the IP header at the front of the payload. IPv6: only where extension headers stood behind it.
  uint16_t outer_octets = 0;
  // With UDP_GRO the payload may be several datagrams, each of this size but for the last; 0: it is one.
  uint16_t segment_octets = 0;
};

struct OutgoingDatagram {
  IpEndpoint local;  // an any-address leaves the choice to the kernel
  IpEndpoint remote;
  uint32_t interface_index = 0;  // used for link-local remotes only
  ByteView payload;              // must live until send returns
  uint8_t tos = 0;
  // The payload is cut into datagrams of this size, by the kernel (UDP_SEGMENT) or else here; 0: it is one.
  uint16_t segment_octets = 0;
  bool connected = false;  // the socket is, to remote and from local: the kernel is told neither again
};

class DatagramBatch {
 public:
  static constexpr size_t kSlots = 32;
  // Payloads start this far into their slot, so that headers can be put in front without a copy.
  static constexpr size_t kHeadroom = 512;
  static constexpr size_t kSlotOctets = 65536 + kHeadroom;

  DatagramBatch();
  // Reads what is there, at most kSlots. An empty span: nothing more. raw_v4: packets begin with their IPv4 header;
  // those whose header lies are left out. local_port is copied into each. Truncated datagrams are left out.
  std::span<ReceivedDatagram> receive(int fd, uint16_t local_port, bool raw_v4 = false);

 private:
  std::unique_ptr<uint8_t[]> memory_;
  std::vector<ReceivedDatagram> received_;
  std::vector<mmsghdr> headers_;
  std::vector<iovec> pieces_;
  std::vector<sockaddr_storage> names_;
  std::vector<std::array<uint8_t, 1024>> controls_;  // IPv6 extension headers among them
};

// How many datagrams leave for this one.
size_t datagrams_in(const OutgoingDatagram& datagram);

// Sends all of them in order, in as few system calls as it takes. Returns how many datagrams the kernel took; one it
// refuses
// (no route, too long, buffer full) is skipped, as a network would drop it. last_error gets the errno of the last
// refusal, else 0.
size_t send_batch(int fd, std::span<const OutgoingDatagram> datagrams, int* last_error = nullptr);

IpEndpoint endpoint_of(const sockaddr_storage& name);
socklen_t to_sockaddr(const IpEndpoint& endpoint, uint32_t scope, sockaddr_storage& out);

}  // namespace sallyport::runtime
