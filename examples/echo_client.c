// Sends a line over a protected connection and prints what comes back, and who the peer is.
//   echo_client ADDRESS PORT NAME TEXT     NAME: of the server's certificate, or of IKE; nobody else gets the text
#include <netdb.h>
#include <sallyport/secure_socket.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int connected(const char* address, const char* port, const char* name) {
  struct addrinfo hints = {0}, *found = NULL;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  const int failed = getaddrinfo(address, port, &hints, &found);
  if (failed != 0) {
    fprintf(stderr, "%s: %s\n", address, gai_strerror(failed));
    return -1;
  }
  const struct sallyport_security wanted = {.flags = SALLYPORT_GUARANTEE_ENCRYPTION};
  int fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
  if (fd < 0 || sallyport_set_security(fd, &wanted) != 0 || sallyport_set_peer_name(fd, NULL, 0, name) != 0 ||
      connect(fd, found->ai_addr, found->ai_addrlen) != 0) {  // returns once the protection is there
    perror(address);
    if (fd >= 0) close(fd);
    fd = -1;
  }
  freeaddrinfo(found);
  return fd;
}

int main(int count, char** words) {
  if (count != 5) {
    fprintf(stderr, "usage: echo_client ADDRESS PORT NAME TEXT\n");
    return 2;
  }
  const int fd = connected(words[1], words[2], words[3]);
  if (fd < 0) return 1;
  struct sallyport_security_state state;
  sallyport_identity* peer = NULL;
  if (sallyport_query_security(fd, NULL, 0, &state, &peer) != 0) {
    perror("query");
    return 1;
  }
  printf("%s, %s\n", sallyport_identity_principal(peer),
         state.flags & SALLYPORT_ENCRYPTED ? "encrypted" : "not encrypted");
  sallyport_identity_free(peer);

  const size_t length = strlen(words[4]);
  char back[4096];
  size_t got = 0;
  if (length > sizeof back || send(fd, words[4], length, MSG_NOSIGNAL) != (ssize_t)length) return 1;
  while (got < length) {
    const ssize_t some = recv(fd, back + got, length - got, 0);
    if (some <= 0) return 1;
    got += (size_t)some;
  }
  printf("%.*s\n", (int)got, back);
  close(fd);
  return 0;
}
