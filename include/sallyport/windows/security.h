// sspi.h under the name that programs include.
#pragma once
#include "sspi.h"
