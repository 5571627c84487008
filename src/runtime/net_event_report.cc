// See net_event_report.h.
#include "runtime/net_event_report.h"

namespace sallyport::runtime {
namespace {

void put_role(policy::SaRole role, ctl::NetEvent& out) {
  out.role = role == policy::SaRole::INITIATOR ? "initiator" : "responder";
}

template <class Failure>
void put_failure(const Failure& failure, ctl::NetEvent& out) {
  out.code = failure.code;
  out.point = policy::to_string(failure.point);
  out.filter = failure.filter;
  put_role(failure.role, out);
}

template <class DroppedBy>
void put_drop(const DroppedBy& drop, ctl::NetEvent& out) {
  out.filter = drop.filter;
  out.layer = policy::to_string(drop.layer);
  out.direction = drop.direction == policy::PacketDirection::INBOUND ? "inbound" : "outbound";
}

}  // namespace

ctl::NetEvent make_net_event(const policy::NetEvent& event) {
  constexpr int64_t kTicksPerMillisecond = 10000, kTo1970 = 11644473600000;  // milliseconds
  ctl::NetEvent out;
  out.unix_milliseconds = static_cast<int64_t>(event.time) / kTicksPerMillisecond - kTo1970;
  out.type = policy::to_string(event.type());
  if (event.local) out.local = event.local->to_string();
  if (event.remote) out.remote = event.remote->to_string();
  out.protocol = event.protocol.value_or(0);
  out.local_port = event.local_port.value_or(0);
  out.remote_port = event.remote_port.value_or(0);
  out.sentence = event.sentence;
  if (const auto* mm = std::get_if<policy::MmFailure>(&event.what)) {
    put_failure(*mm, out);
    out.local_name = mm->local_name;
    out.remote_name = mm->remote_name;
  }
  if (const auto* qm = std::get_if<policy::QmFailure>(&event.what)) put_failure(*qm, out);
  if (const auto* em = std::get_if<policy::EmFailure>(&event.what)) put_failure(*em, out);
  if (const auto* drop = std::get_if<policy::ClassifyDrop>(&event.what)) put_drop(*drop, out);
  if (const auto* drop = std::get_if<policy::KernelDrop>(&event.what)) {
    put_drop(*drop, out);
    out.code = drop->status;
    out.spi = drop->spi;
  }
  return out;
}

}  // namespace sallyport::runtime
