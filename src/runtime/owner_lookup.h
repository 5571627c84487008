// What the worker asks of whoever may say whose a flow's socket is (socket_owners.h), and the packets that wait for it:
// those of the packet workers, by the driver, and clear ones on their way in, which the packet filter's log brings
// (asked_packets.h). The loop's thread.
#pragma once
#include <map>

#include "runtime/driver.h"
#include "runtime/loop.h"
#include "runtime/socket_owners.h"
#include "stack/clear_arrivals.h"

namespace sallyport::runtime {

class OwnerLookup {
 public:
  static constexpr size_t kMostAsked = 1024;
  static constexpr Duration kAnswerWithin = seconds(5);  // a later answer is none

  // asked: the log's descriptor; empty: there is none. whole_v4, whole_v6: raw sockets for whole packets, by which a
  // packet that was let pass goes to this host. They stay their owner's.
  OwnerLookup(Loop& loop, Driver& driver, Fd asked, Fd whole_v4, Fd whole_v6);
  ~OwnerLookup();
  OwnerLookup(const OwnerLookup&) = delete;
  OwnerLookup& operator=(const OwnerLookup&) = delete;

  // To be answered by found() with the token, at once or later.
  std::function<void(uint64_t token, const OwnerQuestion& question)> on_question;
  void found(uint64_t token, const OwnerAnswer& answer);

 private:
  struct Asked {
    stack::HostFlow flow;
    bool clear_arrival = false;
    TimePoint since{};
  };
  void give_up(TimePoint now);
  void ask(const stack::OwnerWanted& wanted, bool clear_arrival);
  void place(const Asked& asked, std::shared_ptr<const stack::SocketOwner> owner);
  void read();
  void pump();

  Loop& loop_;
  Driver& driver_;
  Fd asked_, whole_v4_, whole_v6_;
  stack::ClearArrivals arrivals_;
  std::map<uint64_t, Asked> questions_;
  uint64_t next_token_ = 1;
};

}  // namespace sallyport::runtime
