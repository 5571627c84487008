// What `sallyport run` asks for each socket, and a socket made so. Linux; any thread.
#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace sallyport::api::run {

struct Wanted {
  uint32_t flags = 0;                // SALLYPORT_GUARANTEE_ENCRYPTION, SALLYPORT_ALLOW_INSECURE
  std::array<uint8_t, 16> policy{};  // key of a quick mode context; zero: the daemon's own
  std::string peer;  // who has to be at the other end of connections; empty: anybody who is authenticated
};

// The words of socket(), and a secured descriptor or a negative errno: EPROTONOSUPPORT for what is neither TCP nor UDP,
// EPERM for raw sockets, EACCES for datagrams where a peer is named (whose name cannot be known beforehand), ENETDOWN
// where the daemon does not answer.
int secured_socket(const Wanted& wanted, int domain, int type, int protocol);

}  // namespace sallyport::api::run
