// What goes wrong, and right, below the protocols; counted, since no peer may fill the log. Values.
#pragma once
#include <cstdint>

namespace sallyport::runtime {

struct PacketCounters {
  uint64_t datagrams_in = 0, datagrams_out = 0;
  uint64_t device_packets_in = 0, device_packets_out = 0;
  uint64_t send_refused = 0;
  uint64_t device_refused = 0;
  uint64_t not_for_us = 0;  // neither IKE nor ESP
  uint64_t no_socket = 0;   // native ESP or AH without a raw socket, IPv6 without IPv6
  // BYPASS of a captured packet: nothing behind the device leads past our own routes, so it is not sent in clear.
  uint64_t bypass_refused = 0;
  uint64_t ike_dropped = 0;  // more IKE messages than the keying thread keeps up with
};

}  // namespace sallyport::runtime
