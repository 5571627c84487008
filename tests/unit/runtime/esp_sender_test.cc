// Sealed packets over the loopback interface, as a raw socket on the other end sees them. Without the right to open raw
// sockets only the refusals are tested.
#include "runtime/esp_sender.h"

#include <doctest/doctest.h>
#include <poll.h>

#include "runtime/raw_socket.h"
#include "wire/ip/checksum.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {

const IpAddr kLocal = *IpAddr::parse("127.0.0.5");
const IpAddr kRemote = *IpAddr::parse("127.0.0.6");

// Every socket that the sender may want, and two that hear what is sent.
struct Sockets {
  Sockets() {
    SocketOptions options;
    options.fragments = FragmentPolicy::discover;
    options.offloads = false;  // datagrams one by one
    auto udp = open_udp_socket({IpAddr::any(Family::v4), 0}, options);
    REQUIRE(udp);
    const uint16_t port = *bound_port(*udp);
    descriptors.udp.push_back({std::move(*udp), Family::v4, true, port});
    auto esp = open_raw_socket(RawUse::esp, Family::v4, options);
    if (!esp) return;
    descriptors.esp_v4 = std::move(*esp);
    auto whole = open_raw_socket(RawUse::whole, Family::v4, options);
    REQUIRE(whole);
    descriptors.whole_v4 = std::move(*whole);
    auto ah = open_raw_socket(RawUse::ah, Family::v4, options);
    REQUIRE(ah);
    hears_ah = std::move(*ah);
    raw = true;
  }
  // What the socket got, header first; empty: nothing.
  Bytes heard(const Fd& socket, bool raw_v4) {
    pollfd wait{socket.get(), POLLIN, 0};
    if (::poll(&wait, 1, 1000) != 1) return {};
    for (const auto& got : batch.receive(socket.get(), raw_v4 ? 0 : 1, raw_v4)) {
      if (raw_v4) CHECK(got.outer_octets == 20);
      if (got.local.addr == kRemote) return to_bytes(got.payload);
    }
    return {};
  }

  Descriptors descriptors;
  Fd hears_ah;
  DatagramBatch batch;
  bool raw = false;
};

ipsec::Outgoing sealed(ipsec::Way way, uint8_t protocol, uint16_t port) {
  Bytes packet(20 + 40, 0xEE);
  std::fill(packet.begin(), packet.begin() + 20, uint8_t{0});
  packet[0] = 0x45;
  packet[1] = 0xB9;
  packet[3] = 60;
  store_be16(&packet[4], 0x4321);
  packet[8] = 33;
  packet[9] = protocol;
  std::copy_n(kLocal.bytes().begin(), 4, packet.begin() + 12);
  std::copy_n(kRemote.bytes().begin(), 4, packet.begin() + 16);
  store_be16(&packet[10], wire::ip::checksum(ByteView(packet).first(20)));
  ipsec::Outgoing out;
  out.way = way;
  out.local = {kLocal, port};
  out.remote = {kRemote, port};
  out.tos = 0xB9;
  out.outer_octets = way == ipsec::Way::esp_native ? 20 : 0;
  out.packet = PacketBuf::copy_of(ByteView(packet).subspan(way == ipsec::Way::esp_native ? 0 : 20));
  return out;
}

}  // namespace

TEST_SUITE("runtime/esp_sender") {
  TEST_CASE("what no socket carries is counted, and so is what would leave in clear") {
    const Descriptors none;
    PacketCounters counters;
    EspSender sender(none, counters);
    sender.add(sealed(ipsec::Way::esp_udp, 17, 4500));
    sender.add(sealed(ipsec::Way::esp_native, 50, 0));
    auto ah = sealed(ipsec::Way::esp_native, 51, 0);
    ah.exact_header = true;
    sender.add(ah);
    CHECK(counters.no_socket == 3);
    sender.add(sealed(ipsec::Way::clear, 17, 0));
    CHECK(counters.bypass_refused == 1);
    CHECK_FALSE(sender.flush());
    CHECK(counters.datagrams_out == 0);
  }

  TEST_CASE("[RFC4302 3.3.3.1] a packet that must keep its header leaves with it, octet by octet") {
    Sockets sockets;
    if (!sockets.raw) return;
    PacketCounters counters;
    EspSender sender(sockets.descriptors, counters);
    auto ah = sealed(ipsec::Way::esp_native, 51, 0);
    ah.exact_header = true;
    sender.add(ah);
    CHECK_FALSE(sender.flush());
    CHECK(counters.datagrams_out == 1);
    CHECK(equal(sockets.heard(sockets.hears_ah, true), ah.packet.view()));
  }

  TEST_CASE("[RFC4301 8.1] DF as the SA says: native and in UDP, packet and train") {
    Sockets sockets;
    if (!sockets.raw) return;
    PacketCounters counters;
    EspSender sender(sockets.descriptors, counters);
    for (const bool df : {true, false}) {
      auto esp = sealed(ipsec::Way::esp_native, 50, 0);
      esp.dont_fragment = df;
      sender.add(esp);
      CHECK_FALSE(sender.flush());
      const Bytes got = sockets.heard(sockets.descriptors.esp_v4, true);
      REQUIRE(got.size() == 60);
      CHECK(got[1] == 0xB9);
      CHECK((got[6] & 0x40) == (df ? 0x40 : 0));
      CHECK(equal(ByteView(got).subspan(20), esp.packet.view().subspan(20)));
    }
    const Fd& udp = sockets.descriptors.udp[0].fd;
    for (const bool df : {true, false}) {
      auto esp = sealed(ipsec::Way::esp_udp, 17, sockets.descriptors.udp[0].port);
      esp.dont_fragment = df;
      esp.packet.offload.segment_octets = 30;
      sender.add(esp);
      CHECK_FALSE(sender.flush());
      const Bytes first = sockets.heard(udp, false);
      CHECK(equal(first, esp.packet.view().first(30)));
    }
    CHECK(counters.datagrams_out == 6);
    CHECK(counters.send_refused == 0);
  }

  TEST_CASE("[RFC1191 4] a whole packet too long for the first link comes back, for its path to be learnt") {
    Sockets sockets;
    if (!sockets.raw) return;
    PacketCounters counters;
    EspSender sender(sockets.descriptors, counters);
    auto ah = sealed(ipsec::Way::esp_native, 51, 0);
    ah.exact_header = true;
    Bytes more(65400, 1);
    Bytes packet = to_bytes(ah.packet.view());
    append(packet, more);
    // More than IPv4 carries is refused by any link.
    append(packet, ByteView(more).first(200));
    ah.packet = PacketBuf::copy_of(packet);
    sender.add(ah);
    const auto refusal = sender.flush();
    REQUIRE(refusal);
    CHECK(refusal->error == EMSGSIZE);
    CHECK(refusal->remote.addr == kRemote);
    CHECK(refusal->too_long.size() == 256);
    CHECK(counters.send_refused == 1);
  }
}
