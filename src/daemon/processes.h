// Parent, key process, helper and worker: house §8. The parent opened everything before; it forks the others, hands
// each what it may have, starts again what ends, reads the configuration again when told to, and parses no network
// octet.
#pragma once
#include "daemon/privileges.h"
#include "daemon/wiring.h"

namespace sallyport::daemon {

// Returns the exit code: 0 after SIGTERM or SIGINT, 1 when a child cannot be started, 3 when one cannot be started
// again. Call with no thread running.
int run_processes(const std::string& config_path, Loaded loaded, Privileges& privileges);

}  // namespace sallyport::daemon
