// The rules of objects. Lifetimes: what an object refers to must live at least as long as it does, and what is
// persistent may lean only on what is built in or persistent and of the same provider.
#include "policy/rules.h"

#include "policy/reference.h"

namespace sallyport::policy {
namespace {

bool lives_long_enough(const ObjectHead& from, const ObjectHead& to) {
  if (to.lifetime == Lifetime::builtin) return true;
  switch (from.lifetime) {
    case Lifetime::builtin: return true;
    case Lifetime::persistent:
      return to.lifetime == Lifetime::persistent && (to.provider == from.provider || from.provider == to.key);
    case Lifetime::static_: return to.lifetime != Lifetime::dynamic;
    case Lifetime::dynamic: return to.lifetime != Lifetime::dynamic || to.owner == from.owner;
  }
  return false;
}

Outcome<> check_link(const Author& author, const Containers& containers, const ObjectHead& from, ObjectKind kind,
                     const ObjectHead& to) {
  if (!lives_long_enough(from, to)) return refuse(Fwp::LIFETIME_MISMATCH);
  const SecurityDescriptor& protection = to.protection ? *to.protection : containers.of(kind);
  return author.trusted || allowed(protection, author.token, access::kAddLink) ? Outcome<>{}
                                                                               : Outcome<>(refuse(Fwp::ACCESS_DENIED));
}

// A filter of the layers that keying modules ask carries policy; it decides nothing, so it permits.
Outcome<> check_action(const LayerInfo& layer, const Filter& filter) {
  switch (filter.action.type) {
    case ActionType::BLOCK:
    case ActionType::PERMIT: break;
    case ActionType::CALLOUT_TERMINATING:
    case ActionType::CALLOUT_INSPECTION:
    case ActionType::CALLOUT_UNKNOWN:
      if (!layer.kernel) return refuse(Fwp::ACTION_INCOMPATIBLE_WITH_LAYER);
      break;
    case ActionType::CONTINUE:
    case ActionType::NONE:
    case ActionType::NONE_NO_MATCH:
    case ActionType::BITMAP_INDEX_SET:
    default: return refuse(Fwp::INVALID_ACTION_TYPE);
  }
  // The sublayer of inspection is for looking on.
  if (filter.sublayer == known::sublayer::INSPECTION && filter.action.type != ActionType::CALLOUT_INSPECTION)
    return refuse(Fwp::ACTION_INCOMPATIBLE_WITH_SUBLAYER);
  return {};
}

Outcome<> check_flags(const LayerInfo& layer, const Filter& filter) {
  const uint32_t flags = filter.head.flags;
  if ((flags & Filter::kPersistent) && (flags & Filter::kBootTime)) return refuse(Fwp::INVALID_FLAGS);
  if ((flags & Filter::kBootTime) && !layer.kernel) return refuse(Fwp::INVALID_FLAGS);
  const bool may_ask =
      filter.action.type == ActionType::CALLOUT_TERMINATING || filter.action.type == ActionType::CALLOUT_UNKNOWN;
  return (flags & Filter::kPermitIfCalloutUnregistered) && !may_ask ? Outcome<>(refuse(Fwp::INVALID_FLAGS))
                                                                    : Outcome<>{};
}

// Bits of a raw context that the built-in callouts do not know.
Outcome<> check_raw_context(const Filter& filter) {
  const bool inbound = filter.action.callout == known::callout::IPSEC_INBOUND_TRANSPORT_V4 ||
                       filter.action.callout == known::callout::IPSEC_INBOUND_TRANSPORT_V6;
  return inbound && (filter.raw_context & raw_context::kInboundReserved) ? Outcome<>(refuse(Fwp::RESERVED))
                                                                         : Outcome<>{};
}

Outcome<> check_callout(const Author& author, const Containers& containers, const Snapshot& snapshot,
                        const Filter& filter) {
  const auto* callout = snapshot.callouts.find(filter.action.callout);
  if (!callout) return refuse(Fwp::CALLOUT_NOT_FOUND);
  if ((*callout)->layer != filter.layer) return refuse(Fwp::INCOMPATIBLE_LAYER);
  SP_CHECK(check_link(author, containers, filter.head, ObjectKind::callout, (*callout)->head));
  const bool needs = (*callout)->head.flags & Callout::kUsesProviderContext;
  if (needs && !filter.has_provider_context()) return refuse(Fwp::CONTEXT_INCOMPATIBLE_WITH_CALLOUT);
  return filter.has_provider_context() ? Outcome<>{} : check_raw_context(filter);
}

Outcome<> check_provider_context(const Author& author, const Containers& containers, const Snapshot& snapshot,
                                 const Filter& filter) {
  const auto* context = snapshot.contexts.find(filter.provider_context);
  if (!context) return refuse(Fwp::PROVIDER_CONTEXT_NOT_FOUND);
  SP_CHECK(check_link(author, containers, filter.head, ObjectKind::provider_context, (*context)->head));
  return check_context_place((*context)->type, filter.layer,
                             is_callout(filter.action.type) ? filter.action.callout : Guid{});
}

}  // namespace

Outcome<> settle_head(const HeadRule& rule, const Author& author, const Containers& containers,
                      const Snapshot& snapshot, ObjectHead& head) {
  if (!author.trusted && !allowed(containers.of(rule.kind), author.token, access::kAdd))
    return refuse(Fwp::ACCESS_DENIED);
  if (head.display.name.empty()) return refuse(Fwp::NULL_DISPLAY_NAME);
  head.flags &= ~rule.dropped_flags;
  if (head.flags & ~rule.known_flags) return refuse(Fwp::INVALID_FLAGS);
  const bool persistent = head.flags & rule.persistent_flag;
  if (persistent && author.dynamic) return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  head.lifetime = persistent ? Lifetime::persistent : author.dynamic ? Lifetime::dynamic : Lifetime::static_;
  head.owner = author.dynamic || (author.trusted && !persistent && head.provider) ? author.session : 0;
  if (!head.provider) return {};
  const auto* provider = snapshot.providers.find(*head.provider);
  if (!provider) return refuse(Fwp::PROVIDER_NOT_FOUND);
  if (!author.trusted && of_program((*provider)->head)) return refuse(Fwp::ACCESS_DENIED);
  return check_link(author, containers, head, ObjectKind::provider, (*provider)->head);
}

Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, Provider& object) {
  object.head.provider.reset();
  SP_CHECK(settle_head({ObjectKind::provider, Provider::kPersistent, Provider::kPersistent, Provider::kDisabled},
                       author, containers, snapshot, object.head));
  if (author.trusted && object.head.lifetime == Lifetime::static_) object.head.owner = author.session;
  return snapshot.providers.find(object.head.key) ? Outcome<>(refuse(Fwp::ALREADY_EXISTS)) : Outcome<>{};
}

Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, SubLayer& object) {
  SP_CHECK(settle_head({ObjectKind::sublayer, SubLayer::kPersistent, SubLayer::kPersistent, 0}, author, containers,
                       snapshot, object.head));
  if (snapshot.sublayers.find(object.head.key)) return refuse(Fwp::ALREADY_EXISTS);
  return snapshot.sublayers.size() >= kMostSublayers ? Outcome<>(refuse(Fwp::TOO_MANY_SUBLAYERS)) : Outcome<>{};
}

Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, Callout& object) {
  const uint32_t known = Callout::kPersistent | Callout::kUsesProviderContext;
  SP_CHECK(settle_head({ObjectKind::callout, known, Callout::kPersistent, Callout::kRegistered}, author, containers,
                       snapshot, object.head));
  if (!find_layer(object.layer)) return refuse(Fwp::LAYER_NOT_FOUND);
  if (snapshot.callouts.find(object.head.key)) return refuse(Fwp::ALREADY_EXISTS);
  return snapshot.callouts.size() >= kMostCallouts ? Outcome<>(refuse(Fwp::TOO_MANY_CALLOUTS)) : Outcome<>{};
}

Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot,
                 ProviderContext& object) {
  const uint32_t known = ProviderContext::kPersistent | ProviderContext::kDownlevel;
  SP_CHECK(settle_head({ObjectKind::provider_context, known, ProviderContext::kPersistent, 0}, author, containers,
                       snapshot, object.head));
  if (snapshot.contexts.find(object.head.key)) return refuse(Fwp::ALREADY_EXISTS);
  // What this program keeps elsewhere it need not say here.
  return check_context(object, author.trusted);
}

Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, Filter& object) {
  // Boot-time filters are stored like persistent ones.
  const uint32_t stored = Filter::kPersistent | Filter::kBootTime;
  SP_CHECK(settle_head({ObjectKind::filter, Filter::kKnownFlags, stored, Filter::kDisabled | Filter::kIndexed}, author,
                       containers, snapshot, object.head));
  const LayerInfo* layer = find_layer(object.layer);
  if (!layer) return refuse(Fwp::LAYER_NOT_FOUND);
  if (!author.trusted && !allowed(containers.of(Database::layers), author.token, access::kAddLink))
    return refuse(Fwp::ACCESS_DENIED);
  if (snapshot.filters.find(object.head.key)) return refuse(Fwp::ALREADY_EXISTS);
  if (object.sublayer.is_zero()) object.sublayer = known::sublayer::UNIVERSAL;
  const auto* sublayer = snapshot.sublayers.find(object.sublayer);
  if (!sublayer) return refuse(Fwp::SUBLAYER_NOT_FOUND);
  SP_CHECK(check_link(author, containers, object.head, ObjectKind::sublayer, (*sublayer)->head));
  SP_CHECK(check_action(*layer, object));
  SP_CHECK(check_flags(*layer, object));
  SP_CHECK(check_conditions(*layer, object.conditions));
  if (is_callout(object.action.type)) SP_CHECK(check_callout(author, containers, snapshot, object));
  if (object.has_provider_context()) SP_CHECK(check_provider_context(author, containers, snapshot, object));
  SP_TRY(object.effective_weight, effective_weight(*layer, object.weight, object.conditions));
  return {};
}

Outcome<> check_delete(const Author& author, const Containers& containers, const Snapshot& snapshot, ObjectKind kind,
                       const ObjectHead& head) {
  if (head.lifetime == Lifetime::builtin || (of_program(head) && !author.trusted)) return refuse(Fwp::BUILTIN_OBJECT);
  if (head.lifetime == Lifetime::dynamic && head.owner != author.session) return refuse(Fwp::WRONG_SESSION);
  if (author.dynamic && head.lifetime != Lifetime::dynamic) return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  const SecurityDescriptor& protection = head.protection ? *head.protection : containers.of(kind);
  if (!author.trusted && !allowed(protection, author.token, access::kDelete)) return refuse(Fwp::ACCESS_DENIED);
  return snapshot.references_to(reference_key(kind, head.key)) ? Outcome<>(refuse(Fwp::IN_USE)) : Outcome<>{};
}

}  // namespace sallyport::policy
