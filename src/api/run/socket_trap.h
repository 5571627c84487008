// A seccomp program under which a process and its children get no IP socket from the kernel: whoever holds the listener
// makes them. Works for static binaries and raw system calls, because the kernel asks. Linux 5.14 and later.
//
//   socket(AF_INET, AF_INET6)   ── asked of the listener
//   socket(AF_UNIX, AF_NETLINK, AF_ALG, AF_VSOCK) ── as ever; every other family: EAFNOSUPPORT
//   io_uring_setup, and system calls of another architecture ── ENOSYS, for they could make sockets unseen
//   setsockopt(SO_MARK) ── EPERM, by which a privileged program would leave the device
//   pidfd_getfd ── EPERM, which takes descriptors out of other processes, and out of the listener's holder
#pragma once
#include <linux/filter.h>

#include <vector>

namespace sallyport::api::run {

std::vector<sock_filter> trap_program();

// Whether sockets of this family carry no IP and are the program's own affair.
bool is_free_family(int family);

// For this process, from now on and for good. Returns the listener, or a negative errno: EBUSY where one is set
// already. Without CAP_SYS_ADMIN the process can get no new privileges any more (setuid programs run without).
int set_trap();

}  // namespace sallyport::api::run
