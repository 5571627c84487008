// Files in a map, for the tests of the configuration room.
#pragma once
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "config/load.h"

namespace sallyport::config {

struct MapFiles final : FileSource {
  std::map<std::string, std::string> files;
  Result<std::string> read(const std::string& path) override {
    const auto at = files.find(path);
    if (at == files.end()) return fail(Errc::not_found);
    return at->second;
  }
  Result<std::vector<std::string>> list(const std::string& folder) override {
    std::vector<std::string> names;
    for (const auto& [path, text] : files) {
      if (path.starts_with(folder + "/")) names.push_back(path.substr(folder.size() + 1));
    }
    if (names.empty()) return fail(Errc::not_found);
    return names;
  }
};

// As the one file of a folder.
inline Loaded load_one(const std::string& text) {
  MapFiles files;
  files.files["/etc/s/s.toml"] = text;
  return load(files, "/etc/s/s.toml");
}

// "key: sentence" of the one error that it has.
inline std::string refusal_of(const std::string& text) {
  const Loaded loaded = load_one(text);
  REQUIRE(loaded.errors.size() == 1);
  return loaded.errors[0].key + ": " + loaded.errors[0].sentence;
}

}  // namespace sallyport::config
