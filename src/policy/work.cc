// Putting objects into the snapshot that will be, and taking them out.
#include "policy/work.h"

#include <algorithm>

#include "policy/reference.h"

namespace sallyport::policy {

void Work::refer(const std::optional<Guid>& key, int by) {
  if (!key || key->is_zero()) return;
  const ReferenceCount* found = next_.references.find(*key);
  ReferenceCount count = found ? *found : ReferenceCount{*key, 0};
  count.count = static_cast<uint32_t>(static_cast<int64_t>(count.count) + by);
  if (count.count == 0) {
    next_.references.erase(*key);
  } else {
    next_.references.set(count);
  }
}

void Work::refer_all(const Filter& filter, int by) {
  const auto one = [&](ObjectKind kind, const Guid& key) {
    if (!key.is_zero()) refer(reference_key(kind, key), by);
  };
  if (filter.head.provider) one(ObjectKind::provider, *filter.head.provider);
  one(ObjectKind::sublayer, filter.sublayer);
  if (is_callout(filter.action.type)) one(ObjectKind::callout, filter.action.callout);
  if (filter.has_provider_context()) one(ObjectKind::provider_context, filter.provider_context);
}

namespace {

std::optional<Guid> provider_of(const ObjectHead& head) {
  if (!head.provider) return {};
  return reference_key(ObjectKind::provider, *head.provider);
}

}  // namespace

void Work::put(std::shared_ptr<const Provider> object) {
  changes_.push_back({ChangeType::add, ObjectKind::provider, object->head.key, 0, {}, {}, object->head.key});
  next_.providers.set(std::move(object));
}

void Work::put(std::shared_ptr<const SubLayer> object) {
  changes_.push_back({ChangeType::add, ObjectKind::sublayer, object->head.key, 0, {}, {}, object->head.provider});
  refer(provider_of(object->head), 1);
  next_.sublayers.set(std::move(object));
}

void Work::put(std::shared_ptr<const Callout> object) {
  changes_.push_back(
      {ChangeType::add, ObjectKind::callout, object->head.key, object->id, {}, {}, object->head.provider});
  refer(provider_of(object->head), 1);
  next_.callouts_by_id.set(object);
  next_.callouts.set(std::move(object));
}

void Work::put(std::shared_ptr<const ProviderContext> object) {
  changes_.push_back(
      {ChangeType::add, ObjectKind::provider_context, object->head.key, object->id, {}, object, object->head.provider});
  refer(provider_of(object->head), 1);
  next_.contexts_by_id.set(object);
  next_.contexts.set(std::move(object));
}

void Work::put(std::shared_ptr<const Filter> object) {
  changes_.push_back(
      {ChangeType::add, ObjectKind::filter, object->head.key, object->id, object, {}, object->head.provider});
  refer_all(*object, 1);
  if (is_main_mode_filter(*object, next_)) ++next_.main_mode_filters;
  if (takes_part(*object)) pending(*object).added.push_back(make_indexed(*find_layer(object->layer), object));
  next_.filters_by_id.set(object);
  next_.filters.set(std::move(object));
}

void Work::drop(const Provider& object) {
  changes_.push_back({ChangeType::remove, ObjectKind::provider, object.head.key, 0, {}, {}, object.head.key});
  next_.providers.erase(Guid(object.head.key));
}

void Work::drop(const SubLayer& object) {
  changes_.push_back({ChangeType::remove, ObjectKind::sublayer, object.head.key, 0, {}, {}, object.head.provider});
  refer(provider_of(object.head), -1);
  next_.sublayers.erase(Guid(object.head.key));
}

void Work::drop(const Callout& object) {
  changes_.push_back(
      {ChangeType::remove, ObjectKind::callout, object.head.key, object.id, {}, {}, object.head.provider});
  refer(provider_of(object.head), -1);
  next_.callouts_by_id.erase(uint64_t{object.id});
  next_.callouts.erase(Guid(object.head.key));
}

void Work::drop(const ProviderContext& object) {
  const auto held = *next_.contexts.find(object.head.key);  // object may be the last of its kind
  changes_.push_back(
      {ChangeType::remove, ObjectKind::provider_context, held->head.key, held->id, {}, held, held->head.provider});
  refer(provider_of(held->head), -1);
  next_.contexts_by_id.erase(held->id);
  next_.contexts.erase(held->head.key);
}

void Work::drop(const Filter& object) {
  const auto held = *next_.filters.find(object.head.key);
  changes_.push_back({ChangeType::remove, ObjectKind::filter, held->head.key, held->id, held, {}, held->head.provider});
  if (is_main_mode_filter(*held, next_)) --next_.main_mode_filters;
  refer_all(*held, -1);
  if (takes_part(*held)) {
    Pending& of = pending(*held);
    const auto added =
        std::find_if(of.added.begin(), of.added.end(), [&](const auto& entry) { return entry->id == held->id; });
    if (added != of.added.end()) {
      of.added.erase(added);
    } else {
      of.removed.push_back(held->id);
    }
  }
  next_.filters_by_id.erase(held->id);
  next_.filters.erase(held->head.key);
}

void Work::finish() {
  for (auto& [where, pending] : pending_) {
    LayerBanks& banks = next_.layers[position(where.first)];
    const Guid& sublayer_key = where.second;  // clang 14 lets no lambda see a structured binding
    auto bank = std::find_if(banks.begin(), banks.end(),
                             [&](const SublayerBank& each) { return each.sublayer == sublayer_key; });
    if (bank == banks.end()) {
      if (pending.added.empty()) continue;
      const auto* sublayer = next_.sublayers.find(where.second);
      SublayerBank made{where.second, sublayer ? (*sublayer)->weight : uint16_t{0}, {}};
      const auto at = std::find_if(banks.begin(), banks.end(), [&](const SublayerBank& each) {
        return each.weight != made.weight ? each.weight < made.weight : made.sublayer < each.sublayer;
      });
      bank = banks.insert(at, std::move(made));
    }
    if (!pending.removed.empty()) bank->index.remove(pending.removed);
    bank->index.add(std::move(pending.added));
    if (bank->index.empty()) banks.erase(bank);
  }
  pending_.clear();
}

bool is_main_mode_filter(const Filter& filter, const Snapshot& snapshot) {
  if ((filter.layer != Layer::IKEEXT_V4 && filter.layer != Layer::IKEEXT_V6) || !filter.has_provider_context())
    return false;
  const auto* context = snapshot.contexts.find(filter.provider_context);
  return context && role_of((*context)->type) == ContextRole::mm;
}

}  // namespace sallyport::policy
