// Who a peer is, as programs hold it: an object of its own, in a handle, or a thread's own. Immutable once made.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "policy/socket_call.h"

struct sallyport_identity {
  std::string principal, method;
  std::vector<std::string> names;
  uint64_t main_mode_sa = 0, quick_mode_sa = 0;
  std::string user;  // beside the principal
};

namespace sallyport::api::sockets {

inline sallyport_identity identity_of(const policy::socket_call::Answer& answer) {
  return {answer.principal, answer.method, answer.names, answer.main_mode_sa, answer.quick_mode_sa, answer.user};
}
// The user as the one who is meant. Requires: there is one.
inline sallyport_identity user_identity_of(const policy::socket_call::Answer& answer) {
  return {answer.user, answer.method, answer.user_names, answer.main_mode_sa, answer.quick_mode_sa, answer.user};
}
// Whose rights the calling thread has taken, or whom it has identified, by the last call that is not undone; nullptr:
// nobody's. Good until the thread reverts.
const sallyport_identity* identity_of_thread();

}  // namespace sallyport::api::sockets
