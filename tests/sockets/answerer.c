/* A static program without a library of ours: answers one line in capitals, or asks for that.
 * answerer serve|ask ADDRESS PORT [TEXT] */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t address_of(const char* text, int port, struct sockaddr_storage* out) {
  struct sockaddr_in* four = (struct sockaddr_in*)out;
  struct sockaddr_in6* six = (struct sockaddr_in6*)out;
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    return sizeof *four;
  }
  if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) return 0;
  six->sin6_family = AF_INET6;
  six->sin6_port = htons((uint16_t)port);
  return sizeof *six;
}

int main(int count, char** words) {
  struct sockaddr_storage address;
  char text[256];
  if (count < 4) return 2;
  const socklen_t length = address_of(words[2], atoi(words[3]), &address);
  const int s = socket(address.ss_family, SOCK_STREAM, 0);
  if (strcmp(words[1], "serve") == 0) {
    if (bind(s, (struct sockaddr*)&address, length) != 0 || listen(s, 1) != 0) return 1;
    printf("bound\n");
    fflush(stdout);
    const int c = accept(s, NULL, NULL);
    const ssize_t got = read(c, text, sizeof text);
    for (ssize_t i = 0; i < got; ++i) text[i] = (char)toupper((unsigned char)text[i]);
    return got > 0 && write(c, text, (size_t)got) == got ? 0 : 1;
  }
  if (connect(s, (struct sockaddr*)&address, length) != 0) {
    perror("connect");
    return 1;
  }
  if (write(s, words[4], strlen(words[4])) < 0) return 1;
  const ssize_t got = read(s, text, sizeof text - 1);
  if (got <= 0) return 1;
  printf("%.*s\n", (int)got, text);
  return 0;
}
