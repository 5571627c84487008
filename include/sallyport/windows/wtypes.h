// windows.h under the name of its types.
#pragma once
#include "windows.h"
