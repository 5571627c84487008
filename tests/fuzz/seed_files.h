// Seeds of fuzz targets as files: PROGRAM FOLDER writes them, PROGRAM --check FOLDER finds out whether the committed
// ones are what it would write.
#pragma once
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "base/bytes.h"

namespace sallyport::fuzz {

using Seeds = std::map<std::string, Bytes>;  // path below the folder

inline bool same_seed(const std::filesystem::path& path, const Bytes& wanted) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return in && equal(as_bytes(text), wanted);
}

inline bool write_seed(const std::filesystem::path& path, const Bytes& bytes) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return static_cast<bool>(out);
}

inline int seeds_main(int argc, char** argv, const Seeds& seeds) {
  const bool check = argc == 3 && std::string(argv[1]) == "--check";
  if (argc != 2 && !check) {
    std::fprintf(stderr, "usage: %s [--check] FOLDER\n", argv[0]);
    return 2;
  }
  int wrong = 0;
  for (const auto& [name, bytes] : seeds) {
    const std::filesystem::path path = std::filesystem::path(argv[argc - 1]) / name;
    if (check ? same_seed(path, bytes) : write_seed(path, bytes)) continue;
    std::fprintf(stderr, "%s: %s\n", path.c_str(), check ? "not what this program writes" : "cannot be written");
    ++wrong;
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace sallyport::fuzz
