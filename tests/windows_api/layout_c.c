// The layout that C11 gives the structures.
#include <fwpmu.h>
#include <nldef.h>
#include <windows.h>

#define SIZE(type, octets) _Static_assert(sizeof(type) == (octets), #type);
#define OFFSET(type, member, octets) _Static_assert(offsetof(type, member) == (octets), #type "." #member);
#include "layout.h"

_Static_assert(sizeof(FWP_DATA_TYPE) == 4 && sizeof(NL_ADDRESS_TYPE) == 4, "enumerations have 32 bits");
_Static_assert(sizeof(DWORD) == 4 && sizeof(ULONG) == 4 && sizeof(LONG) == 4 && sizeof(BOOL) == 4, "as on Windows");
