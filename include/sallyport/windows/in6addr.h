// An IPv6 address with the original's members. As large as the system's and laid out alike.
#pragma once
#include "system_sockets.h"
#include "windef.h"

#if SALLYPORT_SYSTEM_SOCKETS_FIRST
typedef struct in6_addr IN6_ADDR, *PIN6_ADDR, *LPIN6_ADDR;
#else
typedef struct in6_addr {
  union {
    UCHAR Byte[16];
    USHORT Word[8];
    UINT sallyport_align[4];  // as the system's is aligned
  } u;
} IN6_ADDR, *PIN6_ADDR, *LPIN6_ADDR;
#undef s6_addr
#undef s6_addr16
#undef s6_addr32
#define _S6_un u
#define _S6_u8 Byte
#define s6_addr u.Byte
#define s6_bytes u.Byte
#define s6_words u.Word
#endif
