// See socket_filters.h.
#include "stack/socket_filters.h"

#include <algorithm>

#include "config/filter_settings.h"
#include "policy/callout.h"
#include "policy/snapshot.h"
#include "stack/peer_sid.h"

namespace sallyport::stack {
namespace {

using policy::Condition;
using policy::Field;
using policy::Filter;
using policy::Guid;
using policy::MatchType;
using policy::Value;
namespace callout = policy::known::callout;
namespace raw = policy::raw_context;

constexpr size_t kGroupOctets = 9;

Value address_value(const IpAddr& address) {
  const ByteView octets = address.bytes();
  if (address.is_v4()) return Value(load_be32(octets.data()));
  policy::ByteArray16 out;
  std::copy(octets.begin(), octets.end(), out.begin());
  return Value(out);
}

void equal(policy::Conditions& out, Field field, Value value) {
  out.push_back({field, MatchType::EQUAL, std::move(value)});
}

policy::Conditions conditions_of(const SocketPlace& place, bool unicast) {
  policy::Conditions out;
  equal(out, Field::IP_PROTOCOL, Value(place.protocol));
  if (place.local_port != 0) equal(out, Field::IP_LOCAL_PORT, Value(place.local_port));
  if (!place.local.is_any()) equal(out, Field::IP_LOCAL_ADDRESS, address_value(place.local));
  if (!place.remote.is_any()) equal(out, Field::IP_REMOTE_ADDRESS, address_value(place.remote));
  if (place.remote_port != 0) equal(out, Field::IP_REMOTE_PORT, Value(place.remote_port));
  if (unicast) equal(out, Field::IP_LOCAL_ADDRESS_TYPE, Value(uint8_t{1}));
  return out;
}

Bytes provider_data(const SocketGroup& group) {
  Bytes out(kGroupOctets);
  store_be64(out.data(), group.number);
  out[8] = group.by_flow ? 1 : 0;
  return out;
}

class Maker {
 public:
  Maker(const SocketPlace& place, const std::string& display, const SocketGroup& group)
      : place_(place), display_(display), group_(group) {}

  Filter& add(Point point, bool unicast) {
    Filter filter;
    filter.head.display = {display_, "of a secured socket"};
    filter.head.provider = secure_socket_provider();
    if (group_.number != 0) filter.head.provider_data = provider_data(group_);
    filter.layer = layer_of(point, place_.local.family());
    filter.sublayer = policy::known::sublayer::SECURE_SOCKET;
    filter.conditions = conditions_of(place_, unicast);
    filter.action.type = policy::ActionType::PERMIT;
    return all_.emplace_back(std::move(filter));
  }
  Filter& ask(Point point, const Guid& v4, const Guid& v6, uint64_t context) {
    Filter& filter = add(point, true);
    // The callout of a group does not decide about flows of others.
    filter.action.type = policy::ActionType::CALLOUT_TERMINATING;
    filter.may_pass_on = group_.by_flow;
    filter.action.callout = place_.local.is_v4() ? v4 : v6;
    filter.raw_context = context;
    return filter;
  }
  const SocketGroup& group() const { return group_; }
  std::vector<Filter> take() { return std::move(all_); }

