#include "stack/shards.h"

#include "ipsec/shard.h"

namespace sallyport::stack {

namespace {

ipsec::Sad::Elsewhere elsewhere(const model::SaSpec& sa, uint16_t shard) {
  return {sa.child_id,       shard,      sa.reqid,    sa.resource,    sa.ts_local, sa.ts_remote,
          sa.outbound_ready, sa.spi_out, sa.protocol, sa.per_resource};
}

// A copy of what has no keys in it.
template <class C>
DataplaneCommand copy_of(const C& command) {
  if constexpr (std::is_copy_constructible_v<C>) {
    return command;
  } else {
    return ForgetHeld{};
  }
}

}  // namespace

void for_each_shard(DataplaneCommand command, size_t shards,
                    const std::function<void(size_t shard, DataplaneCommand command)>& give) {
  if (auto* install = std::get_if<InstallSa>(&command)) {
    const uint16_t owner = ipsec::shard_of(install->sa.spi_in, shards);
    const ipsec::Sad::Elsewhere told = elsewhere(install->sa, owner);
    give(owner, std::move(command));
    for (size_t i = 0; i < shards; ++i) {
      if (i != owner) give(i, InstallSaElsewhere{told});
    }
    return;
  }
  if (const auto* expected = std::get_if<ExpectSa>(&command)) {
    give(ipsec::shard_of(expected->spi, shards), *expected);
    return;
  }
  if (auto* complete = std::get_if<CompleteSa>(&command)) {
    const uint16_t owner = ipsec::shard_of(complete->spi_in, shards);
    ipsec::Sad::Elsewhere told = complete->sa;
    told.shard = owner;
    give(owner, std::move(command));
    for (size_t i = 0; i < shards; ++i) {
      if (i == owner) continue;
      give(i, RemoveSa{told.child_id, {}});  // what they knew of it was half
      give(i, InstallSaElsewhere{told});
    }
    return;
  }
  for (size_t i = 1; i < shards; ++i) {
    give(i, std::visit([](const auto& c) { return copy_of(c); }, command));
  }
  give(0, std::move(command));
}

}  // namespace sallyport::stack
