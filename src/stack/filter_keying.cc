// See filter_keying.h.
#include "stack/filter_keying.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "policy/callout.h"
#include "policy/translate.h"
#include "stack/connection_objects.h"
#include "stack/key_modules.h"
#include "stack/socket_contexts.h"
#include "stack/socket_filters.h"
#include "stack/tunnel_traffic.h"

namespace sallyport::stack {
namespace {

using policy::Filter;
using policy::KeyModule;
using policy::ProviderContext;

constexpr Family kFamilies[] = {Family::v4, Family::v6};

std::string number(uint64_t id) { return std::to_string(id); }

bool is_outbound_callout(const Filter& filter, policy::CalloutContext context) {
  return policy::is_callout(filter.action.type) && policy::context_of_builtin(filter.action.callout) == context;
}

// The number of a quick mode filter whose policy has users prove who they are; 0: it does not.
uint64_t asks_for_users(const Filter& quick, const ProviderContext& context) {
  const auto* transport = std::get_if<policy::TransportPolicy>(&context.policy);
  return transport != nullptr && transport->em ? quick.id : 0;
}

// Of a selector's address ranges, as the words of ConnectionPolicy; a range that is no prefix stays open, and the
// children's selectors say the rest.
std::vector<std::string> prefixes_of(const model::Selectors& selectors) {
  std::vector<std::string> out;
  for (const model::Selector& s : selectors) {
    unsigned length = s.first.bits();
    while (length > 0 && s.first.prefix_first(length - 1) == s.first && !(s.last < s.first.prefix_last(length - 1)))
      --length;
    if (s.first.prefix_last(length) != s.last) return {s.first.prefix_first(0).to_string() + "/0"};
    out.push_back(s.first.to_string() + "/" + std::to_string(length));
  }
  return out;
}

bool proposal_encrypts(const model::Proposal& proposal) {
  if (proposal.protocol != model::Protocol::ESP) return false;
  return std::all_of(proposal.transforms.begin(), proposal.transforms.end(), [&](const model::Transform& t) {
    return t.type != model::TransformType::ENCR || model::encrypts(proposal.protocol, static_cast<model::EncrId>(t.id));
  });
}

// The policy's proposals without those of AH.
model::Proposals esp_proposals(const policy::IkePolicy& main_mode, policy::TransportPolicy quick) {
  std::erase_if(quick.proposals, [](const policy::IpsecProposal& p) {
    return p.transforms.size() != 1 || p.transforms.front().kind == policy::TransformKind::AH;
  });
  auto group = policy::DhGroup::NONE;
  for (const auto& proposal : main_mode.proposals)
    if (group == policy::DhGroup::NONE) group = proposal.dh_group;
  auto out = policy::child_proposals(quick.proposals, group);
  return out ? std::move(*out) : model::Proposals{};
}

}  // namespace

// RFC 4945 3.1: the identity that a certificate can prove is its subject.
void FilterKeying::take_identity(const model::IkePolicySet& base, model::ConnectionPolicy& out) {
  out.local_id = {};
  // The user of whoever has no certificate of its own, if there is one.
  if (out.local_user && base.credential(out.local_user->credential) == nullptr) out.local_user.reset();
  if (out.local_auth.kind != model::AuthPolicy::Kind::cert) return;
  const auto* credential = base.credential(out.local_auth.credential);
  if (credential == nullptr || credential->chain.empty()) return;
  if (auto leaf = crypto::read_certificate(credential->chain.front()))
    out.local_id = {model::IdType::ID_DER_ASN1_DN, to_bytes(leaf->subject_der), false};
}

std::string connection_name_of(uint64_t main_mode_filter, uint64_t asks_for_users) {
  return "filter-" + number(main_mode_filter) + (asks_for_users != 0 ? "-users-" + number(asks_for_users) : "");
}
std::string child_name_of(uint64_t quick_mode_filter, uint64_t outbound_filter, bool encrypted) {
  return "filter-" + number(quick_mode_filter) + "-" + number(outbound_filter) + (encrypted ? "-encrypted" : "");
}

void FilterKeying::note(uint64_t filter, std::string sentence, std::optional<policy::KeyingGap> gap) {
  if (problems_.size() < kMostChildren) problems_.push_back({filter, std::move(sentence), gap});
}

// A refusal is noted as the outbound filter's.
FilterKeying::Made FilterKeying::connection_of(const ProviderContext& main_mode, const ProviderContext& quick_mode,
                                               const Filter& outbound, policy::Negotiation negotiation,
                                               MachineCertificates& certificates) {
  negotiation.certificates = [&](const auto& context, size_t index, const auto& method) {
    return certificates.names(context, index, method);
  };
  auto made = policy::connection_policy(main_mode, quick_mode, outbound, negotiation);
  if (made) return made;
  using policy::KeyingGap;
  std::string sentence(policy::describe(made.error().why));
  const auto& asked = made.error().why == KeyingGap::auth_method ? main_mode : quick_mode;
  const bool of_methods =
      made.error().why == KeyingGap::auth_method || made.error().why == KeyingGap::second_authentication;
  if (const std::string why = of_methods ? certificates.complaint(asked.head.key) : std::string(); !why.empty())
    sentence += ": " + why;
  note(outbound.id, std::move(sentence), made.error().why);
  return made;
}

FilterKeying::ReadyList FilterKeying::ready(policy::Layer layer) const {
  policy::FilterTemplate wanted;
  wanted.layer = layer;
  wanted.flags = policy::FilterTemplate::kSorted;
  ReadyList out;
  const auto filters = policy::enumerate_filters(*snapshot_, &wanted);
  if (!filters) return out;
  for (const auto& filter : *filters) {
    if (is_of_connection(filter->head)) continue;  // its connection is there already, with all it says
    Ready one{filter, policy::make_tests(*policy::find_layer(layer), filter->conditions), nullptr, group_of(*filter)};
    if (filter->has_provider_context()) {
      if (const auto* context = snapshot_->contexts.find(filter->provider_context))
        one.context = keying_context(*filter, *context, *snapshot_);
    }
    out.push_back(std::move(one));
  }
  return out;
}

void FilterKeying::set(std::shared_ptr<const policy::Snapshot> snapshot, const model::IkePolicySet& base) {
  snapshot_ = std::move(snapshot);
  connections_.clear();
  origins_.clear();
  main_modes_.clear();
  tunnels_.clear();
  by_endpoints_.clear();
  problems_.clear();
  children_ = 0;
  MachineCertificates certificates(base);
  for (const Family family : kFamilies) {
    const size_t f = index_of(family);
    main_mode_[f] = ready(layer_of(Point::ikeext, family));
    quick_mode_[f] = ready(layer_of(Point::ipsec, family));
    outbound_[f] = ready(layer_of(Point::outbound_transport, family));
    const QuickModes quick(quick_mode_[f]);
    for (const Ready& filter : main_mode_[f]) {
      if (filter.context) add_connection(family, filter, quick, base, certificates);
    }
  }
  for (const Family family : kFamilies) {
    const auto add = [&](const Filter& filter, TunnelCallout wanted) {
      if (policy::is_callout(filter.action.type) && tunnel_callout(filter.action.callout) == wanted)
        add_tunnel(filter, family, base, certificates);
    };
    for (const Ready& each : outbound_[index_of(family)]) add(*each.filter, TunnelCallout::outbound);
    for (const Ready& each : ready(layer_of(Point::ipforward, family)))
      add(*each.filter, TunnelCallout::forward_outbound);
  }
  trust_ = certificates.narrowed();
}

FilterKeying::QuickModes::QuickModes(const ReadyList& all) : all_(all) {
  for (size_t at = 0; at < all.size(); ++at) {
    if (all[at].context && policy::role_of(all[at].context->type) == policy::ContextRole::qm_transport)
      by_group_[all[at].group.number].push_back(at);
  }
}

std::vector<const FilterKeying::Ready*> FilterKeying::QuickModes::serving(uint64_t asking) const {
  std::vector<size_t> found;
  const auto take = [&](const std::vector<size_t>& some) {
    for (const size_t at : some)
      if (serves(all_[at].group, asking)) found.push_back(at);
  };
  if (asking == 0) {
    for (const auto& [group, some] : by_group_) take(some);
  } else {
    for (const uint64_t group : {uint64_t{0}, asking})
      if (const auto some = by_group_.find(group); some != by_group_.end()) take(some->second);
  }
  std::sort(found.begin(), found.end());
  std::vector<const Ready*> out;
  for (const size_t at : found) out.push_back(&all_[at]);
  return out;
}

void FilterKeying::add_connection(Family family, const Ready& main_mode, const QuickModes& quick,
                                  const model::IkePolicySet& base, MachineCertificates& certificates) {
  if (policy::key_module_of(main_mode.context->type) != KeyModule::IKEV2) return;  // told of when it is asked for
  const auto traffic = policy::filter_traffic(*main_mode.filter);
  if (!traffic)
    return note(main_mode.filter->id, std::string(policy::describe(traffic.error().why)), traffic.error().why);
  std::map<uint64_t, model::ConnectionPolicy> made;  // by the quick mode filter that asks for users; 0: of the others
  for (const Ready& outbound : outbound_[index_of(family)]) {
    if (!is_outbound_callout(*outbound.filter, policy::CalloutContext::NONE)) continue;
    if (main_mode.group.number != 0 && main_mode.group.number != outbound.group.number) continue;
    for (const Ready* each : quick.serving(outbound.group.number))
      add_children(connection_name_of(main_mode.filter->id, asks_for_users(*each->filter, *each->context)), main_mode,
                   *each, *outbound.filter, certificates, made[asks_for_users(*each->filter, *each->context)]);
  }
  for (auto& [users, out] : made) {
    if (out.children.empty()) continue;
    out.name = connection_name_of(main_mode.filter->id, users);
    main_modes_[out.name] = {main_mode.filter->id, main_mode.context->head.key};
    out.local_addrs = prefixes_of(traffic->local);
    out.remote_addrs = prefixes_of(traffic->remote);
    take_identity(base, out);
    connections_.push_back(std::move(out));
  }
}

uint64_t FilterKeying::quick_mode_filter_of(const std::string& connection) const {
  const auto at = origins_.lower_bound({connection, std::string()});
  return at != origins_.end() && at->first.first == connection ? at->second.quick_mode : 0;
}

void FilterKeying::add_children(const std::string& connection, const Ready& main_mode, const Ready& quick,
                                const Filter& outbound, MachineCertificates& certificates,
                                model::ConnectionPolicy& out) {
  policy::Negotiation negotiation;
  negotiation.name = child_name_of(quick.filter->id, outbound.id, false);
  auto made = connection_of(*main_mode.context, *quick.context, outbound, std::move(negotiation), certificates);
  if (!made) return;
  const auto quick_traffic = policy::filter_traffic(*quick.filter);
  if (!quick_traffic)
    return note(quick.filter->id, std::string(policy::describe(quick_traffic.error().why)), quick_traffic.error().why);
  model::ChildPolicy child = std::move(made->children.front());
  child.local = model::intersect(child.local, quick_traffic->local);
  child.remote = model::intersect(child.remote, quick_traffic->remote);
  if (child.local.empty() || child.remote.empty()) return;
  if (children_ + 3 > kMostChildren)
    return note(outbound.id, "there are more pairs of filters than negotiations can be made ready for");
  // What a host sends to itself needs no segment size; what goes out has to fit the path with ESP around it.
  child.shape.clamp_mss = true;
  // What comes by one user's SA is not answered by another's.
  child.serves_asker = group_of(outbound).number != 0 || made->remote_user;
  made->children.clear();
  if (out.children.empty()) out = *made;
  // The plain one first: it serves whoever offers both kinds.
  const auto add = [&](model::ChildPolicy one, std::string name) {
    if (one.proposals.empty()) return;
    one.name = std::move(name);
    origins_[{connection, one.name}] = {outbound.id, quick.filter->id, main_mode.filter->id, 0};
    out.children.push_back(std::move(one));
    ++children_;
  };
  model::ChildPolicy encrypted = child;
  add(child, child.name);
  // AH cannot pass a NAT and hides nothing: what the policy has besides stands by.
  if (child.protocol == model::Protocol::AH) {
    const auto* main_policy = std::get_if<policy::IkePolicy>(&main_mode.context->policy);
    encrypted.proposals = esp_proposals(*main_policy, std::get<policy::TransportPolicy>(quick.context->policy));
    encrypted.protocol = model::Protocol::ESP;
    add(encrypted, child.name + "-esp");
  }
  std::erase_if(encrypted.proposals, [](const model::Proposal& p) { return !proposal_encrypts(p); });
  encrypted.guaranteed_encryption = true;
  add(std::move(encrypted), child_name_of(quick.filter->id, outbound.id, true));
}

std::string FilterKeying::without_ah(const std::string& connection, const std::string& child) const {
  const std::string out = child + "-esp";
  return filter_of(connection, out) == 0 ? std::string() : out;
}

const model::ConnectionPolicy* FilterKeying::connection(const std::string& name) const {
  const auto at = std::find_if(connections_.begin(), connections_.end(), [&](const auto& c) { return c.name == name; });
  return at == connections_.end() ? nullptr : &*at;
}

bool FilterKeying::proves_identity(const std::string& connection) const {
  return std::any_of(connections_.begin(), connections_.end(), [&](const auto& c) {
    return c.name == connection && c.remote_auth.kind == model::AuthPolicy::Kind::cert;
  });
}

const policy::ProviderContext* context_of_filter(const policy::Snapshot& snapshot, uint64_t filter) {
  const auto* found = snapshot.filters_by_id.find(filter);
  if (found == nullptr || !(*found)->has_provider_context()) return nullptr;
  const auto* context = snapshot.contexts.find((*found)->provider_context);
  return context != nullptr ? context->get() : nullptr;
}

bool gives_keys_away(const policy::Snapshot& snapshot, const FilterKeying::Origin& origin) {
  const auto* context = context_of_filter(snapshot, origin.quick_mode != 0 ? origin.quick_mode : origin.outbound);
  if (context == nullptr) return false;
  uint32_t flags = 0;
  if (const auto* transport = std::get_if<policy::TransportPolicy>(&context->policy)) flags = transport->flags;
  if (const auto* tunnel = std::get_if<policy::TunnelPolicy>(&context->policy)) flags = tunnel->flags;
  return flags & policy::policy_flag::kKeyManagerAllowNotifyKey;
}

Duration FilterKeying::clear_timeout(const std::string& connection, const std::string& child) const {
  const Origin* origin = origin_of(connection, child);
  const auto* context = origin != nullptr ? context_of_filter(*snapshot_, origin->quick_mode) : nullptr;
  const auto* transport = context != nullptr ? std::get_if<policy::TransportPolicy>(&context->policy) : nullptr;
  // A boundary host takes what is clear as long as it comes.
  if (transport == nullptr || (transport->flags & policy::policy_flag::kNdBoundary)) return Duration::zero();
  return seconds(transport->nd_allow_clear_timeout_seconds);
}

const FilterKeying::Origin* FilterKeying::origin_of(const std::string& connection, const std::string& child) const {
  const auto found = origins_.find({connection, child});
  return found == origins_.end() ? nullptr : &found->second;
}

uint64_t FilterKeying::filter_of(const std::string& connection, const std::string& child) const {
  const Origin* origin = origin_of(connection, child);
  return origin ? origin->outbound : 0;
}

// The heaviest that matches and whose context is IKEv2's; the others are what could not be negotiated.
const FilterKeying::Ready* FilterKeying::first_match(const ReadyList& list, const policy::FieldValues& values,
                                                     policy::ContextRole role, Refusal& why, uint64_t asking) const {
  why = {"no filter names keying policy for it", 0, std::nullopt, false};
  // Main mode policy of sockets is for nobody else; their quick mode policy always was for all of their port.
  const auto may_serve = [&](const SocketGroup& group) {
    return role == policy::ContextRole::mm ? group.number == 0 || group.number == asking : serves(group, asking);
  };
  for (const Ready& each : list) {
    if (!each.context || policy::role_of(each.context->type) != role || !may_serve(each.group)) continue;
    if (!policy::all_hold(each.tests, values)) continue;
    const auto module = policy::key_module_of(each.context->type);
    if (module == KeyModule::IKEV2) return &each;
    if (!module) continue;
    const auto gap = *module == KeyModule::IKE ? policy::KeyingGap::needs_ike : policy::KeyingGap::needs_authip;
    why.sentence = "filter " + number(each.filter->id) + " (" + each.filter->head.display.name +
                   "): " + std::string(policy::describe(gap));
    why.filter = each.filter->id;
    why.gap = gap;
  }
  return nullptr;
}

uint64_t FilterKeying::main_mode_filter_of(const std::string& connection) const {
  const auto found = main_modes_.find(connection);
  return found == main_modes_.end() ? 0 : found->second.filter;
}

bool FilterKeying::is_transport(const std::string& connection, const std::string& child) const {
  if (const Origin* origin = origin_of(connection, child)) return origin->quick_mode != 0;
  // Of a peer's attempt the child is not known: all of a connection for hosts are in transport mode.
  const auto of_hosts = [&](const auto& each) { return each.first.first == connection && each.second.quick_mode != 0; };
  return child.empty() && std::any_of(origins_.begin(), origins_.end(), of_hosts);
}

std::map<std::string, policy::Guid, std::less<>> FilterKeying::policy_keys() const {
  std::map<std::string, policy::Guid, std::less<>> out;
  for (const auto& [connection, main_mode] : main_modes_) out.emplace(connection, main_mode.policy);
  return out;
}

FilterKeying::Refusal FilterKeying::problem_of(uint64_t filter) const {
  const auto at =
      std::find_if(problems_.begin(), problems_.end(), [&](const Problem& p) { return p.filter == filter; });
  if (at == problems_.end()) return {"no negotiation can be made of its policy", filter, std::nullopt, false};
  return {at->sentence, filter, at->gap, false};
}

FilterKeying::Result FilterKeying::look_up(const HostFlow& flow, uint64_t filter, bool encrypted) const {
  const auto refuse = [&](std::string sentence) {
    return tl::unexpected<Refusal>(Refusal{std::move(sentence), filter, std::nullopt, false});
  };
  if (!snapshot_) return refuse("there is no policy");
  const auto* found = snapshot_->filters_by_id.find(filter);
  if (!found) return refuse("the filter is gone");
  const auto with_child = [&](Wanted wanted) -> Result {
    if (filter_of(wanted.connection, wanted.child) == 0) return tl::unexpected<Refusal>(problem_of(filter));
    HostFlow outer;
    outer.local = wanted.local;
    outer.remote = wanted.remote;
    if (const uint64_t by = leaves_out_ikev2(*snapshot_, outer); by != 0)
      return tl::unexpected<Refusal>(Refusal{
          "filter " + number(by) + " at IPSEC_KM_DEMUX leaves IKEv2 out, and no other keying module is spoken here", by,
          policy::KeyingGap::needs_ike, true});
    return wanted;
  };
  if ((*found)->has_provider_context()) {
    auto wanted = look_up_tunnel(filter);
    return wanted ? with_child(std::move(*wanted)) : std::move(wanted);
  }
  policy::FieldValues values;
  fill_fields(flow, 0, nullptr, values);
  Refusal why;
  const size_t family = index_of(flow.family());
  const auto missing = [&](const char* mode, bool main_mode) {
    why.sentence = mode + why.sentence;
    why.main_mode = main_mode;
    return tl::unexpected<Refusal>(why);
  };
  const uint64_t asking = group_of(**found).number;
  const Ready* main_mode = first_match(main_mode_[family], values, policy::ContextRole::mm, why, asking);
  if (main_mode == nullptr) return missing("main mode: ", true);
  const Ready* quick = first_match(quick_mode_[family], values, policy::ContextRole::qm_transport, why, asking);
  if (quick == nullptr) return missing("quick mode: ", false);
  const uint64_t users = asks_for_users(*quick->filter, *quick->context);
  Wanted wanted{connection_name_of(main_mode->filter->id, users), child_name_of(quick->filter->id, filter, encrypted),
                flow.local, flow.remote};
  // Hosts that have a tunnel between them have one IKE SA for both.
  if (const auto same = by_endpoints_.find({main_mode->filter->id, flow.local, flow.remote});
      same != by_endpoints_.end() && users == 0)
    wanted.connection = same->second;
  if (encrypted && filter_of(wanted.connection, wanted.child) == 0 &&
      filter_of(wanted.connection, child_name_of(quick->filter->id, filter, false)) != 0)
    return refuse("the flow must be encrypted, and no quick mode proposal encrypts");
  return with_child(std::move(wanted));
}

}  // namespace sallyport::stack
