// What a keying module hands the data plane: one Child SA, both directions, keys included, and how its packets are
// shaped. RFC 4301 4.4.2, 5.1.2 and 8; RFC 6040; RFC 7296 2.23.1. Move-only. Defaults are plain tunnel mode ESP.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_addr.h"
#include "base/secret.h"
#include "base/time.h"
#include "model/ids.h"
#include "model/proposal.h"
#include "model/selector.h"

namespace sallyport::model {

enum class Mode : uint8_t { tunnel, transport };
std::string_view to_string(Mode mode);

// How packets of an SA are shaped besides their cryptography. The outer header matters in tunnel mode only.
struct PacketShape {
  enum class Df : uint8_t { copy, set, clear };     // outer IPv4 DF, RFC 4301 8.1
  enum class Fragment : uint8_t { before, after };  // too big for the path: fragments protected, or protected fragments
  static constexpr uint16_t kTfcToPath = 65535;

  bool ecn = true;              // RFC 6040 4.1: normal mode; false: compatibility mode, the outer field stays zero
  std::optional<uint8_t> dscp;  // outer DSCP, 0..63; absent: copied from the inner header
  Df df = Df::copy;
  Fragment fragment = Fragment::before;
  // Inner fragments are put together before the selectors of this SA are asked, which RFC 4301 7.3 wants where those
  // name ports. Transport mode always does so, because RFC 4303 3.1.1 protects whole packets only.
  bool reassemble = false;
  bool clamp_mss = false;   // the segment size that TCP announces is lowered to what fits, both ways
  uint16_t tfc_octets = 0;  // ESP: pad up to this size of inner packet; 0: none; kTfcToPath: to the path's size
  std::optional<Duration> dummy_interval;  // ESP: a dummy packet (RFC 4303 2.6) whenever nothing was sent for so long
  bool operator==(const PacketShape&) const = default;
};

// Each limit is absent when it does not apply. Time counts from installation.
struct Lifetime {
  std::optional<Duration> time;
  std::optional<uint64_t> bytes;
  std::optional<uint64_t> packets;
  std::optional<Duration> idle = std::nullopt;  // without a packet either way; of a hard lifetime only
  bool operator==(const Lifetime&) const = default;
};

struct DirectionKeys {
  SecretBytes encr;   // key, then salt where the algorithm has one (key_material_octets)
  SecretBytes integ;  // empty with an AEAD
};

struct SaSpec {
  ChildId child_id = 0;
  std::string connection;
  std::string child;
  uint32_t reqid = 0;  // ties the SA to its SPD entry; the same over rekeys
  Protocol protocol = Protocol::ESP;
  Mode mode = Mode::tunnel;
  Spi spi_in = 0;
  Spi spi_out = 0;
  IpEndpoint local;  // outer addresses; the ports matter only with udp_encap
  IpEndpoint remote;
  bool udp_encap = false;
  // With udp_encap: no NAT asks for it, so what UDP would not carry whole travels as protocol 50.
  bool native_too = false;
  EncrId encr = EncrId::NULL_ENCR;
  uint16_t key_bits = 0;
  IntegId integ = IntegId::NONE;
  bool esn = false;
  uint32_t replay_window = 1024;
  PacketShape shape;                 // tfc_octets is 0 where the peer refuses TFC padding (RFC 7296 1.3.1)
  bool non_first_fragments = false;  // agreed by both: such fragments may travel in this SA (RFC 4301 7.2)
  // Transport mode through a NAT, RFC 7296 2.23.1 and RFC 3948 3.1.2: the addresses under which the peer computed the
  // TCP and UDP checksums of what it sends us. Absent where there is nothing to repair.
  std::optional<IpAddr> original_source;
  std::optional<IpAddr> original_destination;
  // RFC 9611: index of the per-resource copy among those with the same selectors. Absent: the SA for every resource.
  std::optional<uint32_t> resource;
  bool per_resource = false;           // both sides take more copies of it
  bool peer_boundary = false;          // the peer's host takes clear packets, too (negotiation discovery)
  bool guaranteed_encryption = false;  // made for a flow that must be encrypted
  bool asked_by_peer = false;          // and not by us at the same time; a rekey keeps what it was
  // RFC 4301 appendix E, nested SAs (an SA bundle, AH over ESP say): what this SA has protected is protected again by
  // the SA of this reqid, and what comes by this SA has to have come by that one as well. 0: no such SA.
  uint32_t outer_reqid = 0;
  DirectionKeys in;
  DirectionKeys out;
  Selectors ts_local;
  Selectors ts_remote;
  Lifetime soft;
  Lifetime hard;
  // False for the responder of a rekey: the inbound half works at once, the outbound half after SwitchOutbound, so that
  // the peer never gets a packet on an SA it has not installed yet.
  bool outbound_ready = true;
  std::optional<ChildId> replaces;
};

}  // namespace sallyport::model
