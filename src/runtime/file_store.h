// Files: the configuration's source of text, secrets with their mode checked, and files handed over by another process.
// Any thread.
#pragma once
#include <map>
#include <string>

#include "base/secret.h"
#include "config/load.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

constexpr size_t kMaxFileOctets = 4 * 1024 * 1024;

// Regular files of at most kMaxFileOctets.
Result<std::string> read_file(const std::string& path);
// permission with detail 0 when it belongs to neither root nor us, or its group or others may write it.
Result<std::string> read_trusted_file(const std::string& path);
// The same for secrets and private keys: permission with detail 0 when anyone but the owner may read or write it, or
// when it belongs to neither root nor us. Symbolic links are followed; what counts is the file.
Result<SecretBytes> read_secret_file(const std::string& path);
std::string explain_secret(const std::string& path, const Error& error);

class SystemFiles final : public config::FileSource {
 public:
  Result<std::string> read(const std::string& path) override;
  Result<std::string> read_trusted(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<uint32_t> user(const std::string& name) override;
  Result<uint32_t> group(const std::string& name) override;
};

// Reads through another source and remembers all it saw, refusals included.
class FileBundle {
 public:
  struct Entry {
    Errc code = Errc::state;
    bool ok = false;
    std::string text;
    bool operator==(const Entry&) const = default;
  };
  std::map<std::string, Entry> files;
  std::map<std::string, std::vector<std::string>> folders;
  std::map<std::string, uint32_t> users, groups;

  Bytes write() const;
  static Result<FileBundle> parse(ByteView bytes);
  bool operator==(const FileBundle&) const = default;
};

class RecordingFiles final : public config::FileSource {
 public:
  explicit RecordingFiles(config::FileSource& from) : from_(from) {}
  Result<std::string> read(const std::string& path) override;
  Result<std::string> read_trusted(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<uint32_t> user(const std::string& name) override;
  Result<uint32_t> group(const std::string& name) override;
  FileBundle take() { return std::move(bundle_); }

 private:
  Result<std::string> record(const std::string& path, Result<std::string> got);
  config::FileSource& from_;
  FileBundle bundle_;
};

// What a bundle holds, as if it were the file system: for processes that may not open files.
class BundledFiles final : public config::FileSource {
 public:
  explicit BundledFiles(FileBundle bundle) : bundle_(std::move(bundle)) {}
  Result<std::string> read(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<uint32_t> user(const std::string& name) override;
  Result<uint32_t> group(const std::string& name) override;

 private:
  FileBundle bundle_;
};

}  // namespace sallyport::runtime
