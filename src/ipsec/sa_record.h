// The managed half of one Child SA: what it is, what was reported about it, and its two hot halves. RFC 4301 4.4.2.
// Keys are not kept: they live in the Aead and Integ objects only. Owned by Sad. One thread.
#pragma once
#include <memory>

#include "crypto/provider.h"
#include "ipsec/nat_flows.h"
#include "ipsec/sa_inbound.h"
#include "ipsec/sa_outbound.h"
#include "ipsec/slot_pool.h"

namespace sallyport::ipsec {

// Where the hot halves of one SAD lie.
struct HotPools {
  SlotPool<SaInbound> in;
  SlotPool<SaOutbound> out;
};

struct SaRecord {
  SaRecord();
  ~SaRecord();

  model::SaSpec spec;                   // without keys
  std::optional<NatClient> nat_client;  // a peer behind a NAT, in transport mode
  std::unique_ptr<crypto::Aead> aead_in;
  std::unique_ptr<crypto::Aead> aead_out;
  std::unique_ptr<crypto::Integ> integ_in;  // AH
  std::unique_ptr<crypto::Integ> integ_out;
  SlotPool<SaInbound>::Owner in;
  SlotPool<SaOutbound>::Owner out;
  TimePoint installed{};
  bool outbound_active = false;  // may be picked
  bool lingering = false;        // removed; the inbound half waits for packets on their way
  bool soft_reported = false;
  bool hard_reported = false;
  std::optional<TimePoint> learned_until;   // the path MTU of `out` is what ICMP said
  std::optional<TimePoint> resync_tried;    // resync_esn()
  std::optional<TimePoint> moved_reported;  // rate limit of RemoteMoved
};

// The record of an SA and its hot halves. unsupported: AH through UDP, nested SAs through UDP. bad_value: SPI,
// selectors, addresses, an algorithm of the wrong kind. algorithm_refused, bad_key. providers: who does the
// cryptography of ESP; AH is OpenSSL's. The pools outlive the record.
Result<std::unique_ptr<SaRecord>> make_record(TimePoint now, model::SaSpec spec, uint16_t path_mtu,
                                              const crypto::ProviderTable& providers, HotPools& pools);

// Another outbound half in the place of the record's, which has sent nothing. What is refused leaves it as it was.
Result<> renew_outbound(SaRecord& record, model::Spi spi_out, model::DirectionKeys keys, const model::Lifetime& hard,
                        uint16_t path_mtu, const crypto::ProviderTable& providers, HotPools& pools);

// One Child SA as status shows it. Octets are of inner packets.
struct SaStatus {
  model::ChildId child_id = 0;
  std::string connection;
  std::string child;
  uint32_t reqid = 0;
  model::Spi spi_in = 0;
  model::Spi spi_out = 0;
  IpEndpoint local;
  IpEndpoint remote;
  bool udp_encap = false;
  model::Protocol protocol = model::Protocol::ESP;
  model::Mode mode = model::Mode::tunnel;
  model::EncrId encr = model::EncrId::NULL_ENCR;
  uint16_t key_bits = 0;
  model::IntegId integ = model::IntegId::NONE;
  std::string_view provider;  // of the cryptography: "OpenSSL", "ipsec-mb"
  bool esn = false;
  bool outbound_active = false;
  bool lingering = false;
  uint64_t packets_in = 0;
  uint64_t octets_in = 0;
  uint64_t packets_out = 0;
  uint64_t octets_out = 0;
  uint64_t lost_in = 0;  // never came, as far as the replay window can tell
  uint64_t sequence_out = 0;
  Duration age{};
  std::optional<TimePoint> last_in;
  std::optional<TimePoint> last_out;
};

}  // namespace sallyport::ipsec
