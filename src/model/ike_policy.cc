// Lookups by name in a policy snapshot.
#include "model/ike_policy.h"

namespace sallyport::model {

template <class Item>
static const Item* by_name(const std::vector<Item>& items, std::string_view name) {
  for (const Item& item : items) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

const ConnectionPolicy* IkePolicySet::connection(std::string_view name) const { return by_name(connections, name); }
const Credential* IkePolicySet::credential(std::string_view name) const { return by_name(credentials, name); }
const TrustSet* IkePolicySet::trust_set(std::string_view name) const { return by_name(trust, name); }

}  // namespace sallyport::model
