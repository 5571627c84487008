// One call about a socket: a connection to the daemon, a record with the descriptor, the answer. Nothing is kept
// between calls, so that fork and threads are no matter. SALLYPORT_SOCKETS in the environment names another socket.
#pragma once
#include <sys/socket.h>

#include <initializer_list>

#include "policy/socket_call.h"

namespace sallyport::api::sockets {

// 0 or an errno: of the answer, or ECONNREFUSED, ETIMEDOUT, EPROTO of the way to it.
int call(int fd, const policy::socket_call::Request& request, policy::socket_call::Answer& answer);
// The same with the folder that paths begin at, for a file: file is its descriptor, where the answer is 0.
int call_for_file(int fd, int root, const policy::socket_call::Request& request, policy::socket_call::Answer& answer,
                  int& file);
// A record with descriptors beside it, at most two, over a Unix socket; 0 or an errno, ECONNREFUSED where nobody is
// there any more.
int send_with(int connection, ByteView octets, std::initializer_list<int> passed);
// 0, EBADF, ENOTSOCK, EAFNOSUPPORT or EPROTONOSUPPORT; datagrams: SOCK_DGRAM.
int check_socket(int fd, bool& datagrams);
bool is_connected(int fd);
// EINVAL: no address and port of the two families in it. IPv4 in IPv6 is IPv4.
int take_peer(const sockaddr* peer, socklen_t length, std::optional<policy::socket_call::Peer>& out);

// A file as the account of the peer: its descriptor in file, or an errno. path: relative ones begin where the process
// is.
int open_as_peer(int fd, const std::optional<policy::socket_call::Peer>& peer, const char* path, int flags,
                 unsigned mode, int& file);

// The account of the peer for the calling thread; 0 or an errno.
int impersonate(int fd, const std::optional<policy::socket_call::Peer>& peer);
int revert();

}  // namespace sallyport::api::sockets
