// The main of a fuzz target that was not built with libFuzzer: runs every file below the paths given, in the order of
// their names, and with --mutate N as many random variants of each, the same ones every time. Fails when there is no
// file, because a corpus that is not found must not pass. --keep FILE writes every input there before it runs, so that
// after a crash the guilty one is at hand.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/seeded_rng.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t octets);

namespace {

using Input = std::vector<uint8_t>;
namespace fs = std::filesystem;

struct Arguments {
  unsigned long mutations = 0;
  std::string keep;
  std::vector<fs::path> files;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (i + 1 < argc && word == "--mutate") {
      out.mutations = std::strtoul(argv[++i], nullptr, 10);
      continue;
    }
    if (i + 1 < argc && word == "--keep") {
      out.keep = argv[++i];
      continue;
    }
    std::error_code error;
    if (fs::is_regular_file(word, error)) out.files.emplace_back(word);
    if (!fs::is_directory(word, error)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(word, error)) {
      if (entry.is_regular_file()) out.files.push_back(entry.path());
    }
  }
  std::sort(out.files.begin(), out.files.end());
  return out;
}

// What a mutating fuzzer does first: flip, set, insert, cut, repeat, splice.
void mutate(sallyport::test::SeededRng& dice, Input& input, const Input& other) {
  static constexpr uint8_t kTelling[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
  if (input.empty()) input.push_back(0);
  const auto at = static_cast<std::ptrdiff_t>(dice.below(input.size()));
  const auto left = input.size() - static_cast<size_t>(at);
  switch (dice.below(7)) {
    case 0: input[static_cast<size_t>(at)] ^= static_cast<uint8_t>(1U << dice.below(8)); return;
    case 1: input[static_cast<size_t>(at)] = static_cast<uint8_t>(dice.next()); return;
    case 2: input[static_cast<size_t>(at)] = kTelling[dice.below(std::size(kTelling))]; return;
    case 3: input.insert(input.begin() + at, 1 + dice.below(4), static_cast<uint8_t>(dice.next())); return;
    case 4:
      input.erase(input.begin() + at, input.begin() + at + static_cast<std::ptrdiff_t>(dice.below(left) / 4 + 1));
      return;
    case 5: {
      const Input piece(input.begin() + at, input.begin() + at + static_cast<std::ptrdiff_t>(1 + dice.below(left)));
      if (input.size() < 4096) input.insert(input.begin() + at, piece.begin(), piece.end());
      return;
    }
    default:
      if (other.empty()) return;
      input.resize(static_cast<size_t>(at));
      const size_t from = dice.below(other.size());
      input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
  }
}

void run(const Input& input, const std::string& keep) {
  if (!keep.empty()) {
    std::ofstream out(keep, std::ios::binary);
    out.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
  }
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  std::vector<Input> inputs;
  for (const fs::path& path : arguments.files) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "cannot read %s\n", path.c_str());
      return 1;
    }
    const std::vector<char> text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    inputs.emplace_back(text.begin(), text.end());
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    // Named before it runs: after a crash the last line says which one it was.
    std::printf("%s (%zu octets, %lu variants)\n", arguments.files[i].c_str(), inputs[i].size(), arguments.mutations);
    std::fflush(stdout);
    run(inputs[i], arguments.keep);
    sallyport::test::SeededRng dice(i + 1);
    for (unsigned long n = 0; n < arguments.mutations; ++n) {
      Input variant = inputs[i];
      for (uint64_t times = 1 + dice.below(5); times > 0; --times) {
        mutate(dice, variant, inputs[dice.below(inputs.size())]);
      }
      run(variant, arguments.keep);
    }
  }
  if (inputs.empty()) std::fprintf(stderr, "no input found\n");
  return inputs.empty() ? 1 : 0;
}
