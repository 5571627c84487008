// Whose the socket of a flow is: its account and its program. Asked of the kernel (sock_diag(7)), of the account
// database and of /proc, which only the privileged process may look into; the worker gets the answer as octets.
// docs/filters.md. linux-only; one thread.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "runtime/socket_lookup.h"

namespace sallyport::runtime {

struct OwnerQuestion {
  uint8_t protocol = 0;
  IpEndpoint local, remote;
  bool accepted = false;  // the peer has begun: the socket that listens will do
  Bytes write() const;
  static Result<OwnerQuestion> parse(ByteView octets);  // bad_value, truncated
};

struct OwnerAnswer {
  enum class Known : uint8_t {
    not_now,  // too many are asked about, or something does not answer
    nobody,   // no socket, or one that no program has
    account,
  };
  Known known = Known::not_now;
  uint32_t uid = 0;
  std::vector<uint32_t> gids;  // all of the account's; none: the system does not know it
  std::string program;   // the resolved path of what runs; empty: no process has the socket, or its file is not there
  bool secured = false;  // a secured socket (socket_mark.h)
  Bytes write() const;
  static Result<OwnerAnswer> parse(ByteView octets);
};

class SocketOwners {
 public:
  // A second holds so many looks for a socket, and so many through all of /proc: whoever makes us ask for more gets
  // not_now.
  static constexpr unsigned kMostLooks = 2000, kMostScans = 20;
  static constexpr size_t kMostKept = 4096;
  static constexpr size_t kMostGroups = 256;
  static constexpr Duration kAccountStands = seconds(60);
  static constexpr Duration kNobodyStands = seconds(2);  // that no process has a socket: the kernel's own have none

  // proc: where the processes are; another one for tests.
  explicit SocketOwners(Fd lookup, std::string proc = "/proc") : lookup_(std::move(lookup)), proc_(std::move(proc)) {}
  OwnerAnswer find(TimePoint now, const OwnerQuestion& question);

 private:
  struct Holder {            // a process that has the socket
    std::string descriptor;  // "/proc/PID/fd/N"
    std::string process;     // "/proc/PID"
  };
  struct Account {
    TimePoint asked{};
    std::vector<uint32_t> gids;
  };
  struct Bucket {
    TimePoint since{};
    unsigned taken = 0;
    bool take(TimePoint now, unsigned most);
  };
  std::optional<FoundSocket> socket_of(const OwnerQuestion& question);
  bool groups_of(TimePoint now, uint32_t uid, std::vector<uint32_t>& gids);
  // False: not now.
  bool program_of(TimePoint now, uint32_t inode, std::string& program);
  std::optional<Holder> scan(uint32_t inode) const;

  SocketLookup lookup_;
  std::string proc_;
  std::unordered_map<uint32_t, Holder> holders_;     // by the socket's inode
  std::unordered_map<uint32_t, TimePoint> without_;  // sockets that no process has, and when that was seen
  std::unordered_map<uint32_t, Account> accounts_;
  Bucket looks_, scans_;
};

}  // namespace sallyport::runtime
