// See connection_objects.h.
#include "stack/connection_objects.h"

#include <algorithm>

#include "policy/access.h"
#include "policy/callout.h"
#include "policy/translate.h"
#include "stack/setting_objects.h"

namespace sallyport::stack {
namespace {

using model::ChildPolicy;
using model::ConnectionPolicy;
using model::Selector;
using model::Selectors;
using policy::ContextType;
using policy::Filter;
using policy::Guid;
using policy::Layer;
using policy::ProviderContext;
namespace callout = policy::known::callout;

constexpr uint8_t kIcmp = 1, kIcmpv6 = 58;
constexpr uint32_t kForEver = 0xffffffff;
constexpr const char* kDescription = "of a connection of the configuration";

Guid key_of(const std::string& name) {
  return policy::Guid::parse(config::key_of_name("connection/" + name)).value_or(Guid{});
}
std::string word_of(Family family) { return family == Family::v4 ? "_V4" : "_V6"; }

uint32_t at_most_32_bits(uint64_t value) { return static_cast<uint32_t>(std::min<uint64_t>(value, kForEver)); }
uint32_t seconds_of(Duration time) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  return at_most_32_bits(static_cast<uint64_t>(std::max<int64_t>(whole, 1)));
}

// The same algorithms. Extended sequence numbers have no word in the platform's types.
bool same_algorithms(const model::Proposal& a, const model::Proposal& b) {
  const auto all = [](const model::Proposal& p) {
    auto out = p.transforms;
    std::erase_if(out, [](const model::Transform& t) { return t.type == model::TransformType::ESN; });
    return out;
  };
  return a.protocol == b.protocol && all(a) == all(b);
}

// Those proposals that come back as they were when the keying module's words are made of them.
std::vector<policy::IkeProposal> sayable_main_mode(const model::Proposals& from, uint32_t lifetime) {
  std::vector<policy::IkeProposal> out;
  for (const auto& proposal : from) {
    policy::IkePolicy one;
    one.proposals = main_mode_proposals({proposal}, lifetime);
    const auto back = policy::ike_proposals(one);
    if (back && same_algorithms(back->front(), proposal)) out.push_back(one.proposals.front());
  }
  return out;
}

std::vector<policy::IpsecProposal> sayable_quick_mode(const ChildPolicy& child) {
  const uint64_t octets = child.hard.bytes.value_or(~uint64_t{0});
  std::vector<policy::IpsecProposal> out;
  for (const auto& proposal : child.proposals) {
    auto one = quick_mode_proposals({proposal}, child.hard.time ? seconds_of(*child.hard.time) : kForEver);
    const auto back = policy::child_proposals(one, policy::DhGroup::NONE);
    if (!back || !same_algorithms(back->front(), proposal)) continue;
    one.front().lifetime.kilobytes = at_most_32_bits(std::max<uint64_t>(octets / 1024, 1));
    one.front().lifetime.packets = at_most_32_bits(std::max<uint64_t>(child.hard.packets.value_or(kForEver), 1));
    out.push_back(std::move(one.front()));
  }
  return out;
}

// Of what the configuration owns nobody's filters may come to depend: it could not be taken away with the connection.
std::shared_ptr<const policy::SecurityDescriptor> readable() {
  static const auto kReadable = [] {
    policy::SecurityDescriptor out = policy::default_protection();
    constexpr uint32_t kRead = policy::access::kGenericRead | policy::access::kEnum;
    for (policy::Ace& ace : *out.dacl)
      if (ace.mask & policy::access::kAddLink) ace.mask = kRead;
    return std::make_shared<const policy::SecurityDescriptor>(std::move(out));
  }();
  return kReadable;
}

void fill_head(policy::ObjectHead& head, const Guid& key, const ConnectionRecord& record) {
  head.key = key;
  head.display = {record.child.empty() ? record.connection : record.connection + "." + record.child, kDescription};
  head.provider = configuration_provider();
  head.provider_data = write_record(record);
  head.protection = readable();
}

// What the daemon knows of a secret is its name.
policy::AuthMethod method_of(const model::AuthPolicy& auth, uint32_t psk_flags) {
  if (auth.kind == model::AuthPolicy::Kind::psk)
    return {policy::AuthMethodType::PRESHARED_KEY,
            policy::PresharedKeyAuth{policy::SharedSecret(as_bytes("credential:" + auth.credential)), psk_flags}};
  policy::CertificateAuth certificate;
  certificate.inbound.type = certificate.outbound.type = policy::CertConfigType::ENTERPRISE_STORE;
  return {policy::AuthMethodType::CERTIFICATE, certificate};
}

ProviderContext main_mode(const ConnectionPolicy& from) {
  ProviderContext out;
  fill_head(out.head, key_of(from.name), {from.name, {}});
  out.type = ContextType::IPSEC_IKEV2_MM;
  policy::IkePolicy policy;
  if (from.local_auth.kind == from.remote_auth.kind) {
    policy.methods = {method_of(from.local_auth, 0)};
  } else {
    policy.methods = {method_of(from.local_auth, policy::PresharedKeyAuth::kLocalAuthOnly),
                      method_of(from.remote_auth, policy::PresharedKeyAuth::kRemoteAuthOnly)};
  }
  const bool ends = from.rekey_time > Duration::zero();
  policy.proposals =
      sayable_main_mode(from.ike_proposals, ends ? seconds_of(from.rekey_time + from.over_time) : kForEver);
  out.policy = std::move(policy);
  return out;
}

// The literal addresses; `names`: there are others.
std::vector<IpAddr> literal(const std::vector<std::string>& texts, bool& names) {
  std::vector<IpAddr> out;
  names = false;
  for (const std::string& text : texts) {
    const auto address = IpAddr::parse(text);
    names = names || !address;
    if (address) out.push_back(*address);
  }
  return out;
}

bool is_of(const IpAddr& address, Family family) { return address.family() == family; }

policy::TunnelEndpoints endpoints_of(const ConnectionPolicy& connection) {
  bool local_names = false, remote_names = false;
  const auto local = literal(connection.local_addrs, local_names),
             remote = literal(connection.remote_addrs, remote_names);
  const Family family = !remote.empty()  ? remote.front().family()
                        : !local.empty() ? local.front().family()
                                         : Family::v4;
  const auto first = [&](const std::vector<IpAddr>& some) {
    const auto at = std::find_if(some.begin(), some.end(), [&](const IpAddr& a) { return is_of(a, family); });
    return at == some.end() ? IpAddr::any(family) : *at;
  };
  policy::TunnelEndpoints out;
  out.local = first(local);
  out.remote = first(remote);
  if (remote.empty() && remote_names) out.remote_fqdn = connection.remote_addrs.front();
  return out;
}

ProviderContext quick_mode(const ConnectionPolicy& connection, const ChildPolicy& child) {
  ProviderContext out;
  fill_head(out.head, key_of(connection.name + "/" + child.name), {connection.name, child.name});
  const uint32_t clear_df = child.shape.df == model::PacketShape::Df::clear ? policy::policy_flag::kClearDfOnTunnel : 0;
  const uint32_t idle = child.hard.idle ? seconds_of(*child.hard.idle) : 0;
  if (child.mode == model::Mode::transport) {
    out.type = ContextType::IPSEC_IKEV2_QM_TRANSPORT;
    policy::TransportPolicy policy;
    policy.proposals = sayable_quick_mode(child);
    policy.idle.seconds = idle;
    out.policy = std::move(policy);
    return out;
  }
  out.type = ContextType::IPSEC_IKEV2_QM_TUNNEL;
  policy::TunnelPolicy policy;
  policy.flags = clear_df | policy::policy_flag::kEnableV6InV4Tunneling;
  policy.proposals = sayable_quick_mode(child);
  policy.idle.seconds = idle;
  policy.endpoints = endpoints_of(connection);
  out.policy = std::move(policy);
  return out;
}

Filter filter_of(const ConnectionRecord& record, const Guid& key, Layer layer) {
  Filter out;
  fill_head(out.head, key, record);
  out.layer = layer;
  out.sublayer = policy::known::sublayer::SALLYPORT_CONNECTIONS;
  out.action.type = policy::ActionType::PERMIT;
  return out;
}

void refer(Filter& filter, const Guid& context) {
  filter.head.flags |= Filter::kHasProviderContext;
  filter.provider_context = context;
}

void ask(Filter& filter, const Guid& which) {
  filter.action = {policy::ActionType::CALLOUT_TERMINATING, which};
  // Conditions may be wider than the record: the callout leaves the rest to the filters below.
  filter.may_pass_on = true;
}

void add_ikeext(const ConnectionPolicy& connection, const Guid& context, FilterObjects& out) {
  bool local_names = false, remote_names = false;
  const auto local = literal(connection.local_addrs, local_names),
             remote = literal(connection.remote_addrs, remote_names);
  for (const Family family : {Family::v4, Family::v6}) {
    config::FilterSettings asked;
    const auto range_of_family = [&](const std::vector<IpAddr>& from, std::vector<config::AddressRange>& to) {
      for (const IpAddr& address : from)
        if (is_of(address, family)) to.push_back({address, address});
    };
    range_of_family(local, asked.local);
    range_of_family(remote, asked.remote);
    const bool other_family = (asked.local.empty() && !local.empty() && !local_names) ||
                              (asked.remote.empty() && !remote.empty() && !remote_names);
    if (other_family) continue;
    if (remote_names) asked.remote.clear();
    const Layer layer = family == Family::v4 ? Layer::IKEEXT_V4 : Layer::IKEEXT_V6;
    Filter filter = filter_of({connection.name, {}}, connection_filter_key(connection.name, family), layer);
    filter.conditions = conditions_of(asked, family);
    refer(filter, context);
    out.filters.push_back(std::move(filter));
  }
}

bool same_ports(const Selector& a, const Selector& b) {
  return a.family() == b.family() && a.protocol == b.protocol && a.port_first == b.port_first &&
         a.port_last == b.port_last;
}

// Selectors of one IP version, protocol and range of ports together.
std::vector<Selectors> groups_of(const Selectors& selectors) {
  std::vector<Selectors> out;
  for (const Selector& each : selectors) {
    const auto at =
        std::find_if(out.begin(), out.end(), [&](const Selectors& g) { return same_ports(g.front(), each); });
    if (at == out.end()) {
      out.push_back({each});
    } else if (std::find(at->begin(), at->end(), each) == at->end()) {
      at->push_back(each);
    }
  }
  return out;
}

bool is_icmp(uint8_t protocol) { return protocol == kIcmp || protocol == kIcmpv6; }

bool whole(const Selector& s) { return s.first == IpAddr::any(s.family()) && s.last == IpAddr::max(s.family()); }

void ask_addresses(const Selectors& selectors, std::vector<config::AddressRange>& out) {
  if (std::any_of(selectors.begin(), selectors.end(), whole)) return;
  for (const Selector& each : selectors) out.push_back({each.first, each.last});
}

// Type and code stand in one number, of either end's selector; the platform asks for them one by one.
void ask_icmp(const Selector& local, const Selector& remote, config::FilterSettings& out) {
  const uint16_t first = std::max(local.port_first, remote.port_first),
                 last = std::min(local.port_last, remote.port_last);
  if ((local.any_port() && remote.any_port()) || last < first) return;
  out.local_ports.push_back({static_cast<uint16_t>(first >> 8), static_cast<uint16_t>(last >> 8)});
  if (first >> 8 == last >> 8)
    out.remote_ports.push_back({static_cast<uint16_t>(first & 0xff), static_cast<uint16_t>(last & 0xff)});
}

// Conditions that hold of everything the record covers: of no less, and of little more.
config::FilterSettings asked_by(const ConnectionRecord& record) {
  config::FilterSettings out;
  ask_addresses(record.local, out.local);
  ask_addresses(record.remote, out.remote);
  const Selector &local = record.local.front(), &remote = record.remote.front();
  const uint8_t protocol = local.protocol != 0 ? local.protocol : remote.protocol;
  if (protocol == 0) return out;  // ports of any protocol mean something else with each
  out.protocols = {protocol};
  if (is_icmp(protocol)) {
    if (!local.opaque_port() && !remote.opaque_port()) ask_icmp(local, remote, out);
    return out;
  }
  const auto ask_port = [](const Selector& s, std::vector<config::PortRange>& to) {
    if (!s.any_port() && !s.opaque_port()) to.push_back({s.port_first, s.port_last});
  };
  ask_port(local, out.local_ports);
  ask_port(remote, out.remote_ports);
  return out;
}

struct Callouts {
  Layer outbound, inbound, ipsec;
  Guid outbound_transport, inbound_transport, outbound_tunnel, inbound_tunnel;
};
const Callouts& callouts_of(Family family) {
  static const Callouts kV4{
      Layer::OUTBOUND_TRANSPORT_V4,         Layer::INBOUND_TRANSPORT_V4,         Layer::IPSEC_V4,
      callout::IPSEC_OUTBOUND_TRANSPORT_V4, callout::IPSEC_INBOUND_TRANSPORT_V4, callout::IPSEC_OUTBOUND_TUNNEL_V4,
      callout::IPSEC_INBOUND_TUNNEL_V4};
  static const Callouts kV6{
      Layer::OUTBOUND_TRANSPORT_V6,         Layer::INBOUND_TRANSPORT_V6,         Layer::IPSEC_V6,
      callout::IPSEC_OUTBOUND_TRANSPORT_V6, callout::IPSEC_INBOUND_TRANSPORT_V6, callout::IPSEC_OUTBOUND_TUNNEL_V6,
      callout::IPSEC_INBOUND_TUNNEL_V6};
  return family == Family::v4 ? kV4 : kV6;
}

bool overlap(const Selectors& a, const Selectors& b) {
  return std::any_of(a.begin(), a.end(), [&](const Selector& x) {
    return std::any_of(b.begin(), b.end(), [&](const Selector& y) { return model::intersect(x, y).has_value(); });
  });
}

class Maker {
 public:
  explicit Maker(FilterObjects& out) : out_(out) {}

