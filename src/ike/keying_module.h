// The one interface of a keying module: time and values go in; datagrams, key work and events come out. House §3.
// Values only. A Datagram's payload never holds the non-ESP marker: whoever owns the sockets adds and strips it.
// Pure; one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ip_addr.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "model/ids.h"
#include "model/ike_policy.h"
#include "model/key_request.h"
#include "model/proposal.h"
#include "model/sa_spec.h"

namespace sallyport::ike {

// One IKE message on the wire. A local address of "any" leaves the choice of source to the system.
struct Datagram {
  IpEndpoint local;
  IpEndpoint remote;
  uint32_t interface_index = 0;  // 0: not known, or no matter
  bool natt = false;             // travelled (or is to travel) on the side that carries the non-ESP marker
  Bytes payload;
};

// Work for another process; comes back through handle_reply under the same id, once, or never.
struct Request {
  model::RequestId id = 0;
  model::KeyRequest work;
};

struct IkeSaUp {
  model::IkeId ike_id = 0;
  std::string connection;
  IpEndpoint local;
  IpEndpoint remote;
  std::string remote_identity;
  std::string chosen;      // the IKE proposal in configuration words
  bool initiator = false;  // we are the original initiator
  model::IkeSpi spi_i = 0;
  model::IkeSpi spi_r = 0;
  bool nat_local = false;        // we are behind a NAT
  bool nat_remote = false;       // the peer is
  std::string remote_user = {};  // of a second authentication (RFC 4739); empty: there was none
  std::string own_user = {};     // the credential of ours, whether the peer came to ask for it or not
};
struct IkeSaDown {
  model::IkeId ike_id = 0;
  std::string connection;
  std::string reason;
  Errc code = Errc::timeout;
  bool by_command = false;  // no reason to come back: the user asked for it, or a newer IKE SA took its place
};
struct IkeSaRekeyed {
  model::IkeId old_id = 0;
  model::IkeId new_id = 0;
};
// A Child SA was asked for: as soon as the peer has answered, packets may come by this SPI (RFC 7296 2.8).
struct ChildSaOffered {
  model::Spi spi_in = 0;
};
struct ChildSaReady {
  model::IkeId ike_id = 0;
  model::SaSpec sa;
  model::GroupId group = model::GroupId::NO_GROUP;  // of its own key exchange
};
struct ChildSaRemoved {
  model::IkeId ike_id = 0;
  model::ChildId child_id = 0;
  model::Spi spi_in = 0;
  model::Spi spi_out = 0;
  Duration linger{};  // the inbound half still opens packets for so long
};
// The outbound half of a Child SA may be used from now on.
struct SwitchOutbound {
  model::ChildId child_id = 0;
};
struct AttemptFailed {
  std::string connection;
  std::string child;  // empty: the IKE SA itself
  Errc code = Errc::timeout;
  std::string sentence;  // one clear sentence for the user
  std::string ours;      // proposals or identities, where they are the matter
  std::string peers;
  bool initiated = true;  // the attempt was ours; false: the peer's, so that nobody here waits for it
  std::optional<IpAddr> remote = std::nullopt;  // where known; of a connection that many peers share it tells which
  // How far it came: IKE_SA_INIT, IKE_AUTH, or a Child SA of an IKE SA that stands.
  enum class Phase : uint8_t { init, auth, child };
  Phase phase = Phase::init;
  bool by_peer = false;  // the peer said no; false: we did, or nobody answered
  std::optional<IpAddr> local = std::nullopt;
  std::string local_identity = {};  // as far as they are known
  std::string remote_identity = {};
  model::IkeId ike_id = 0;
  bool of_user = false;         // the machines have proved who they are: it is about a user (RFC 4739)
  std::string local_user = {};  // identities of the users, as far as they are known
  std::string remote_user = {};
  std::string own_user = {};  // the credential of ours, whether it came to be used or not
};
// Everything a capture needs to be opened. Only with Config::key_log.
struct KeyLog {
  struct Ike {
    model::IkeSpi spi_i = 0, spi_r = 0;
    model::EncrId encr = model::EncrId::NULL_ENCR;
    uint16_t key_bits = 0;
    model::IntegId integ = model::IntegId::NONE;
    SecretBytes sk_ei, sk_er, sk_ai, sk_ar;
  };
  struct Child {
    IpAddr source, destination;
    model::Spi spi = 0;
    model::EncrId encr = model::EncrId::NULL_ENCR;
    uint16_t key_bits = 0;
    model::IntegId integ = model::IntegId::NONE;
    SecretBytes key, integ_key;
    model::Protocol protocol = model::Protocol::ESP;
  };
  std::variant<Ike, Child> keys;
};
struct RemoteMoved {
  model::IkeId ike_id = 0;
  IpEndpoint local;
  IpEndpoint remote;
};
// An IKE SA has moved, or has taken a row of an exchange that leaves it where it is (from equals to). For tracing.
struct StateChanged {
  model::IkeId ike_id = 0;
  std::string connection;     // empty: not chosen yet
  std::string_view from, to;  // names of states, which live as long as the program
  std::string_view row;       // the row's story, as long-lived; empty: no message caused this, or not at once
  std::string why;
};

using Event = std::variant<IkeSaUp, IkeSaDown, IkeSaRekeyed, ChildSaOffered, ChildSaReady, ChildSaRemoved,
                           SwitchOutbound, AttemptFailed, KeyLog, RemoteMoved, StateChanged>;
using Output = std::variant<Datagram, Request, Event>;

struct Initiate {
  std::string connection;
  std::string child;  // empty: every child that starts up with its connection
  // Of a connection that many peers share: with which of them, and from where. Both or none.
  std::optional<IpAddr> local = std::nullopt;
  std::optional<IpAddr> remote = std::nullopt;
  // Who proves an identity beside the machine's; nothing: the connection's own user, if it has one.
  std::optional<model::LocalUser> user = std::nullopt;
};
struct Terminate {
  std::string connection;
  std::string child;                   // empty: the whole IKE SA
  std::optional<model::IkeId> ike_id;  // only this IKE SA; connection and child may then be empty
};
struct RekeyIke {
  std::string connection;
};
struct RekeyChild {
  std::string connection;
  std::string child;
  std::optional<model::Spi> spi;  // inbound SPI; names the Child SA alone
};
struct SetPolicy {
  std::shared_ptr<const model::IkePolicySet> policy;
};
// A lifetime of the data plane has run out. spi: inbound.
struct ChildLifetime {
  model::Spi spi = 0;
  bool hard = false;
};
// The first packet on a new inbound SA has been authenticated.
struct InboundSeen {
  model::ChildId child_id = 0;
};
// Authenticated packets came in on Child SAs of these IKE SAs since the last time: the peers are alive.
struct InboundActivity {
  std::vector<model::IkeId> ike_ids;
};
// The newest authenticated packet on a Child SA of this IKE SA came from there. RFC 7296 2.23: a peer behind a NAT is
// followed, which RemoteMoved tells.
struct PeerSeenAt {
  model::IkeId ike_id = 0;
  IpEndpoint local;
  IpEndpoint remote;
};
// An ESP packet came for an inbound SPI that no SA has. RFC 7296 1.5, 2.21.4.
struct UnknownSpi {
  IpEndpoint local;
  IpEndpoint remote;  // where it came from; port 0 where it was not in UDP
  model::Spi spi = 0;
  bool udp = false;
  size_t octets = 0;  // of the packet: nobody is told with more than they sent
};

// RFC 9611: packets for this Child SA come to another shard than its own, which would have a copy for itself. At most
// as many are made as the policy and the peer allow; one that is there, or on its way, is not asked for again.
struct WantCopy {
  model::ChildId child_id = 0;
  uint32_t resource = 0;  // the shard
};

// One Child SA goes, and the peer is told.
struct DeleteChild {
  model::ChildId child_id = 0;
};

using Command = std::variant<Initiate, Terminate, RekeyIke, RekeyChild, SetPolicy, ChildLifetime, InboundSeen,
                             InboundActivity, PeerSeenAt, UnknownSpi, WantCopy, DeleteChild>;

// How one side of an IKE SA has proved who it is.
struct Proof {
  model::AuthMethod method = model::AuthMethod::SHARED_KEY_MIC;
  Bytes certificate;  // DER of the leaf; empty with a pre-shared key
};

struct ChildSaStatus {
  model::ChildId child_id = 0;
  std::string child;
  std::string state;
  model::Spi spi_in = 0;
  model::Spi spi_out = 0;
  std::string chosen;
  std::string mode;
  model::Protocol protocol = model::Protocol::ESP;
  bool esn = false;
  std::optional<uint32_t> resource;  // RFC 9611: which per-resource copy
  bool udp_encap = false;
  bool peer_boundary = false;          // the peer's host takes clear packets, too
  bool guaranteed_encryption = false;  // made for a flow that must be encrypted
  model::Selectors ts_local;
  model::Selectors ts_remote;
};
struct IkeSaStatus {
  model::IkeId ike_id = 0;
  std::string connection;
  std::string state;
  bool initiator = false;
  IpEndpoint local;
  IpEndpoint remote;
  std::string local_identity;
  std::string remote_identity;
  std::string chosen;
  model::IkeSpi spi_i = 0;
  model::IkeSpi spi_r = 0;
  bool nat_local = false;
  bool nat_remote = false;
  TimePoint established{};
  std::optional<TimePoint> rekey_at;
  std::optional<model::ChosenIke> algorithms;      // once there are keys
  std::optional<Proof> local_proof, remote_proof;  // once authenticated
  std::string local_user, remote_user;             // identities of the users; empty: none was authenticated
  std::optional<Proof> local_user_proof, remote_user_proof;
  std::vector<ChildSaStatus> children;
};

}  // namespace sallyport::ike