 private:
  const SocketPlace& place_;
  const std::string& display_;
  const SocketGroup& group_;
  std::vector<Filter> all_;
};

void use_context(Filter& filter, const Guid& key) {
  filter.head.flags |= Filter::kHasProviderContext;
  filter.provider_context = key;
}

uint64_t connect_context(const SocketWish& wish) {
  if (wish.allow_insecure) return 0;
  return raw::kAleRequireSecurity | (wish.guarantee_encryption ? raw::kAleRequireEncryption : 0);
}

// The named peers first, each with its own pair: who proves the name may pass, everybody else may not. Every condition
// more weighs more.
void restrict_to(Maker& maker, const SocketWish& wish, const NamedPeer& named) {
  const auto narrow = [&](Filter& filter) {
    // What is not a callout's cannot ask whose flow it is: all flows that expect this name are judged alike.
    if (maker.group().by_flow) equal(filter.conditions, Field::PEER_NAME, Value(policy::Blob{maker.group().peer_name}));
    if (!named.address.is_any() &&
        std::none_of(filter.conditions.begin(), filter.conditions.end(),
                     [](const Condition& c) { return c.field == Field::IP_REMOTE_ADDRESS; })) {
      equal(filter.conditions, Field::IP_REMOTE_ADDRESS, address_value(named.address));
      equal(filter.conditions, Field::IP_REMOTE_PORT, Value(named.port));
    }
  };
  Filter& permit = maker.ask(Point::ale_auth_connect, callout::IPSEC_ALE_CONNECT_V4, callout::IPSEC_ALE_CONNECT_V6,
                             connect_context(wish));
  policy::SecurityDescriptor descriptor;
  descriptor.dacl.emplace();
  for (const auto& identity : named.identities)
    descriptor.dacl->push_back({policy::Ace::Kind::allow, policy::kActrlMatchFilter, sid_of_identity(identity)});
  equal(permit.conditions, Field::ALE_REMOTE_MACHINE_ID,
        Value(policy::DescriptorValue{policy::write_descriptor(descriptor)}));
  permit.weight = Value(uint8_t{14});
  narrow(permit);
  // Only what came by an SA has a peer who could be the wrong one; what leaves before asks for the SA.
  Filter& block = maker.add(Point::ale_auth_connect, true);
  block.action.type = policy::ActionType::BLOCK;
  block.conditions.push_back({Field::FLAGS, MatchType::FLAGS_ALL_SET, Value(kFlagIpsecSecured)});
  block.weight = Value(uint8_t{13});
  narrow(block);
}

bool concerns(const NamedPeer& named, const SocketPlace& place) {
  if (named.address.is_any()) return true;
  if (named.address.family() != place.local.family()) return false;
  return place.remote_port == 0 || (named.address == place.remote && named.port == place.remote_port);
}

}  // namespace

Guid secure_socket_provider() {
  static constexpr Guid kKey = Guid::literal("5a11f0a7-0000-8000-8000-736f636b6574");
  return kKey;
}
Guid secure_socket_quick_mode(bool encrypted) {
  static constexpr Guid kKey = Guid::literal("8c2d4144-f8e0-42c0-94ce-7ccfc63b2f9b");
  static const Guid kEncrypted = *Guid::parse(config::kSecureSocketEncrypted);
  return encrypted ? kEncrypted : kKey;
}

Guid quick_mode_of(const SocketWish& wish) {
  return wish.quick_mode.is_zero() ? secure_socket_quick_mode(wish.guarantee_encryption) : wish.quick_mode;
}

std::vector<std::string> identities_of_name(const std::string& name) {
  std::string plain = name;
  if (const size_t slash = name.find('/'); slash != std::string::npos) {
    plain = name.substr(slash + 1);
    // A service principal name may go on with a port or a service: class/host:port/service.
    plain = plain.substr(0, plain.find_first_of("/"));
    if (std::count(plain.begin(), plain.end(), ':') == 1) plain = plain.substr(0, plain.find(':'));
  }
  std::vector<std::string> out{plain};
  if (plain.find('=') == std::string::npos) out.push_back(kCommonName + plain);
  if (plain != name) out.push_back(name);
  return out;
}

SocketGroup group_of(const Filter& filter) {
  SocketGroup out;
  if (filter.head.provider != secure_socket_provider() || filter.head.provider_data.size() != kGroupOctets) return out;
  out.number = load_be64(filter.head.provider_data.data());
  out.by_flow = filter.head.provider_data[8] != 0;
  return out;
}

bool serves(const SocketGroup& filter, uint64_t asking) {
  return filter.number == 0 || filter.number == asking || (asking == 0 && !filter.by_flow);
}

Bytes peer_name_of(const std::vector<NamedPeer>& names) {
  Bytes out;
  for (const NamedPeer& named : names) {
    for (const std::string& identity : named.identities) {
      out.insert(out.end(), identity.begin(), identity.end());
      out.push_back(0);
    }
  }
  return out;
}

std::vector<Filter> socket_filters(const SocketWish& wish, const SocketPlace& place,
                                   const std::vector<NamedPeer>& names, const std::string& display,
                                   const SocketGroup& group) {
  Maker maker(place, display, group);
  const bool client = place.remote_port != 0;
  const bool datagrams = place.protocol == 17;
  if (!wish.skip_filters) {
    if (!wish.main_mode.is_zero()) {
      Filter& main_mode = maker.add(Point::ikeext, false);
      main_mode.conditions.clear();
      if (!place.remote.is_any()) equal(main_mode.conditions, Field::IP_REMOTE_ADDRESS, address_value(place.remote));
      use_context(main_mode, wish.main_mode);
    }
    Filter& quick_mode = maker.add(Point::ipsec, false);
    use_context(quick_mode, quick_mode_of(wish));
    maker.ask(Point::outbound_transport, callout::IPSEC_OUTBOUND_TRANSPORT_V4, callout::IPSEC_OUTBOUND_TRANSPORT_V6,
              wish.allow_insecure ? raw::kOutboundNegotiateDiscover : 0);
    maker.ask(Point::inbound_transport, callout::IPSEC_INBOUND_TRANSPORT_V4, callout::IPSEC_INBOUND_TRANSPORT_V6,
              wish.allow_insecure ? raw::kInboundPersistConnectionSecurity : 0);
  }
  if (client || datagrams) {
    maker.ask(Point::ale_auth_connect, callout::IPSEC_ALE_CONNECT_V4, callout::IPSEC_ALE_CONNECT_V6,
              connect_context(wish));
    if (!wish.optional_peer_name) {
      for (const NamedPeer& named : names)
        if (concerns(named, place)) restrict_to(maker, wish, named);
    }
  }
  if ((!client || datagrams) && !wish.allow_insecure) {
    uint64_t context = wish.guarantee_encryption ? raw::kAleRequireEncryption : 0;
    if (wish.first_inbound_unencrypted) context |= raw::kAleAllowFirstInboundUnencrypted;
    maker.ask(Point::ale_auth_recv_accept, callout::IPSEC_INBOUND_INITIATE_SECURE_V4,
              callout::IPSEC_INBOUND_INITIATE_SECURE_V6, context);
  }
  return maker.take();
}

}  // namespace sallyport::stack
