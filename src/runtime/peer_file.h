// A file that a program wants opened as the account of one of its peers. Linux-only; any thread.
#pragma once
#include <string>

#include "base/bytes.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

struct PeerFile {
  std::string account;  // a local one, never root's
  std::string path;
  uint32_t flags = 0;  // O_ of fcntl.h
  uint32_t mode = 0;

  // Flags and mode are among those that may be asked for: no O_PATH, no O_TMPFILE, no bit but those of rwx.
  bool is_allowed() const;
  bool writes() const;
  Bytes write() const;  // between our own processes
  static Result<PeerFile> parse(ByteView bytes);
  bool operator==(const PeerFile&) const = default;
};

// Opens it with the rights of the calling process, which has become that account: 0, or an errno. The path begins at
// `root`, which neither ".." nor a symbolic link leaves, and what is opened is a regular file or a folder, and nothing
// of /proc, by which the account's programs could be taken over: EACCES. Nothing else is touched on the way, so that
// no device notices.
int open_peer_file(int root, const PeerFile& wanted, Fd& out);

}  // namespace sallyport::runtime
