// Net events as they travel: the calls about them, in the form of call.h, and how the values are laid out. Values; any
// thread.
#pragma once
#include "policy/call.h"
#include "policy/net_event.h"

namespace sallyport::policy {

template <>
inline constexpr uint32_t kEnumLimit<FailurePoint> = 3;
template <>
inline constexpr uint32_t kEnumLimit<SaRole> = 2;
template <>
inline constexpr uint32_t kEnumLimit<MmSaState> = 6;
template <>
inline constexpr uint32_t kEnumLimit<QmSaState> = 4;
template <>
inline constexpr uint32_t kEnumLimit<TrafficType> = 2;
template <>
inline constexpr uint32_t kEnumLimit<PacketDirection> = 2;
template <>
inline constexpr uint32_t kEnumLimit<KeyModule> = 3;

// clang-format off
template <class A> void describe(A& a, MmFailure& v) { walk_all(a, v.code, v.point, v.module, v.state, v.role, v.method, v.mm_id, v.filter, v.local_name, v.remote_name); }
template <class A> void describe(A& a, QmFailure& v) { walk_all(a, v.code, v.point, v.module, v.state, v.role, v.traffic, v.filter); }
template <class A> void describe(A& a, EmFailure& v) { walk_all(a, v.code, v.point, v.role, v.method, v.filter); }
template <class A> void describe(A& a, ClassifyDrop& v) { walk_all(a, v.filter, v.layer, v.direction); }
template <class A> void describe(A& a, KernelDrop& v) { walk_all(a, v.status, v.direction, v.spi, v.filter, v.layer); }
template <class A> void describe(A& a, NetEvent& v) { walk_all(a, v.time, v.local, v.remote, v.protocol, v.local_port, v.remote_port, v.what, v.sentence); }
template <class A> void describe(A& a, NetEventTemplate& v) { walk_all(a, v.start, v.end, v.conditions); }
// clang-format on

}  // namespace sallyport::policy
