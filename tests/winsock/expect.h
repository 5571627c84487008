/* A check that says where it failed and what the last error was. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define EXPECT(condition)                                                                                     \
  do {                                                                                                        \
    if (!(condition)) {                                                                                       \
      fprintf(stderr, "%s:%d: %s (last error %d)\n", __FILE__, __LINE__, #condition, (int)WSAGetLastError()); \
      exit(1);                                                                                                \
    }                                                                                                         \
  } while (0)
#define EXPECT_ERROR(call, code)                                                                                       \
  do {                                                                                                                 \
    WSASetLastError(0);                                                                                                \
    if ((call) != SOCKET_ERROR || WSAGetLastError() != (code)) {                                                       \
      fprintf(stderr, "%s:%d: %s: last error %d, not %s\n", __FILE__, __LINE__, #call, (int)WSAGetLastError(), #code); \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)
