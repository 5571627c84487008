// One command of Control for a data plane of several shards: the SA goes to the shard that its inbound SPI names, and
// the others hear where it is, before it is there: whoever judges what comes by it knows it then. What is said of one
// flow goes to the shard that the flow is judged in; everything else goes to all of them, in the same order. Pure; one
// thread.
#pragma once
#include <functional>

#include "stack/messages.h"

namespace sallyport::stack {

using GiveToShard = std::function<void(size_t shard, DataplaneCommand command)>;
void for_each_shard(DataplaneCommand command, size_t shards, const GiveToShard& give);

// Which of so many shards judges the flow.
uint16_t owner_of(const HostFlow& flow, size_t shards);

SaOrigin origin_of(const InstallSa& command);

}  // namespace sallyport::stack
