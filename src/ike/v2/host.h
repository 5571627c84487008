// What all IKE SAs of one endpoint share: configuration, randomness, the way out, and each other. The endpoint
// implements it. Pure; one thread.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "ike/endpoint.h"
#include "ike/keying_module.h"

namespace sallyport::ike::v2 {

class IkeSa;

// Runs when key work has come back and the IKE SA still lives. State that cannot be copied is captured by shared_ptr.
using Continuation = std::function<void(IkeSa&, TimePoint, model::KeyReply)>;

class Host {
 public:
  virtual ~Host() = default;

  virtual const Config& config() const = 0;
  virtual Rng& rng() = 0;
  virtual Counters& counters() = 0;
  virtual const std::shared_ptr<const model::IkePolicySet>& policy() const = 0;

  virtual void emit(Output output) = 0;
  virtual void ask(IkeSa& sa, model::KeyRequest work, Continuation then) = 0;

  virtual model::IkeId new_ike_id() = 0;
  virtual model::ChildId new_child_id() = 0;
  virtual model::IkeSpi new_ike_spi() = 0;  // random, not zero, not in use as a local SPI
  // Random, above 255, not in use; free again once ChildSaRemoved is emitted. With a resource: of the shard that serves
  // it, which may also be said instead.
  virtual model::Spi new_child_spi(std::optional<uint32_t> resource) = 0;
  virtual void release_child_spi(model::Spi spi) = 0;  // one that never became a Child SA

  virtual void touch(IkeSa& sa) = 0;                   // its state or a deadline of it changed
  virtual void count_row(std::string_view story) = 0;  // a transition row was taken
  virtual void authentication_failed(TimePoint now, const IpEndpoint& from) = 0;  // a peer's; it is slowed down

  virtual IkeSa* find(model::IkeId id) = 0;
  virtual void for_each(const std::function<void(IkeSa&)>& visit) = 0;
  // The living IKE SAs of a connection, or only those in which this peer is authenticated; without walking all others.
  virtual std::vector<IkeSa*> sas_of(std::string_view connection, const model::Identity* peer) = 0;
  virtual void adopt(std::unique_ptr<IkeSa> sa) = 0;  // a successor made by a rekey: found by its local SPI from now on
};

// A key exchange: quick groups are computed at once and `then` runs before this returns; slow ones become a Request.
void key_exchange(IkeSa& sa, TimePoint now, model::KeWork work, Continuation then);

}  // namespace sallyport::ike::v2
