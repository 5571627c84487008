// Integers of a stated width, which windef.h gives.
#pragma once
#include "windef.h"
