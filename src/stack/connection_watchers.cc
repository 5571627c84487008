// IPsec connections for programs: who may see them, and who is told of them. While the option
// MONITOR_IPSEC_CONNECTIONS is off there is no table of them; those that stand when it is switched on begin then. See
// sa_calls.h.
#include "policy/access.h"
#include "policy/page.h"
#include "stack/sa_calls.h"

namespace sallyport::stack {

namespace access = policy::access;
using policy::ConnectionTemplate;
using policy::Fwp;
using policy::IpsecConnection;
using policy::Outcome;
using policy::refuse;
using policy::SessionId;
using policy::SubscriptionId;

namespace {

Outcome<ConnectionTemplate> parse_template(ByteView octets) {
  auto wanted = policy::call::read<ConnectionTemplate>(octets);
  if (!wanted) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  SP_CHECK(policy::check_template(*wanted));
  return std::move(*wanted);
}

}  // namespace

void SaCalls::keep_connections() {
  const policy::Engine& engine = control_.filter_engine();
  if (engine.monitors_connections() == keeps_connections_) return;
  keeps_connections_ = engine.monitors_connections();
  connections_.clear();
  if (!keeps_connections_) return;
  for (const auto& [id, child] : control_.children()) (void)connections_.added(control_, id, engine.wall());
}

Outcome<> SaCalls::may_see_connections(SessionId session, uint32_t right) {
  keep_connections();
  const policy::Engine& engine = control_.filter_engine();
  SP_CHECK(engine.may(session, policy::Database::connections, right));
  return engine.monitors_connections() ? Outcome<>{} : Outcome<>(refuse(Fwp::CONNECTIONS_DISABLED));
}

Outcome<Bytes> SaCalls::get_connection(SessionId session, ByteView octets) {
  SP_CHECK(may_see_connections(session, access::kRead));
  const auto id = policy::call::read<uint64_t>(octets);
  if (!id) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  const PacketFacts packets = packets_();
  auto found = connections_.get(control_, *id, &packets.sas);
  if (!found) return refuse(Fwp::NOT_FOUND);
  return policy::call::write(std::move(*found));
}

Outcome<SaCalls::Pages> SaCalls::enumerate_connections(SessionId session, ByteView octets) {
  SP_CHECK(may_see_connections(session, access::kEnum | access::kRead));
  SP_TRY(const ConnectionTemplate wanted, parse_template(octets));
  std::vector<IpsecConnections::Id> ids = connections_.ids();
  if (wanted.id != 0) std::erase_if(ids, [&](IpsecConnections::Id id) { return id != wanted.id; });
  return Pages([this, wanted, ids = std::move(ids), next = size_t{0}](uint32_t count) mutable {
    PacketFacts packets;
    const bool asks = wanted.flags & ConnectionTemplate::kQueryBytes;
    if (asks) packets = packets_();
    return policy::write_page<IpsecConnection>(ids, next, count, [&](IpsecConnections::Id id) {
      return connections_.get(control_, id, asks ? &packets.sas : nullptr);
    });
  });
}

Outcome<SubscriptionId> SaCalls::watch_connections(SessionId session, ByteView detail) {
  SP_CHECK(control_.filter_engine().outside_txn(session));
  SP_CHECK(may_see_connections(session, access::kSubscribe));
  SP_TRY(const ConnectionTemplate wanted, parse_template(detail));
  const SubscriptionId id = kSubscriptionBit | ++last_;
  watching_[id] = {session, wanted};
  count_connection_watchers();
  return id;
}

void SaCalls::count_connection_watchers() {
  control_.filter_engine().set_connection_watchers(static_cast<uint32_t>(watching_.size()));
}

void SaCalls::hear_connections(const SaChange& change) {
  if (!keeps_connections_) return;
  if (change.added) {
    tell_connection(connections_.added(control_, change.id, control_.filter_engine().wall()), false);
  } else {
    tell_connection(connections_.removed(change.id), true);
  }
}

void SaCalls::tell_connection(std::optional<IpsecConnection> what, bool gone) {
  if (!what) return;
  for (const auto& [id, each] : watching_) {
    if (each.wanted.id != 0 && each.wanted.id != what->id) continue;
    if (changes_.size() >= kMostChanges) break;
    const policy::ConnectionNotice notice{gone, *what};
    changes_.push_back({each.session, id, SecretBytes(policy::call::write(notice))});
  }
}

}  // namespace sallyport::stack
