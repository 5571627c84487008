// What happens to two hosts: each seed tells one story, and its dice decide the rest. A story ends well when the world
// heals (World::heal). For tests only.
#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "sim/world.h"

namespace sallyport::sim {

// The configuration of one end in few words; both ends start from the same ones.
struct Words {
  std::string ike = "aes128gcm16-prfsha256-x25519";
  std::string child = "aes128gcm16";
  unsigned children = 1;
  uint32_t resources = 0;
  model::ChildPolicy::Start start = model::ChildPolicy::Start::none;
  bool keep_up = false;
  bool force_encap = false;
  bool any_peer = false;  // takes its peer from any address and cannot start
  Duration dpd = seconds(20);
  Duration ike_rekey{}, ike_over = minutes(2);
  model::Lifetime soft, hard;
  uint16_t fragment_octets = 1280;
  std::string local_name, remote_net;  // empty: the usual ones
};
std::shared_ptr<const model::IkePolicySet> policy_of(bool east, const Words& words);

struct Plan {
  Words east, west;
  bool nat = false;
  bool key_log = false;
  uint16_t shards = 1;  // of either end; the packets of all of them go through the one that is simulated
  Duration key_work{};
  Noise noise;
  ike::Limits limits, east_limits;  // limits: of the west
  std::string west_secret = "a secret of both ends";
};

struct Story {
  std::string_view name;
  void (*plan)(Plan&, test::SeededRng& dice);
  void (*tell)(World&, const Plan&);
};
const Story& story_of(uint64_t seed);

std::unique_ptr<World> make_world(uint64_t seed, const Plan& plan, bool tell);

// stories_intruder.cc: in the name of a peer whose keys are known, what no honest peer does.
void tell_intruder(World& world, const Plan& plan);
// The same about the west, which refuses whatever the east asks for on an IKE SA that stands.
void plan_false_answers(Plan& plan, test::SeededRng& dice);
void tell_false_answers(World& world, const Plan& plan);
// What most plans begin with.
void plan_usual(Plan& plan, test::SeededRng& dice);

}  // namespace sallyport::sim
