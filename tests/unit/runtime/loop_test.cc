// The loop: watched descriptors, timers that replace each other, work whose result comes back.
#include "runtime/loop.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "runtime/clock.h"
#include "runtime/fd.h"

using namespace sallyport;
using namespace sallyport::runtime;

TEST_SUITE("runtime/loop") {
  TEST_CASE("a watched descriptor is told of until it is unwatched, and stays open") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const Fd in(ends[0]), out(ends[1]);
    Loop loop;
    int told = 0;
    loop.watch(in.get(), [&] {
      char octet = 0;
      CHECK(::read(in.get(), &octet, 1) == 1);
      if (++told < 3) return;
      loop.unwatch(in.get());
      loop.stop();
    });
    CHECK(::write(out.get(), "abcd", 4) == 4);
    loop.run();
    CHECK(told == 3);
    char octet = 0;
    CHECK(::read(in.get(), &octet, 1) == 1);
    CHECK(octet == 'd');
  }

  TEST_CASE("a timer comes once, not before its time; set again it is replaced, set to nothing it never comes") {
    Loop loop;
    const TimePoint begun = monotonic_now();
    std::string order;
    loop.set_timer(1, begun + milliseconds(40), [&] {
      order += "b";
      CHECK(monotonic_now() - begun >= milliseconds(40));
      loop.set_timer(4, monotonic_now() + milliseconds(10), [&] { loop.stop(); });
    });
    loop.set_timer(2, begun + milliseconds(1), [&] { order += "x"; });
    loop.set_timer(2, begun + milliseconds(20), [&] { order += "a"; });
    loop.set_timer(5, begun + seconds(60), [&] { order += "x"; });
    loop.set_timer(5, begun + milliseconds(30), [&] { order += "c"; });
    loop.set_timer(3, begun + milliseconds(5), [&] { order += "never"; });
    loop.set_timer(3, std::nullopt, {});
    loop.run();
    CHECK(order == "acb");
  }

  TEST_CASE("work runs on another thread and its result on the loop's") {
    Loop loop(1);
    const auto here = std::this_thread::get_id();
    std::thread::id there;
    loop.offload(
        [&]() -> model::KeyReply {
          there = std::this_thread::get_id();
          return model::AuthData{Bytes(3, 1)};
        },
        [&](model::KeyReply reply) {
          CHECK(std::this_thread::get_id() == here);
          CHECK(std::get<model::AuthData>(reply).data.size() == 3);
          loop.stop();
        });
    loop.run();
    CHECK(there != here);
  }

  TEST_CASE("signals come as often as they are caught") {
    Loop loop;
    int caught = 0;
    loop.on_signal(SIGUSR1, [&] {
      if (++caught == 2) return loop.stop();
      (void)::kill(::getpid(), SIGUSR1);
    });
    loop.post([] { (void)::kill(::getpid(), SIGUSR1); });
    loop.run();
    CHECK(caught == 2);
  }
}
