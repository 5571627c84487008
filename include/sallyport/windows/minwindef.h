// windef.h under its newer name.
#pragma once
#include "windef.h"
