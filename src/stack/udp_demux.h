// One UDP datagram from one of the daemon's ports: IKE for Control, ESP for the Dataplane, or nothing. RFC 3948 2, RFC
// 7296 2.23, 3.1. Pure; any thread.
#pragma once
#include "base/bytes.h"

namespace sallyport::stack {

struct Demuxed {
  enum class To : uint8_t { ike, esp, keepalive, nobody };
  To to = To::nobody;
  ByteView payload;  // without the marker
};

// natt: the port where IKE carries the non-ESP marker. On the other one everything is IKE.
Demuxed demux(ByteView datagram, bool natt);

}  // namespace sallyport::stack
