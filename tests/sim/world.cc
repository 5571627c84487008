// The loop of virtual time, and the invariants.
#include "sim/world.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "wire/ike/ike_header.h"

namespace sallyport::sim {

namespace {
constexpr unsigned kMostStepsAtOnce = 20000;  // events at one moment; more: something turns in circles
constexpr size_t kMostInFlight = 20000;
constexpr Duration kHealed = minutes(30);  // within so much both ends must have come together
constexpr Duration kQuiet = minutes(4);    // and then everything left over must have gone

std::string children_text(const ike::IkeSaStatus& sa) {
  std::string out = std::to_string(sa.children.size());
  for (const auto& child : sa.children) {
    out += " " + child.child + (child.resource ? "[" + std::to_string(*child.resource) + "] " : " ") + child.state;
  }
  return out;
}

// Each child stands, and none of it twice: the SA for all and copies of it (RFC 9611), or copies alone where a rekey
// has crossed the Delete of all of them.
bool all_stand(const ike::IkeSaStatus& sa, unsigned children) {
  std::set<std::string> names;
  std::set<std::pair<std::string, std::optional<uint32_t>>> each;
  for (const auto& child : sa.children) {
    if (child.state != "INSTALLED") return false;
    each.insert({child.child, child.resource});
    names.insert(child.child);
  }
  return names.size() == children && each.size() == sa.children.size();
}
}  // namespace

World::World(uint64_t seed, NodeSetup east_setup, NodeSetup west_setup, unsigned children, bool tell)
    : dice(seed),
      east(std::move(east_setup), seed * 3 + 1, seconds(50)),
      west(std::move(west_setup), seed * 3 + 2, hours(90)),
      wire(seed * 3 + 3),
      nat(seed * 3 + 4),
      children_(children),
      tell_(tell),
      traffic_(seed * 3 + 5) {
  east.start(now_);
  west.start(now_);
}

void World::say(const std::string& text) const {
  if (tell_) std::printf("%12.3f %s\n", std::chrono::duration<double>(now_.time_since_epoch()).count(), text.c_str());
}

void World::fail(std::string what) {
  if (wrong_.empty()) wrong_ = std::move(what);
}

// The IKE header of a message, for whoever replays a seed.
void World::tell_message(const char* who, const Packet& packet) const {
  if (!tell_) return;
  const ByteView payload = ByteView(packet.payload).subspan(packet.natt && packet.payload.size() > 4 ? 4 : 0);
  const auto header = wire::ike::parse_header(payload);
  if (!header || packet.from.port == 0) return;
  say(std::string(who) + " " + std::string(to_string(header->exchange)) +
      (header->response_flag ? " answer " : " request ") + std::to_string(header->message_id) + " of " +
      std::to_string(header->spi_i >> 48) + ", " + std::to_string(payload.size()) + " octets");
}

void World::collect() {
  collect(east, true);
  collect(west, false);
}

void World::collect(SimNode& node, bool is_east) {
  const char* name = is_east ? "east" : "west";
  for (const std::string& text : node.take_told()) say(std::string(name) + ": " + text);
  for (const Bytes& packet : node.take_delivered()) {
    if (std::string what = traffic_.judge(is_east, packet); !what.empty()) fail(name + (": " + what));
  }
  for (Packet& packet : node.take_sent()) {
    if (Traffic::shows(packet.payload)) fail(std::string(name) + " sends an inner packet in the clear");
    tell_message(is_east ? "east sends" : "west sends", packet);
    for (const uint8_t octet : packet.payload) digest_ = (digest_ ^ octet) * 1099511628211U;
    if (on_the_way && !on_the_way(packet, is_east)) continue;
    if (!nat.leave(packet)) continue;
    wire.launch(now_, std::move(packet));
  }
  if (!node.wrong.empty()) fail(std::string(name) + ": " + node.wrong);
}

void World::deliver(Packet packet) {
  if (!nat.enter(packet)) return;
  for (SimNode* node : {&east, &west}) {
    if (node->setup().address != packet.to.addr) continue;
    tell_message(node == &east ? "east hears" : "west hears", packet);
    node->receive(now_, packet);
  }
}

void World::send_traffic() {
  for (const bool from_east : {true, false}) {
    SimNode& node = from_east ? east : west;
    if (!node.runs() || dice.chance(300)) continue;
    const auto lan = static_cast<unsigned>(dice.below(children_));
    node.send_inner(
        now_, dice.chance(30) ? traffic_.make_foreign(from_east) : traffic_.make(from_east, lan, 32 + dice.below(200)));
  }
  const auto part = static_cast<uint64_t>(traffic_every_.count());
  next_traffic_ = now_ + traffic_every_ / 2 + Duration(static_cast<Duration::rep>(dice.below(part)));
}

void World::play(Duration length, Duration every) {
  const TimePoint end = now_ + length;
  traffic_every_ = every;
  next_traffic_ = every > Duration::zero() ? std::optional(now_) : std::nullopt;
  unsigned at_once = 0;
  while (wrong_.empty()) {
    collect();
    TimePoint next = end;
    for (const auto& at : {wire.next_arrival(), east.next_deadline(), west.next_deadline(), next_traffic_}) {
      if (at) next = std::min(next, *at);
    }
    if (next >= end) break;
    at_once = next > now_ ? 0 : at_once + 1;
    if (at_once > kMostStepsAtOnce) fail("time stands still: something is due again and again");
    if (wire.in_flight() > kMostInFlight) fail("the wire fills: somebody sends without end");
    now_ = std::max(now_, next);
    if (const auto arrival = wire.next_arrival(); arrival && *arrival <= now_) {
      deliver(wire.take_arrival());
      continue;
    }
    if (next_traffic_ && *next_traffic_ <= now_) send_traffic();
    for (SimNode* node : {&east, &west}) {
      if (const auto due = node->next_deadline(); due && *due <= now_) node->wake(now_);
    }
  }
  collect();
  now_ = std::max(now_, end);
}

std::string World::one_ike_sa() const {
  const auto at_east = east.ike_sas(), at_west = west.ike_sas();
  const auto count = [](const auto& sas) {
    std::string out = std::to_string(sas.size());
    for (const auto& sa : sas) out += " " + sa.state;
    return out;
  };
  if (at_east.size() != 1 || at_west.size() != 1) {
    return "IKE SAs: " + count(at_east) + " in the east, " + count(at_west) + " in the west";
  }
  const auto &a = at_east[0], &b = at_west[0];
  if (a.state != "ESTABLISHED" || b.state != "ESTABLISHED") return "IKE SA " + a.state + ", " + b.state;
  if (a.spi_i != b.spi_i || a.spi_r != b.spi_r) return "the ends hold different IKE SAs";
  // Both ends may have made the same Child SA at the same time, but one of the two has been closed by now; and none is
  // being replaced or deleted for ever.
  if (!all_stand(a, children_) || !all_stand(b, children_) || a.children.size() != b.children.size()) {
    return "Child SAs: " + children_text(a) + " in the east, " + children_text(b) + " in the west";
  }
  return {};
}

std::string World::same_child_sas() const {
  const auto ours = east.sas(now_), theirs = west.sas(now_);
  if (ours.size() != theirs.size() || ours.size() != east.ike_sas()[0].children.size()) {
    return "the data planes hold other SAs";
  }
  for (const auto& mine : ours) {
    const auto twin = std::find_if(theirs.begin(), theirs.end(), [&](const auto& t) {
      return t.spi_in == mine.spi_out && t.spi_out == mine.spi_in && t.child == mine.child;
    });
    if (twin == theirs.end()) return "a Child SA of the east does not exist in the west";
    if (!mine.outbound_active || !twin->outbound_active) return "a Child SA waits for its outbound half";
  }
  return {};
}

std::string World::agreement() const {
  std::string what = one_ike_sa();
  return what.empty() ? same_child_sas() : what;
}

// A few packets each way on every child: all of them arrive.
bool World::probe() {
  const size_t before_east = traffic_.delivered(true), before_west = traffic_.delivered(false);
  for (unsigned lan = 0; lan < children_; ++lan) {
    for (int i = 0; i < 2; ++i) {
      east.send_inner(now_, traffic_.make(true, lan, 64));
      west.send_inner(now_, traffic_.make(false, lan, 64));
    }
  }
  play(seconds(2));
  return traffic_.delivered(true) >= before_east + children_ * 2 &&
         traffic_.delivered(false) >= before_west + children_ * 2;
}

// Until everything is well, for at most so long: "" or what is still wrong.
std::string World::settle(TimePoint most) {
  std::string what;
  for (unsigned round = 0; wrong_.empty(); ++round) {
    if (round % 6 == 0) east.command(now_, stack::UpCommand{1000 + round, "site", {}});
    const bool flows = probe();
    play(seconds(15));
    what = agreement();
    if (what.empty() && flows) return {};
    if (now_ > most) return what.empty() ? "no traffic" : what;
  }
  return wrong_;
}

std::string World::still_well() const {
  std::string what = agreement();
  for (const SimNode* node : {&east, &west}) {
    if (what.empty()) what = node->grown(node->ike_sas()[0].children.size());
    if (!what.empty()) return (node == &east ? "east: " : "west: ") + what;
  }
  return {};
}

void World::heal() {
  say("the wire is healed");
  wire.set_noise({});
  on_the_way = nullptr;
  for (SimNode* node : {&east, &west}) {
    node->wake_up(now_);
    if (!node->runs()) node->start(now_);
  }
  // What looks well may still carry the seed of trouble (a request that is going to be given up): it has to last.
  const TimePoint most = now_ + kHealed;
  while (wrong_.empty()) {
    std::string what = settle(most);
    if (!what.empty()) {
      return fail("does not heal: " + what);
    }
    play(kQuiet);
    what = still_well();
    if (what.empty()) break;
    if (now_ > most) {
      return fail("does not last: " + what);
    }
  }
  if (wrong_.empty() && !probe()) fail("traffic stopped flowing after it had healed");
}

}  // namespace sallyport::sim
