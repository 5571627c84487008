// After this the DEFINE_GUIDs of a file define.
#pragma once
#ifndef INITGUID
#define INITGUID
#endif
#include "guiddef.h"
