// What programs expect of this name, as far as these headers go.
#pragma once
#include "windef.h"
#include "winerror.h"
