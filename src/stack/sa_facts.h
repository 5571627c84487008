// What there is to know of one pair of SAs besides its keys, for whoever asks the SA database. Values.
#pragma once
#include "model/sa_spec.h"

namespace sallyport::stack {

struct SaFacts {
  model::Protocol protocol = model::Protocol::ESP;
  model::Mode mode = model::Mode::tunnel;
  model::Spi spi_in = 0;
  model::Spi spi_out = 0;
  IpEndpoint local;
  IpEndpoint remote;
  bool udp_encap = false;
  model::EncrId encr = model::EncrId::NULL_ENCR;
  uint16_t key_bits = 0;
  model::IntegId integ = model::IntegId::NONE;
  model::GroupId group = model::GroupId::NO_GROUP;  // of its own key exchange
  model::Selectors ts_local;
  model::Selectors ts_remote;
  model::Lifetime hard;
  std::optional<IpAddr> original_source;  // of a peer behind a NAT, in transport mode
};

inline SaFacts facts_of(const model::SaSpec& sa, model::GroupId group) {
  return {sa.protocol, sa.mode,  sa.spi_in, sa.spi_out,  sa.local,     sa.remote, sa.udp_encap,      sa.encr,
          sa.key_bits, sa.integ, group,     sa.ts_local, sa.ts_remote, sa.hard,   sa.original_source};
}

}  // namespace sallyport::stack
