// What secured sockets have in the filter engine: filters of one socket's own, and those of a group, which every
// connection of one user with one wish to one peer shares, and its SAs with them. A group stays for a while when its
// last socket has gone, so that the next one finds an SA that is warm. One thread, the driver's.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runtime/driver.h"
#include "runtime/trace_log.h"
#include "stack/socket_filters.h"

namespace sallyport::runtime {

class SocketPolicy {
 public:
  static constexpr size_t kMostWarm = 1024;  // groups without a socket
  static constexpr size_t kMostWarmOfUser = 64;

  SocketPolicy(TraceLog& log, Driver& driver) : log_(log), driver_(driver) {}

  // Nothing is changed and false: another session has the engine's write transaction.
  bool replace(std::vector<policy::Guid>& filters, std::vector<policy::Filter> by);
  uint64_t next_number() { return next_number_++; }

  struct Wanted {
    uint32_t uid = 0;
    stack::SocketWish wish;
    stack::SocketPlace place;  // of a connection; its local port does not count
    std::vector<stack::NamedPeer> names;
  };
  // One socket more. nullptr: as replace().
  std::shared_ptr<const stack::SocketGroup> join(TimePoint now, const Wanted& wanted);
  // One less. A group whose contexts are the program's own ends with its last socket: they are to be released.
  void leave(TimePoint now, uint64_t group);
  void handle_deadline(TimePoint now);  // groups whose time is over go
  void drop_cold(TimePoint now);        // and those that wait for a socket and have lost their SA
  size_t groups() const { return groups_.size(); }

 private:
  struct Group {
    std::string key;
    uint32_t uid = 0;
    std::shared_ptr<const stack::SocketGroup> what;
    std::vector<policy::Guid> filters;
    size_t sockets = 0;
    bool keep = false;
    std::optional<TimePoint> until;  // without a socket
  };
  bool ready(policy::Engine& engine);
  bool remove(std::map<uint64_t, Group>::iterator at);
  void make_room(uint32_t uid);

  TraceLog& log_;
  Driver& driver_;
  policy::SessionId session_ = 0;
  std::map<uint64_t, Group> groups_;  // by number
  std::map<std::string, uint64_t> by_key_;
  uint64_t next_number_ = 1;
};

}  // namespace sallyport::runtime
