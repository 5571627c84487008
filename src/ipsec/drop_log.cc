// See drop_log.h.
#include "ipsec/drop_log.h"

#include "ipsec/inbound.h"

namespace sallyport::ipsec {
namespace {

// No loss, or told by whoever decided it.
bool is_no_news(Drop drop) {
  return drop == Drop::sa_wait || drop == Drop::dummy_packet || drop == Drop::filter_block || drop == Drop::too_big ||
         drop == Drop::icmp_no_news || drop == Drop::not_ipsec;
}

}  // namespace

bool DropLog::due(TimePoint now, Drop drop, bool arriving) {
  TimePoint& next = next_[static_cast<size_t>(drop) * 2 + (arriving ? 1 : 0)];
  if (now < next || is_no_news(drop)) return false;
  next = now + kEvery;
  return true;
}

void DropLog::leaving(TimePoint now, Drop drop, const model::FlowKey& flow) {
  if (due(now, drop, false)) noted_.push_back({drop, false, 0, flow.source, flow.destination, flow});
}

void DropLog::arriving(TimePoint now, Drop drop, const Incoming& from, model::Spi spi) {
  arriving(now, drop, from.to.addr, from.from.addr, spi);
}

void DropLog::arriving(TimePoint now, Drop drop, const IpAddr& local, const IpAddr& remote, model::Spi spi) {
  if (due(now, drop, true)) noted_.push_back({drop, true, spi, local, remote});
}

}  // namespace sallyport::ipsec
