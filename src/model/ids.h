// Numbers that name things on the wire and between rooms. Values; any thread.
#pragma once
#include <cstddef>
#include <cstdint>

namespace sallyport::model {

using Spi = uint32_t;        // ESP and AH SPI, host order; 0..255 are reserved (RFC 4303 2.1)
using IkeSpi = uint64_t;     // RFC 7296 3.1
using MessageId = uint32_t;  // RFC 7296 2.2
using RequestId = uint64_t;  // of a KeyRequest; unique in the life of its maker
using ChildId = uint64_t;    // of one Child SA pair; never used twice
using IkeId = uint64_t;      // of one IKE SA; never used twice

// Where the SA of this inbound SPI lives, of so many shards of the data plane. The kernel's steering counts the same
// way.
inline uint16_t shard_of(Spi spi, size_t shards) { return static_cast<uint16_t>(spi % shards); }

}  // namespace sallyport::model
