// The calls of secure_socket.h without a daemon, for tests of what lies on top of them: it remembers what each
// descriptor was told and answers with it. A peer's principal is the name that was expected, else "client.example".
#include <errno.h>
#include <fcntl.h>
#include <sallyport/secure_socket.h>
#include <stdlib.h>
#include <string.h>

enum { kMost = 1024 };
static struct {
  int secured;
  uint32_t flags;
  uint8_t policy;
  char name[1025];
  uint16_t peer_port;
} sockets[kMost];
static int impersonations;

struct sallyport_identity {
  char principal[1025];
};

static int bad(int number) {
  errno = number;
  return -1;
}
static int usable(int fd) { return fd >= 0 && fd < kMost; }

int sallyport_set_security(int fd, const struct sallyport_security* security) {
  if (!usable(fd)) return bad(EBADF);
  if (security && security->flags == 3) return bad(EINVAL);
  memset(&sockets[fd], 0, sizeof sockets[fd]);
  sockets[fd].secured = 1;
  sockets[fd].flags = security ? security->flags : 0;
  sockets[fd].policy = security ? security->quick_mode_policy[15] : 0;
  return 0;
}
int sallyport_set_peer_name(int fd, const struct sockaddr* peer, socklen_t length, const char* name) {
  if (!usable(fd)) return bad(EBADF);
  if (strlen(name) > 1024) return bad(ENAMETOOLONG);
  if (*name == 0) return bad(EINVAL);
  strcpy(sockets[fd].name, name);
  if (peer && length >= 4) memcpy(&sockets[fd].peer_port, (const char*)peer + 2, 2);
  return 0;
}
int sallyport_delete_peer_name(int fd, const struct sockaddr* peer, socklen_t length) {
  uint16_t port = 0;
  if (peer && length >= 4) memcpy(&port, (const char*)peer + 2, 2);
  if (!usable(fd) || port == 0 || port != sockets[fd].peer_port) return bad(EINVAL);
  sockets[fd].name[0] = 0;
  sockets[fd].peer_port = 0;
  return 0;
}
int sallyport_query_security(int fd, const struct sockaddr* peer, socklen_t length,
                             struct sallyport_security_state* state, sallyport_identity** identity) {
  (void)peer, (void)length;
  if (!usable(fd)) return bad(EBADF);
  memset(state, 0, sizeof *state);
  state->flags = SALLYPORT_SECURED | (sockets[fd].flags & SALLYPORT_GUARANTEE_ENCRYPTION ? SALLYPORT_ENCRYPTED : 0);
  state->negotiation_error = sockets[fd].policy;
  state->main_mode_sa = UINT64_MAX;
  state->quick_mode_sa = 2;
  *identity = calloc(1, sizeof **identity);
  strcpy((*identity)->principal, sockets[fd].name[0] ? sockets[fd].name : "client.example");
  return 0;
}
const char* sallyport_identity_principal(const sallyport_identity* identity) {
  return identity ? identity->principal : "";
}
size_t sallyport_identity_names(const sallyport_identity* identity) { return identity ? 2 : 0; }
const char* sallyport_identity_name(const sallyport_identity* identity, size_t index) {
  return !identity || index > 1 ? NULL : index == 0 ? identity->principal : "other.example";
}
const char* sallyport_identity_user(const sallyport_identity* identity) { return identity ? "alice@example.org" : ""; }
const char* sallyport_identity_method(const sallyport_identity* identity) { return identity ? "certificate" : ""; }
uint64_t sallyport_identity_main_mode_sa(const sallyport_identity* identity) { return identity ? UINT64_MAX : 0; }
uint64_t sallyport_identity_quick_mode_sa(const sallyport_identity* identity) { return identity ? 2 : 0; }
void sallyport_identity_free(sallyport_identity* identity) { free(identity); }
int sallyport_impersonate_peer(int fd, const struct sockaddr* peer, socklen_t length) {
  (void)peer, (void)length;
  if (!usable(fd) || !sockets[fd].secured) return bad(EACCES);
  ++impersonations;
  return 0;
}
int sallyport_open_as_peer(int fd, const struct sockaddr* peer, socklen_t length, const char* path, int flags,
                           unsigned mode) {
  (void)peer, (void)length;
  if (!usable(fd) || !sockets[fd].secured) return bad(EACCES);
  return open(path, flags, mode);
}
int sallyport_revert_impersonation(void) {
  --impersonations;
  return 0;
}
const sallyport_identity* sallyport_thread_identity(void) { return NULL; }
// For tests: how many are not reverted.
int stand_in_impersonations(void);
int stand_in_impersonations(void) { return impersonations; }
