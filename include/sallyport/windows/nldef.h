// Kinds of addresses, as the conditions on address types compare them.
#pragma once
#include "windef.h"

typedef enum NL_ADDRESS_TYPE_ SALLYPORT_ENUM32 {
  NlatUnspecified = 0,
  NlatUnicast = 1,
  NlatAnycast = 2,
  NlatMulticast = 3,
  NlatBroadcast = 4,
  NlatInvalid = 5,
} NL_ADDRESS_TYPE;
