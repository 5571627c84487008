// See file_store.h.
#include "runtime/file_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sallyport::runtime {
namespace {

Result<Fd> open_regular(const std::string& path, struct stat& facts) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail_errno();
  if (::fstat(fd.get(), &facts) != 0) return fail_errno();
  if (!S_ISREG(facts.st_mode)) return fail(Errc::bad_value);
  if (facts.st_size > static_cast<off_t>(kMaxFileOctets)) return fail(Errc::limit);
  return fd;
}

// Reads into memory that the caller has sized; the number of octets that were there.
Result<size_t> read_all(int fd, MutableBytes out) {
  size_t at = 0;
  while (at < out.size()) {
    const ssize_t n = ::read(fd, out.data() + at, out.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno();
    if (n == 0) break;
    at += static_cast<size_t>(n);
  }
  return at;
}

bool of_root_or_us(const struct stat& facts) { return facts.st_uid == 0 || facts.st_uid == ::geteuid(); }

Result<std::string> read_text_of(const Fd& fd, const struct stat& facts) {
  std::string text(static_cast<size_t>(facts.st_size), '\0');
  SP_TRY(const size_t got, read_all(fd.get(), {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  text.resize(got);
  return text;
}

void write_text(Writer& out, std::string_view text) {
  out.u32(static_cast<uint32_t>(text.size()));
  out.bytes(as_bytes(text));
}

Result<std::string> parse_text(Reader& in) {
  SP_TRY(const uint32_t size, in.u32());
  SP_TRY(const ByteView text, in.view(size));
  return std::string(as_text(text));
}

using Numbers = std::map<std::string, uint32_t>;

void write_numbers(Writer& out, const Numbers& numbers) {
  out.u32(static_cast<uint32_t>(numbers.size()));
  for (const auto& [name, number] : numbers) {
    write_text(out, name);
    out.u32(number);
  }
}

Result<> parse_numbers(Reader& in, Numbers& out) {
  SP_TRY(const uint32_t count, in.u32());
  for (uint32_t i = 0; i < count; ++i) {
    SP_TRY(std::string name, parse_text(in));
    SP_TRY(out[name], in.u32());
  }
  return {};
}

Result<uint32_t> number_in(const Numbers& numbers, const std::string& name) {
  const auto at = numbers.find(name);
  if (at == numbers.end()) return fail(Errc::not_found);
  return at->second;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  struct stat facts {};
  SP_TRY(const Fd fd, open_regular(path, facts));
  return read_text_of(fd, facts);
}

Result<std::string> read_trusted_file(const std::string& path) {
  struct stat facts {};
  SP_TRY(const Fd fd, open_regular(path, facts));
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0 || !of_root_or_us(facts)) return fail(Errc::permission);
  return read_text_of(fd, facts);
}

Result<SecretBytes> read_secret_file(const std::string& path) {
  struct stat facts {};
  SP_TRY(const Fd fd, open_regular(path, facts));
  if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) return fail(Errc::permission);
  if (!of_root_or_us(facts)) return fail(Errc::permission);
  SecretBytes all(static_cast<size_t>(facts.st_size));
  SP_TRY(const size_t got, read_all(fd.get(), all.writable()));
  if (got != all.size()) return SecretBytes(all.view().first(got));
  return all;
}

std::string explain_secret(const std::string& path, const Error& error) {
  if (error.code == Errc::permission && error.detail == 0) {
    return "the secret file " + path +
           " can be read by others: its mode must be 0600 or 0400 and its owner root or the daemon";
  }
  return explain("the secret file " + path + " cannot be read", error);
}

Result<std::string> SystemFiles::read(const std::string& path) { return read_file(path); }
Result<std::string> SystemFiles::read_trusted(const std::string& path) { return read_trusted_file(path); }

Result<std::vector<std::string>> SystemFiles::list(const std::string& folder) {
  DIR* open = ::opendir(folder.c_str());
  if (!open) return fail_errno();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(open)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(open);
  return names;
}

Result<uint32_t> SystemFiles::user(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return fail(Errc::not_found);
  return entry->pw_uid;
}

Result<uint32_t> SystemFiles::group(const std::string& name) {
  const ::group* entry = ::getgrnam(name.c_str());
  if (entry == nullptr) return fail(Errc::not_found);
  return entry->gr_gid;
}

Bytes FileBundle::write() const {
  Writer out;
  out.u32(static_cast<uint32_t>(files.size()));
  for (const auto& [path, entry] : files) {
    write_text(out, path);
    out.u8(entry.ok ? 1 : 0);
    out.u16(static_cast<uint16_t>(entry.code));
    write_text(out, entry.text);
  }
  out.u32(static_cast<uint32_t>(folders.size()));
  for (const auto& [path, names] : folders) {
    write_text(out, path);
    out.u32(static_cast<uint32_t>(names.size()));
    for (const auto& name : names) write_text(out, name);
  }
  write_numbers(out, users);
  write_numbers(out, groups);
  return out.take();
}

Result<FileBundle> FileBundle::parse(ByteView bytes) {
  Reader in(bytes);
  FileBundle out;
  SP_TRY(const uint32_t files, in.u32());
  for (uint32_t i = 0; i < files; ++i) {
    SP_TRY(std::string path, parse_text(in));
    Entry entry;
    SP_TRY(const uint8_t ok, in.u8());
    SP_TRY(const uint16_t code, in.u16());
    SP_TRY(entry.text, parse_text(in));
    entry.ok = ok != 0;
    entry.code = static_cast<Errc>(code);
    out.files.emplace(std::move(path), std::move(entry));
  }
  SP_TRY(const uint32_t folders, in.u32());
  for (uint32_t i = 0; i < folders; ++i) {
    SP_TRY(std::string path, parse_text(in));
    SP_TRY(const uint32_t count, in.u32());
    auto& names = out.folders[path];
    for (uint32_t n = 0; n < count; ++n) {
      SP_TRY(std::string name, parse_text(in));
      names.push_back(std::move(name));
    }
  }
  SP_CHECK(parse_numbers(in, out.users));
  SP_CHECK(parse_numbers(in, out.groups));
  SP_CHECK(in.expect_end());
  return out;
}

Result<std::string> RecordingFiles::read(const std::string& path) { return record(path, from_.read(path)); }
Result<std::string> RecordingFiles::read_trusted(const std::string& path) {
  return record(path, from_.read_trusted(path));
}

Result<std::string> RecordingFiles::record(const std::string& path, Result<std::string> got) {
  auto& entry = bundle_.files[path];
  entry.ok = got.has_value();
  if (got) {
    entry.text = *got;
  } else {
    entry.code = got.error().code;
  }
  return got;
}

Result<std::vector<std::string>> RecordingFiles::list(const std::string& folder) {
  auto got = from_.list(folder);
  if (got) bundle_.folders[folder] = *got;
  return got;
}

Result<uint32_t> RecordingFiles::user(const std::string& name) {
  auto got = from_.user(name);
  if (got) bundle_.users[name] = *got;
  return got;
}

Result<uint32_t> RecordingFiles::group(const std::string& name) {
  auto got = from_.group(name);
  if (got) bundle_.groups[name] = *got;
  return got;
}

Result<std::string> BundledFiles::read(const std::string& path) {
  const auto at = bundle_.files.find(path);
  if (at == bundle_.files.end()) return fail(Errc::not_found);
  if (!at->second.ok) return fail(at->second.code);
  return at->second.text;
}

Result<std::vector<std::string>> BundledFiles::list(const std::string& folder) {
  const auto at = bundle_.folders.find(folder);
  if (at == bundle_.folders.end()) return fail(Errc::not_found);
  return at->second;
}

Result<uint32_t> BundledFiles::user(const std::string& name) { return number_in(bundle_.users, name); }
Result<uint32_t> BundledFiles::group(const std::string& name) { return number_in(bundle_.groups, name); }

}  // namespace sallyport::runtime
