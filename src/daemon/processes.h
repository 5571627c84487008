// Parent, key process, helper and worker: house §8. The parent opened everything before; it forks the others, hands
// each what it may have, starts again what ends, reads the configuration again when told to, and parses no network
// octet.
#pragma once
#include "daemon/privileges.h"
#include "daemon/wiring.h"

namespace sallyport::daemon {

enum class Ending {
  clean,        // SIGTERM or SIGINT
  not_started,  // a process could not be started
  failed,       // one that had run cannot be started again: nothing is to be opened by this end
};

// Call with no thread running.
Ending run_processes(const std::string& config_path, Loaded loaded, Privileges& privileges);

}  // namespace sallyport::daemon
