// From TOML text to Settings: config::load reads the file and its conf.d drop-ins through the FileSource it is given,
// refuses every key it does not know, and says for each error file, line and key. Pure; one thread a call.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"

namespace sallyport::config {

// How this room gets text; runtime implements it over the file system, tests over a map.
class FileSource {
 public:
  virtual ~FileSource() = default;
  // The file's text. not_found when there is none, permission or io otherwise.
  virtual Result<std::string> read(const std::string& path) = 0;
  // The same for a file that gives rights away: permission with detail 0 where others than root could have written it.
  virtual Result<std::string> read_trusted(const std::string& path) { return read(path); }
  // The number of a local user or group. not_found: there is none of that name.
  virtual Result<uint32_t> user(const std::string&) { return fail(Errc::not_found); }
  virtual Result<uint32_t> group(const std::string&) { return fail(Errc::not_found); }
  // Names (not paths) of the entries of a folder, in any order. not_found when there is none.
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
};

struct ConfigError {
  std::string file;
  uint32_t line = 0;     // from 1; 0 when the error is about the whole file
  std::string key;       // dotted path, e.g. connection.west.child.net.esp; may be empty
  std::string sentence;  // what is wrong, and the nearest right thing where there is one
  bool operator==(const ConfigError&) const = default;
};
std::string to_string(const ConfigError& error);  // "file:line: key: sentence"

// Settings are meaningful only when ok().
struct Loaded {
  Settings settings;
  std::vector<ConfigError> errors;  // in the order of files and lines; all of them, not only the first
  std::vector<std::string> files;   // every file read, the main one first
  bool ok() const { return errors.empty(); }
};

// Reads `path`, then every conf.d/*.toml beside it in sorted order. Relative paths inside a file are taken from that
// file's folder. A connection named twice is refused.
Loaded load(FileSource& files, const std::string& path);

// The negotiation policy without certificates: `credentials` and `trust` hold names and kinds only. Whoever loads the
// files fills in chain, key_type, anchors and key_ids before giving the snapshot on.
model::IkePolicySet to_policy(const Settings& settings);

}  // namespace sallyport::config
