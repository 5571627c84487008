// See socket_owner.h.
#include "stack/socket_owner.h"

#include <algorithm>

#include "policy/enumerate.h"

namespace sallyport::stack {

using policy::Field;

namespace {
constexpr uint64_t kUnix = 22;
}

policy::Sid sid_of_account(uint32_t uid) { return {kUnix, {1, uid}}; }

policy::Token token_of_account(uint32_t uid, const std::vector<uint32_t>& gids) {
  std::vector<policy::Sid> sids{sid_of_account(uid)};
  for (const uint32_t gid : gids) sids.push_back({kUnix, {2, gid}});
  sids.push_back(policy::known::sid::everyone());
  return policy::token_of(std::move(sids));
}

bool is_owner_field(Field field) {
  return field == Field::ALE_USER_ID || field == Field::ALE_APP_ID || field == Field::ALE_ORIGINAL_APP_ID;
}

void fill_owner(const SocketOwner* owner, policy::FieldValues& values) {
  if (owner == nullptr) return;
  if (owner->user) values.set_token(Field::ALE_USER_ID, *owner->user);
  if (owner->program.empty()) return;
  for (const Field field : {Field::ALE_APP_ID, Field::ALE_ORIGINAL_APP_ID})
    values.set_octets(field, policy::DataType::BYTE_BLOB, owner->program);
}

bool is_ike_exemption(const policy::Filter& filter) {
  return filter.head.lifetime == policy::Lifetime::builtin && filter.head.provider == policy::known::provider::IKEEXT;
}

OwnersAsked::OwnersAsked(const policy::Snapshot& snapshot) {
  for (const Point ale : {Point::ale_auth_connect, Point::ale_auth_recv_accept}) {
    for (const Family family : {Family::v4, Family::v6}) {
      const policy::Layer layer = layer_of(ale, family);
      if (snapshot.banks(layer).empty()) continue;
      policy::FilterTemplate wanted;
      wanted.layer = layer;
      const auto filters = policy::enumerate_filters(snapshot, &wanted);
      if (!filters) continue;
      asked_[index(ale, family)] = std::any_of(filters->begin(), filters->end(), [](const auto& filter) {
        const auto& asks = filter->conditions;
        return !is_ike_exemption(*filter) &&
               std::any_of(asks.begin(), asks.end(), [](const auto& each) { return is_owner_field(each.field); });
      });
    }
  }
}

}  // namespace sallyport::stack
