#include "api/winsock/last_error.h"

#include <cerrno>

#include "api/winsock/system.h"

namespace sallyport::api::winsock {
namespace {

thread_local uint32_t t_last_error = 0;

struct Row {
  int system;
  int code;
};
constexpr Row kErrors[] = {
    {EINTR, WSAEINTR},
    {EBADF, WSAENOTSOCK},
    {EACCES, WSAEACCES},
    {EPERM, WSAEACCES},
    {EFAULT, WSAEFAULT},
    {EINVAL, WSAEINVAL},
    {EMFILE, WSAEMFILE},
    {ENFILE, WSAEMFILE},
    {EAGAIN, WSAEWOULDBLOCK},
    {EINPROGRESS, WSAEWOULDBLOCK},
    {EALREADY, WSAEALREADY},
    {ENOTSOCK, WSAENOTSOCK},
    {EDESTADDRREQ, WSAENOTCONN},
    {EMSGSIZE, WSAEMSGSIZE},
    {EPROTOTYPE, WSAEPROTOTYPE},
    {ENOPROTOOPT, WSAENOPROTOOPT},
    {EPROTONOSUPPORT, WSAEPROTONOSUPPORT},
    {ESOCKTNOSUPPORT, WSAESOCKTNOSUPPORT},
    {EOPNOTSUPP, WSAEOPNOTSUPP},
    {EPFNOSUPPORT, WSAEPFNOSUPPORT},
    {EAFNOSUPPORT, WSAEAFNOSUPPORT},
    {EADDRINUSE, WSAEADDRINUSE},
    {EADDRNOTAVAIL, WSAEADDRNOTAVAIL},
    {ENETDOWN, WSAENETDOWN},
    {ENETUNREACH, WSAENETUNREACH},
    {ENETRESET, WSAENETRESET},
    {ECONNABORTED, WSAECONNABORTED},
    {ECONNRESET, WSAECONNRESET},
    {EPIPE, WSAECONNABORTED},
    {ENOBUFS, WSAENOBUFS},
    {ENOMEM, WSAENOBUFS},
    {EISCONN, WSAEISCONN},
    {ENOTCONN, WSAENOTCONN},
    {ETIMEDOUT, WSAETIMEDOUT},
    {ECONNREFUSED, WSAECONNREFUSED},
    {EHOSTDOWN, WSAEHOSTDOWN},
    {EHOSTUNREACH, WSAEHOSTUNREACH},
    {EUSERS, WSAEUSERS},
    {ENAMETOOLONG, WSAENAMETOOLONG},
    {ENODEV, WSAEADDRNOTAVAIL},
};

}  // namespace

uint32_t last_error() { return t_last_error; }
void set_last_error(uint32_t code) { t_last_error = code; }

int socket_error(int system_error, bool blocking) {
  if (blocking && system_error == EAGAIN) return WSAETIMEDOUT;  // SO_RCVTIMEO, SO_SNDTIMEO
  for (const Row& row : kErrors) {
    if (row.system == system_error) return row.code;
  }
  return WSASYSCALLFAILURE;
}

int resolver_error(int eai) {
  switch (eai) {
    case 0: return 0;
    case EAI_AGAIN: return WSATRY_AGAIN;
    case EAI_BADFLAGS: return WSAEINVAL;
    case EAI_FAMILY: return WSAEAFNOSUPPORT;
    case EAI_MEMORY: return WSA_NOT_ENOUGH_MEMORY;
    case EAI_NONAME: return WSAHOST_NOT_FOUND;
    case -5: return WSANO_DATA;       // EAI_NODATA and
    case -9: return WSAEAFNOSUPPORT;  // EAI_ADDRFAMILY, which only GNU's names have
    case EAI_OVERFLOW: return WSAEFAULT;
    case EAI_SERVICE: return WSATYPE_NOT_FOUND;
    case EAI_SOCKTYPE: return WSAESOCKTNOSUPPORT;
    case EAI_SYSTEM: return socket_error(errno);
    default: return WSANO_RECOVERY;
  }
}

int fail(int code) {
  set_last_error(static_cast<uint32_t>(code));
  return SOCKET_ERROR;
}

int fail_errno(bool blocking) { return fail(socket_error(errno, blocking)); }

}  // namespace sallyport::api::winsock

using namespace sallyport::api::winsock;

extern "C" {

DWORD WINAPI GetLastError(void) { return last_error(); }
void WINAPI SetLastError(DWORD code) { set_last_error(code); }
int WSAAPI WSAGetLastError(void) { return static_cast<int>(last_error()); }
void WSAAPI WSASetLastError(int code) { set_last_error(static_cast<uint32_t>(code)); }

}  // extern "C"
