// What every part of the program shares: a check that says where it failed, and short ways to write objects.
#pragma once
#include <fwpmu.h>
#include <nldef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int failures;

#define CHECK(what)                                                      \
  do {                                                                   \
    if (!(what)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
      ++failures;                                                        \
    }                                                                    \
  } while (0)

// The call returns this code.
#define EXPECT(expected, call)                                                                           \
  do {                                                                                                   \
    const DWORD got_ = (call);                                                                           \
    if (got_ != (DWORD)(expected)) {                                                                     \
      fprintf(stderr, "%s:%d: %s gave 0x%08x and not %s\n", __FILE__, __LINE__, #call, got_, #expected); \
      ++failures;                                                                                        \
    }                                                                                                    \
  } while (0)
#define WORKS(call) EXPECT(ERROR_SUCCESS, call)

GUID guid_of(UINT32 number);
HANDLE open_engine(UINT32 flags);
// All of a kind, to be freed by FwpmFreeMemory0.
FWPM_FILTER0** all_filters(HANDLE engine, const FWPM_FILTER_ENUM_TEMPLATE0* wanted, UINT32* count);
UINT32 count_filters(HANDLE engine);
UINT32 count_contexts(HANDLE engine);

FWPM_FILTER_CONDITION0 unicast_here(void);
FWPM_FILTER_CONDITION0 protocol_is(UINT8 protocol);
FWPM_FILTER0 filter_at(const GUID* key, const GUID* layer, UINT32 action);

// ---- configurations ----
void run_transport(HANDLE engine);
void run_tunnel(HANDLE engine);
void run_isolation(HANDLE engine);
void run_manual_sa(HANDLE engine);

// ---- the rest ----
void run_objects(HANDLE engine);
void run_errors(HANDLE engine);
void run_context_errors(HANDLE engine);
void run_sessions(HANDLE engine);
void run_notices(HANDLE engine);
void run_security(HANDLE engine);
void run_net_events(HANDLE engine);
void run_watchers(HANDLE engine);
void set_settings(HANDLE engine);
int settings_kept(HANDLE engine);
