#include "stack/udp_demux.h"

#include <doctest/doctest.h>

using namespace sallyport;
using To = stack::Demuxed::To;

TEST_SUITE("stack/udp_demux") {
  TEST_CASE("[RFC7296 2.23] [D1] IKE and ESP share the NAT traversal port, the other port is IKE alone") {
    const Bytes marked = {0, 0, 0, 0, 1, 2, 3, 4, 5};
    CHECK(stack::demux(marked, true).to == To::ike);
    CHECK(to_hex(stack::demux(marked, true).payload) == "0102030405");
    CHECK(stack::demux(marked, false).payload.size() == marked.size());
    CHECK(stack::demux(Bytes{1, 2, 3, 4, 0, 0, 0, 1}, true).to == To::esp);
    CHECK(stack::demux(Bytes{0xFF}, true).to == To::keepalive);
    CHECK(stack::demux(Bytes{1, 2, 3}, true).to == To::nobody);
  }
}
