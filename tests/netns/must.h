/* For programs of the documented interface: a call that has to succeed, or the program says which did not and ends. */
#pragma once
#include <fwpmu.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(call)                                                     \
  do {                                                                 \
    const DWORD code_ = (call);                                        \
    if (code_ != ERROR_SUCCESS) {                                      \
      printf("%s:%d: %s: 0x%08x\n", __FILE__, __LINE__, #call, code_); \
      exit(1);                                                         \
    }                                                                  \
  } while (0)
