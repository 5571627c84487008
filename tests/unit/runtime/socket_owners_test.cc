// Whose a socket is, asked of this machine: its own sockets, its own account and program.
#include "runtime/socket_owners.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/asked_packets.h"

using namespace sallyport;
using namespace sallyport::runtime;
using Known = OwnerAnswer::Known;

namespace {

const IpAddr kLoopback = *IpAddr::parse("127.0.0.1");

struct Bound {
  Fd fd;
  IpEndpoint at;
  explicit Bound(int kind) : fd(::socket(AF_INET, kind | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    socklen_t octets = sizeof name;
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &octets) == 0);
    at = {kLoopback, ntohs(name.sin_port)};
  }
};

std::string own_program() {
  char resolved[PATH_MAX];
  return ::realpath("/proc/self/exe", resolved) != nullptr ? resolved : "";
}

}  // namespace

TEST_SUITE("runtime/socket_owners") {
  TEST_CASE("[WFP ALE_APP_ID, ALE_USER_ID] the owner of a UDP socket and of a listener is this process") {
    auto lookup = open_socket_lookup();
    REQUIRE(lookup);
    SocketOwners owners(std::move(*lookup));
    const TimePoint now{seconds(1)};
    const Bound udp(SOCK_DGRAM), tcp(SOCK_STREAM);
    REQUIRE(::listen(tcp.fd.get(), 1) == 0);
    const IpEndpoint somebody{*IpAddr::parse("127.0.0.2"), 9};
    for (const auto& [protocol, bound] : {std::pair<uint8_t, const Bound*>{17, &udp}, {6, &tcp}}) {
      for (int again = 0; again < 2; ++again) {  // the second time by what is kept
        const auto answer = owners.find(now, {protocol, bound->at, somebody, true});
        CHECK(answer.known == Known::account);
        CHECK(answer.uid == ::geteuid());
        CHECK(answer.program == own_program());
        CHECK_FALSE(answer.secured);
      }
    }
    CHECK(owners.find(now, {17, {kLoopback, 1}, somebody, true}).known == Known::nobody);
  }

  TEST_CASE("who makes us look too often is told nothing for the rest of the second") {
    auto lookup = open_socket_lookup();
    REQUIRE(lookup);
    SocketOwners owners(std::move(*lookup));
    const OwnerQuestion nobodys{6, {kLoopback, 1}, {kLoopback, 2}, true};
    const TimePoint now{seconds(1)};
    for (unsigned i = 0; i < SocketOwners::kMostLooks; ++i) REQUIRE(owners.find(now, nobodys).known == Known::nobody);
    CHECK(owners.find(now, nobodys).known == Known::not_now);
    CHECK(owners.find(now + seconds(1), nobodys).known == Known::nobody);
  }

  TEST_CASE("question and answer cross as octets, and no others are taken") {
    const OwnerQuestion question{17, {*IpAddr::parse("2001:db8::1"), 53}, {*IpAddr::parse("2001:db8::2"), 7}, true};
    const auto asked = OwnerQuestion::parse(question.write());
    REQUIRE(asked);
    CHECK((asked->protocol == 17 && asked->local == question.local && asked->remote == question.remote));
    CHECK(asked->accepted);
    const OwnerAnswer answer{Known::account, 7, {5, 6}, "/bin/a", true};
    const auto got = OwnerAnswer::parse(answer.write());
    REQUIRE(got);
    CHECK((got->known == Known::account && got->uid == 7 && got->secured));
    CHECK(got->gids == std::vector<uint32_t>{5, 6});
    CHECK(got->program == "/bin/a");
    Bytes octets = question.write();
    for (size_t i = 0; i < octets.size(); ++i) CHECK_FALSE(OwnerQuestion::parse(ByteView(octets).first(i)));
    octets = answer.write();
    for (size_t i = 0; i < octets.size() - 6; ++i) CHECK_FALSE(OwnerAnswer::parse(ByteView(octets).first(i)));
    octets[0] = 3;
    CHECK_FALSE(OwnerAnswer::parse(octets));
  }

  TEST_CASE("a message of the packet filter's log gives its packet, and whatever is cut short nothing") {
    Bytes message(20 + 8 + 8, 0);
    const auto put16 = [&](size_t at, uint16_t value) { std::memcpy(&message[at], &value, 2); };
    put16(4, 4 << 8);  // of the log: a packet
    put16(20, 8);      // an attribute that is none of ours
    put16(22, 3);
    put16(28, 8);
    put16(30, 9);  // the packet
    message[32] = 0x45;
    const auto size = static_cast<uint32_t>(message.size());
    std::memcpy(message.data(), &size, 4);
    const auto packet = asked_packet_in(message);
    REQUIRE(packet);
    CHECK(packet->size() == 4);
    CHECK((*packet)[0] == 0x45);
    for (size_t i = 0; i < message.size(); ++i) CHECK_FALSE(asked_packet_in(ByteView(message).first(i)));
    put16(28, 9);
    CHECK_FALSE(asked_packet_in(message));
    put16(20, 0);
    CHECK_FALSE(asked_packet_in(message));
  }
}
