// The six functions of secure sockets and their control codes: one way in for both, so that they behave alike. What
// they do is behind the entry points of mstcpip.h; here is what makes them calls of Windows Sockets: that WSAStartup
// was called, the last error, and overlapped completion. Nothing of it waits for the network, so an overlapped call is
// completed when it returns.
#include "api/winsock/security.h"

#include <sallyport/windows/mstcpip.h>

#include "api/winsock/last_error.h"
#include "api/winsock/overlapped.h"
#include "api/winsock/socket_table.h"

namespace sallyport::api::winsock {

bool is_security_code(DWORD code) {
  return code == SIO_SET_SECURITY || code == SIO_QUERY_SECURITY || code == SIO_SET_PEER_TARGET_NAME ||
         code == SIO_DELETE_PEER_TARGET_NAME;
}

int security_call(SOCKET socket, DWORD code, const void* in, DWORD in_octets, void* out, DWORD out_octets,
                  DWORD* octets, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  DWORD answered = 0;
  const INT error = sallyport_socket_security_ioctl(socket, code, in, in_octets, out, out_octets, &answered);
  if (octets) *octets = answered;
  if (error != 0) return fail(error);
  // Nobody else may have the port, and getsockopt() shows it.
  if (code == SIO_SET_SECURITY) {
    change_notes(*fd, [](SocketNotes& of) {
      of.exclusive = true;
      of.reuse = false;
    });
  }
  if (is_overlapped(*fd, overlapped)) report_overlapped(*fd, overlapped, routine, {0, answered, 0});
  return 0;
}

}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

INT WSAAPI WSASetSocketSecurity(SOCKET socket, const SOCKET_SECURITY_SETTINGS* settings, ULONG settings_octets,
                                LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  return security_call(socket, SIO_SET_SECURITY, settings, settings ? settings_octets : 0, nullptr, 0, nullptr,
                       overlapped, routine);
}

INT WSAAPI WSAQuerySocketSecurity(SOCKET socket, const SOCKET_SECURITY_QUERY_TEMPLATE* wanted, ULONG wanted_octets,
                                  SOCKET_SECURITY_QUERY_INFO* answer, ULONG* answer_octets, LPWSAOVERLAPPED overlapped,
                                  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  if (!descriptor(socket)) return SOCKET_ERROR;
  if (!answer_octets) return fail(WSAEFAULT);
  return security_call(socket, SIO_QUERY_SECURITY, wanted, wanted ? wanted_octets : 0, answer,
                       answer ? *answer_octets : 0, answer_octets, overlapped, routine);
}

INT WSAAPI WSASetSocketPeerTargetName(SOCKET socket, const SOCKET_PEER_TARGET_NAME* name, ULONG name_octets,
                                      LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  if (!descriptor(socket)) return SOCKET_ERROR;
  if (!name) return fail(WSAEFAULT);
  return security_call(socket, SIO_SET_PEER_TARGET_NAME, name, name_octets, nullptr, 0, nullptr, overlapped, routine);
}

INT WSAAPI WSADeleteSocketPeerTargetName(SOCKET socket, const struct sockaddr* peer, ULONG peer_octets,
                                         LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  if (!descriptor(socket)) return SOCKET_ERROR;
  if (!peer) return fail(WSAEFAULT);
  return security_call(socket, SIO_DELETE_PEER_TARGET_NAME, peer, peer_octets, nullptr, 0, nullptr, overlapped,
                       routine);
}

INT WSAAPI WSAImpersonateSocketPeer(SOCKET socket, const struct sockaddr* peer, ULONG peer_octets) {
  const auto fd = descriptor(socket);
  if (!fd) return SOCKET_ERROR;
  const BOOL waits = !notes(*fd).overlapped && blocking(*fd) ? TRUE : FALSE;
  const INT error = sallyport_socket_impersonate(socket, peer, peer_octets, waits);
  return error == 0 ? 0 : fail(error);
}

INT WSAAPI WSARevertImpersonation(void) {
  if (!started()) return fail(WSANOTINITIALISED);
  const INT error = sallyport_socket_revert();
  return error == 0 ? 0 : fail(error);
}

}  // extern "C"
