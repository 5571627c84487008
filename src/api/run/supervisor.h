// The process that makes the IP sockets of a program under the trap. It is nobody's child, holds no terminal and no
// pipe of the program, lives as long as anyone runs under the trap, and when it dies socket() fails: what is not
// secured is not there.
#pragma once
#include "api/run/secured.h"

namespace sallyport::api::run {

// Starts it, and leaves the calling process (single-threaded) ready to become the program by exec. Returns why not, as
// a sentence, or nothing. Refuses where the daemon refuses a socket of this kind now, and where the process holds
// what inherited.h names, which would be the program's and not secured. Gives up what rights.h says.
std::string begin(const Wanted& wanted);

}  // namespace sallyport::api::run
