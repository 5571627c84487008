// Several Child SAs with the same selectors, one for each processor that works for a peer. RFC 9611. The first one
// serves every resource; copies of it are made one by one by whoever asked for the first, and are rekeyed and deleted
// each by itself. Both sides must want them. Pure; one thread.
#pragma once
#include "ike/v2/child_sa.h"

namespace sallyport::ike::v2::resources {

// SA_RESOURCE_INFO; its content is for the peer's log alone.
wire::ike2::NotifyPayload info(std::optional<uint32_t> resource);
bool has_info(const std::vector<wire::ike2::Payload>& payloads);

// The exchange's responder: which copy a request makes. The first Child SA of the policy is none. Refused, with
// TS_MAX_QUEUE, when there are enough.
ChildResult<std::optional<uint32_t>> place(IkeSa& sa, const model::ChildPolicy& policy);

// The exchange's initiator has made the first one: asks for its copies, unless they are made on demand
// (Config::shards).
void ask_for_copies(IkeSa& sa, const ChildSa& first, const model::ChildPolicy& policy);
// One copy on demand, by either side, of any of those that stand.
void ask_for_copy(IkeSa& sa, TimePoint now, const ChildSa& one, uint32_t resource);
// The peer wants no more of them: those not asked for yet are given up, and none is asked for in this IKE SA.
void stop(IkeSa& sa, std::string_view child);

}  // namespace sallyport::ike::v2::resources
