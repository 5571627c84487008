// Configuration text: any octets give settings or errors, and an error always has a sentence.
// Links: config
#include <cstdlib>

#include "config/load.h"

using namespace sallyport;

namespace {

struct OneFile final : config::FileSource {
  std::string text;
  Result<std::string> read(const std::string&) override { return text; }
  Result<std::vector<std::string>> list(const std::string&) override { return fail(Errc::not_found); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  OneFile file;
  file.text.assign(reinterpret_cast<const char*>(data), size);
  const config::Loaded loaded = config::load(file, "fuzz.toml");
  for (const auto& error : loaded.errors) {
    if (error.sentence.empty()) std::abort();
  }
  return 0;
}
