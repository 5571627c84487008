// Calls of the filter engine as they travel: one number for each function, one structure for what goes in and one for
// what comes out, all in the form of archive.h. The client writes what route.h reads and the other way round; a number
// is never given twice. Values; any thread.
#pragma once
#include "policy/describe.h"
#include "policy/engine.h"

namespace sallyport::policy::call {

enum class Function : uint32_t {
  engine_open = 1,
  engine_close = 2,
  get_option = 3,
  set_option = 4,
  txn_begin = 5,
  txn_commit = 6,
  txn_abort = 7,
  add_provider = 10,
  add_sublayer = 11,
  add_callout = 12,
  add_context = 13,
  add_filter = 14,
  remove = 15,
  get = 16,
  get_layer = 17,
  enum_create = 20,
  enum_next = 21,
  enum_destroy = 22,
  get_protection = 23,
  set_protection = 24,
  subscribe = 25,
  unsubscribe = 26,
  subscriptions = 27,
  tunnel_add = 28,
  tunnel_remove = 29,
  enumerate_events = 250,  // net_event_call.h; enum_next, enum_destroy and unsubscribe serve them too
  subscribe_events = 251,
  event_subscriptions = 252,
  dosp_statistics = 260,  // nothing -> DospStatistics (dosp.h)
  dosp_states = 261,      // std::optional<DospStateTemplate>, pages of DospState, as enum_create
};

inline constexpr size_t kMostEnumerations = 64;         // open at once in one session
inline constexpr size_t kMostSubscriptions = 32;        // of one session; each keeps a request of its connection open
inline constexpr size_t kMostWaiting = 24;              // calls of one session that wait for the write lock
inline constexpr size_t kPageOctets = size_t{1} << 20;  // an answer to enum_next stops after so much
inline constexpr size_t kMostCallOctets = size_t{1} << 20;  // of one call

// An object by its key or, where it has one, its number.
struct Reference {
  uint32_t kind = 0;  // ObjectKind
  std::optional<Guid> key;
  uint64_t id = 0;  // while there is no key
};

struct Open {
  Guid key;
  DisplayData display;
  uint32_t flags = 0;
  uint32_t txn_wait_timeout_ms = 0;
};
struct SetOption {
  uint32_t option = 0;
  Value value;
};

// An object as it was found, with what the engine gave it.
template <class Object>
struct Found {
  Object object;
  uint64_t id = 0;
  uint64_t effective_weight = 0;  // of filters
};
struct FoundField {
  Guid key;
  uint32_t type = 0;       // FieldType
  uint32_t data_type = 0;  // DataType
};
struct FoundLayer {
  Guid key;
  std::string name;
  uint8_t kernel = 0;
  std::vector<FoundField> fields;
  Guid default_sublayer;
  uint16_t id = 0;
};
struct FoundSession {
  Guid key;
  DisplayData display;
  uint32_t flags = 0;
  uint32_t txn_wait_timeout_ms = 0;
  uint32_t process_id = 0;
  std::optional<Sid> sid;
  uint8_t kernel_mode = 0;
};

// What is enumerated: the kinds of objects, and these.
inline constexpr uint32_t kEnumLayers = 16;
inline constexpr uint32_t kEnumSessions = 17;
inline constexpr uint32_t kEnumNetEvents = 18;   // by enumerate_events alone
inline constexpr uint32_t kEnumDospStates = 19;  // by dosp_states alone
struct EnumCreate {
  uint32_t what = 0;  // ObjectKind, or one of the above
  std::optional<ObjectTemplate> object;
  std::optional<FilterTemplate> filter;
};
struct EnumNext {
  uint64_t handle = 0;
  uint32_t wanted = 0;
};
template <class Each>
struct Page {
  std::vector<Each> entries;
  uint8_t end = 0;  // nothing follows
};

// Whose protection: a kind of objects (one by its key, or its container), or the engine.
inline constexpr uint32_t kProtectEngine = 16;
inline constexpr uint32_t kProtectNetEvents = 18;
inline constexpr uint32_t kProtectDatabase = 32;  // and the number of a Database
struct Protected {
  uint32_t kind = 0;
  std::optional<Guid> key;
};
struct SetProtection {
  static constexpr uint32_t kOwner = 1, kGroup = 2, kDacl = 4;  // SECURITY_INFORMATION
  Protected of;
  uint32_t parts = 0;  // what of the descriptor counts; the rest stays
  Bytes descriptor;
};

inline constexpr uint32_t kSubscribeSas = 32;          // SA contexts, instead of a kind of objects
inline constexpr uint32_t kSubscribeConnections = 33;  // IPsec connections
struct Subscribe {
  uint32_t kind = 0;  // ObjectKind, or one of the above
  uint32_t flags = 0;
  std::optional<ObjectTemplate> object;
  std::optional<FilterTemplate> filter;
  Bytes detail{};  // the template of what is no object, in an archive of its own
};
struct Notice {
  uint32_t change = 0;  // ChangeType
  uint32_t kind = 0;    // ObjectKind
  Guid key;
  uint64_t id = 0;
};

// What FwpmIPsecTunnelAdd says; tunnel.h makes objects of it.
struct TunnelAdd {
  uint32_t flags = 0;
  std::optional<ProviderContext> main_mode;
  ProviderContext tunnel;
  std::vector<Condition> conditions;
  std::optional<Guid> key_module;
};

// clang-format off
template <class A> void describe(A& a, Reference& v) { walk_all(a, v.kind, v.key, v.id); }
template <class A> void describe(A& a, Open& v) { walk_all(a, v.key, v.display, v.flags, v.txn_wait_timeout_ms); }
template <class A> void describe(A& a, SetOption& v) { walk_all(a, v.option, v.value); }
template <class A, class Object> void describe(A& a, Found<Object>& v) { walk_all(a, v.object, v.id, v.effective_weight); }
template <class A> void describe(A& a, FoundField& v) { walk_all(a, v.key, v.type, v.data_type); }
template <class A> void describe(A& a, FoundLayer& v) { walk_all(a, v.key, v.name, v.kernel, v.fields, v.default_sublayer, v.id); }
template <class A> void describe(A& a, FoundSession& v) { walk_all(a, v.key, v.display, v.flags, v.txn_wait_timeout_ms, v.process_id, v.sid, v.kernel_mode); }
template <class A> void describe(A& a, EnumCreate& v) { walk_all(a, v.what, v.object, v.filter); }
template <class A> void describe(A& a, EnumNext& v) { walk_all(a, v.handle, v.wanted); }
template <class A, class Each> void describe(A& a, Page<Each>& v) { walk_all(a, v.entries, v.end); }
template <class A> void describe(A& a, Protected& v) { walk_all(a, v.kind, v.key); }
template <class A> void describe(A& a, SetProtection& v) { walk_all(a, v.of, v.parts, v.descriptor); }
template <class A> void describe(A& a, Subscribe& v) { walk_all(a, v.kind, v.flags, v.object, v.filter, v.detail); }
template <class A> void describe(A& a, Notice& v) { walk_all(a, v.change, v.kind, v.key, v.id); }
template <class A> void describe(A& a, TunnelAdd& v) { walk_all(a, v.flags, v.main_mode, v.tunnel, v.conditions, v.key_module); }
// clang-format on

// The archive form of any of them, and back: everything has to be used up.
template <class T>
Bytes write(T value) {
  ArchiveWriter out;
  walk(out, value);
  return out.out().take();
}
template <class T>
Result<T> read(ByteView octets) {
  ArchiveReader in(octets);
  T value{};
  walk(in, value);
  SP_CHECK(in.finish());
  return value;
}

}  // namespace sallyport::policy::call

namespace sallyport::policy {

template <>
inline constexpr uint32_t kEnumLimit<FilterEnumType> = 2;

// clang-format off
template <class A> void describe(A& a, Added& v) { walk_all(a, v.key, v.id); }
template <class A> void describe(A& a, ObjectTemplate& v) { walk_all(a, v.provider, v.layer, v.context); }
template <class A> void describe(A& a, FilterTemplate& v) { walk_all(a, v.provider, v.layer, v.type, v.flags, v.context, v.conditions, v.action_mask, v.callout); }
// clang-format on

}  // namespace sallyport::policy
