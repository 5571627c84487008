// Access rights of the filter engine's objects, and who has them by default. Values.
#pragma once
#include "policy/object.h"

namespace sallyport::policy {

namespace access {
inline constexpr uint32_t kAdd = 0x1;
inline constexpr uint32_t kAddLink = 0x2;
inline constexpr uint32_t kBeginReadTxn = 0x4;
inline constexpr uint32_t kBeginWriteTxn = 0x8;
inline constexpr uint32_t kClassify = 0x10;
inline constexpr uint32_t kEnum = 0x20;
inline constexpr uint32_t kOpen = 0x40;
inline constexpr uint32_t kRead = 0x80;
inline constexpr uint32_t kReadStats = 0x100;
inline constexpr uint32_t kSubscribe = 0x200;
inline constexpr uint32_t kWrite = 0x400;
inline constexpr uint32_t kDelete = 0x10000;       // standard right
inline constexpr uint32_t kReadControl = 0x20000;  // standard right
inline constexpr uint32_t kWriteDac = 0x40000;     // standard right
inline constexpr uint32_t kWriteOwner = 0x80000;   // standard right
inline constexpr uint32_t kGenericRead = kBeginReadTxn | kClassify | kEnum | kRead | kReadStats | kOpen | kReadControl;
inline constexpr uint32_t kGenericExecute =
    kBeginReadTxn | kClassify | kEnum | kOpen | kReadStats | kSubscribe | kReadControl;
inline constexpr uint32_t kGenericWrite = kAdd | kAddLink | kBeginWriteTxn | kWrite | kDelete | kOpen | kReadControl;
inline constexpr uint32_t kAll = 0x7ff | kDelete | kReadControl | kWriteDac | kWriteOwner;
}  // namespace access

// GENERIC_* bits of an access mask become the rights above.
uint32_t map_generic(uint32_t mask);

// Full control for administrators and the local system; read, write and execute for network configuration operators;
// OPEN and CLASSIFY for everybody.
SecurityDescriptor default_protection();
// Without those operators: whoever is told keys.
SecurityDescriptor administrators_only();

// Whether the token has every right of `wanted` on an object protected so.
bool allowed(const SecurityDescriptor& protection, const Token& token, uint32_t wanted);

}  // namespace sallyport::policy
