// What the functions of the C interface are made of: a handle, a call, a result in memory of its own. Every refusal is
// one number, the daemon's or this library's. Any thread.
#pragma once
#include <sallyport/windows/winerror.h>

#include "api/windows/engine_link.h"
#include "api/windows/objects.h"

namespace sallyport::api::windows {

using policy::call::Function;

template <class T>
DWORD code(const Outcome<T>& outcome) {
  return outcome ? ERROR_SUCCESS : policy::number(outcome.error().code);
}
inline tl::unexpected<policy::Refusal> refuse_code(uint32_t number) { return refuse(static_cast<Fwp>(number)); }

inline Outcome<std::shared_ptr<EngineLink>> link_of(HANDLE engine) {
  auto link = find_link(engine);
  if (!link) return refuse_code(ERROR_INVALID_HANDLE);
  return link;
}

// One call whose result is `Out`.
template <class Out, class In>
Outcome<Out> ask(HANDLE engine, Function function, In in) {
  SP_TRY(const std::shared_ptr<EngineLink> link, link_of(engine));
  EngineLink::Answer answer = link->call(function, policy::call::write(std::move(in)));
  if (answer.code != 0) return refuse_code(answer.code);
  auto out = policy::call::read<Out>(answer.octets);
  wipe(answer.octets);
  if (!out) return refuse_code(RPC_S_CALL_FAILED);
  return std::move(*out);
}
// One call without result.
template <class In>
Outcome<> tell(HANDLE engine, Function function, In in) {
  SP_TRY(const std::shared_ptr<EngineLink> link, link_of(engine));
  const EngineLink::Answer answer = link->call(function, policy::call::write(std::move(in)));
  return answer.code == 0 ? Outcome<>{} : Outcome<>(refuse_code(answer.code));
}

// `out` gets a structure of its own, to be freed by FwpmFreeMemory0.
template <class C, class From>
void deliver(const From& from, C** out) {
  Arena arena;
  C* const root = arena.make<C>();
  give(arena, from, *root);
  arena.release();
  *out = root;
}

// ---- adding, deleting, getting: alike for every kind of object ----

template <class C>
Outcome<policy::Added> add_object(HANDLE engine, Function function, const C* object, PSECURITY_DESCRIPTOR sd) {
  SP_CHECK(link_of(engine));
  if (!object) return refuse(Fwp::NULL_POINTER);
  SP_TRY(auto taken, take(*object));
  SP_TRY(taken.head.protection, take_descriptor(sd));
  return ask<policy::Added>(engine, function, std::move(taken));
}

template <class Id>
DWORD added(const Outcome<policy::Added>& outcome, Id* id) {
  if (outcome && id) *id = static_cast<Id>(outcome->id);
  return code(outcome);
}

inline policy::call::Reference by_key(policy::ObjectKind kind, const GUID* key) {
  return {static_cast<uint32_t>(kind), take(key), 0};
}
inline policy::call::Reference by_id(policy::ObjectKind kind, uint64_t id) {
  return {static_cast<uint32_t>(kind), {}, id};
}

inline DWORD remove_object(HANDLE engine, bool named, const policy::call::Reference& which) {
  if (!named) return FWP_E_NULL_POINTER;
  return code(tell(engine, Function::remove, which));
}

template <class Object, class C>
DWORD get_object(HANDLE engine, bool named, const policy::call::Reference& which, C** out) {
  if (!out || !named) return FWP_E_NULL_POINTER;
  *out = nullptr;
  const auto found = ask<Found<Object>>(engine, Function::get, which);
  if (found) deliver(*found, out);
  return code(found);
}

// ---- enumerations ----

inline DWORD create_enumeration(HANDLE engine, policy::call::EnumCreate wanted, HANDLE* out) {
  if (!out) return FWP_E_NULL_POINTER;
  *out = nullptr;
  const auto handle = ask<uint64_t>(engine, Function::enum_create, std::move(wanted));
  if (handle) *out = reinterpret_cast<HANDLE>(static_cast<uintptr_t>(*handle));
  return code(handle);
}

// The template of an enumeration or of a subscription; nullptr is everything.
template <class Template, class Wanted>
Outcome<> take_template(const Template* from, Wanted& into) {
  if (!from) return {};
  SP_TRY(auto taken, take(*from));
  if constexpr (std::is_same_v<Template, FWPM_FILTER_ENUM_TEMPLATE0>) {
    into.filter = std::move(taken);
  } else {
    into.object = std::move(taken);
  }
  return {};
}

template <class Template>
DWORD create_enumeration(HANDLE engine, policy::ObjectKind kind, const Template* wanted, HANDLE* out) {
  policy::call::EnumCreate create;
  create.what = static_cast<uint32_t>(kind);
  if (const auto taken = take_template(wanted, create); !taken) return code(taken);
  return create_enumeration(engine, std::move(create), out);
}

// Pages until there are as many as asked for, or no more.
template <class Each, class C>
DWORD next_entries(HANDLE engine, HANDLE enumeration, UINT32 requested, C*** entries, UINT32* returned) {
  if (!entries || !returned) return FWP_E_NULL_POINTER;
  *entries = nullptr;
  *returned = 0;
  std::vector<Each> all;
  while (all.size() < requested) {
    auto page = ask<policy::call::Page<Each>>(
        engine, Function::enum_next,
        policy::call::EnumNext{reinterpret_cast<uintptr_t>(enumeration), requested - static_cast<UINT32>(all.size())});
    if (!page) return code(page);
    const bool last = page->end || page->entries.empty();
    std::move(page->entries.begin(), page->entries.end(), std::back_inserter(all));
    if (last) break;
  }
  Arena arena;
  C** const list = arena.make<C*>(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    list[i] = arena.make<C>();
    give(arena, all[i], *list[i]);
  }
  arena.release();
  *entries = list;
  *returned = static_cast<UINT32>(all.size());
  return ERROR_SUCCESS;
}

inline DWORD destroy_enumeration(HANDLE engine, HANDLE enumeration) {
  return code(tell(engine, Function::enum_destroy, uint64_t{reinterpret_cast<uintptr_t>(enumeration)}));
}

// ---- protection (security.cc) ----

struct SecurityParts {
  PSID* owner;
  PSID* group;
  PACL* dacl;
  PACL* sacl;
  PSECURITY_DESCRIPTOR* descriptor;
};
DWORD get_security(HANDLE engine, policy::call::Protected of, SECURITY_INFORMATION wanted, const SecurityParts& out);
DWORD set_security(HANDLE engine, policy::call::Protected of, SECURITY_INFORMATION parts, const SID* owner,
                   const SID* group, const ACL* dacl, const ACL* sacl);
inline policy::call::Protected protected_object(policy::ObjectKind kind, const GUID* key) {
  return {static_cast<uint32_t>(kind), take(key)};
}

// ---- subscriptions ----

DWORD subscribe(HANDLE engine, Function function, Bytes wanted, EngineLink::OnNotice on_notice, HANDLE* out);
DWORD subscribe(HANDLE engine, policy::call::Subscribe wanted,
                std::function<void(const policy::call::Notice&)> on_change, HANDLE* out);
DWORD unsubscribe(HANDLE engine, HANDLE subscription);

template <class C>
DWORD get_subscriptions(HANDLE engine, policy::ObjectKind kind, C*** entries, UINT32* count) {
  if (!entries || !count) return FWP_E_NULL_POINTER;
  *entries = nullptr;
  *count = 0;
  const auto all =
      ask<std::vector<policy::call::Subscribe>>(engine, Function::subscriptions, static_cast<uint32_t>(kind));
  if (!all) return code(all);
  Arena arena;
  C** const list = arena.make<C*>(all->size());
  for (size_t i = 0; i < all->size(); ++i) {
    const policy::call::Subscribe& from = (*all)[i];
    list[i] = arena.make<C>();
    list[i]->flags = from.flags;
    using Template = std::remove_pointer_t<decltype(list[i]->enumTemplate)>;
    const auto put = [&](const auto& wanted) {
      if (!wanted) return;
      list[i]->enumTemplate = arena.make<Template>();
      give(arena, *wanted, *list[i]->enumTemplate);
    };
    if constexpr (std::is_same_v<Template, FWPM_FILTER_ENUM_TEMPLATE0>) {
      put(from.filter);
    } else if constexpr (!std::is_same_v<Template, FWPM_PROVIDER_ENUM_TEMPLATE0>) {
      put(from.object);
    }
  }
  arena.release();
  *entries = list;
  *count = static_cast<UINT32>(all->size());
  return ERROR_SUCCESS;
}

}  // namespace sallyport::api::windows
