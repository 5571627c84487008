// Threads as the run-time library begins them. The handle is closed by CloseHandle.
#pragma once
#include "winbase.h"

#ifdef __cplusplus
extern "C" {
#endif

uintptr_t _beginthreadex(void* security, unsigned stack, unsigned(__stdcall* start)(void*), void* parameter,
                         unsigned flags, unsigned* id);
void _endthreadex(unsigned code) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
