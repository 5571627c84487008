// Raw sockets for native ESP, IP protocol 50. While one is open the kernel does not answer "protocol unreachable".
// IPv4 reads carry the IP header (DatagramBatch strips it), IPv6 reads do not. RFC 4303 2.
#pragma once
#include "runtime/udp_socket.h"

namespace sallyport::runtime {

// Wants CAP_NET_RAW: permission without it. IPv6: io with EAFNOSUPPORT where there is none.
Result<Fd> open_esp_socket(Family family, const SocketOptions& options);
std::string explain_esp(const Error& error);

}  // namespace sallyport::runtime
