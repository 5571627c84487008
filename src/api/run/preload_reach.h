// Whether the light variant of `sallyport run` reaches a program at all: the dynamic linker passes over what it cannot
// load, and says so at most; the program then runs with sockets of its own, in the clear.
#pragma once
#include <string>

namespace sallyport::api::run {

// Why LD_PRELOAD does not carry this library, as a sentence, or nothing: it cannot be loaded or has no socket(), or its
// path has a character that the linker takes for its own.
std::string library_objection(const std::string& library);

// Why a preloaded library is not loaded into this program, which is looked for as execvp() does; nothing: it is, or
// there is no such program, which execvp() tells. Static programs, those of another architecture and those with rights
// of their own (set-user-ID, set-group-ID, capabilities of the file); for a script, its interpreter.
std::string program_objection(const std::string& program);

}  // namespace sallyport::api::run
