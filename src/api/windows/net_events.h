// Net events between the C interface and the engine. Any thread.
#pragma once
#include <sallyport/windows/fwpmtypes.h>

#include "api/windows/values.h"
#include "policy/net_event.h"

namespace sallyport::api::windows {

Outcome<policy::NetEventTemplate> take(const FWPM_NET_EVENT_ENUM_TEMPLATE0& from);
void give(Arena& arena, const policy::NetEventTemplate& from, FWPM_NET_EVENT_ENUM_TEMPLATE0& out);

void give(Arena& arena, const policy::NetEvent& from, FWPM_NET_EVENT0& out);
void give(Arena& arena, const policy::NetEvent& from, FWPM_NET_EVENT1& out);
void give(Arena& arena, const policy::NetEvent& from, FWPM_NET_EVENT2& out);
void give(Arena& arena, const policy::NetEvent& from, FWPM_NET_EVENT3& out);

}  // namespace sallyport::api::windows
