// What socket programs take from remote procedure calls: unique identifiers.
#pragma once
#include "rpcdce.h"
#include "windows.h"