  void add(const ConnectionPolicy& connection) {
    ProviderContext context = main_mode(connection);
    add_ikeext(connection, context.head.key, out_);
    out_.contexts.push_back(std::move(context));
    for (const ChildPolicy& child : connection.children) add_child(connection, child);
  }

 private:
  void add_child(const ConnectionPolicy& connection, const ChildPolicy& child) {
    ProviderContext context = quick_mode(connection, child);
    const Guid key = context.head.key;
    out_.contexts.push_back(std::move(context));
    ConnectionRecord record{connection.name, child.name, child.reqid};
    for (Selectors& local : groups_of(child.local)) {
      for (Selectors& remote : groups_of(child.remote)) {
        const Selector &here = local.front(), &there = remote.front();
        const bool meet = here.protocol == 0 || there.protocol == 0 || here.protocol == there.protocol;
        if (here.family() != there.family() || !meet) continue;
        record.local = local;
        record.remote = remote;
        add_filters(child, record, key);
        ++record.part;
      }
    }
  }

  void add_filters(const ChildPolicy& child, const ConnectionRecord& record, const Guid& context) {
    const Family family = record.local.front().family();
    const Callouts& of = callouts_of(family);
    const policy::Conditions conditions = conditions_of(asked_by(record), family);
    const bool tunnel = child.mode == model::Mode::tunnel;
    const policy::Value weight(kConnectionWeight - depth_of(record));
    const auto make = [&](Layer layer, const char* name, const policy::Conditions& asked) {
      Filter filter = filter_of(record, child_filter_key(record, name), layer);
      filter.conditions = asked;
      filter.weight = weight;
      return filter;
    };
    const auto packets = [&](Filter filter, const Guid& which) {
      ask(filter, which);
      if (tunnel) refer(filter, context);
      out_.filters.push_back(std::move(filter));
    };
    packets(make(of.outbound, "OUTBOUND_TRANSPORT", conditions), tunnel ? of.outbound_tunnel : of.outbound_transport);
    packets(make(of.inbound, "INBOUND_TRANSPORT", conditions), tunnel ? of.inbound_tunnel : of.inbound_transport);
    Filter negotiated = make(of.ipsec, "IPSEC", conditions);
    refer(negotiated, context);
    out_.filters.push_back(std::move(negotiated));
  }

  // How many that cover some of the same packets come before it, one behind the other.
  uint64_t depth_of(const ConnectionRecord& record) {
    uint64_t depth = 0;
    for (const Placed& before : placed_) {
      if (before.depth >= depth && overlap(before.local, record.local) && overlap(before.remote, record.remote))
        depth = before.depth + 1;
    }
    placed_.push_back({record.local, record.remote, depth});
    return depth;
  }

  struct Placed {
    Selectors local, remote;
    uint64_t depth;
  };
  FilterObjects& out_;
  std::vector<Placed> placed_;
};

}  // namespace

FilterObjects connection_objects(const std::vector<ConnectionPolicy>& connections) {
  FilterObjects out;
  Maker maker(out);
  for (const ConnectionPolicy& connection : connections) maker.add(connection);
  return out;
}

Guid connection_filter_key(const std::string& connection, Family outer) {
  return key_of(connection + "/filter/IKEEXT" + word_of(outer));
}

Guid child_filter_key(const ConnectionRecord& record, const std::string& layer) {
  const std::string place = layer + word_of(record.local.front().family()) + "/" + std::to_string(record.part);
  return key_of(record.connection + "/" + record.child + "/filter/" + place);
}

}  // namespace sallyport::stack
