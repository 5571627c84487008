// See net_event.h.
#include "policy/net_event.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

constexpr Field kFields[] = {Field::IP_PROTOCOL,   Field::IP_LOCAL_ADDRESS, Field::IP_REMOTE_ADDRESS,
                             Field::IP_LOCAL_PORT, Field::IP_REMOTE_PORT,   Field::NET_EVENT_TYPE};
// Events are of no layer; these two say which fields they have, and what type an address is.
constexpr LayerInfo kShapes[2] = {{Layer{}, "net events of IPv4", Guid{}, Family::v4, kFields, false},
                                  {Layer{}, "net events of IPv6", Guid{}, Family::v6, kFields, false}};

size_t index_of(Family family) { return family == Family::v4 ? 0 : 1; }

void cut(std::string& text) {
  if (text.size() <= NetEvent::kMostText) return;
  size_t end = NetEvent::kMostText;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character of UTF-8
  text.resize(end);
}

bool of_peer(const NetEvent& event) {
  if (const auto* mm = std::get_if<MmFailure>(&event.what)) return mm->role == SaRole::RESPONDER;
  if (const auto* qm = std::get_if<QmFailure>(&event.what)) return qm->role == SaRole::RESPONDER;
  return false;
}

Family family_of(const NetEvent& event) {
  if (event.local) return event.local->family();
  return event.remote ? event.remote->family() : Family::v4;
}

}  // namespace

std::string_view to_string(NetEventType type) {
  switch (type) {
    case NetEventType::IKEEXT_MM_FAILURE: return "IKEEXT_MM_FAILURE";
    case NetEventType::IKEEXT_QM_FAILURE: return "IKEEXT_QM_FAILURE";
    case NetEventType::IKEEXT_EM_FAILURE: return "IKEEXT_EM_FAILURE";
    case NetEventType::CLASSIFY_DROP: return "CLASSIFY_DROP";
    case NetEventType::IPSEC_KERNEL_DROP: return "IPSEC_KERNEL_DROP";
  }
  return "unknown";
}

std::string_view to_string(FailurePoint point) {
  switch (point) {
    case FailurePoint::NONE: return "none";
    case FailurePoint::ME: return "me";
    case FailurePoint::PEER: return "peer";
  }
  return "unknown";
}

Outcome<> check_template(const NetEventTemplate& wanted) {
  if (wanted.end != 0 && wanted.end < wanted.start) return refuse(Fwp::INVALID_INTERVAL);
  for (size_t i = 0; i < wanted.conditions.size(); ++i) {
    const auto v4 = check_condition(kShapes[0], wanted.conditions[i]);
    if (v4) continue;
    if (const auto v6 = check_condition(kShapes[1], wanted.conditions[i]); !v6) return refuse(v6.error().code, i);
  }
  return {};
}

NetEventChoice::NetEventChoice(NetEventTemplate wanted) : wanted_(std::move(wanted)) {
  for (size_t shape = 0; shape < 2; ++shape) {
    Conditions fitting;
    for (const Condition& condition : wanted_.conditions)
      if (check_condition(kShapes[shape], condition)) fitting.push_back(condition);
    // A field whose conditions are all of the other family lets nothing of this one through.
    possible_[shape] = std::all_of(wanted_.conditions.begin(), wanted_.conditions.end(), [&](const Condition& asked) {
      return std::any_of(fitting.begin(), fitting.end(), [&](const Condition& c) { return c.field == asked.field; });
    });
    tests_[shape] = make_tests(kShapes[shape], fitting);
  }
}

bool NetEventChoice::wants(const NetEvent& event) const {
  if (event.time < wanted_.start || (wanted_.end != 0 && event.time > wanted_.end)) return false;
  const size_t shape = index_of(family_of(event));
  if (!possible_[shape]) return false;
  FieldValues values;
  values.set_u32(Field::NET_EVENT_TYPE, static_cast<uint32_t>(event.type()));
  if (event.local) values.set_address(Field::IP_LOCAL_ADDRESS, *event.local);
  if (event.remote) values.set_address(Field::IP_REMOTE_ADDRESS, *event.remote);
  if (event.protocol) values.set_u8(Field::IP_PROTOCOL, *event.protocol);
  if (event.local_port) values.set_u16(Field::IP_LOCAL_PORT, *event.local_port);
  if (event.remote_port) values.set_u16(Field::IP_REMOTE_PORT, *event.remote_port);
  return all_hold(tests_[shape], values);
}

void NetEventLog::set_wall(TimePoint now, uint64_t filetime) {
  wall_at_ = now;
  wall_ = filetime;
}

std::shared_ptr<const NetEvent> NetEventLog::add(TimePoint now, NetEvent event) {
  if (now - second_ >= seconds(1) || now < second_) {
    second_ = now;
    in_second_ = of_peers_ = 0;
  }
  const bool peers = of_peer(event);
  if (in_second_ >= kMostPerSecond || (peers && of_peers_ >= kMostOfPeersPerSecond)) {
    ++lost_;
    return nullptr;
  }
  ++in_second_;
  if (peers) ++of_peers_;
  constexpr int64_t kNanosecondsPerTick = 100;
  event.time = wall_ + static_cast<uint64_t>(std::max<int64_t>((now - wall_at_).count() / kNanosecondsPerTick, 0));
  cut(event.sentence);
  if (auto* mm = std::get_if<MmFailure>(&event.what)) {
    cut(mm->local_name);
    cut(mm->remote_name);
  }
  if (events_.size() >= kMostEvents) events_.pop_front();
  events_.push_back(std::make_shared<const NetEvent>(std::move(event)));
  return events_.back();
}

std::vector<std::shared_ptr<const NetEvent>> NetEventLog::choose(const NetEventChoice& choice) const {
  std::vector<std::shared_ptr<const NetEvent>> out;
  for (const auto& event : events_)
    if (choice.wants(*event)) out.push_back(event);
  return out;
}

}  // namespace sallyport::policy
