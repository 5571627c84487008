// One shard of the data plane: its SAD, SPD and counters, handed to the pipelines. Lives in one thread.
#pragma once
#include "ipsec/drops.h"
#include "ipsec/open_queue.h"
#include "ipsec/pmtu.h"
#include "ipsec/reassembly.h"
#include "ipsec/sad.h"
#include "ipsec/seal_queue.h"
#include "ipsec/spd_cache.h"

namespace sallyport::ipsec {

// Where the SA of this inbound SPI lives, of so many shards. The kernel's steering counts the same way.
inline uint16_t shard_of(model::Spi spi, size_t shards) { return static_cast<uint16_t>(spi % shards); }

struct Shard {
  explicit Shard(Rng& rng) : sad(rng) {}

  Sad sad;
  Spd spd;
  DropCounters drops;
  TooBigLimit too_big;
  Reassembly reassembly;
  SealQueue sealing;
  OpenQueue opening;
  PacketBuf piece;  // of a packet that is cut or put together on its way
};

}  // namespace sallyport::ipsec
