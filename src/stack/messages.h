// What Control and the Dataplane tell each other. Values, so that they can cross from one thread to another: `runtime`
// carries them. Move-only where keys are inside.
#pragma once
#include <variant>
#include <vector>

#include "base/ip_addr.h"
#include "ipsec/sad.h"
#include "model/flow_key.h"
#include "model/sa_spec.h"
#include "model/spd_entry.h"
#include "policy/net_event.h"
#include "policy/snapshot.h"
#include "stack/connection_spd.h"
#include "stack/sa_origin.h"
#include "stack/socket_filters.h"
#include "stack/socket_owner.h"

namespace sallyport::stack {

// Control to Dataplane.
struct InstallSa {
  model::SaSpec sa;
  std::shared_ptr<const policy::Token> machine = nullptr;  // who authenticated it, for the filter engine
  bool of_filter = false;                                  // a filter asked for it, not a connection
  uint64_t tunnel = 0;                                     // the number of its tunnel policy; 0: it is of none
  bool nat_client = false;                                 // of a peer behind a NAT, where others may be too
  uint64_t group = 0;                                      // of the sockets that it serves; 0: of no sockets
  bool answered = false;  // by the peer's wish: what comes by it is answered by it, and not by others of its group
  std::shared_ptr<const policy::Token> user = nullptr;        // of the peer, who authenticated beside its machine
  std::optional<ipsec::NatClient> behind_nat = std::nullopt;  // the peer, in transport mode, whoever asked for the SA
};
struct ExpectSa {  // an inbound SPI that a peer may answer: what comes by it waits for its SA
  model::Spi spi = 0;
};
struct InstallSaElsewhere {  // what the other shards are to know of it
  ipsec::Sad::Elsewhere sa;
  SaOrigin origin = {};
  IpAddr remote = {};  // the peer's address
  bool encrypts = true;
};
// The outbound half of an SA that was installed without: its SPI, keys and lifetime. In use from now on.
struct CompleteSa {
  ipsec::Sad::Elsewhere sa;  // as the other shards are to know it
  model::Spi spi_in = 0;
  model::DirectionKeys out;
  model::Lifetime hard;
};
struct SwitchSaOutbound {
  model::ChildId child_id = 0;
};
struct RemoveSa {
  model::ChildId child_id = 0;
  Duration linger{};  // the inbound half still opens packets for so long
};
struct MoveSa {  // new outer addresses, after NAT rebinding
  std::vector<model::ChildId> child_ids;
  IpEndpoint local;
  IpEndpoint remote;
};
struct SetSpd {
  std::vector<model::SpdEntry> entries;
};
struct ForgetHeld {  // no SA will come: what waits is dropped
  uint32_t reqid = 0;
};
struct ReleaseHeld {  // an SA of another reqid serves what waits for this one
  uint32_t reqid = 0;
};
struct SetFilters {
  std::shared_ptr<const policy::Snapshot> snapshot;
  std::shared_ptr<const ConnectionSpd> connections = nullptr;  // what its filters of connections amount to
};
struct PlaceSocket {  // a flow is a socket's of this group; a new connection from here on, whatever it was before
  HostFlow flow;
  std::shared_ptr<const SocketGroup> group;
};
struct ForgetSocket {  // it is nobody's any more
  HostFlow flow;
  uint64_t group = 0;
};
struct PlaceUser {  // a flow is of this user of the host, and is asked about anew
  HostFlow flow;
  uint64_t user = 0;  // not 0; as reqid_of_user() takes it
};
struct PlaceOwner {  // whose socket's a flow is; what waits to know meets the filters
  HostFlow flow;
  std::shared_ptr<const SocketOwner> owner;  // nullptr: that cannot be said now, and what waits is dropped
};
using DataplaneCommand =
    std::variant<InstallSa, ExpectSa, InstallSaElsewhere, SwitchSaOutbound, RemoveSa, MoveSa, SetSpd, ForgetHeld,
                 ReleaseHeld, SetFilters, CompleteSa, PlaceSocket, ForgetSocket, PlaceUser, PlaceOwner>;

// Dataplane to Control.
struct Acquire {
  std::string connection;
  std::string child;
  model::FlowKey flow;
  uint64_t filter = 0;     // not 0: asked for by this filter, and there is no connection of that name
  bool encrypted = false;  // only an SA that encrypts will do
  uint32_t held_as = 0;    // reqid under which the packet waits
};
struct LifetimeReached {
  model::ChildId child_id = 0;
  model::Spi spi_in = 0;
  bool hard = false;
};
struct FirstInbound {
  model::ChildId child_id = 0;
};
struct InboundSeenOn {  // authenticated packets since the last report
  std::vector<model::ChildId> child_ids;
};
struct PeerMoved {  // an authenticated newest packet came from another address
  model::ChildId child_id = 0;
  IpEndpoint local;
  IpEndpoint remote;
};
struct UnknownSpiSeen {  // ESP for an SPI that no SA has; not more than one a second is told of
  IpEndpoint local;
  IpEndpoint remote;
  model::Spi spi = 0;
  bool udp = false;
  size_t octets = 0;
};
// RFC 9611: packets come to a shard whose SA another one has, and a copy of it may be had. Not told again for a while.
struct CopyWanted {
  model::ChildId child_id = 0;
  uint16_t shard = 0;
};
struct SaEnded {  // this shard has let go of the SA; what it has carried in all
  model::ChildId child_id = 0;
  uint64_t octets_in = 0, octets_out = 0;
};
struct PacketsDropped {  // what is worth telling of them; seldom, however many there are
  policy::NetEvent event;
};
struct OwnerWanted {  // a packet waits: a filter asks for the program or the user behind its flow
  HostFlow flow;
  bool accepted = false;  // the peer has begun it: the socket may be one that listens
};
using DataplaneEvent = std::variant<Acquire, LifetimeReached, FirstInbound, InboundSeenOn, PeerMoved, UnknownSpiSeen,
                                    CopyWanted, SaEnded, PacketsDropped, OwnerWanted>;

}  // namespace sallyport::stack
