// The stories, and the worlds they are told in.
#include "sim/stories.h"

namespace sallyport::sim {

namespace {

using Dice = test::SeededRng;

IpAddr address(bool east, bool nat) {
  if (east) return nat ? IpAddr::v4(0xc0a80702) : IpAddr::v4(0xc0000201);  // 192.168.7.2 or 192.0.2.1
  return IpAddr::v4(0xc0000202);
}

model::Selectors lan(bool east, unsigned n) {
  return {*model::parse_selector((east ? "10.1." : "10.2.") + std::to_string(n) + ".0/24")};
}

// ---- what may happen in any story

Duration some(World& w, Duration most) {
  return Duration(static_cast<Duration::rep>(w.dice.below(static_cast<uint64_t>(most.count()))));
}

void give_command(World& w, SimNode& node, const Plan& plan) {
  const std::string child = "lan" + std::to_string(w.dice.below(plan.east.children));
  switch (w.dice.below(12)) {
    case 0:
    case 1:
    case 2:
    case 3: return node.command(w.now(), stack::RekeyCommand{1, "site", child});
    case 4:
    case 5:
    case 6: return node.command(w.now(), stack::RekeyCommand{2, "site", {}});
    case 7: return node.command(w.now(), stack::DownCommand{3, "site", child});
    case 8: return node.command(w.now(), stack::UpCommand{4, "site", child});
    case 9: return node.command(w.now(), stack::UpCommand{5, "site", {}});
    case 10: return node.command(w.now(), stack::RekeyCommand{6, "site", child});
    default: return node.command(w.now(), stack::DownCommand{7, "site", {}});
  }
}

void kill_one(World& w, const Plan&) {
  SimNode& node = w.dice.chance(500) ? w.east : w.west;
  w.say("one is killed");
  node.stop();
  w.play(w.dice.chance(300) ? some(w, seconds(200)) : some(w, seconds(5)), milliseconds(500));
  node.start(w.now());
}

void sleep_one(World& w, const Plan&) {
  const bool both = w.dice.chance(200);
  const bool east = w.dice.chance(500);
  const bool stopped_clock = w.dice.chance(250);
  const Duration length = w.dice.chance(500) ? some(w, seconds(90)) : some(w, hours(9));
  w.say("a host sleeps");
  for (SimNode* node : {&w.east, &w.west}) {
    if (both || (node == &w.east) == east) node->sleep();
  }
  w.play(length, length / 20 + milliseconds(100));
  for (SimNode* node : {&w.east, &w.west}) {
    if (!both && (node == &w.east) != east) continue;
    if (stopped_clock) node->lose_time(length);
    node->wake_up(w.now());
  }
}

void cut_wire(World& w, const Plan& plan) {
  Noise dead = plan.noise;
  dead.lost = 1000;
  w.say("the wire is cut");
  w.wire.set_noise(dead);
  w.wire.cut();
  w.play(w.dice.chance(300) ? some(w, minutes(4)) : some(w, seconds(20)), milliseconds(700));
  w.wire.set_noise(plan.noise);
}

void begin(World& w) {
  w.east.command(w.now(), stack::UpCommand{99, "site", {}});
  w.play(seconds(5 + static_cast<int64_t>(w.dice.below(20))), milliseconds(400));
}

// ---- plans

Noise draw_noise(Dice& dice) {
  Noise noise;
  switch (dice.below(4)) {
    case 0: return {0, 0, 0, 0, milliseconds(10), milliseconds(30)};
    case 1: return {50, 50, 10, 20, milliseconds(5), milliseconds(100)};
    case 2: return {120, 80, 40, 40, milliseconds(5), milliseconds(300)};
    default: return {250, 150, 80, 60, milliseconds(1), milliseconds(3000)};
  }
}

}  // namespace

void plan_usual(Plan& plan, Dice& dice) {
  plan.noise = draw_noise(dice);
  for (Words* words : {&plan.east, &plan.west}) {
    words->child = dice.chance(300) ? "aes128gcm16-x25519" : "aes128gcm16";
    words->dpd = seconds(static_cast<int64_t>(3 + dice.below(40)));
  }
  plan.west.child = plan.east.child;
  plan.east.children = plan.west.children = dice.chance(300) ? 2 : 1;
  plan.east.keep_up = dice.chance(500);
  if (dice.chance(300)) plan.east.start = model::ChildPolicy::Start::up;
  if (dice.chance(150)) plan.east.start = plan.west.start = model::ChildPolicy::Start::route;
  if (dice.chance(150)) plan.west.start = model::ChildPolicy::Start::up, plan.west.keep_up = dice.chance(500);
  if (dice.chance(200)) plan.east.fragment_octets = plan.west.fragment_octets = 576;
  if (dice.chance(200)) plan.east.force_encap = true;
  if (dice.chance(300)) plan.key_work = milliseconds(static_cast<int64_t>(1 + dice.below(800)));
}

namespace {

void plan_collisions(Plan& plan, Dice& dice) {
  plan_usual(plan, dice);
  plan.noise.lost /= 4;
  plan.noise.damaged = 0;
  if (dice.chance(300)) plan.east.ike = plan.west.ike = "aes128gcm16-prfsha256-ecp384";  // slow: by request
}

void plan_nat(Plan& plan, Dice& dice) {
  plan_usual(plan, dice);
  plan.nat = true;
  plan.west.any_peer = true;
  plan.west.keep_up = false;
  plan.west.start = model::ChildPolicy::Start::none;
}

void plan_refusals(Plan& plan, Dice& dice) {
  plan_usual(plan, dice);
  switch (dice.below(5)) {
    case 0: plan.west_secret = "another secret"; break;
    case 1: plan.west.ike = "aes256gcm16-prfsha256-x25519"; break;
    case 2: plan.west.remote_net = "10.77.0.0/16"; break;
    case 3: plan.west.local_name = "somebody.else.example"; break;
    default: plan.west.child = "aes256gcm16"; break;
  }
}

void plan_groups(Plan& plan, Dice& dice) {
  plan_usual(plan, dice);
  Words& one = dice.chance(500) ? plan.east : plan.west;
  Words& other = &one == &plan.east ? plan.west : plan.east;
  one.ike = "aes128gcm16-prfsha256-x25519-ecp256";
  other.ike = "aes128gcm16-prfsha256-ecp256";
  one.child = "aes128gcm16-x25519-ecp256";
  other.child = "aes128gcm16-ecp256";
}

// One end wants more per-resource copies than the other serves.
void plan_resources(Plan& plan, Dice& dice) {
  plan_usual(plan, dice);
  plan.east.children = plan.west.children = 1;
  plan.east.resources = static_cast<uint32_t>(1 + dice.below(7));
  plan.west.resources = static_cast<uint32_t>(1 + dice.below(7));
  plan.shards = dice.chance(500) ? 4 : 1;
}

void plan_flood(Plan& plan, Dice& dice) {
  plan_usual(plan, dice);
  plan.limits.half_open_cookie = dice.below(4);
  plan.limits.half_open_cookie_per_address = 3;
}

void plan_lifetimes(Plan& plan, Dice& dice) {
  plan_usual(plan, dice);
  for (Words* words : {&plan.east, &plan.west}) {
    words->ike_rekey = seconds(static_cast<int64_t>(120 + dice.below(600)));
    words->ike_over = seconds(static_cast<int64_t>(5 + dice.below(120)));
    words->soft.time = seconds(static_cast<int64_t>(40 + dice.below(200)));
    words->hard.time = *words->soft.time + seconds(static_cast<int64_t>(5 + dice.below(60)));
    if (dice.chance(300)) words->soft.packets = 20 + dice.below(60), words->hard.packets = *words->soft.packets + 40;
  }
  plan.east.keep_up = true;
}

void plan_intruder(Plan& plan, Dice& dice) {
  plan_usual(plan, dice);
  plan.noise = {0, 0, 0, 0, milliseconds(10), milliseconds(5)};
  plan.key_log = true;
  plan.key_work = {};
  plan.east.children = plan.west.children = 1;
  plan.east.child = plan.west.child = "aes128gcm16";
}

// ---- stories

void tell_steady(World& w, const Plan& plan) {
  begin(w);
  for (int i = 0; i < 8; ++i) {
    for (SimNode* node : {&w.east, &w.west}) {
      if (w.dice.chance(500)) give_command(w, *node, plan);
    }
    if (w.dice.chance(100)) cut_wire(w, plan);
    w.play(some(w, seconds(25)), milliseconds(300));
  }
}

// Shards meet packets of an SA that is another one's.
void tell_resources(World& w, const Plan& plan) {
  begin(w);
  for (int i = 0; i < 8; ++i) {
    for (SimNode* node : {&w.east, &w.west}) {
      if (w.dice.chance(200)) give_command(w, *node, plan);
      if (w.dice.chance(500)) node->want_copy(w.now(), static_cast<uint16_t>(w.dice.below(4)));
    }
    w.play(some(w, seconds(25)), milliseconds(300));
  }
}

// Both at nearly the same time, while messages of the other are under way.
void tell_collisions(World& w, const Plan& plan) {
  begin(w);
  for (int i = 0; i < 8; ++i) {
    const int commands = 2 + static_cast<int>(w.dice.below(4));
    const auto what = w.dice.below(3);
    for (int c = 0; c < commands; ++c) {
      SimNode& node = c % 2 == 0 ? w.east : w.west;
      if (what == 0) {
        node.command(w.now(), stack::RekeyCommand{1, "site", "lan0"});
      } else if (what == 1) {
        node.command(w.now(), stack::RekeyCommand{1, "site", {}});
      } else {
        give_command(w, node, plan);
      }
      w.play(some(w, plan.noise.least + plan.noise.spread), milliseconds(50));
    }
    w.play(w.dice.chance(500) ? some(w, seconds(2)) : some(w, seconds(25)), milliseconds(300));
    w.east.command(w.now(), stack::UpCommand{5, "site", {}});
  }
}

void tell_restarts(World& w, const Plan& plan) {
  begin(w);
  for (int i = 0; i < 4; ++i) {
    if (w.dice.chance(400)) give_command(w, w.dice.chance(500) ? w.east : w.west, plan);
    w.play(some(w, seconds(1)), milliseconds(200));
    kill_one(w, plan);
    if (w.dice.chance(150)) w.east.start(w.now()), w.west.start(w.now());
    w.play(some(w, seconds(60)), milliseconds(500));
  }
}

void tell_sleep(World& w, const Plan& plan) {
  begin(w);
  for (int i = 0; i < 4; ++i) {
    if (w.dice.chance(400)) give_command(w, w.dice.chance(500) ? w.east : w.west, plan);
    w.play(some(w, milliseconds(400)), milliseconds(200));
    sleep_one(w, plan);
    w.play(some(w, seconds(60)), milliseconds(500));
  }
}

void tell_nat(World& w, const Plan& plan) {
  w.nat.stand_before(w.east.setup().address);
  begin(w);
  for (int i = 0; i < 6; ++i) {
    if (w.dice.chance(600)) w.nat.rebind(w.dice.chance(300));
    w.play(some(w, seconds(2)), milliseconds(200));
    if (w.dice.chance(400)) give_command(w, w.dice.chance(500) ? w.east : w.west, plan);
    if (w.dice.chance(100)) kill_one(w, plan);
    if (w.dice.chance(100)) sleep_one(w, plan);
    w.play(some(w, seconds(50)), milliseconds(400));
  }
}

// The two do not fit each other until somebody mends the configuration of the west.
void tell_refusals(World& w, const Plan& plan) {
  begin(w);
  w.west.command(w.now(), stack::UpCommand{9, "site", {}});
  w.play(seconds(40) + some(w, seconds(60)), seconds(1));
  w.say("the configuration of the west is mended");
  Words right = plan.east;
  right.start = plan.west.start;
  right.keep_up = plan.west.keep_up;
  w.west.reload(w.now(), policy_of(false, right), w.east.setup().secret);
  w.play(some(w, seconds(20)), milliseconds(500));
}

// Strangers in the name of the east's address keep the west busy.
void tell_flood(World& w, const Plan& plan) {
  Bytes first;
  w.on_the_way = [&first](Packet& packet, bool from_east) {
    const bool init = packet.payload.size() > 28 && packet.payload[18] == 34 && !packet.natt;
    if (from_east && init && first.empty()) first = packet.payload;
    return true;
  };
  w.east.command(w.now(), stack::UpCommand{99, "site", {}});
  for (int i = 0; i < 60; ++i) {
    w.play(some(w, milliseconds(900)), milliseconds(500));
    if (first.size() < 28) continue;
    Packet forged;
    forged.from = {w.east.setup().address, static_cast<uint16_t>(w.dice.chance(500) ? 500 : 1024 + w.dice.below(9))};
    forged.to = {w.west.setup().address, 500};
    forged.payload = first;
    if (w.dice.chance(800)) store_be64(forged.payload.data(), w.dice.next());
    if (w.dice.chance(200)) forged.payload[28 + w.dice.below(forged.payload.size() - 28)] ^= 1;
    w.wire.launch(w.now(), std::move(forged));
    if (w.dice.chance(50)) w.east.command(w.now(), stack::UpCommand{98, "site", {}});
    if (w.dice.chance(30)) kill_one(w, plan);
  }
}

void tell_lifetimes(World& w, const Plan& plan) {
  begin(w);
  for (int i = 0; i < 4; ++i) {
    w.play(some(w, minutes(6)), milliseconds(900));
    if (w.dice.chance(300)) sleep_one(w, plan);
    if (w.dice.chance(300)) cut_wire(w, plan);
  }
  Words calm = plan.west;  // so that the end finds no rekey under way
  calm.soft = calm.hard = {};
  calm.ike_rekey = {};
  w.west.reload(w.now(), policy_of(false, calm), w.west.setup().secret);
  Words calm_east = plan.east;
  calm_east.soft = calm_east.hard = {};
  calm_east.ike_rekey = {};
  w.east.reload(w.now(), policy_of(true, calm_east), w.east.setup().secret);
}

constexpr Story kStories[] = {
    {"steady", plan_usual, tell_steady},
    {"collisions", plan_collisions, tell_collisions},
    {"restarts", plan_usual, tell_restarts},
    {"sleep", plan_usual, tell_sleep},
    {"nat", plan_nat, tell_nat},
    {"refusals", plan_refusals, tell_refusals},
    {"groups", plan_groups, tell_steady},
    {"flood", plan_flood, tell_flood},
    {"lifetimes", plan_lifetimes, tell_lifetimes},
    {"intruder", plan_intruder, tell_intruder},
};

// These share a place with one of the stories above, so that every other seed keeps its story.
struct Further {
  uint64_t place;
  Story story;
};
constexpr Further kFurther[] = {
    {6, {"resources", plan_resources, tell_resources}},
    {9, {"false answers", plan_false_answers, tell_false_answers}},
};

model::ChildPolicy child_of(bool east, const Words& words, unsigned n) {
  model::ChildPolicy child;
  child.name = "lan" + std::to_string(n);
  child.reqid = n + 1;
  child.local = lan(east, n);
  child.remote = words.remote_net.empty() ? lan(!east, n) : model::Selectors{*model::parse_selector(words.remote_net)};
  child.proposals = {*model::parse_proposal(model::Protocol::ESP, words.child)};
  child.rekey = words.soft;
  child.hard = words.hard;
  child.start = words.start;
  child.resources = words.resources;
  return child;
}

}  // namespace

std::shared_ptr<const model::IkePolicySet> policy_of(bool east, const Words& words) {
  const std::string own = east ? "east.example" : "west.example", peer = east ? "west.example" : "east.example";
  model::ConnectionPolicy c;
  c.name = "site";
  c.local_id = *model::Identity::parse(words.local_name.empty() ? own : words.local_name);
  c.remote_id = *model::Identity::parse(peer);
  if (!words.any_peer) c.remote_addrs = {address(!east, false).to_string()};
  c.local_auth.credential = c.remote_auth.credential = "psk";
  c.ike_proposals = {*model::parse_proposal(model::Protocol::IKE, words.ike)};
  c.rekey_time = words.ike_rekey;
  c.over_time = words.ike_over;
  c.dpd_delay = words.dpd;
  c.keep_up = words.keep_up;
  c.force_encap = words.force_encap;
  c.fragment_size = words.fragment_octets;
  for (unsigned n = 0; n < words.children; ++n) c.children.push_back(child_of(east, words, n));
  auto out = std::make_shared<model::IkePolicySet>();
  out->connections = {std::move(c)};
  out->credentials = {{"psk", model::AuthPolicy::Kind::psk, {}, model::KeyType::none}};
  return out;
}

const Story& story_of(uint64_t seed) {
  const uint64_t place = seed % std::size(kStories), round = seed / std::size(kStories);
  for (const Further& further : kFurther) {
    if (further.place == place && round % 2 == 1) return further.story;
  }
  return kStories[place];
}

std::unique_ptr<World> make_world(uint64_t seed, const Plan& plan, bool tell) {
  const auto setup = [&](bool east) {
    NodeSetup out;
    out.address = address(east, plan.nat);
    auto policy = std::make_shared<model::IkePolicySet>(*policy_of(east, east ? plan.east : plan.west));
    policy->connections[0].local_addrs = {out.address.to_string()};
    out.policy = std::move(policy);
    if (!east) out.secret = plan.west_secret;
    out.config.limits = east ? plan.east_limits : plan.limits;
    out.config.key_log = plan.key_log;
    out.config.shards = plan.shards;
    out.key_work = plan.key_work;
    return out;
  };
  auto world = std::make_unique<World>(seed, setup(true), setup(false), plan.east.children, tell);
  world->wire.set_noise(plan.noise);
  return world;
}

}  // namespace sallyport::sim
