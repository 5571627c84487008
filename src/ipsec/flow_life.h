// How long a flow between two hosts is remembered: from its packets alone, as who remembers it sees them. Values; any
// thread.
#pragma once
#include "base/time.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

struct FlowLife {
  static constexpr Duration kIdle = seconds(60);  // of everything but TCP
  static constexpr Duration kIdleTcp = hours(2);  // a connection that says nothing for so long is another one

  TimePoint last{};
  bool closed_here = false, closed_there = false;

  // Both ends have said that they are done, or one that it broke off.
  void note_tcp(const wire::ip::PacketView& view, bool arriving) {
    if (view.opens_connection()) closed_here = closed_there = false;
    const bool broken = view.tcp_flags & wire::ip::kTcpRst;
    if (broken || (view.tcp_flags & wire::ip::kTcpFin)) (arriving ? closed_there : closed_here) = true;
    if (broken) closed_here = closed_there = true;
  }
  bool closed() const { return closed_here && closed_there; }
  bool over(TimePoint now, uint8_t protocol) const {
    return now - last > (protocol == wire::ip::kTcp && !closed() ? kIdleTcp : kIdle);
  }
};

}  // namespace sallyport::ipsec
