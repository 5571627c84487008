// How often this test program has called operator new. Counted where ipsec/allocation_test.cc replaces it.
#pragma once
#include <cstddef>

namespace sallyport::support {
size_t allocations();
}
