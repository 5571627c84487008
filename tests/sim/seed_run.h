// What the simulations' programs share: arguments, seeds and shards, every so-manieth seed twice, the rows reached.
//   --seeds N     how many (SALLYPORT_SIM_SEEDS overrides the usual number)
//   --first K     the first one
//   --shard I/N   only seeds whose number modulo N is I
//   --seed N      this one alone, telling everything that happens
//   --rows FILE   where to write how often each transition row was taken, for check_rows.py
// For tests only.
#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace sallyport::sim {

struct Outcome {
  std::string wrong;    // empty: every invariant held, and both ends came together in the end
  uint64_t digest = 0;  // of everything on the wire
  std::map<std::string, uint64_t> rows;
};

using Simulate = Outcome (*)(uint64_t seed, bool tell);

// The exit status: 0 when every seed held. Memory that grows from seed to seed is a failure too.
int run_seeds(int argc, char** argv, uint64_t usual, Simulate simulate);

}  // namespace sallyport::sim
