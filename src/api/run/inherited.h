// Descriptors that a program under `sallyport run` would be given and that could carry IP in the clear.
#pragma once
#include <string>

namespace sallyport::api::run {

// Names the first such descriptor of this process and what it is, or says that it cannot be known, as a sentence;
// nothing: there is none. Sockets of the families that the trap leaves alone are none; rings of io_uring are one, for
// they may hold sockets. Sockets that wait in a Unix socket for somebody to take them are not seen.
std::string inherited_socket();

}  // namespace sallyport::api::run
