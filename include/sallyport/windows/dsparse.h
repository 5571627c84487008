// Names of services' principals, under their newer header's name.
#pragma once
#include "ntdsapi.h"
