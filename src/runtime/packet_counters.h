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
  uint64_t handed_over = 0;     // to the worker that has the SA
  uint64_t hand_over_full = 0;  // it had no room left: lost
  uint64_t ike_dropped = 0;     // more IKE messages than the keying thread keeps up with

  PacketCounters& operator+=(const PacketCounters& other) {
    datagrams_in += other.datagrams_in;
    datagrams_out += other.datagrams_out;
    device_packets_in += other.device_packets_in;
    device_packets_out += other.device_packets_out;
    send_refused += other.send_refused;
    device_refused += other.device_refused;
    not_for_us += other.not_for_us;
    no_socket += other.no_socket;
    bypass_refused += other.bypass_refused;
    handed_over += other.handed_over;
    hand_over_full += other.hand_over_full;
    ike_dropped += other.ike_dropped;
    return *this;
  }
};

}  // namespace sallyport::runtime
