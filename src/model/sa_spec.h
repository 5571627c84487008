// What a keying module hands the data plane: one Child SA, both directions, keys included. RFC 4301 4.4.2. Move-only.
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
};

}  // namespace sallyport::model
