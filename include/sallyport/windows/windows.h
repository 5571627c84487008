// What a console program includes first: types, errors, the calls of the system that such programs make, and the names
// of the run-time library that differ there (msvcrt.h). docs/windows-sockets.md says what is there and what differs.
#pragma once
#include <limits.h>

#include "msvcrt.h"
#include "sal.h"
#include "winbase.h"
#include "windef.h"
#include "winerror.h"
#include "winnls.h"
#include "winnt.h"

// Such programs carry #pragma comment(lib, …) and #pragma warning(…), which mean nothing here.
#if defined(__GNUC__) && !defined(SALLYPORT_KEEP_PRAGMA_WARNINGS)
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#endif

// Old annotations of parameters.
#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif
#ifndef __cplusplus
#include "specstrings.h"
#ifndef NOMINMAX
#ifndef max
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
#endif
#endif
