// Making the record of an SA: what the specification says becomes what each packet needs.
#include "ipsec/sa_record.h"

#include <algorithm>

#include "crypto/aead.h"
#include "crypto/integ.h"
#include "ipsec/pmtu.h"
#include "model/algorithms.h"

namespace sallyport::ipsec {

namespace {

constexpr uint8_t kEcnBits = 3;

bool is_ah(const model::SaSpec& spec) { return spec.protocol == model::Protocol::AH; }

bool is_plain_transport(const model::SaSpec& spec, bool implicit_iv) {
  return spec.mode == model::Mode::transport && !is_ah(spec) && !implicit_iv && spec.outer_reqid == 0;
}
bool is_gmac(model::IntegId id) {
  return id == model::IntegId::AES_128_GMAC || id == model::IntegId::AES_192_GMAC || id == model::IntegId::AES_256_GMAC;
}

Result<> check_algorithms(const model::SaSpec& spec) {
  if (is_ah(spec)) {
    // RFC 4302 has no encryption; the keying module leaves NULL_ENCR, which is the value of a spec that says nothing.
    if (spec.encr != model::EncrId::NULL_ENCR) return fail(Errc::bad_value);
    return model::info(spec.integ) ? Result<>() : fail(Errc::algorithm_refused);
  }
  const auto cipher = model::info(spec.encr);
  if (!cipher) return fail(Errc::algorithm_refused);
  // RFC 4303 3.2: integrity is not left out; RFC 4543 5.3: the GMACs of AH are not for ESP.
  if (!cipher->aead && spec.integ == model::IntegId::NONE) return fail(Errc::algorithm_refused);
  if (is_gmac(spec.integ)) return fail(Errc::algorithm_refused);
  return {};
}

Result<> check_spec(const model::SaSpec& spec) {
  if (spec.protocol != model::Protocol::ESP && !is_ah(spec)) return fail(Errc::unsupported);
  // RFC 3948 1: AH protects the addresses that a NAT changes, so there is no AH in UDP.
  if (spec.udp_encap && is_ah(spec)) return fail(Errc::unsupported);
  // What an SA inside another makes is a whole IP packet for the other one to protect.
  if (spec.outer_reqid != 0 && (spec.udp_encap || spec.outer_reqid == spec.reqid)) return fail(Errc::unsupported);
  // RFC 4303 2.1, RFC 4302 2.4: SPIs 0..255 are reserved.
  if (spec.spi_in < 256 || spec.spi_out < 256) return fail(Errc::bad_value);
  if (spec.ts_local.empty() || spec.ts_remote.empty()) return fail(Errc::bad_value);
  if (spec.local.addr.family() != spec.remote.addr.family()) return fail(Errc::bad_value);
  if (spec.esn && spec.replay_window == 0) return fail(Errc::bad_value);
  if (spec.shape.dscp && *spec.shape.dscp > 63) return fail(Errc::bad_value);
  for (const auto& original : {spec.original_source, spec.original_destination}) {
    if (original && original->family() != spec.local.addr.family()) return fail(Errc::bad_value);
  }
  return check_algorithms(spec);
}

uint8_t cipher_block(const crypto::Aead& aead) {
  // RFC 4303 2.4: ciphertext ends on four octets even when the cipher's block is shorter.
  return static_cast<uint8_t>(std::max<size_t>(aead.block_octets(), 4));
}

void make_inbound(SaRecord& record, HotPools& pools) {
  const model::SaSpec& spec = record.spec;
  record.in = pools.in.make(ReplayWindow::usable_size(spec.replay_window), spec.esn, UsageMeter(spec.soft, spec.hard));
  SaInbound& in = *record.in;
  in.record = &record;
  in.spi = spec.spi_in;
  in.protocol = spec.protocol;
  in.mode = spec.mode;
  in.clamp_mss = spec.shape.clamp_mss;
  in.reassemble = spec.mode == model::Mode::tunnel && (spec.shape.reassemble || spec.non_first_fragments);
  if (is_ah(spec)) {
    in.iv_octets = static_cast<uint8_t>(record.integ_in->iv_octets());
    in.icv_octets = static_cast<uint8_t>(record.integ_in->icv_octets());
  } else {
    in.aead = record.aead_in.get();
    in.iv_octets = static_cast<uint8_t>(in.aead->iv_octets());
    in.icv_octets = static_cast<uint8_t>(in.aead->icv_octets());
    in.block_octets = cipher_block(*in.aead);
    in.combined = in.aead->is_aead();
    in.implicit_iv = in.aead->implicit_iv();
    in.batched = in.aead->batches();
  }
  in.special =
      is_ah(spec) || spec.mode == model::Mode::transport || in.reassemble || in.implicit_iv || spec.outer_reqid != 0;
  in.plain_transport = is_plain_transport(spec, in.implicit_iv) && !spec.original_source && !spec.original_destination;
}

void make_outbound(SaRecord& record, const model::Lifetime& hard, uint16_t path_mtu, HotPools& pools) {
  const model::SaSpec& spec = record.spec;
  record.out = pools.out.make(UsageMeter(spec.soft, hard));
  SaOutbound& out = *record.out;
  out.record = &record;
  out.local = spec.local;
  out.remote = spec.remote;
  out.spi = spec.spi_out;
  out.protocol = spec.protocol;
  out.mode = spec.mode;
  out.outer_reqid = spec.outer_reqid;
  out.esn = spec.esn;
  out.udp_encap = spec.udp_encap;
  out.native_too = spec.native_too;
  out.clamp_mss = spec.shape.clamp_mss;
  if (is_ah(spec)) {
    out.integ = record.integ_out.get();
    out.iv_octets = static_cast<uint8_t>(out.integ->iv_octets());
    out.icv_octets = static_cast<uint8_t>(out.integ->icv_octets());
  } else {
    out.aead = record.aead_out.get();
    out.iv_octets = static_cast<uint8_t>(out.aead->iv_octets());
    out.icv_octets = static_cast<uint8_t>(out.aead->icv_octets());
    out.block_octets = cipher_block(*out.aead);
    out.combined = out.aead->is_aead();
    out.random_iv = out.aead->random_iv();
    out.implicit_iv = out.aead->implicit_iv();
    out.batched = out.aead->batches();
    // RFC 4303 2.7: where the inner packet does not tell its own length, nothing can be padded behind it.
    if (spec.mode == model::Mode::tunnel) out.tfc_octets = spec.shape.tfc_octets;
  }
  if (!spec.shape.ecn) out.tos_keep = static_cast<uint8_t>(out.tos_keep & ~kEcnBits);
  if (spec.shape.dscp) {
    out.tos_keep &= kEcnBits;
    out.tos_set = static_cast<uint8_t>(*spec.shape.dscp << 2);
  }
  out.df = spec.shape.df;
  out.fragment_after = spec.shape.fragment == model::PacketShape::Fragment::after;
  out.special = is_ah(spec) || spec.mode == model::Mode::transport || out.tfc_octets != 0 || out.implicit_iv ||
                spec.outer_reqid != 0;
  out.plain_transport = is_plain_transport(spec, out.implicit_iv);
  set_sa_path_mtu(out, path_mtu);
}

Result<> make_ciphers(SaRecord& record, const model::SaSpec& spec, const crypto::ProviderTable& providers) {
  if (is_ah(spec)) {
    SP_TRY(record.integ_in, crypto::Integ::create(spec.integ, spec.in.integ.view()));
    SP_TRY(record.integ_out, crypto::Integ::create(spec.integ, spec.out.integ.view()));
    return {};
  }
  const crypto::Provider provider = providers.of({spec.encr, spec.key_bits, spec.integ});
  SP_TRY(record.aead_in, crypto::Aead::create(spec.encr, spec.in.encr.view(), spec.key_bits, spec.integ,
                                              spec.in.integ.view(), provider));
  SP_TRY(record.aead_out, crypto::Aead::create(spec.encr, spec.out.encr.view(), spec.key_bits, spec.integ,
                                               spec.out.integ.view(), provider));
  return {};
}

}  // namespace

SaRecord::SaRecord() = default;
SaRecord::~SaRecord() = default;

Result<std::unique_ptr<SaRecord>> make_record(TimePoint now, model::SaSpec spec, uint16_t path_mtu,
                                              const crypto::ProviderTable& providers, HotPools& pools) {
  SP_CHECK(check_spec(spec));
  auto record = std::make_unique<SaRecord>();
  SP_CHECK(make_ciphers(*record, spec, providers));
  spec.in = {};
  spec.out = {};
  record->spec = std::move(spec);
  record->installed = now;
  make_inbound(*record, pools);
  make_outbound(*record, record->spec.hard, path_mtu, pools);
  return record;
}

Result<> renew_outbound(SaRecord& record, model::Spi spi_out, model::DirectionKeys keys, const model::Lifetime& hard,
                        uint16_t path_mtu, const crypto::ProviderTable& providers, HotPools& pools) {
  model::SaSpec& spec = record.spec;
  constexpr model::Spi kReserved = 255;  // RFC 4303 2.1, RFC 4302 2.4
  if (spi_out <= kReserved) return fail(Errc::bad_value);
  if (is_ah(spec)) {
    SP_TRY(record.integ_out, crypto::Integ::create(spec.integ, keys.integ.view()));
  } else {
    const crypto::Provider provider = providers.of({spec.encr, spec.key_bits, spec.integ});
    SP_TRY(record.aead_out,
           crypto::Aead::create(spec.encr, keys.encr.view(), spec.key_bits, spec.integ, keys.integ.view(), provider));
  }
  spec.spi_out = spi_out;
  make_outbound(record, hard, path_mtu, pools);
  return {};
}

}  // namespace sallyport::ipsec
