// Assertions of the debugging run-time library: those of <assert.h>.
#pragma once
#include <assert.h>

#define _ASSERT(condition) assert(condition)
#define _ASSERTE(condition) assert(condition)
#define _CrtSetDbgFlag(flags) ((int)(flags))
