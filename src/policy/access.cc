// Default protection and the check.
#include "policy/access.h"

namespace sallyport::policy {
namespace {

struct Generic {
  uint32_t generic, rights;
};
constexpr Generic kGenerics[] = {{0x80000000u, access::kGenericRead},
                                 {0x40000000u, access::kGenericWrite},
                                 {0x20000000u, access::kGenericExecute},
                                 {0x10000000u, access::kAll}};

}  // namespace

uint32_t map_generic(uint32_t mask) {
  for (const Generic& row : kGenerics)
    if (mask & row.generic) mask = (mask & ~row.generic) | row.rights;
  return mask;
}

SecurityDescriptor default_protection() {
  constexpr uint32_t kOperate = access::kGenericRead | access::kGenericWrite | access::kGenericExecute;
  SecurityDescriptor out;
  out.owner = known::sid::local_system();
  out.group = known::sid::local_system();
  out.dacl = {{Ace::Kind::allow, access::kAll, known::sid::administrators()},
              {Ace::Kind::allow, access::kAll, known::sid::local_system()},
              {Ace::Kind::allow, kOperate, known::sid::network_operators()},
              {Ace::Kind::allow, access::kOpen | access::kClassify, known::sid::everyone()}};
  return out;
}

SecurityDescriptor administrators_only() {
  SecurityDescriptor out = default_protection();
  std::erase_if(*out.dacl, [](const Ace& ace) { return ace.sid == known::sid::network_operators(); });
  return out;
}

bool allowed(const SecurityDescriptor& protection, const Token& token, uint32_t wanted) {
  SecurityDescriptor mapped = protection;
  if (mapped.dacl)
    for (Ace& ace : *mapped.dacl) ace.mask = map_generic(ace.mask);
  return access_granted(mapped, token, map_generic(wanted));
}

}  // namespace sallyport::policy
