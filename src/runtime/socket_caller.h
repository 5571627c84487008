// Who is at the other end of a Unix socket, as the kernel knows it. User and groups are those of the moment it
// connected; program and cgroup are those of its process now, which is known by a descriptor (SO_PEERPIDFD, Linux 6.5)
// and so never taken for one that got its number later. linux-only; any thread.
#pragma once
#include "stack/socket_callers.h"

namespace sallyport::runtime {

// process: program and cgroup too, which wants CAP_SYS_PTRACE for other users' processes. A program is told by its path
// only where that path leads to the very file here: another mount namespace can call any file by any name.
stack::SocketCaller caller_at(int connection, bool process);

// judge_caller() of who is there. A connection that says nothing of its user is refused.
stack::CallerVerdict judge_connection(const std::vector<config::SocketCallerRule>& rules, int connection);

}  // namespace sallyport::runtime
