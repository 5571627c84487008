// The calls of secure_socket.h.
#include <errno.h>
#include <sallyport/secure_socket.h>
#include <string.h>

#include <algorithm>
#include <new>

#include "api/sockets/call.h"
#include "api/sockets/identity.h"

namespace {

namespace sockets = sallyport::api::sockets;
using sallyport::policy::socket_call::Answer;
using sallyport::policy::socket_call::Function;
using sallyport::policy::socket_call::Request;

int result(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

// The peer where one is needed: of a datagram socket that is not connected.
int about_peer(int fd, const sockaddr* peer, socklen_t length, Request& request, bool& datagrams) {
  if (const int error = sockets::check_socket(fd, datagrams); error != 0) return error;
  if (!datagrams || peer == nullptr) return 0;
  return sockets::take_peer(peer, length, request.peer);
}

}  // namespace

extern "C" {

int sallyport_set_security(int fd, const sallyport_security* security) {
  bool datagrams = false;
  if (const int error = sockets::check_socket(fd, datagrams); error != 0) return result(error);
  Request request;
  request.function = Function::set_security;
  if (security != nullptr) {
    request.settings.security_flags = security->flags;
    std::memcpy(request.settings.main_mode.octets.data(), security->main_mode_policy, 16);
    std::memcpy(request.settings.quick_mode.octets.data(), security->quick_mode_policy, 16);
  }
  Answer answer;
  return result(sockets::call(fd, request, answer));
}

int sallyport_set_peer_name(int fd, const sockaddr* peer, socklen_t peer_length, const char* name) {
  if (name == nullptr) return result(EFAULT);
  Request request;
  request.function = Function::set_peer_name;
  bool datagrams = false;
  if (const int error = about_peer(fd, peer, peer_length, request, datagrams); error != 0) return result(error);
  request.name = name;
  if (request.name.size() > sallyport::policy::socket_call::kMostNameOctets) return result(ENAMETOOLONG);
  Answer answer;
  return result(sockets::call(fd, request, answer));
}

int sallyport_delete_peer_name(int fd, const sockaddr* peer, socklen_t peer_length) {
  Request request;
  request.function = Function::delete_peer_name;
  bool datagrams = false;
  if (const int error = about_peer(fd, peer, peer_length, request, datagrams); error != 0) return result(error);
  Answer answer;
  return result(sockets::call(fd, request, answer));
}

int sallyport_query_security(int fd, const sockaddr* peer, socklen_t peer_length, sallyport_security_state* state,
                             sallyport_identity** identity) {
  if (identity != nullptr) *identity = nullptr;
  Request request;
  request.function = Function::query;
  bool datagrams = false;
  if (const int error = about_peer(fd, peer, peer_length, request, datagrams); error != 0) return result(error);
  Answer answer;
  if (const int error = sockets::call(fd, request, answer); error != 0) return result(error);
  if (state != nullptr) *state = {answer.flags, answer.negotiation_error, answer.main_mode_sa, answer.quick_mode_sa};
  if (identity != nullptr && !(answer.names.empty() && answer.user.empty())) {
    *identity = new (std::nothrow) sallyport_identity(sockets::identity_of(answer));
    if (*identity == nullptr) return result(ENOMEM);
  }
  return 0;
}

const char* sallyport_identity_principal(const sallyport_identity* identity) {
  return identity == nullptr ? "" : identity->principal.c_str();
}
size_t sallyport_identity_names(const sallyport_identity* identity) {
  return identity == nullptr ? 0 : identity->names.size();
}
const char* sallyport_identity_name(const sallyport_identity* identity, size_t index) {
  return index < sallyport_identity_names(identity) ? identity->names[index].c_str() : nullptr;
}
const char* sallyport_identity_user(const sallyport_identity* identity) {
  return identity == nullptr ? "" : identity->user.c_str();
}

const char* sallyport_identity_method(const sallyport_identity* identity) {
  return identity == nullptr ? "" : identity->method.c_str();
}
uint64_t sallyport_identity_main_mode_sa(const sallyport_identity* identity) {
  return identity == nullptr ? 0 : identity->main_mode_sa;
}
uint64_t sallyport_identity_quick_mode_sa(const sallyport_identity* identity) {
  return identity == nullptr ? 0 : identity->quick_mode_sa;
}
void sallyport_identity_free(sallyport_identity* identity) { delete identity; }

int sallyport_impersonate_peer(int fd, const sockaddr* peer, socklen_t peer_length) {
  Request request;
  bool datagrams = false;
  if (const int error = about_peer(fd, peer, peer_length, request, datagrams); error != 0) return result(error);
  return result(sockets::impersonate(fd, request.peer));
}

int sallyport_open_as_peer(int fd, const sockaddr* peer, socklen_t peer_length, const char* path, int flags,
                           unsigned mode) {
  Request request;
  bool datagrams = false;
  if (const int error = about_peer(fd, peer, peer_length, request, datagrams); error != 0) return result(error);
  int file = -1;
  const int error = sockets::open_as_peer(fd, request.peer, path, flags, mode, file);
  return error == 0 ? file : result(error);
}

int sallyport_revert_impersonation(void) { return result(sockets::revert()); }

const sallyport_identity* sallyport_thread_identity(void) { return sockets::identity_of_thread(); }

}  // extern "C"
