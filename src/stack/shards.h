// One command of Control for a data plane of several shards: the SA goes to the shard that its inbound SPI names, and
// the others hear where it is; everything else goes to all of them, in the same order. Pure; one thread.
#pragma once
#include <functional>

#include "stack/messages.h"

namespace sallyport::stack {

// give(shard, command), the owner of an SA first.
void for_each_shard(DataplaneCommand command, size_t shards,
                    const std::function<void(size_t shard, DataplaneCommand command)>& give);

}  // namespace sallyport::stack
