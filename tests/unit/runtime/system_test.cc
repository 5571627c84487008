// Clock, entropy, descriptors between processes, text for people.
#include <doctest/doctest.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/descriptor_channel.h"
#include "runtime/entropy.h"
#include "runtime/trace_log.h"

using namespace sallyport;
using namespace sallyport::runtime;

TEST_SUITE("runtime/system") {
  TEST_CASE("the monotonic clock goes forward and the wall clock is past 2020") {
    const TimePoint before = monotonic_now();
    CHECK(monotonic_now() >= before);
    CHECK(wall_now().unix_seconds > 1577836800);
  }

  TEST_CASE("entropy fills small and large spans without repeating itself") {
    SystemRng rng;
    const uint64_t first = rng.u64();
    for (int i = 0; i < 200; ++i) CHECK(rng.u64() != first);
    Bytes large(5000);
    rng.fill(large);
    CHECK(std::count(large.begin(), large.end(), uint8_t{0}) < 100);
  }

  TEST_CASE("a channel carries word, body and descriptors, and reports the other end's death") {
    auto ends = DescriptorChannel::pair();
    REQUIRE(ends);
    auto& [one, other] = *ends;
    CHECK_FALSE(one.receive(false)->has_value());
    const Bytes text = to_bytes(as_bytes("hello"));
    auto file = memory_file(text);
    REQUIRE(file);
    REQUIRE(other.send(7, as_bytes("body"), {file->get()}));
    auto got = one.receive(true);
    REQUIRE(got);
    REQUIRE(got->has_value());
    CHECK((*got)->word == 7);
    CHECK(as_text((*got)->body) == "body");
    REQUIRE((*got)->descriptors.size() == 1);
    auto content = read_memory_file((*got)->descriptors[0]);
    REQUIRE(content);
    CHECK(*content == text);
    CHECK(::write((*got)->descriptors[0].get(), "x", 1) < 0);  // sealed
    other = DescriptorChannel();
    CHECK(one.receive(true).error().code == Errc::not_found);
  }

  TEST_CASE("a channel refuses a body over its limit") {
    auto ends = DescriptorChannel::pair();
    REQUIRE(ends);
    CHECK(ends->first.send(1, Bytes(kMaxChannelOctets + 1)).error().code == Errc::limit);
    CHECK(ends->first.send(1, Bytes(kMaxChannelOctets)));
    auto got = ends->second.receive(true);
    REQUIRE(got);
    CHECK((*got)->body.size() == kMaxChannelOctets);
  }

  TEST_CASE("log text has no control octets") { CHECK(printable("a\nb\x1b[1m\xff") == "a\\x0ab\\x1b[1m\\xff"); }

  TEST_CASE("lines of one kind about one subject are limited, others are not") {
    config::LogSettings settings;
    settings.to_stderr = false;
    settings.rate_limit = 3;
    TraceLog log("test", settings, {});
    for (int i = 0; i < 10; ++i) log.limited(LogLevel::info, "drop", "192.0.2.1", "dropped");
    const size_t of_first = log.past().size();
    CHECK(of_first >= 3);
    CHECK(of_first <= 7);  // a second may end in between
    log.limited(LogLevel::info, "drop", "192.0.2.2", "dropped");
    CHECK(log.past().size() == of_first + 1);
    log.line(LogLevel::debug, "not wanted at this level");
    CHECK(log.past().size() == of_first + 1);
  }
}
