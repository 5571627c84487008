// See sa_details.h.
#include "stack/sa_details.h"

#include "crypto/certificate.h"
#include "crypto/hash.h"
#include "stack/connection_objects.h"
#include "stack/sa_filters.h"
#include "stack/sa_transforms.h"

namespace sallyport::stack {
namespace {

using policy::SaBundle;
using policy::SaDetails;
using policy::SaTraffic;
using policy::TrafficType;

const policy::Filter* filter_by_id(const policy::Snapshot& snapshot, uint64_t id) {
  const auto* found = snapshot.filters_by_id.find(id);
  return found ? found->get() : nullptr;
}

uint32_t saturated(uint64_t v) { return v > 0xffffffffu ? 0xffffffffu : static_cast<uint32_t>(v); }

policy::SaLifetime lifetime_of(const model::Lifetime& hard) {
  policy::SaLifetime out;
  if (hard.time)
    out.seconds = saturated(static_cast<uint64_t>(std::chrono::duration_cast<seconds>(*hard.time).count()));
  if (hard.bytes) out.kilobytes = saturated(*hard.bytes / 1024);
  if (hard.packets) out.packets = saturated(*hard.packets);
  return out;
}

// One value for all selectors; 0 where there are several.
uint8_t one_protocol(const model::Selectors& selectors) {
  return selectors.size() == 1 ? selectors.front().protocol : uint8_t{0};
}
uint16_t one_port(const model::Selectors& selectors) {
  if (selectors.size() != 1 || selectors.front().port_first != selectors.front().port_last) return 0;
  return selectors.front().port_first;
}

// The same at both ends, and for both directions.
uint32_t pair_number(const SaFacts& sa) {
  const uint32_t both = sa.spi_in ^ sa.spi_out;
  return both != 0 ? both : sa.spi_in;
}

std::optional<policy::UdpEncapsulation> udp_of(bool encap, const IpEndpoint& local, const IpEndpoint& remote) {
  if (!encap || !local.addr.is_v4()) return std::nullopt;
  return policy::UdpEncapsulation{local.port, remote.port};
}

// What the quick mode policy says besides the algorithms.
void take_policy(const policy::Snapshot& snapshot, const FilterKeying::Origin& origin, const Control::Child& child,
                 SaBundle& out) {
  out.qm_filter_id = origin.quick_mode;
  if (child.key.child.ends_with("-encrypted")) out.flags |= policy::bundle_flag::kGuaranteeEncryption;
  const uint64_t from = origin.quick_mode != 0 ? origin.quick_mode : origin.outbound;
  const policy::ProviderContext* context = context_of_filter(snapshot, from);
  if (!context) return;
  if (const auto* transport = std::get_if<policy::TransportPolicy>(&context->policy)) {
    out.idle_timeout_seconds = transport->idle.seconds;
    out.nd_allow_clear_timeout_seconds = transport->nd_allow_clear_timeout_seconds;
    if (transport->flags & policy::policy_flag::kNdSecure) out.flags |= policy::bundle_flag::kNdSecure;
    if (transport->flags & policy::policy_flag::kNdBoundary) out.flags |= policy::bundle_flag::kNdBoundary;
  } else if (const auto* tunnel = std::get_if<policy::TunnelPolicy>(&context->policy)) {
    out.idle_timeout_seconds = tunnel->idle.seconds;
    if (tunnel->flags & policy::policy_flag::kClearDfOnTunnel) out.flags |= policy::bundle_flag::kClearDfOnTunnel;
  }
}

HostFlow flow_within(const SaFacts& sa) {
  HostFlow out;
  const model::Selector& local = sa.ts_local.front();
  const model::Selector& remote = sa.ts_remote.front();
  out.local = local.first;
  out.remote = remote.first;
  out.protocol = local.protocol != 0 ? local.protocol : remote.protocol;
  out.local_port = local.port_first;
  out.remote_port = remote.port_first;
  out.ports_known = true;
  return out;
}

struct Found {
  const policy::Snapshot& snapshot;
  const Control::Child& child;
  const FilterKeying::Origin* origin;
  const ConnectionSpd& connections;
};

// Of a connection's child that filter which covers some of what the SA does.
const policy::Filter* connection_filter(const Found& found, bool outbound) {
  const Connections::Key& key = found.child.key;
  const SaFacts& sa = found.child.sa;
  for (const auto& [id, entry] : found.connections.by_filter) {
    const bool same = entry->connection == key.connection && entry->child == key.child;
    if (!same || model::intersect(entry->local, sa.ts_local).empty() ||
        model::intersect(entry->remote, sa.ts_remote).empty())
      continue;
    const policy::Filter* filter = filter_by_id(found.snapshot, id);
    if (filter && is_ipsec_callout(*filter, outbound, filter->has_provider_context())) return filter;
  }
  return nullptr;
}

// The number of the filter at IPSEC that refers to its quick mode policy; 0: none.
uint64_t connection_quick_mode(const Found& found) {
  const policy::Filter* outbound = connection_filter(found, true);
  const auto record = outbound ? read_record(outbound->head.provider_data) : std::nullopt;
  const auto* filter = record ? found.snapshot.filters.find(child_filter_key(*record, "IPSEC")) : nullptr;
  return filter ? (*filter)->id : 0;
}

// The filter of one direction, and its part in the traffic.
void take_filter(const Found& found, bool outbound, SaDetails& out) {
  const SaFacts& sa = found.child.sa;
  const bool tunnel = sa.mode == model::Mode::tunnel;
  const policy::Filter* filter = nullptr;
  if (found.origin) {
    filter = filter_by_id(found.snapshot, found.origin->outbound);
    const auto* context = tunnel ? context_of_filter(found.snapshot, found.origin->outbound) : nullptr;
    if (context) out.traffic.policy_id = context->id;
    if (!outbound) filter = inbound_filter_of(found.snapshot, flow_within(sa));
    if (!tunnel && filter) out.traffic.policy_id = filter->id;
  }
  if (!found.origin) {
    filter = connection_filter(found, outbound);
    const auto* context = filter ? context_of_filter(found.snapshot, filter->id) : nullptr;
    if (context) out.traffic.policy_id = context->id;
    if (!tunnel && filter) out.traffic.policy_id = filter->id;
  }
  if (filter) out.filter = shown(*filter);
}

SaDetails details_of(const Found& found, bool outbound) {
  const SaFacts& sa = found.child.sa;
  SaDetails out;
  out.inbound = !outbound;
  SaTraffic& traffic = out.traffic;
  traffic.local = sa.local.addr;
  traffic.remote = sa.remote.addr;
  traffic.type = sa.mode == model::Mode::tunnel ? TrafficType::TUNNEL : TrafficType::TRANSPORT;
  // RFC 7296 3.13: a tunnel's ports are of its inner packets, which its endpoints say nothing about.
  if (traffic.type == TrafficType::TRANSPORT) {
    traffic.remote_port = one_port(sa.ts_remote);
    traffic.local_port = one_port(sa.ts_local);
    traffic.protocol = one_protocol(sa.ts_local);
  }
  out.udp = udp_of(sa.udp_encap, sa.local, sa.remote);
  SaBundle& bundle = out.bundle;
  bundle.lifetime = lifetime_of(sa.hard);
  bundle.qm_sa_id = pair_number(sa);
  bundle.sas.push_back(material_of(sa, outbound ? sa.spi_out : sa.spi_in));
  bundle.mm_sa_id = found.child.ike_id;
  bundle.pfs_group = pfs_number(sa.group);
  bundle.ip_version = sa.local.addr.is_v4() ? 0 : 1;
  if (sa.original_source && sa.original_source->is_v4())
    bundle.peer_v4_private_address = load_be32(sa.original_source->bytes().data());
  if (found.origin) {
    take_policy(found.snapshot, *found.origin, found.child, bundle);
  } else {
    bundle.qm_filter_id = connection_quick_mode(found);
  }
  take_filter(found, outbound, out);
  return out;
}

policy::IkeCredential credential_of(const ike::Proof& proof) {
  using enum policy::AuthMethodType;
  policy::IkeCredential out;
  if (proof.method == model::AuthMethod::SHARED_KEY_MIC) return out;
  out.type = CERTIFICATE;
  const auto certificate = crypto::read_certificate(proof.certificate);
  if (!certificate) return out;
  if (certificate->key_type == model::KeyType::ecdsa_p256) out.type = CERTIFICATE_ECDSA_P256;
  if (certificate->key_type == model::KeyType::ecdsa_p384) out.type = CERTIFICATE_ECDSA_P384;
  out.subject = certificate->subject_der;
  out.hash = crypto::sha1(proof.certificate);
  out.certificate = proof.certificate;
  return out;
}

// The side that has proved no user is anonymous.
policy::IkeCredential user_credential_of(const std::optional<ike::Proof>& proof) {
  if (proof) return credential_of(*proof);
  policy::IkeCredential out;
  out.type = policy::AuthMethodType::ANONYMOUS;
  return out;
}

}  // namespace

std::vector<model::ChildId> context_ids(const Control& control) {
  std::vector<model::ChildId> out;
  for (const auto& [id, child] : control.children()) out.push_back(id);
  const auto direct = control.direct().ids();
  out.insert(out.end(), direct.begin(), direct.end());
  return out;
}

std::optional<policy::SaContext> context_of(const Control& control, model::ChildId id) {
  const policy::Snapshot& snapshot = *control.filters();
  if (auto direct = control.direct().get(id)) {
    for (auto* half : {&direct->inbound, &direct->outbound}) {
      if (!*half) continue;
      const policy::Filter* filter = filter_by_id(snapshot, control.direct().filter_of(id, half == &direct->inbound));
      if (filter) (*half)->filter = shown(*filter);
    }
    return direct;
  }
  const auto child = control.children().find(id);
  if (child == control.children().end()) return std::nullopt;
  const Found found{snapshot, child->second,
                    control.keying().origin_of(child->second.key.connection, child->second.key.child),
                    control.connection_spd()};
  return policy::SaContext{id, details_of(found, false), details_of(found, true)};
}

std::optional<std::pair<IpAddr, IpAddr>> context_addresses(const Control& control, model::ChildId id) {
  if (const auto direct = control.direct().addresses(id)) return direct;
  const auto child = control.children().find(id);
  if (child == control.children().end()) return std::nullopt;
  return std::pair(child->second.sa.local.addr, child->second.sa.remote.addr);
}

std::optional<policy::IkeSaDetails> ike_details(const Control& control, model::IkeId id) {
  const auto sa = control.endpoint().status(id);
  if (!sa || !sa->local_proof || !sa->remote_proof || !sa->algorithms) return std::nullopt;
  policy::IkeSaDetails out;
  out.id = id;
  out.local = sa->local.addr;
  out.remote = sa->remote.addr;
  out.udp = udp_of(sa->nat_local || sa->nat_remote, sa->local, sa->remote);
  out.proposal = proposal_of(*sa->algorithms);
  if (sa->rekey_at && sa->established != TimePoint{}) {
    const auto whole = std::chrono::duration_cast<seconds>(*sa->rekey_at - sa->established).count();
    out.proposal.lifetime_seconds = saturated(whole < 0 ? 0 : static_cast<uint64_t>(whole));
  }
  out.cookie_initiator = sa->spi_i;
  out.cookie_responder = sa->spi_r;
  out.credentials.push_back({credential_of(*sa->local_proof), credential_of(*sa->remote_proof)});
  if (sa->local_user_proof || sa->remote_user_proof)
    out.credentials.push_back({user_credential_of(sa->local_user_proof), user_credential_of(sa->remote_user_proof)});
  for (const ike::ChildSaStatus& child : sa->children) {
    const auto* origin = control.keying().origin_of(sa->connection, child.child);
    const auto* context = origin ? context_of_filter(*control.filters(), origin->main_mode) : nullptr;
    if (context) out.policy_key = context->head.key;
  }
  return out;
}

}  // namespace sallyport::stack
