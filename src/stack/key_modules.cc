// See key_modules.h.
#include "stack/key_modules.h"

#include <algorithm>

#include "policy/classify.h"
#include "policy/enumerate.h"
#include "policy/provider_context.h"
#include "stack/peer_sid.h"

namespace sallyport::stack {

using policy::Field;
using policy::Layer;

uint64_t leaves_out_ikev2(const policy::Snapshot& snapshot, const HostFlow& flow) {
  policy::FilterTemplate wanted;
  wanted.layer = flow.local.is_v4() ? Layer::IPSEC_KM_DEMUX_V4 : Layer::IPSEC_KM_DEMUX_V6;
  wanted.flags = policy::FilterTemplate::kSorted;
  const auto filters = policy::enumerate_filters(snapshot, &wanted);
  if (!filters) return 0;
  policy::FieldValues values;
  fill_fields(flow, 0, nullptr, values);
  uint64_t first = 0;
  for (const auto& filter : *filters) {
    const auto* context = filter->has_provider_context() ? snapshot.contexts.find(filter->provider_context) : nullptr;
    const auto* keying = context ? std::get_if<policy::KeyingPolicy>(&(*context)->policy) : nullptr;
    if (keying == nullptr) continue;
    if (!policy::all_hold(policy::make_tests(*policy::find_layer(wanted.layer), filter->conditions), values)) continue;
    if (std::find(keying->modules.begin(), keying->modules.end(), policy::known::keying_module::IKEV2) !=
        keying->modules.end())
      return 0;
    if (first == 0) first = filter->id;
    if (keying->flags & policy::KeyingPolicy::kTerminatingMatch) break;
  }
  return first;
}

FilterAuthorization::FilterAuthorization(std::shared_ptr<const policy::Snapshot> snapshot, PolicyKeys keys)
    : snapshot_(std::move(snapshot)), keys_(std::move(keys)) {}

std::optional<std::string> FilterAuthorization::refusal(const model::AuthenticatedPeer& peer) const {
  return refusal(peer.identity.to_string(), peer.connection, peer.method, peer.initiated_here, peer.user);
}

std::optional<std::string> FilterAuthorization::refusal(std::string_view identity, std::string_view connection,
                                                        model::AuthPolicy::Kind method, bool initiated_here,
                                                        bool user) const {
  constexpr uint32_t kMainMode = 0, kExtendedMode = 1, kOutbound = 0, kInbound = 1;  // IPSEC_TOKEN_MODE, FWP_DIRECTION
  const bool psk = method == model::AuthPolicy::Kind::psk;
  const policy::Token token = token_of_identity(identity);
  policy::FieldValues values;
  values.set_u32(Field::AUTHENTICATION_TYPE, static_cast<uint32_t>(psk ? policy::AuthMethodType::PRESHARED_KEY
                                                                       : policy::AuthMethodType::CERTIFICATE));
  values.set_u32(Field::KM_TYPE, static_cast<uint32_t>(policy::KeyModule::IKEV2));
  values.set_u32(Field::KM_MODE, user ? kExtendedMode : kMainMode);
  values.set_u32(Field::DIRECTION, initiated_here ? kOutbound : kInbound);
  // A secret that many share proves membership, and nobody's name.
  if (!psk) values.set_token(Field::REMOTE_ID, token);
  if (const auto key = keys_.find(connection); key != keys_.end())
    values.set(Field::IPSEC_POLICY_KEY, policy::DataType::BYTE_ARRAY16,
               {load_be64(key->second.octets.data()), load_be64(key->second.octets.data() + 8)});
  policy::Matches scratch;
  const auto decision = policy::classify(*snapshot_, Layer::KM_AUTHORIZATION, values, nullptr, scratch);
  if (decision.verdict != policy::Verdict::block) return std::nullopt;
  if (decision.filter == nullptr) return "a filter at KM_AUTHORIZATION blocks it";
  return "filter " + std::to_string(decision.filter->id) + " (" + decision.filter->head.display.name +
         ") at KM_AUTHORIZATION blocks it";
}

}  // namespace sallyport::stack
