// Echoes what comes over protected connections, one after another, and says whose they are.
//   echo_server PORT [CONNECTIONS]     without the second: for ever. Says when it listens.
#include <netinet/in.h>
#include <sallyport/secure_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void serve(int fd) {
  struct sallyport_security_state state;
  sallyport_identity* peer = NULL;
  if (sallyport_query_security(fd, NULL, 0, &state, &peer) == 0) {
    printf("%s by %s\n", sallyport_identity_principal(peer), sallyport_identity_method(peer));
    fflush(stdout);
    sallyport_identity_free(peer);
  }
  char text[4096];
  ssize_t got;
  while ((got = recv(fd, text, sizeof text, 0)) > 0) {
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t some = send(fd, text + sent, (size_t)(got - sent), MSG_NOSIGNAL);
      if (some <= 0) return;
      sent += some;
    }
  }
}

int main(int count, char** words) {
  if (count < 2) {
    fprintf(stderr, "usage: echo_server PORT [CONNECTIONS]\n");
    return 2;
  }
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(words[1]))};
  const int listener = socket(AF_INET6, SOCK_STREAM, 0);  // and IPv4
  const int yes = 1;                                     // SO_REUSEADDR, which securing clears
  // Before bind(): no connection is taken that is not protected, and accepted ones are as their listener.
  if (listener < 0 || sallyport_set_security(listener, NULL) != 0 ||
      setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      bind(listener, (struct sockaddr*)&any, sizeof any) != 0 || listen(listener, 10) != 0) {
    perror("listen");
    return 1;
  }
  printf("listening\n");
  fflush(stdout);
  for (long left = count > 2 ? atol(words[2]) : -1; left != 0; left -= left > 0) {
    const int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    serve(fd);
    close(fd);
  }
  close(listener);
  return 0;
}
