// Whose the socket of a flow is, where policy has an SA for each user of this host. The loop's thread.
#pragma once
#include "runtime/driver.h"
#include "runtime/loop.h"
#include "runtime/socket_lookup.h"

namespace sallyport::runtime {

class UserLookup {
 public:
  // Answers for the driver as long as it lives.
  UserLookup(Loop& loop, Driver& driver, Fd lookup);
  ~UserLookup();
  UserLookup(const UserLookup&) = delete;
  UserLookup& operator=(const UserLookup&) = delete;

 private:
  std::optional<uint32_t> owner_of(const stack::HostFlow& flow);

  Loop& loop_;
  Driver& driver_;
  SocketLookup lookup_;
};

}  // namespace sallyport::runtime
