// FwpmSystemPorts… and FwpmBitmapIndex…: what needs no more than the host and the interface's own tables.
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"
#include "api/windows/system_ports.h"

namespace {

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;

void give(Arena& arena, const SystemPorts& from, FWPM_SYSTEM_PORTS0& out) {
  out.numTypes = static_cast<UINT32>(from.size());
  out.types = arena.make<FWPM_SYSTEM_PORTS_BY_TYPE0>(from.size());
  for (size_t type = 0; type < from.size(); ++type) {
    FWPM_SYSTEM_PORTS_BY_TYPE0& of = out.types[type];
    of.type = static_cast<FWPM_SYSTEM_PORT_TYPE>(type);
    of.numPorts = static_cast<UINT32>(from[type].size());
    of.ports = arena.make<UINT16>(from[type].size());
    std::copy(from[type].begin(), from[type].end(), of.ports);
  }
}

// An engine may be left out; one that is given must be open and outside a transaction, which the daemon knows: asked to
// end a subscription that nobody has, it says which.
DWORD check_engine(HANDLE engine) {
  if (!engine) return ERROR_SUCCESS;
  const auto answer = tell(engine, Function::unsubscribe, uint64_t{0});
  return answer || answer.error().code == policy::Fwp::NOT_FOUND ? DWORD{ERROR_SUCCESS} : code(answer);
}

// Of no field is the type a bitmap's, so there is none with an index to give or to take back.
DWORD check_bitmap_field(HANDLE engine, const GUID* field, const UINT8* index) {
  if (!find_link(engine)) return ERROR_INVALID_HANDLE;
  if (!field || !index) return FWP_E_NULL_POINTER;
  return policy::find_field(take(*field)) ? FWP_E_TYPE_MISMATCH : FWP_E_CONDITION_NOT_FOUND;
}

}  // namespace

extern "C" {

DWORD WINAPI FwpmSystemPortsGet0(HANDLE engineHandle, FWPM_SYSTEM_PORTS0** sysPorts) {
  if (!sysPorts) return FWP_E_NULL_POINTER;
  *sysPorts = nullptr;
  if (engineHandle && !find_link(engineHandle)) return ERROR_INVALID_HANDLE;
  const auto now = system_ports();
  if (!now) return ERROR_NOT_SUPPORTED;
  Arena arena;
  auto* const root = arena.make<FWPM_SYSTEM_PORTS0>();
  give(arena, *now, *root);
  arena.release();
  *sysPorts = root;
  return ERROR_SUCCESS;
}
DWORD WINAPI FwpmSystemPortsSubscribe0(HANDLE engineHandle, void* reserved, FWPM_SYSTEM_PORTS_CALLBACK0 callback,
                                       void* context, HANDLE* sysPortsHandle) {
  if (!callback || !sysPortsHandle) return FWP_E_NULL_POINTER;
  *sysPortsHandle = nullptr;
  if (reserved) return FWP_E_RESERVED;
  if (const DWORD refused = check_engine(engineHandle); refused != ERROR_SUCCESS) return refused;
  auto now = system_ports();
  if (!now) return ERROR_NOT_SUPPORTED;
  const auto on_change = [callback, context](const SystemPorts& ports) {
    Arena arena;
    auto* const root = arena.make<FWPM_SYSTEM_PORTS0>();
    give(arena, ports, *root);
    callback(context, root);
  };
  const uint64_t watch = watch_system_ports(engineHandle, std::move(*now), on_change);
  if (watch == 0) return ERROR_NO_SYSTEM_RESOURCES;
  *sysPortsHandle = reinterpret_cast<HANDLE>(static_cast<uintptr_t>(watch));
  return ERROR_SUCCESS;
}
DWORD WINAPI FwpmSystemPortsUnsubscribe0(HANDLE engineHandle, HANDLE sysPortsHandle) {
  if (const DWORD refused = check_engine(engineHandle); refused != ERROR_SUCCESS) return refused;
  return stop_system_ports(reinterpret_cast<uintptr_t>(sysPortsHandle)) ? ERROR_SUCCESS : FWP_E_NOT_FOUND;
}

DWORD WINAPI FwpmBitmapIndexGet0(HANDLE engineHandle, const GUID* fieldId, UINT8* idx) {
  return check_bitmap_field(engineHandle, fieldId, idx);
}
DWORD WINAPI FwpmBitmapIndexFree0(HANDLE engineHandle, const GUID* fieldId, UINT8* idx) {
  return check_bitmap_field(engineHandle, fieldId, idx);
}

}  // extern "C"
