// What a keying module hands the data plane: one Child SA, both directions, keys included, and the options of its
// headers. RFC 4301 4.4.2, 5.1.2 and 8; RFC 6040; RFC 7296 2.23.1. Move-only. Every default is plain tunnel mode ESP.
#pragma once
#include <optional>
#include <string>

#include "base/ip_addr.h"
#include "base/secret.h"
#include "base/time.h"
#include "model/ids.h"
#include "model/proposal.h"
#include "model/selector.h"

namespace sallyport::model {

enum class Mode : uint8_t { tunnel, transport };

// Each limit is absent when it does not apply. Time counts from installation.
struct Lifetime {
  std::optional<Duration> time;
  std::optional<uint64_t> bytes;
  std::optional<uint64_t> packets;
  bool operator==(const Lifetime&) const = default;
};

struct DirectionKeys {
  SecretBytes encr;   // key, then salt where the algorithm has one (key_material_octets)
  SecretBytes integ;  // empty with an AEAD
};

// DSCP of the outer header (RFC 4301 5.1.2.1): the inner packet's, or one value for all.
enum class DscpOption : uint8_t { copy, fixed };
// DF bit of an outer IPv4 header over an inner IPv4 packet (RFC 4301 8.1).
enum class DfOption : uint8_t { copy, set, clear };
// What is cut when a packet is too big and may be cut: the inner packet before encapsulation, or the outer one after.
enum class FragmentOption : uint8_t { before, after };

// How headers are carried through the SA. Tunnel mode only, but for `ecn`, `fragment` and `reassemble`.
struct HeaderOptions {
  // True: RFC 6040 4.1 normal mode, the outer header carries the inner ECN field. False: its compatibility mode, the
  // outer header says Not-ECT. What arrives is always merged by RFC 6040 4.2.
  bool ecn = true;
  DscpOption dscp = DscpOption::copy;
  uint8_t fixed_dscp = 0;  // with DscpOption::fixed, 0..63
  DfOption df = DfOption::copy;
  FragmentOption fragment = FragmentOption::before;
  // Tunnel mode: inner fragments are put together before the selectors of this SA are asked (RFC 4301 7.3 wants state
  // where selectors name ports). Transport mode always does, because RFC 4303 3.1.1 takes whole packets only.
  bool reassemble = false;
  bool operator==(const HeaderOptions&) const = default;
};

// RFC 4303 2.7 and 2.6: traffic flow confidentiality of what we send. ESP only; padding in tunnel mode only.
struct TfcOptions {
  static constexpr uint16_t kPathMtu = 65535;
  uint16_t pad_to =
      0;  // inner packets shorter than this are padded up to it; 0: none; kPathMtu: to what the path takes
  bool peer_takes_padding = true;          // false after ESP_TFC_PADDING_NOT_SUPPORTED (RFC 7296 3.10.1)
  std::optional<Duration> dummy_interval;  // a dummy packet (next header 59) whenever nothing was sent for so long
  bool operator==(const TfcOptions&) const = default;
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
  EncrId encr = EncrId::NULL_ENCR;
  uint16_t key_bits = 0;
  IntegId integ = IntegId::NONE;
  bool esn = false;
  uint32_t replay_window = 1024;
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

  HeaderOptions header;
  TfcOptions tfc;
  // RFC 7296 2.23.1, transport mode through a NAT: the addresses as the peer has them, with which its TCP and UDP
  // checksums count; `original_remote` is the peer's own, `original_local` is ours. Absent: nothing was translated.
  std::optional<IpAddr> original_local;
  std::optional<IpAddr> original_remote;
  // RFC 4301 appendix E, nested SAs (an SA bundle, AH over ESP say): what this SA has protected is protected again by
  // the SA of this reqid, and what comes by this SA has to have come by that one as well. 0: no such SA.
  uint32_t outer_reqid = 0;
};

}  // namespace sallyport::model
