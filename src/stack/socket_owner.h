// Whose the socket of a flow is: the account and the program that conditions ALE_USER_ID, ALE_APP_ID and
// ALE_ORIGINAL_APP_ID are about, and at which layers there are such conditions. docs/filters.md. Pure; values.
#pragma once
#include <memory>
#include <vector>

#include "policy/field_values.h"
#include "policy/snapshot.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

// Nothing of it: no socket of this host, or one that no program has any more. Then the fields have no value.
struct SocketOwner {
  std::shared_ptr<const policy::Token> user;  // nullptr: no value
  Bytes program;                              // as policy::app_id_of() makes it; empty: no value
  bool secured = false;  // a secured socket: what no filter covers is never sent in the clear for it
  bool operator==(const SocketOwner& other) const {
    const bool same_user = user == other.user || (user && other.user && *user == *other.user);
    return same_user && program == other.program && secured == other.secured;
  }
};

policy::Sid sid_of_account(uint32_t uid);  // S-1-22-1-UID
// The SIDs of an account of this host: S-1-22-1-UID, S-1-22-2-GID of each group, everyone.
policy::Token token_of_account(uint32_t uid, const std::vector<uint32_t>& gids);

// Sets the three fields, where they have values. owner: nullptr is nobody. The values borrow from it.
void fill_owner(const SocketOwner* owner, policy::FieldValues& values);
bool is_owner_field(policy::Field field);

// Only TCP and UDP have sockets whose owner can be looked up.
inline bool has_owner(const HostFlow& flow) { return flow.ports_known && (flow.protocol == 6 || flow.protocol == 17); }

// The engine's own exemptions open ports 500 and 4500 to the local system, which is no account here; the packet filter
// knows the daemon's sockets.
bool is_ike_exemption(const policy::Filter& filter);

// Which layers have a filter with such a condition: looked up once for each snapshot.
class OwnersAsked {
 public:
  OwnersAsked() = default;
  explicit OwnersAsked(const policy::Snapshot& snapshot);
  bool at(Point ale, Family family) const { return asked_[index(ale, family)]; }
  bool any() const { return asked_[0] || asked_[1] || asked_[2] || asked_[3]; }

 private:
  static size_t index(Point ale, Family family) {
    return (ale == Point::ale_auth_connect ? 0u : 2u) + (family == Family::v4 ? 0u : 1u);
  }
  bool asked_[4] = {};
};

}  // namespace sallyport::stack
