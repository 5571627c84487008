// Runs seeds and adds up what they reached.
#include "sim/seed_run.h"

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace sallyport::sim {

namespace {

constexpr uint64_t kTwiceEvery = 8;               // every so-manieth seed runs twice and must do the same
constexpr uint64_t kMostFailures = 10;            // more are not printed one by one
constexpr long kMostGrowthKilobytes = 96 * 1024;  // of the process, from its first quarter to its end

struct Arguments {
  uint64_t seeds = 0, first = 1, shard = 0, shards = 1;
  bool one = false, good = true;
  std::string rows;
};

Arguments read(int argc, char** argv, uint64_t usual) {
  Arguments out;
  const char* wished = std::getenv("SALLYPORT_SIM_SEEDS");
  out.seeds = wished ? std::strtoull(wished, nullptr, 10) : usual;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    char* rest = nullptr;
    const uint64_t number = std::strtoull(argv[i + 1], &rest, 10);
    if (name == "--seeds") {
      out.seeds = number;
    } else if (name == "--first") {
      out.first = number;
    } else if (name == "--seed") {
      out.first = number, out.seeds = 1, out.one = true;
    } else if (name == "--shard") {
      out.shard = number;
      out.shards = *rest == '/' ? std::strtoull(rest + 1, nullptr, 10) : 0;
    } else if (name == "--rows") {
      out.rows = argv[i + 1];
    } else {
      out.good = false;
    }
  }
  out.good = out.good && argc % 2 == 1 && out.shards > 0 && out.shard < out.shards && out.seeds > 0;
  return out;
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

bool write_rows(const std::string& path, const std::map<std::string, uint64_t>& rows) {
  if (path.empty()) return true;
  std::ofstream out(path);
  for (const auto& [story, n] : rows) out << n << '\t' << story << '\n';
  return static_cast<bool>(out);
}

}  // namespace

int run_seeds(int argc, char** argv, uint64_t usual, Simulate simulate) {
  const Arguments arguments = read(argc, argv, usual);
  if (!arguments.good) {
    std::fprintf(stderr, "usage: %s [--seeds N] [--first K] [--shard I/N] [--seed N] [--rows FILE]\n", argv[0]);
    return 2;
  }
  std::map<std::string, uint64_t> rows;
  uint64_t ran = 0, failed = 0;
  long early = 0;
  for (uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    if (seed % arguments.shards != arguments.shard && !arguments.one) continue;
    Outcome outcome = simulate(seed, arguments.one);
    if (outcome.wrong.empty() && (ran % kTwiceEvery == 0 || arguments.one)) {
      if (simulate(seed, false).digest != outcome.digest) outcome.wrong = "two runs of one seed differ";
    }
    ++ran;
    if (!outcome.wrong.empty() && ++failed <= kMostFailures) {
      std::printf("seed %llu: %s (again: %s --seed %llu)\n", static_cast<unsigned long long>(seed),
                  outcome.wrong.c_str(), argv[0], static_cast<unsigned long long>(seed));
      std::fflush(stdout);
    }
    for (const auto& [story, n] : outcome.rows) rows[story] += n;
    if (early == 0 && seed >= arguments.first + arguments.seeds / 4) early = peak_kilobytes();
  }
  const long growth = peak_kilobytes() - early;
  std::printf("%llu seeds from %llu, %llu failed, memory grew by %ld KiB in the last three quarters\n",
              static_cast<unsigned long long>(ran), static_cast<unsigned long long>(arguments.first),
              static_cast<unsigned long long>(failed), early > 0 ? growth : 0);
  if (early > 0 && growth > kMostGrowthKilobytes) {
    std::printf("memory grows with the number of seeds\n");
    ++failed;
  }
  if (!write_rows(arguments.rows, rows)) {
    std::printf("%s cannot be written\n", arguments.rows.c_str());
    ++failed;
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace sallyport::sim
