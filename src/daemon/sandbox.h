// How a child process gives up its rights. House §8, RFC-free. Each function ends what it is asked to end or fails: a
// process must not go on with more than it was meant to have. Called once, in the child, before it reads anything.
#pragma once
#include <string>

#include "base/result.h"

namespace sallyport::daemon {

// Every process: no core, not traceable by the same user, no new rights by exec.
Result<> harden_process();
// The worker: an empty root folder, an unprivileged user and no capabilities. user: the configured one, or "nobody"
// where it does not exist.
Result<> enter_worker(const std::string& user);
// The helper: the unprivileged user; it needs the resolver's files.
Result<> enter_helper(const std::string& user);
// The key process: stays able to read its files, has no network where the kernel allows that, loses every capability
// but reading.
Result<> enter_keys();
// The process that opens a file for a program: a local account for good, with its groups, no capabilities, room for
// few descriptors, no process of its own. not_found: no such account; permission: it is root's.
Result<> enter_account(const std::string& account);
// Nothing of this process's memory goes to a swap device: what there is now and, where no limit is set, what comes. To
// be called again after secrets were loaded. Refused where the limit of locked memory is too low.
Result<> lock_memory();
// This process dies with its parent.
void die_with_parent();

}  // namespace sallyport::daemon
