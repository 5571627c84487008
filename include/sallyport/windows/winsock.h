// Windows Sockets under the name of their first version.
#pragma once
#include "winsock2.h"
