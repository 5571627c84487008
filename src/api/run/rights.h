// What even root's programs may not do under `sallyport run`.
#pragma once
#include <string>

namespace sallyport::api::run {

// Gives up CAP_NET_ADMIN and CAP_NET_RAW for this process and all it will execute: with either one a program chooses
// the mark of a single packet (a control message of sendmsg(2), which no seccomp program can look at), and the mark is
// what leads into the device. Returns why not, as a sentence, or nothing.
std::string give_up_network_rights();

}  // namespace sallyport::api::run
