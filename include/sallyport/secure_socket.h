// Secure sockets, in the manner of POSIX: a program secures one of its sockets with one call, says whom it expects at
// the other end, learns who is there, and acts with that peer's rights on files. The kernel keeps doing TCP and UDP;
// between socket() and close() nothing else changes. docs/secure-sockets.md; the same calls under Microsoft's names are
// in windows/mstcpip.h and windows/ws2tcpip.h. Link with -lsallyport.
//
// Every function returns 0 (sallyport_open_as_peer a descriptor), or -1 with errno. Errors that all of them have: EBADF
// and ENOTSOCK; EAFNOSUPPORT for other families than AF_INET and AF_INET6; EPROTONOSUPPORT for other types than
// SOCK_STREAM and SOCK_DGRAM; ECONNREFUSED where no daemon with secure sockets runs; EACCES where its rules do not let
// this program call; EINTR never. Threads: any. Fork: the child may go on using a secured socket, and the protection
// ends when the last copy is closed.
#ifndef SALLYPORT_SECURE_SOCKET_H
#define SALLYPORT_SECURE_SOCKET_H
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a socket asks for; bits of sallyport_security.flags.
#define SALLYPORT_GUARANTEE_ENCRYPTION 0x1u  // not authenticated alone: no packet goes or comes that is not encrypted
#define SALLYPORT_ALLOW_INSECURE 0x2u        // secured if the peer can, in the clear otherwise; excludes the first

struct sallyport_security {
  uint32_t flags;
  // Keys of provider contexts of the filter engine, in the order of a GUID's text: main mode and quick mode policy of
  // IKEv2. All zero: the daemon's own, [secure_sockets] of its configuration.
  uint8_t main_mode_policy[16];
  uint8_t quick_mode_policy[16];
};

// Secures the socket; NULL asks for everything as it is configured. Call it after socket() and before bind() and
// connect(); once. Afterwards no packet of the socket leaves or reaches it that was not protected as asked; accepted
// sockets inherit. SO_REUSEADDR and SO_REUSEPORT are switched off by it; a server that
// wants its port back at once sets SO_REUSEADDR after the call. Does not wait for a negotiation: connect() does.
// EISCONN: connected. EINVAL: bound, listening or secured before; unknown flags; a policy that is not there or of the
// wrong type. EUSERS: too many sockets of this user.
int sallyport_set_security(int fd, const struct sallyport_security* security);

// Names the peer that is expected, before connect() or the first sendto(): the identity that its certificate proves to
// IKE (a host name, an address, a whole subject "O=Example, CN=name" or the common name in it), or "host/" and a name.
// A peer that cannot prove the name gets not one octet: connect() then fails as if nobody answered. peer: of a socket
// of type SOCK_DGRAM that is not connected, whom the name is of, one name each; a second one replaces the first.
// SOCK_STREAM: not looked at. EINVAL: listening, an empty name, no address or port where one is needed. ENAMETOOLONG:
// more than 1024 octets. ENOBUFS: 64 names of one socket, or names of 256 sockets of this user that are not secured
// yet. EISCONN: connected. A name of a UDP peer is judged by what that peer sends: the first datagram to it, protected,
// has then left.
int sallyport_set_peer_name(int fd, const struct sockaddr* peer, socklen_t peer_length, const char* name);

// Forgets the name of one peer of a socket of type SOCK_DGRAM. EINVAL: another type, or no such name. SAs stay.
int sallyport_delete_peer_name(int fd, const struct sockaddr* peer, socklen_t peer_length);

// What has become of it; bits of sallyport_security_state.flags.
#define SALLYPORT_SECURED 0x1u    // there is an SA for traffic with the peer, or it is a secured socket of this host
#define SALLYPORT_ENCRYPTED 0x2u  // and it encrypts
// The administrator lets this program know who a peer is and gives it nobody's rights: `identify_only`.
#define SALLYPORT_IDENTIFY_ONLY 0x10000u

// Who a peer is; opaque.
typedef struct sallyport_identity sallyport_identity;

