// Formatting under its oldest names.
#pragma once
#include "msvcrt.h"

#define wsprintfA sallyport_ms_sprintf
#define wsprintfW(to, ...) sallyport_ms_swprintf((to), 1024, __VA_ARGS__)
#ifdef UNICODE
#define wsprintf wsprintfW
#else
#define wsprintf wsprintfA
#endif
