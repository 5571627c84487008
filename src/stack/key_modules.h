// Which keying modules the policy lets this host begin with (WFP's layer IPSEC_KM_DEMUX), and whom it lets have an IKE
// SA (KM_AUTHORIZATION). Pure.
#pragma once
#include <map>

#include "model/ike_policy.h"
#include "policy/match.h"
#include "policy/snapshot.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

// The filter at IPSEC_KM_DEMUX that leaves IKEv2 out for these two hosts; 0: it may be tried. The heaviest filter that
// matches decides, unless its policy says that matching goes on: then those of the next ones are tried as well.
uint64_t leaves_out_ikev2(const policy::Snapshot& snapshot, const HostFlow& flow);

// Filters at KM_AUTHORIZATION, asked when a peer has authenticated: who blocks, blocks.
class FilterAuthorization final : public model::PeerAuthorization {
 public:
  // Main mode contexts by connection: the condition on the policy's key compares them.
  using PolicyKeys = std::map<std::string, policy::Guid, std::less<>>;
  FilterAuthorization(std::shared_ptr<const policy::Snapshot> snapshot, PolicyKeys keys);

  std::optional<std::string> refusal(const model::AuthenticatedPeer& peer) const override;
  std::optional<std::string> refusal(std::string_view identity, std::string_view connection,
                                     model::AuthPolicy::Kind method, bool initiated_here, bool user = false) const;

 private:
  std::shared_ptr<const policy::Snapshot> snapshot_;
  PolicyKeys keys_;
};

}  // namespace sallyport::stack
