// The console's keys: msvcrt.h has them.
#pragma once
#include "msvcrt.h"
