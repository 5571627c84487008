// See objects.h: provider contexts. All members of their union are pointers in one place, so a policy may be found
// under the name of another type of the same structure; a type that a version does not know comes back without policy.
#include "api/windows/keying.h"
#include "api/windows/objects.h"

namespace sallyport::api::windows {
namespace {

template <class C>
inline constexpr uint32_t kTypes = FWPM_IPSEC_IKEV2_QM_TRANSPORT_CONTEXT + 1;
template <>
inline constexpr uint32_t kTypes<FWPM_PROVIDER_CONTEXT0> = FWPM_GENERAL_CONTEXT + 1;
template <>
inline constexpr uint32_t kTypes<FWPM_PROVIDER_CONTEXT1> = FWPM_IPSEC_DOSP_CONTEXT + 1;

template <class C>
Outcome<decltype(policy::ProviderContext::policy)> take_policy(policy::ContextType type, const C& from) {
  decltype(policy::ProviderContext::policy) out;
  switch (policy::role_of(type)) {
    case policy::ContextRole::keying: {
      SP_TRY(out, take_keying(*from.keyingPolicy));
      break;
    }
    case policy::ContextRole::qm_transport: {
      SP_TRY(out, take_transport(*from.ikeQmTransportPolicy));
      break;
    }
    case policy::ContextRole::qm_tunnel: {
      SP_TRY(out, take_tunnel(*from.ikeQmTunnelPolicy));
      break;
    }
    case policy::ContextRole::mm: {
      SP_TRY(out, take_main_mode(*from.ikeMmPolicy));
      break;
    }
    case policy::ContextRole::classify_options: {
      SP_TRY(out, take(*from.classifyOptions));
      break;
    }
    case policy::ContextRole::general: {
      SP_TRY(Bytes data, take(*from.dataBuffer));
      out = policy::GeneralContext{std::move(data)};
      break;
    }
    case policy::ContextRole::dosp:
      if constexpr (requires { from.idpOptions; }) {
        SP_TRY(out, take(*from.idpOptions));
      }
      break;
  }
  return out;
}

template <class C>
Outcome<policy::ProviderContext> take_context(const C& from) {
  policy::ProviderContext out;
  if (raw(from.type) >= kTypes<C>) return refuse(Fwp::INVALID_ENUMERATOR);
  out.type = static_cast<policy::ContextType>(raw(from.type));
  out.head.key = take(from.providerContextKey);
  SP_TRY(out.head.display, take(from.displayData));
  out.head.flags = from.flags;
  out.head.provider = take(static_cast<const GUID*>(from.providerKey));
  SP_TRY(out.head.provider_data, take(from.providerData));
  if (!from.dataBuffer) return refuse(Fwp::NULL_POINTER);
  SP_TRY(out.policy, take_policy(out.type, from));
  return out;
}

template <class T, class P, class Write>
void put(Arena& arena, T*& to, const P& from, Write write) {
  to = arena.make<T>();
  write(arena, from, *to);
}

template <class C>
void give_context(Arena& arena, const Found<policy::ProviderContext>& found, C& out) {
  const policy::ProviderContext& from = found.object;
  out.providerContextKey = give(from.head.key);
  out.displayData = give(arena, from.head.display);
  out.flags = from.head.flags;
  out.providerKey = give(arena, from.head.provider);
  out.providerData = give(arena, ByteView(from.head.provider_data));
  out.type = static_cast<FWPM_PROVIDER_CONTEXT_TYPE>(from.type);
  out.providerContextId = found.id;
  if (static_cast<uint32_t>(from.type) >= kTypes<C>) return;
  const auto write = [&](auto*& to, const auto& policy, auto how) { put(arena, to, policy, how); };
  if (const auto* keying = std::get_if<policy::KeyingPolicy>(&from.policy)) {
    write(out.keyingPolicy, *keying, [](Arena& a, const auto& p, auto& to) { give_keying(a, p, to); });
  } else if (const auto* transport = std::get_if<policy::TransportPolicy>(&from.policy)) {
    write(out.ikeQmTransportPolicy, *transport, [](Arena& a, const auto& p, auto& to) { give_transport(a, p, to); });
  } else if (const auto* tunnel = std::get_if<policy::TunnelPolicy>(&from.policy)) {
    write(out.ikeQmTunnelPolicy, *tunnel, [](Arena& a, const auto& p, auto& to) { give_tunnel(a, p, to); });
  } else if (const auto* main_mode = std::get_if<policy::IkePolicy>(&from.policy)) {
    write(out.ikeMmPolicy, *main_mode, [](Arena& a, const auto& p, auto& to) { give_main_mode(a, p, to); });
  } else if (const auto* options = std::get_if<policy::ClassifyOptions>(&from.policy)) {
    write(out.classifyOptions, *options, [](Arena& a, const auto& p, auto& to) { give(a, p, to); });
  } else if (const auto* general = std::get_if<policy::GeneralContext>(&from.policy)) {
    write(out.dataBuffer, *general, [](Arena& a, const auto& p, auto& to) { to = give(a, ByteView(p.data)); });
  } else if (const auto* dosp = std::get_if<policy::DospOptions>(&from.policy)) {
    if constexpr (requires { out.idpOptions; })
      write(out.idpOptions, *dosp, [](Arena& a, const auto& p, auto& to) { give(a, p, to); });
  }
}

}  // namespace

Outcome<policy::ProviderContext> take(const FWPM_PROVIDER_CONTEXT0& from) { return take_context(from); }
Outcome<policy::ProviderContext> take(const FWPM_PROVIDER_CONTEXT1& from) { return take_context(from); }
Outcome<policy::ProviderContext> take(const FWPM_PROVIDER_CONTEXT2& from) { return take_context(from); }
Outcome<policy::ProviderContext> take(const FWPM_PROVIDER_CONTEXT3& from) { return take_context(from); }
void give(Arena& arena, const Found<policy::ProviderContext>& from, FWPM_PROVIDER_CONTEXT0& out) {
  give_context(arena, from, out);
}
void give(Arena& arena, const Found<policy::ProviderContext>& from, FWPM_PROVIDER_CONTEXT1& out) {
  give_context(arena, from, out);
}
void give(Arena& arena, const Found<policy::ProviderContext>& from, FWPM_PROVIDER_CONTEXT2& out) {
  give_context(arena, from, out);
}
void give(Arena& arena, const Found<policy::ProviderContext>& from, FWPM_PROVIDER_CONTEXT3& out) {
  give_context(arena, from, out);
}

}  // namespace sallyport::api::windows
