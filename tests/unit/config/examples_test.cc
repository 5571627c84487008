// Every example in conf/ loads. The tests run in the source folder.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/config/map_files.h"

using namespace sallyport;
using namespace sallyport::config;

TEST_SUITE("config/examples") {
  TEST_CASE("every file of conf/ is accepted") {
    size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator("conf")) {
      if (entry.path().extension() != ".toml") continue;
      ++seen;
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      MapFiles files;
      files.files["/etc/sallyport/sallyport.toml"] = text.str();
      const Loaded loaded = load(files, "/etc/sallyport/sallyport.toml");
      for (const auto& error : loaded.errors) FAIL_CHECK(entry.path().string() << " " << to_string(error));
      CHECK_FALSE((loaded.settings.connections.empty() && loaded.settings.filters.empty() &&
                   loaded.settings.dos_protection.empty() && loaded.settings.credentials.empty()));
    }
    CHECK(seen >= 5);
  }
}