struct sallyport_security_state {
  uint32_t flags;
  uint32_t negotiation_error;  // why the last negotiation for it failed, or why its connection was broken off: a code
                               // of winerror.h (ERROR_IPSEC_…); 0: neither
  uint64_t main_mode_sa;       // number of the IKE SA; 0: none
  uint64_t quick_mode_sa;      // number of the pair of IPsec SAs; 0: none
};

// Asks about a connected socket (peer is then not looked at), or about one peer of a socket of type SOCK_DGRAM.
// identity: NULL, or gets the peer's proved identity, to be freed with sallyport_identity_free; NULL where there is
// none. ENOTCONN: SOCK_STREAM, not connected, and no negotiation for it has failed; if one has, negotiation_error says
// why, and nothing else is set. EINVAL: SOCK_DGRAM, and no address or port. ECONNRESET: the connection was reset, and
// the program has not been told yet; where its protection was the reason (RFC 5660 2), negotiation_error says so.
int sallyport_query_security(int fd, const struct sockaddr* peer, socklen_t peer_length,
                             struct sallyport_security_state* state, sallyport_identity** identity);

// The strings live as long as the identity. No function here fails; NULL is an identity without names.
const char* sallyport_identity_principal(const sallyport_identity* identity);  // the name IKE authenticated; "" if none
size_t sallyport_identity_names(const sallyport_identity* identity);           // the principal and its other names
const char* sallyport_identity_name(const sallyport_identity* identity, size_t index);  // NULL: no such index
const char* sallyport_identity_method(const sallyport_identity* identity);  // "certificate", "psk", "local" or ""
// The user whom IKE authenticated beside the principal, which is the machine then; "" if none.
const char* sallyport_identity_user(const sallyport_identity* identity);
uint64_t sallyport_identity_main_mode_sa(const sallyport_identity* identity);
uint64_t sallyport_identity_quick_mode_sa(const sallyport_identity* identity);
void sallyport_identity_free(sallyport_identity* identity);

// The calling thread, and no other, takes the file system's identity (user, group and supplementary groups) of the
// local account that the peer's user is mapped to, or the principal where it has proved no user, `account_map` of
// [secure_sockets]. Calls nest. EACCES: no
// identity, no account of it, or this process may not change its identity; the account is never root's. ENOTCONN,
// EINVAL as with sallyport_query_security. With SALLYPORT_IDENTIFY_ONLY the call succeeds for every secured peer and
// changes nothing but sallyport_thread_identity().
int sallyport_impersonate_peer(int fd, const struct sockaddr* peer, socklen_t peer_length);

// For programs that may not change their identity: the daemon opens one file with the rights of the peer's account, in
// a process that has no others and ends with it, and the descriptor (close-on-exec) is this process's from then on.
// The administrator has to allow it, `broker` of [[secure_sockets.caller]]. path begins at the root or the folder of
// this process, and no symbolic link leaves that root. flags: of open(), O_PATH, O_TMPFILE, O_ASYNC, O_DIRECT and
// O_NOATIME excepted; mode is not cut by the umask, and has the nine bits of rwx alone. A regular file or a folder;
// anything else, and what lies in /proc, is EACCES, and so is a peer without identity or account, root's account, and a
// program without the right. EAGAIN: too many at once. ETIMEDOUT: the file system does not answer. EINVAL: other flags
// or mode. Otherwise as open() and sallyport_impersonate_peer(). Any number of threads.
int sallyport_open_as_peer(int fd, const struct sockaddr* peer, socklen_t peer_length, const char* path, int flags,
                           unsigned mode);

// Undoes the last sallyport_impersonate_peer() of this thread; nothing to undo is no error.
int sallyport_revert_impersonation(void);

// Whom the calling thread impersonates; NULL: nobody. Good until the thread reverts; never to be freed. With a shared
// secret it has no names.
const sallyport_identity* sallyport_thread_identity(void);

#ifdef __cplusplus
}
#endif
#endif
