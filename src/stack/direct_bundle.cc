// See direct_bundle.h.
#include "stack/direct_bundle.h"

#include "stack/flow_fields.h"
#include "stack/sa_transforms.h"

namespace sallyport::stack {

using policy::Fwp;
using policy::Outcome;
using policy::refuse;
using policy::TransformKind;

namespace {

constexpr uint8_t kEsp = 50;

// All ESP of one host.
model::Selectors esp_of(const IpAddr& address) {
  model::Selector out = model::Selector::any(address.family());
  out.first = out.last = address;
  out.protocol = kEsp;
  return {out};
}

}  // namespace

Outcome<> check_bundle(const policy::SaBundle& bundle) {
  if (bundle.flags & ~policy::bundle_flag::kKnown) return refuse(Fwp::INVALID_FLAGS);
  if (bundle.sas.empty()) return refuse(Fwp::ZERO_LENGTH_ARRAY);
  if (bundle.sas.size() > 2) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  if (bundle.sas.size() == 1) return {};
  if (bundle.sas[0].kind == TransformKind::AH || bundle.sas[1].kind != TransformKind::AH)
    return refuse(Fwp::INVALID_TRANSFORM_COMBINATION);
  return bundle.sas[0].spi != bundle.sas[1].spi ? Outcome<>{} : Outcome<>(refuse(Fwp::NOT_SUPPORTED));
}

Outcome<InstallSa> sa_around(const model::SaSpec& inside, const policy::SaMaterial& ah) {
  if (inside.udp_encap) return refuse(Fwp::INVALID_TRANSFORM_COMBINATION);
  SP_TRY(const DirectAlgorithms algorithms, algorithms_of(ah));
  InstallSa out;
  model::SaSpec& sa = out.sa;
  SP_TRY(sa.in, keys_of(algorithms, ah));
  sa.child_id = inside.child_id | kAroundBit;
  sa.connection = inside.connection;
  sa.child = inside.child;
  sa.protocol = model::Protocol::AH;
  sa.mode = model::Mode::transport;
  sa.spi_in = sa.spi_out = ah.spi;
  sa.local = inside.local;
  sa.remote = inside.remote;
  sa.integ = algorithms.integ;
  sa.replay_window = inside.replay_window;
  sa.ts_local = esp_of(inside.local.addr);
  sa.ts_remote = esp_of(inside.remote.addr);
  sa.outbound_ready = false;
  sa.reqid = reqid_of_bundle(inside.child_id);
  return out;
}

}  // namespace sallyport::stack
