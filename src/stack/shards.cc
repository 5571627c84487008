#include "stack/shards.h"

#include "ipsec/shard.h"
#include "stack/filter_flows.h"

namespace sallyport::stack {

namespace {

ipsec::Sad::Elsewhere elsewhere(const InstallSa& install, uint16_t shard) {
  const model::SaSpec& sa = install.sa;
  return {sa.child_id,       shard,      sa.reqid,    sa.resource,     sa.ts_local,       sa.ts_remote,
          sa.outbound_ready, sa.spi_out, sa.protocol, sa.per_resource, install.behind_nat};
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

// Nothing that comes by the SA finds a shard that has not heard of it, and nothing that is to leave by it is handed to
// where it is not yet.
void install(InstallSa install, size_t shards, const GiveToShard& give) {
  const uint16_t owner = ipsec::shard_of(install.sa.spi_in, shards);
  const model::ChildId child = install.sa.child_id;
  const bool ready = install.sa.outbound_ready;
  InstallSaElsewhere told{elsewhere(install, owner), origin_of(install), install.sa.remote.addr, encrypts(install.sa)};
  told.sa.outbound_ready = false;
  for (size_t i = 0; i < shards; ++i) {
    if (i != owner) give(i, told);
  }
  give(owner, std::move(install));
  for (size_t i = 0; ready && i < shards; ++i) {
    if (i != owner) give(i, SwitchSaOutbound{child});
  }
}

// Of one flow, and who judges that.
const HostFlow* flow_of(const DataplaneCommand& command) {
  if (const auto* place = std::get_if<PlaceSocket>(&command)) return &place->flow;
  if (const auto* forget = std::get_if<ForgetSocket>(&command)) return &forget->flow;
  if (const auto* user = std::get_if<PlaceUser>(&command)) return &user->flow;
  if (const auto* owner = std::get_if<PlaceOwner>(&command)) return &owner->flow;
  return nullptr;
}

}  // namespace

SaOrigin origin_of(const InstallSa& command) {
  return {command.machine,    command.of_filter, command.tunnel,
          command.nat_client, command.group,     command.answered ? command.sa.reqid : 0,
          command.user};
}

uint16_t owner_of(const HostFlow& flow, size_t shards) { return model::owner_of_flow(flow.local, flow.remote, shards); }

void for_each_shard(DataplaneCommand command, size_t shards, const GiveToShard& give) {
  if (auto* sa = std::get_if<InstallSa>(&command)) return install(std::move(*sa), shards, give);
  if (const HostFlow* flow = flow_of(command)) {
    const uint16_t owner = owner_of(*flow, shards);
    return give(owner, std::move(command));
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
