// Two whole stacks over a noisy wire in virtual time: see stories.h for what happens to them, world.h for what must
// hold, seed_run.h for the arguments. RFC 7296 2.1 to 2.4, 2.8, 2.23, 2.25.
#include "sim/seed_run.h"
#include "sim/stories.h"

using namespace sallyport;
using namespace sallyport::sim;

static Outcome simulate(uint64_t seed, bool tell) {
  test::seed_openssl(seed);
  test::SeededRng dice(seed ^ 0x51);
  const Story& story = story_of(seed);
  Plan plan;
  story.plan(plan, dice);
  const auto world = make_world(seed, plan, tell);
  world->say("story: " + std::string(story.name));
  story.tell(*world, plan);
  if (world->well()) world->heal();
  Outcome out;
  if (!world->well()) out.wrong = std::string(story.name) + ": " + world->wrong();
  out.digest = world->digest();
  world->east.add_rows(out.rows);
  world->west.add_rows(out.rows);
  return out;
}

int main(int argc, char** argv) { return run_seeds(argc, argv, 4000, simulate); }
