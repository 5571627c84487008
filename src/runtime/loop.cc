// See loop.h.
#include "runtime/loop.h"

#include <algorithm>
#include <map>
#include <utility>  // before Asio
//
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "runtime/clock.h"

namespace sallyport::runtime {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {
struct Watched {
  Watched(asio::io_context& io, int fd, std::function<void()> r) : descriptor(io, fd), ready(std::move(r)) {}
  ~Watched() {
    if (descriptor.is_open()) descriptor.release();
  }
  asio::posix::stream_descriptor descriptor;
  std::function<void()> ready;
};

struct Timer {
  explicit Timer(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
  std::optional<TimePoint> at;
  std::optional<TimePoint> armed;  // when the wait under way ends
  std::function<void()> due;
};
}  // namespace

struct Loop::Impl {
  explicit Impl(unsigned threads) : pool_threads(threads) {}
  asio::io_context io{1};
  unsigned pool_threads;
  std::unique_ptr<asio::thread_pool> pool;  // made with the first work: a process that forks has no threads
  std::map<int, std::shared_ptr<Watched>> watched;
  std::map<int, Timer> timers;
  std::vector<std::unique_ptr<asio::signal_set>> signals;

  void wait(const std::shared_ptr<Watched>& on);
  void arm(Timer& timer);
  void wait_signal(asio::signal_set& set, std::function<void()> caught);
};

void Loop::Impl::wait(const std::shared_ptr<Watched>& on) {
  on->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                            [this, weak = std::weak_ptr<Watched>(on)](error_code error) {
                              const auto alive = weak.lock();
                              if (!alive || error) return;
                              alive->ready();
                              if (alive->descriptor.is_open()) wait(alive);
                            });
}

// Waits are short, and the clock that counts suspend is asked again after each. A wait under way that ends early enough
// stays: a new deadline costs no system call then.
void Loop::Impl::arm(Timer& timer) {
  if (!timer.at || (timer.armed && *timer.armed <= *timer.at)) return;
  const TimePoint now = monotonic_now();
  const Duration left = std::clamp<Duration>(*timer.at - now, Duration::zero(), seconds(1));
  timer.armed = now + left;
  timer.timer.expires_after(left);  // ends an older wait
  timer.timer.async_wait([this, &timer](error_code error) {
    if (error) return;
    timer.armed.reset();
    if (!timer.at) return;
    if (*timer.at > monotonic_now()) return arm(timer);
    timer.at.reset();
    const auto due = timer.due;  // the call may set the timer anew
    due();
  });
}

void Loop::Impl::wait_signal(asio::signal_set& set, std::function<void()> caught) {
  set.async_wait([this, &set, caught = std::move(caught)](error_code error, int) {
    if (error) return;
    caught();
    wait_signal(set, caught);
  });
}

Loop::Loop(unsigned pool_threads) : impl_(std::make_unique<Impl>(pool_threads)) {}

Loop::~Loop() {
  if (impl_->pool) {
    impl_->pool->stop();
    impl_->pool->join();
  }
}

asio::io_context& Loop::io() { return impl_->io; }

void Loop::watch(int fd, std::function<void()> ready) {
  unwatch(fd);
  auto on = std::make_shared<Watched>(impl_->io, fd, std::move(ready));
  impl_->watched.emplace(fd, on);
  impl_->wait(on);
}

void Loop::unwatch(int fd) {
  const auto at = impl_->watched.find(fd);
  if (at == impl_->watched.end()) return;
  at->second->descriptor.release();
  impl_->watched.erase(at);
}

void Loop::set_timer(int which, std::optional<TimePoint> at, std::function<void()> due) {
  Timer& timer = impl_->timers.try_emplace(which, impl_->io).first->second;
  if (at && timer.at == at) {
    timer.due = std::move(due);
    return;
  }
  timer.at = at;
  timer.due = std::move(due);
  impl_->arm(timer);
}

void Loop::on_signal(int number, std::function<void()> caught) {
  auto set = std::make_unique<asio::signal_set>(impl_->io, number);
  impl_->wait_signal(*set, std::move(caught));
  impl_->signals.push_back(std::move(set));
}

void Loop::post(std::function<void()> task) { asio::post(impl_->io, std::move(task)); }

void Loop::offload(std::function<model::KeyReply()> work, std::function<void(model::KeyReply)> done) {
  if (!impl_->pool) impl_->pool = std::make_unique<asio::thread_pool>(impl_->pool_threads);
  asio::post(*impl_->pool, [io = &impl_->io, work = std::move(work), done = std::move(done)]() mutable {
    auto reply = std::make_shared<model::KeyReply>(work());
    asio::post(*io, [reply, done = std::move(done)] { done(std::move(*reply)); });
  });
}

void Loop::run() {
  const auto guard = asio::make_work_guard(impl_->io);
  impl_->io.run();
}

void Loop::stop() { impl_->io.stop(); }

}  // namespace sallyport::runtime
