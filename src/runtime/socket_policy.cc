// See socket_policy.h.
#include "runtime/socket_policy.h"

#include <set>

namespace sallyport::runtime {
namespace {

using policy::Guid;

constexpr Duration kAgain = milliseconds(500);  // a group that the engine did not let go

// Sockets with the same key look the same to their peer and to the policy.
std::string key_of(const SocketPolicy::Wanted& wanted) {
  const stack::SocketWish& wish = wanted.wish;
  std::string out = std::to_string(wanted.uid);
  for (const bool flag : {wish.guarantee_encryption, wish.allow_insecure, wish.skip_filters, wish.optional_peer_name,
                          wish.first_inbound_unencrypted})
    out += flag ? '1' : '0';
  for (const Guid& context : {wish.main_mode, wish.quick_mode}) out += context.to_string();
  const stack::SocketPlace& place = wanted.place;
  out += ' ' + std::to_string(place.protocol) + ' ' + place.local.to_string() + ' ' + place.remote.to_string() + ' ' +
         std::to_string(place.remote_port) + ' ';
  const Bytes name = stack::peer_name_of(wanted.names);
  return out.append(name.begin(), name.end());
}

}  // namespace

bool SocketPolicy::ready(policy::Engine& engine) {
  if (session_ != 0) return true;
  policy::SessionRequest request;
  request.display = {"secure sockets", {}};
  request.flags = policy::SessionRequest::kDynamic;
  request.trusted = true;
  const auto opened = engine.open(request);
  if (!opened) return false;
  session_ = *opened;
  policy::Provider provider;
  provider.head.key = stack::secure_socket_provider();
  provider.head.display = {"secure sockets", "filters of sockets that programs have secured"};
  (void)engine.add(session_, provider);
  return true;
}

bool SocketPolicy::replace(std::vector<Guid>& filters, std::vector<policy::Filter> by) {
  bool done = false;
  driver_.with_filter_engine([&](TimePoint now, policy::Engine& engine) {
    if (!ready(engine) || !engine.may_write(session_) || !engine.begin(now, session_, policy::TxnMode::read_write))
      return;
    bool good = true;
    for (const Guid& key : filters) good = good && engine.remove(session_, policy::ObjectKind::filter, key);
    std::vector<Guid> added;
    for (policy::Filter& filter : by) {
      const auto one = good ? engine.add(session_, std::move(filter)) : policy::Outcome<policy::Added>();
      good = good && one;
      if (good) added.push_back(one->key);
    }
    if (!good || !engine.commit(now, session_)) {
      (void)engine.abort(now, session_);
      return;
    }
    filters = std::move(added);
    done = true;
  });
  if (!done)
    log_.limited(LogLevel::warning, "socket", "", "the filters of a secured socket cannot be set: it stays shut");
  return done;
}

std::shared_ptr<const stack::SocketGroup> SocketPolicy::join(TimePoint now, const Wanted& wanted) {
  handle_deadline(now);
  std::string key = key_of(wanted);
  if (const auto known = by_key_.find(key); known != by_key_.end()) {
    Group& group = groups_[known->second];
    ++group.sockets;
    group.until.reset();
    return group.what;
  }
  auto what = std::make_shared<stack::SocketGroup>();
  what->number = next_number();
  what->by_flow = true;
  what->peer_name = stack::peer_name_of(wanted.names);
  stack::SocketPlace place = wanted.place;
  place.local_port = 0;
  Group group;
  const std::string display = "socket of user " + std::to_string(wanted.uid) + " to " + place.remote.to_string() +
                              ", port " + std::to_string(place.remote_port);
  if (!replace(group.filters, stack::socket_filters(wanted.wish, place, wanted.names, display, *what))) return nullptr;
  group.key = key;
  group.uid = wanted.uid;
  group.what = what;
  group.sockets = 1;
  group.keep = wanted.wish.main_mode.is_zero() && wanted.wish.quick_mode.is_zero();
  by_key_.emplace(std::move(key), what->number);
  groups_.emplace(what->number, std::move(group));
  return what;
}

void SocketPolicy::leave(TimePoint now, uint64_t number) {
  const auto at = groups_.find(number);
  if (at == groups_.end() || at->second.sockets == 0 || --at->second.sockets != 0) return;
  // What has no SA is not warm, and a negotiation that failed is not to stand in the next one's way.
  const bool warm = at->second.keep && driver_.control().groups_with_sas().contains(number);
  const Duration keep = warm ? driver_.settings().secure_sockets.keep_warm : Duration::zero();
  if (keep > Duration::zero()) make_room(at->second.uid);
  at->second.until = now + keep;
  if (keep == Duration::zero()) (void)remove(at);
}

// The one that has been without a socket for longest goes.
void SocketPolicy::make_room(uint32_t uid) {
  size_t warm = 0, of_user = 0;
  auto oldest = groups_.end(), oldest_of_user = groups_.end();
  for (auto at = groups_.begin(); at != groups_.end(); ++at) {
    const Group& group = at->second;
    if (!group.until) continue;
    ++warm;
    if (oldest == groups_.end() || *group.until < *oldest->second.until) oldest = at;
    if (group.uid != uid) continue;
    ++of_user;
    if (oldest_of_user == groups_.end() || *group.until < *oldest_of_user->second.until) oldest_of_user = at;
  }
  if (of_user >= kMostWarmOfUser) {
    (void)remove(oldest_of_user);
  } else if (warm >= kMostWarm) {
    (void)remove(oldest);
  }
}

bool SocketPolicy::remove(std::map<uint64_t, Group>::iterator at) {
  if (!replace(at->second.filters, {})) return false;
  by_key_.erase(at->second.key);
  groups_.erase(at);
  return true;
}

void SocketPolicy::handle_deadline(TimePoint now) {
  for (auto at = groups_.begin(); at != groups_.end();) {
    const auto here = at++;
    if (here->second.until && *here->second.until <= now && !remove(here)) here->second.until = now + kAgain;
  }
}

void SocketPolicy::drop_cold(TimePoint now) {
  const std::set<uint64_t> warm = driver_.control().groups_with_sas();
  for (auto& [number, group] : groups_) {
    if (group.until && !warm.contains(number)) group.until = now;
  }
  handle_deadline(now);
}

}  // namespace sallyport::runtime
