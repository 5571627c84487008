// The one loop of a process: descriptors that are watched, one wakeup per timer, work on a small pool whose result
// comes back to the loop, signals. Hides Asio from the rooms above. Everything but WorkPool's functions runs on the
// thread that calls run().
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "base/time.h"
#include "model/key_request.h"

namespace boost::asio {
class io_context;
}

namespace sallyport::runtime {

class Loop {
 public:
  explicit Loop(unsigned pool_threads = 2);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& io();
  // ready is called whenever the descriptor can be read, until unwatch. The descriptor stays its owner's, who must
  // unwatch before closing it.
  void watch(int fd, std::function<void()> ready);
  void unwatch(int fd);
  // One timer under a number of the caller's choosing; setting it again replaces it, nothing clears it. Precise to a
  // millisecond; after a suspend it may be up to a second late.
  void set_timer(int which, std::optional<TimePoint> at, std::function<void()> due);
  void on_signal(int number, std::function<void()> caught);
  void post(std::function<void()> task);
  // work runs on the pool, done with its result on the loop. Pending results are lost when the loop ends.
  void offload(std::function<model::KeyReply()> work, std::function<void(model::KeyReply)> done);
  void run();
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::runtime
