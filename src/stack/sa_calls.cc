// See sa_calls.h.
#include "stack/sa_calls.h"

#include <algorithm>

#include "crypto/hash.h"
#include "policy/access.h"
#include "policy/page.h"
#include "stack/sa_details.h"

namespace sallyport::stack {

namespace access = policy::access;
using policy::Database;
using policy::Fwp;
using policy::Outcome;
using policy::refuse;
using policy::SaContext;
using policy::SessionId;

namespace {

template <class T>
Outcome<T> parse(ByteView octets) {
  auto value = policy::call::read<T>(octets);
  if (!value) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  return std::move(*value);
}

bool fits(const policy::IkeSaDetails& sa, const policy::IkeSaTemplate& wanted) {
  if (!policy::within(wanted.subnets, sa.local, sa.remote)) return false;
  return wanted.local_certificate_hash.empty() || sa.credentials.front().local.hash == wanted.local_certificate_hash;
}

// One SA of a context: which half, so that pages need not hold details.
struct Half {
  model::ChildId id = 0;
  bool inbound = false;
};

}  // namespace

Outcome<> SaCalls::may_change(SessionId session, uint32_t right, bool not_dynamic) const {
  const policy::Engine& engine = control_.filter_engine();
  SP_TRY(const policy::SessionRequest* caller, engine.caller(session));
  SP_CHECK(engine.outside_txn(session));
  if (not_dynamic && (caller->flags & policy::SessionRequest::kDynamic))
    return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  return engine.may(session, Database::ipsec_sas, right);
}

Outcome<Bytes> SaCalls::call(TimePoint now, SessionId session, Function function, ByteView octets) {
  const policy::Engine& engine = control_.filter_engine();
  switch (function) {
    case Function::context_get: {
      SP_CHECK(engine.may(session, Database::ipsec_sas, access::kRead));
      SP_TRY(const uint64_t id, parse<uint64_t>(octets));
      auto found = context_of(control_, id);
      if (!found) return refuse(Fwp::NOT_FOUND);
      return policy::call::write(std::move(*found));
    }
    case Function::ike_get: {
      SP_CHECK(engine.may(session, Database::ike_sas, access::kRead));
      SP_TRY(const uint64_t id, parse<uint64_t>(octets));
      auto found = ike_details(control_, id);
      if (!found) return refuse(Fwp::NOT_FOUND);
      return policy::call::write(std::move(*found));
    }
    case Function::ike_delete: {
      SP_CHECK(engine.outside_txn(session));
      SP_CHECK(engine.may(session, Database::ike_sas, access::kDelete));
      SP_TRY(const uint64_t id, parse<uint64_t>(octets));
      if (!control_.delete_ike(now, id)) return refuse(Fwp::NOT_FOUND);
      return Bytes{};
    }
    case Function::ipsec_statistics: {
      SP_CHECK(engine.outside_txn(session));
      SP_CHECK(engine.may(session, Database::ipsec_sas, access::kReadStats));
      return policy::call::write(ipsec_statistics(control_, packets_()));
    }
    case Function::ike_statistics: {
      SP_CHECK(engine.outside_txn(session));
      SP_CHECK(engine.may(session, Database::ike_sas, access::kReadStats));
      return policy::call::write(ike_statistics(control_));
    }
    case Function::context_delete:
    case Function::context_expire: return change(now, session, function, octets);
    case Function::create:
    case Function::set_spi:
    case Function::add_inbound:
    case Function::add_outbound:
    case Function::update: return direct(session, function, octets);
    case Function::dictator_add:
    case Function::dictators: return dictators(session, function, octets);
    case Function::connection_get: return get_connection(session, octets);
    case Function::enum_contexts:
    case Function::enum_sas:
    case Function::enum_ike:
    case Function::enum_connections: break;
  }
  return refuse(Fwp::NOT_SUPPORTED);
}

Outcome<Bytes> SaCalls::change(TimePoint now, SessionId session, Function function, ByteView octets) {
  const bool expire = function == Function::context_expire;
  SP_CHECK(may_change(session, expire ? access::kWrite : access::kDelete, !expire));
  SP_TRY(const uint64_t id, parse<uint64_t>(octets));
  if (control_.direct().owns(id)) {
    SP_CHECK(expire ? control_.direct().expire(now, id) : control_.direct().remove(id));
    return Bytes{};
  }
  if (!control_.delete_child(now, id, expire)) return refuse(Fwp::NOT_FOUND);
  return Bytes{};
}

Outcome<Bytes> SaCalls::direct(SessionId session, Function function, ByteView octets) {
  const bool create = function == Function::create;
  SP_CHECK(may_change(session, create ? access::kAdd : access::kWrite, create));
  DirectSas& direct = control_.direct();
  const policy::Snapshot& policy = *control_.filters();
  if (create) {
    SP_TRY(const auto wanted, parse<policy::call::SaCreate>(octets));
    SP_TRY(const DirectSas::Created made,
           direct.create(policy, wanted.outbound, wanted.virtual_if_tunnel_id, wanted.traffic_selector_id));
    return policy::call::write(policy::call::SaCreated{made.id, made.inbound_filter});
  }
  if (function == Function::set_spi) {
    SP_TRY(const auto wanted, parse<policy::call::SaSpi>(octets));
    SP_TRY(const uint32_t spi, direct.set_spi(policy, wanted.id, {wanted.inbound, wanted.udp, wanted.spi}));
    return policy::call::write(spi);
  }
  if (function == Function::update) {
    SP_TRY(const auto wanted, parse<policy::call::SaUpdate>(octets));
    SP_CHECK(direct.update(wanted.id, wanted.flags, wanted.to));
    return Bytes{};
  }
  SP_TRY(auto wanted, parse<policy::call::SaAdd>(octets));
  SP_CHECK(function == Function::add_inbound ? direct.add_inbound(policy, wanted.id, std::move(wanted.bundle))
                                             : direct.add_outbound(wanted.id, std::move(wanted.bundle)));
  return Bytes{};
}

Outcome<SaCalls::Pages> SaCalls::enumerate(SessionId session, Function function, ByteView octets) {
  const policy::Engine& engine = control_.filter_engine();
  if (function == Function::enum_connections) return enumerate_connections(session, octets);
  const bool ike = function == Function::enum_ike;
  SP_CHECK(engine.may(session, ike ? Database::ike_sas : Database::ipsec_sas, access::kEnum | access::kRead));
  if (function == Function::enum_contexts) {
    SP_TRY(const auto wanted, parse<std::optional<policy::SubNets>>(octets));
    if (wanted) SP_CHECK(policy::check_subnets(*wanted));
    std::vector<model::ChildId> ids = context_ids(control_);
    std::erase_if(ids, [&](model::ChildId id) {
      const auto ends = context_addresses(control_, id);
      return !ends || (wanted && !policy::within(*wanted, ends->first, ends->second));
    });
    return Pages([this, ids = std::move(ids), next = size_t{0}](uint32_t count) mutable {
      return policy::write_page<SaContext>(ids, next, count,
                                           [&](model::ChildId id) { return context_of(control_, id); });
    });
  }
  if (function == Function::enum_sas) {
    SP_TRY(const auto direction, parse<std::optional<uint8_t>>(octets));
    if (direction && *direction > 1) return refuse(Fwp::INVALID_ENUMERATOR);
    std::vector<Half> halves;
    for (const model::ChildId id : context_ids(control_)) {
      for (const bool inbound : {true, false})
        if (!direction || (*direction == 1) == inbound) halves.push_back({id, inbound});
    }
    return Pages([this, halves = std::move(halves), next = size_t{0}](uint32_t count) mutable {
      return policy::write_page<policy::SaDetails>(halves, next, count, [&](const Half& half) {
        auto context = context_of(control_, half.id);
        if (!context) return std::optional<policy::SaDetails>{};
        return half.inbound ? std::move(context->inbound) : std::move(context->outbound);
      });
    });
  }
  SP_TRY(const auto wanted, parse<std::optional<policy::IkeSaTemplate>>(octets));
  if (wanted) SP_CHECK(policy::check_subnets(wanted->subnets));
  std::vector<model::IkeId> ids = control_.endpoint().authenticated();
  return Pages([this, wanted, ids = std::move(ids), next = size_t{0}](uint32_t count) mutable {
    return policy::write_page<policy::IkeSaDetails>(ids, next, count, [&](model::IkeId id) {
      auto details = ike_details(control_, id);
      if (details && wanted && !fits(*details, *wanted)) details.reset();
      return details;
    });
  });
}

}  // namespace sallyport::stack
