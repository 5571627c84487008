// WSAEventSelect's record: which events of a socket are watched, which have happened, and which may be recorded again.
// An event is recorded once and then not before the call that answers it (enable). Not thread-safe: its owner locks.
#pragma once
#include <map>
#include <vector>

#include "api/winsock/system.h"

namespace sallyport::api::winsock {

class NetworkEvents {
 public:
  void select(int descriptor, HANDLE event, long mask);  // mask 0: no more
  void take(int descriptor, WSANETWORKEVENTS& out);      // and empties the record
  bool enable(int descriptor, long events);              // false: the socket is not watched
  void forget(int descriptor) { sockets_.erase(descriptor); }
  void clear() { sockets_.clear(); }

  void add_to(std::vector<pollfd>& polled) const;
  void note(const std::vector<pollfd>& polled);

 private:
  struct Watched {
    HANDLE event = nullptr;
    long mask = 0;
    long enabled = 0;
    WSANETWORKEVENTS happened{};
  };
  static short wanted(int descriptor, const Watched& of);
  static void record(Watched& of, int bit, int error);
  static void note(int descriptor, short happened, Watched& of);
  std::map<int, Watched> sockets_;
};

}  // namespace sallyport::api::winsock
