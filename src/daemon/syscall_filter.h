// System call filters of our processes: robustness T1, T4. Each process that reads what a stranger sent, or holds what
// a stranger wants, may make only the calls its work needs; any other kills it, and the parent says so and starts it
// again. Set once, after all that is needed is open, for every thread of the process.
#pragma once
#include "base/result.h"

namespace sallyport::daemon {

enum class FilterFor : uint8_t {
  worker,  // its descriptors, memory, time and threads: opens no file, makes no socket, starts no program
  keys,    // its channels, and files for reading when the configuration is read again: no socket of any kind
  helper,  // the resolver: sockets and files for reading
  opener,  // one file, for a program: no socket, no program
};

// permission or io: the kernel refused it, and the process must not go on.
Result<> forbid_system_calls(FilterFor process);

}  // namespace sallyport::daemon
