// Protection of objects and of the engine, and subscriptions: what every group of functions shares.
#include "api/windows/calls.h"

namespace sallyport::api::windows {

DWORD get_security(HANDLE engine, policy::call::Protected of, SECURITY_INFORMATION wanted, const SecurityParts& out) {
  if (!out.descriptor) return FWP_E_NULL_POINTER;
  *out.descriptor = nullptr;
  constexpr DWORD kServed = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
  if (wanted & ~kServed) return ERROR_NOT_SUPPORTED;  // system ACLs are not kept
  const auto octets = ask<Bytes>(engine, Function::get_protection, of);
  if (!octets) return code(octets);
  auto whole = policy::parse_descriptor(*octets);
  if (!whole) return RPC_S_CALL_FAILED;
  if (!(wanted & OWNER_SECURITY_INFORMATION)) whole->owner.reset();
  if (!(wanted & GROUP_SECURITY_INFORMATION)) whole->group.reset();
  if (!(wanted & DACL_SECURITY_INFORMATION)) whole->dacl.reset();
  const Bytes chosen = policy::write_descriptor(*whole);
  Arena arena;
  auto* const base = arena.make<uint8_t>(chosen.size());
  std::copy(chosen.begin(), chosen.end(), base);
  arena.release();
  const auto* head = reinterpret_cast<const SECURITY_DESCRIPTOR_RELATIVE*>(base);
  const auto part = [&](DWORD offset) -> uint8_t* { return offset ? base + offset : nullptr; };
  *out.descriptor = base;
  if (out.owner) *out.owner = part(head->Owner);
  if (out.group) *out.group = part(head->Group);
  if (out.dacl) *out.dacl = reinterpret_cast<PACL>(part(head->Dacl));
  if (out.sacl) *out.sacl = nullptr;
  return ERROR_SUCCESS;
}

DWORD set_security(HANDLE engine, policy::call::Protected of, SECURITY_INFORMATION parts, const SID* owner,
                   const SID* group, const ACL* dacl, const ACL* sacl) {
  if (parts & SACL_SECURITY_INFORMATION || sacl) return ERROR_NOT_SUPPORTED;
  SECURITY_DESCRIPTOR whole{};
  whole.Revision = SECURITY_DESCRIPTOR_REVISION;
  if (parts & OWNER_SECURITY_INFORMATION) whole.Owner = const_cast<SID*>(owner);
  if (parts & GROUP_SECURITY_INFORMATION) whole.Group = const_cast<SID*>(group);
  if (parts & DACL_SECURITY_INFORMATION) {
    whole.Control = SE_DACL_PRESENT;
    whole.Dacl = const_cast<ACL*>(dacl);
  }
  const auto taken = take_descriptor(&whole);
  if (!taken) return code(taken);
  policy::call::SetProtection set{std::move(of), parts, policy::write_descriptor(**taken)};
  return code(tell(engine, Function::set_protection, std::move(set)));
}

DWORD subscribe(HANDLE engine, policy::call::Subscribe wanted,
                std::function<void(const policy::call::Notice&)> on_change, HANDLE* out) {
  const auto on_notice = [on_change = std::move(on_change)](ByteView octets) {
    if (const auto change = policy::call::read<policy::call::Notice>(octets)) on_change(*change);
  };
  return subscribe(engine, Function::subscribe, policy::call::write(std::move(wanted)), on_notice, out);
}

DWORD subscribe(HANDLE engine, Function function, Bytes wanted, EngineLink::OnNotice on_notice, HANDLE* out) {
  if (!out) return FWP_E_NULL_POINTER;
  *out = nullptr;
  const auto link = link_of(engine);
  if (!link) return code(link);
  uint32_t answer = 0;
  const uint64_t handle = (*link)->subscribe(function, std::move(wanted), std::move(on_notice), answer);
  if (answer == 0) *out = reinterpret_cast<HANDLE>(static_cast<uintptr_t>(handle));
  return answer;
}

DWORD unsubscribe(HANDLE engine, HANDLE subscription) {
  const auto link = link_of(engine);
  return link ? (*link)->unsubscribe(reinterpret_cast<uintptr_t>(subscription)) : code(link);
}

}  // namespace sallyport::api::windows
